"""Refusals of the live lane. What warning, hammer and pass do to a lot is bidding's own law: ``auction.bidding.domain``."""

from marketplace.core.errors import NotFound, Refusal, Rule


class NotALane(Refusal):
    zh = "该场次不是现场拍卖道,标的按时间自动开拍"
    en = "This session has no lanes: its lots open by the clock."


class LaneUnknown(NotFound):
    zh = "该场次没有此拍卖道"
    en = "The session has no such lane."


class LaneBusy(Refusal):
    zh = "拍卖道 {lane} 正在拍卖第 {number} 号标的"
    en = "Lane {lane} has lot {number} up."


class RunListEmpty(Refusal):
    zh = "拍卖道 {lane} 没有待拍标的"
    en = "Nothing is left to open in lane {lane}."


class LaneNotOpenYet(Refusal):
    zh = "场次于 {opens_at} 开始"
    en = "The session opens at {opens_at}."


class LotStaysShut(Refusal):
    """Not one of a run list any more: open, over or withdrawn. A lot is opened once; a hammer is not taken back."""

    zh = "标的当前状态为 {state},不能开拍;已落槌的标的不再重开"
    en = "The lot is {state} and is not opened; what was hammered is not reopened."


class NotTheAuctioneer(Refusal):
    status = 403
    zh = "法定拍卖由公告载明的拍卖师主持"
    en = "A statutory auction is conducted by the auctioneer its notice names."
    rule = Rule("拍卖法 第十四条", "Auction Law, art. 14")


class PaddleUnknown(NotFound):
    zh = "未找到 {number} 号牌"
    en = "No paddle {number} was given out."
