"""A lot's states and the refusals about its terms."""

from dataclasses import dataclass
from enum import StrEnum

from auction.sessions.domain import ApprovalNotStatutory, Format, LegalMode
from marketplace.core.errors import NotFound, Refusal, Rule


class LotPhase(StrEnum):
    """``draft`` waits for the consignor's mandate; ``withdrawn`` only before opening; ``open`` ends by the clock or under the hammer.

    ``suspended``: held up by the operator, with a published reason.
    """

    DRAFT = "draft"
    MANDATED = "mandated"
    ANNOUNCED = "announced"
    OPEN = "open"
    SUSPENDED = "suspended"
    SOLD = "sold"
    PASSED = "passed"
    WITHDRAWN = "withdrawn"


class ReserveKind(StrEnum):
    """A lot without reserve is labelled so before it opens (拍卖法 50). ``on_approval``: the consignor decides after the end."""

    NONE = "none"
    HIDDEN = "hidden"
    VISIBLE = "visible"
    ON_APPROVAL = "on_approval"


@dataclass(frozen=True, slots=True)
class Terms:
    """A lot's amounts; fen."""

    start_minor: int
    reserve_kind: ReserveKind
    reserve_minor: int | None
    buy_now_minor: int | None
    floor_minor: int | None


class LotUnknown(NotFound):
    zh = "未找到该标的"
    en = "No such lot."


class ReserveBelowStart(Refusal):
    status = 422
    zh = "保留价不得低于起拍价 {start_yuan}"
    en = "The reserve is not below the start price of {start_yuan}."


class BuyNowTooLow(Refusal):
    status = 422
    zh = "一口价须高于起拍价且不低于保留价 {least_yuan}"
    en = "The buy-now price is above the start price and not below the reserve: {least_yuan} at least."


class TermsOfAnotherFormat(Refusal):
    status = 422
    zh = "{field} 不适用于此竞价方式,或此竞价方式必须填写"
    en = "{field} does not belong to this session's format, or is needed by it."


class FloorAboveStart(Refusal):
    status = 422
    zh = "降价竞价的最低价不得高于起始价 {start_yuan}"
    en = "The floor of a falling price is not above its start of {start_yuan}."


class HouseOwnsVehicle(Refusal):
    zh = "拍卖人不得拍卖自己的物品"
    en = "An auction house may not auction its own goods."
    rule = Rule("拍卖法 第二十三条", "Auction Law, art. 23")


class MandateNotSigned(Refusal):
    zh = "委托人尚未签署委托拍卖合同"
    en = "The consignor has not signed the mandate."
    rule = Rule("拍卖法 第四十二条", "Auction Law, art. 42")


class LotNotDraft(Refusal):
    zh = "标的当前状态为 {state},不能修改"
    en = "The lot is {state}; its terms can no longer change."


class OpenLotStays(Refusal):
    zh = "拍卖开始后不得撤回标的"
    en = "A lot is withdrawn before it opens or not at all."
    rule = Rule("拍卖法 第二十九条", "Auction Law, art. 29")


class ConsignorKindMismatch(Refusal):
    status = 403
    zh = "该场次模式不接受此类委托人"
    en = "This mode does not take this kind of consignor."


class MandateChanged(Refusal):
    """The signer saw another text than the one that stands."""

    zh = "委托合同内容已变化,请重新阅读"
    en = "The mandate changed since you read it; read it again."


class LotNotRunning(Refusal):
    zh = "标的当前状态为 {state},不在竞拍中"
    en = "The lot is {state}: it does not run."


class LotNotSuspended(Refusal):
    zh = "标的未处于暂停状态"
    en = "The lot is not suspended."


def check_terms(terms: Terms, *, sale_format: Format, legal_mode: LegalMode) -> None:
    """Whether a lot's amounts fit its session.

    Raises ``ReserveBelowStart``, ``ApprovalNotStatutory``, ``TermsOfAnotherFormat``, ``BuyNowTooLow``, ``FloorAboveStart``.
    """
    start, reserve = terms.start_minor, terms.reserve_minor
    if (terms.reserve_kind in (ReserveKind.HIDDEN, ReserveKind.VISIBLE)) != (reserve is not None):
        raise ReserveBelowStart(start_minor=start)
    if reserve is not None and reserve < start:
        raise ReserveBelowStart(start_minor=start)
    if terms.reserve_kind is ReserveKind.ON_APPROVAL and legal_mode is LegalMode.STATUTORY_AUCTION:
        raise ApprovalNotStatutory
    if (terms.buy_now_minor is not None) != (sale_format is Format.BUY_NOW):
        raise TermsOfAnotherFormat(field="buy_now_minor")
    if (terms.floor_minor is not None) != (sale_format is Format.DUTCH):
        raise TermsOfAnotherFormat(field="floor_minor")
    if sale_format is Format.DUTCH and terms.reserve_kind is not ReserveKind.NONE:
        raise TermsOfAnotherFormat(field="reserve_kind")
    if terms.buy_now_minor is not None and terms.buy_now_minor < max(start + 1, reserve or 0):
        raise BuyNowTooLow(least_minor=max(start + 1, reserve or 0))
    if terms.floor_minor is not None and terms.floor_minor > start:
        raise FloorAboveStart(start_minor=start)
