"""Why a bid is refused."""

from marketplace.core.errors import Refusal, Rule

IRREVOCABLE = Rule("拍卖法 第三十六条", "Auction Law, art. 36")


class LotNotOpen(Refusal):
    zh = "标的尚未开拍(开始时间 {opens_at})"
    en = "The lot opens at {opens_at}."


class LotClosed(Refusal):
    zh = "标的已于 {ended_at} 结束"
    en = "The lot ended at {ended_at}."


class LotSuspended(Refusal):
    zh = "标的已暂停"
    en = "The lot is suspended."


class BidTooLow(Refusal):
    zh = "出价低于当前最低出价 {next_minimum_yuan}"
    en = "The bid is below the next minimum of {next_minimum_yuan}."
    rule = Rule("拍卖法 第三条、第三十六条", "Auction Law, arts. 3 and 36")


class MaximumNotRaised(Refusal):
    zh = "您的最高限价只能提高:出价一经作出不得撤回"
    en = "A leader may only raise the maximum: a bid once made is not taken back."
    rule = IRREVOCABLE


class AlreadyLeading(Refusal):
    """Only where the session's rules forbid raising one's own maximum."""

    zh = "您已领先,本场次不允许对自己加价"
    en = "You lead already; this session does not let a leader bid again."


class BidderIsConsignor(Refusal):
    status = 403
    zh = "委托人不得参与竞买,也不得委托他人代为竞买"
    en = "The consignor may not bid, nor may anybody for him."
    rule = Rule("拍卖法 第三十条", "Auction Law, art. 30")


class BidderIsHouse(Refusal):
    status = 403
    zh = "拍卖人及其工作人员不得竞买"
    en = "The auction house and its staff may not bid."
    rule = Rule("拍卖法 第二十二条", "Auction Law, art. 22")


class NotRegistered(Refusal):
    status = 403
    zh = "尚未办理竞买登记"
    en = "Register for this lot first."
    rule = Rule("拍卖法 第三十三条", "Auction Law, art. 33")


class BidderSuspended(Refusal):
    status = 403
    zh = "您的账户已被暂停,不能出价;已作出的出价仍然有效"
    en = "Your account is suspended: no new bids; those made stay bound."


class DepositNotHeld(Refusal):
    zh = "保证金尚未冻结成功({state})"
    en = "The deposit is not held ({state})."


class BidUnusual(Refusal):
    """Asks, and decides nothing: the same bid with ``confirmed`` is decided."""

    zh = "出价 {maximum_yuan} 远高于参考价,请确认后重新提交"
    en = 'The bid of {maximum_yuan} is far above the estimate; send it again with "confirmed": true if it is meant.'


class BuyNowGone(Refusal):
    zh = "一口价已失效"
    en = "The buy-now price is gone."


class NoBuyNow(Refusal):
    zh = "该标的没有一口价"
    en = "This lot has no buy-now price."


class NotOnTheFloor(Refusal):
    zh = "该标的不接受现场举牌"
    en = "This lot takes no bids from the floor."


class NotUp(Refusal):
    zh = "该标的不在竞拍中"
    en = "The lot is not up."


class NoBidToHammer(Refusal):
    zh = "尚无人应价,不能落槌"
    en = "There is no bid to hammer."


class NotWarned(Refusal):
    zh = "落槌前须先示警({warning_s} 秒),且其后无新应价"
    en = "The hammer falls {warning_s} seconds after a fair warning that no bid has answered."


class BelowReserve(Refusal):
    zh = "最高应价未达保留价,应当停止拍卖"
    en = "The highest bid is below the reserve: the lot is passed, not hammered."
    rule = Rule("拍卖法 第五十条", "Auction Law, art. 50")


class HighBidStands(Refusal):
    zh = "最高应价已达成交条件,不得流拍"
    en = "The highest bid stands: this lot is hammered, not passed."
    rule = Rule("拍卖法 第五十一条", "Auction Law, art. 51")
