"""Rules of a trade-in 置换: an old car against a new one, and who pays the difference."""

from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.errors import Malformed, NotFound, Refusal, Rule


class TradeInState(StrEnum):
    """``asked``: the dealer looks at the old car. ``offered``: his price binds him. ``ordered``: both orders stand."""

    ASKED = "asked"
    OFFERED = "offered"
    ORDERED = "ordered"
    COMPLETED = "completed"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"
    FALLEN_THROUGH = "fallen_through"


OPEN_TRADE_INS = frozenset({TradeInState.ASKED, TradeInState.OFFERED, TradeInState.ORDERED})


class Payer(StrEnum):
    """Who owes the difference."""

    OWNER = "owner"
    DEALER = "dealer"
    NOBODY = "nobody"


class TradeInNotFound(NotFound):
    zh = "未找到该置换业务"
    en = "No such trade-in, or it is not yours."


class TradeInStateRefused(Refusal):
    zh = "置换业务当前状态不允许此操作({state})"
    en = "The trade-in is {state}; this is not possible now."


class TradeInOfferLapsed(Refusal):
    zh = "置换报价已过有效期"
    en = "The dealer's offer has lapsed."
    rule = Rule("民法典 第四百七十八条", "Civil Code, art. 478")


class NewCarUnclear(Malformed):
    zh = "请指明一辆在售车辆,或填写经销商与新车信息,二者取一"
    en = "Name either a car of the store, or a dealer and the new car he sells outside the market."


class NewPriceMissing(Malformed):
    zh = "场外新车须由经销商报出含税价"
    en = "For a new car outside the market the dealer states its price."


class NotTradedHere(Refusal):
    zh = "该车辆不由经销商自营,不能置换"
    en = "This car is not a dealer's own: it cannot be traded for."


class AlreadyTradedIn(Refusal):
    zh = "该旧车已有进行中的置换"
    en = "A trade-in of this car is under way."


@dataclass(frozen=True, slots=True)
class Difference:
    """Fen, and who owes it."""

    amount_minor: int
    payer: Payer


def compute_difference(new_minor: int, old_minor: int) -> Difference:
    """What is left to pay between the two prices."""
    gap = new_minor - old_minor
    if gap == 0:
        return Difference(0, Payer.NOBODY)
    return Difference(abs(gap), Payer.OWNER if gap > 0 else Payer.DEALER)
