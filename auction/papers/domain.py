"""Which papers a sale has, and when. Pure."""

from enum import StrEnum

from marketplace.core.errors import NotFound, Refusal, Rule


class PaperKind(StrEnum):
    """公告, 目录, 成交确认书, 笔录."""

    NOTICE = "notice"
    CATALOGUE = "catalogue"
    CONFIRMATION = "confirmation"
    MINUTES = "minutes"


OF_SESSION = (PaperKind.NOTICE, PaperKind.CATALOGUE, PaperKind.MINUTES)
PUBLIC = frozenset({PaperKind.NOTICE, PaperKind.CATALOGUE})


class PaperUnknown(NotFound):
    zh = "没有这种文件"
    en = "There is no such paper."


class PaperNotPrinted(Refusal):
    """Ask for it by POST; the job prints and seals it within seconds."""

    zh = "文件尚未印制;请先申请印制,稍后再取"
    en = "The paper is not printed yet; ask for it, then come again shortly."


class SessionNotOver(Refusal):
    zh = "场次尚未结束,笔录未成"
    en = "The session is not over; its minutes are not complete."
    rule = Rule("拍卖法 第三十七条", "Auction Law, art. 37")


class NotAnnouncedYet(Refusal):
    zh = "场次尚未公告"
    en = "The session is not announced."


class ConfirmationNotSigned(Refusal):
    zh = "成交确认书须经买受人与拍卖师签署后印制"
    en = "The confirmation is printed once the winner and the auctioneer have signed it."
    rule = Rule("拍卖法 第五十二条", "Auction Law, art. 52")
