"""Where a party stands on a lot, and why its deposit is where it is. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from auction.bidding.domain import RegistrationState
from auction.lots.domain import LotPhase
from marketplace.core.errors import NotFound, Refusal


class Standing(StrEnum):
    """``sealed``: nobody knows before the envelopes are opened. ``bound``: the highest bid stands on, to be negotiated.
    ``bought``: by a contract behind the hammer.
    """

    NOT_BIDDING = "not_bidding"
    LEADING = "leading"
    OUTBID = "outbid"
    SEALED = "sealed"
    WON = "won"
    BOUGHT = "bought"
    BOUND = "bound"
    LOST = "lost"
    PASSED = "passed"
    DEFAULTED = "defaulted"


class Show(StrEnum):
    """Which of one's own lots."""

    ALL = "all"
    RUNNING = "running"
    WON = "won"
    TO_PAY = "to_pay"


class DepositReason(StrEnum):
    """Why a deposit is held or was given back."""

    AWAITED = "awaited"
    FAILED = "failed"
    LOT_NOT_OVER = "lot_not_over"
    LEADING = "leading"
    NEGOTIATING = "negotiating"
    UNTIL_PAID = "until_paid"
    COUNTED = "counted"
    RETURNING = "returning"
    RETURNED = "returned"
    LAPSED = "lapsed"
    FORFEITED = "forfeited"
    SUSPENDED = "suspended"
    BY_LINE = "by_line"


REASONS = {
    DepositReason.AWAITED: ("等待保证金到账", "The deposit has not arrived yet."),
    DepositReason.FAILED: ("保证金未成功缴纳", "The deposit could not be taken."),
    DepositReason.LOT_NOT_OVER: (
        "标的尚未结束:保证金保留至结束,未竞得即自动退还",
        "Held until the lot is over; it comes back by itself if you do not win.",
    ),
    DepositReason.LEADING: (
        "您是当前最高出价人:出价不可撤回,保证金随之保留",
        "You lead: the bid binds you, and the deposit stands for it.",
    ),
    DepositReason.NEGOTIATING: ("标的未成交,您的最高出价仍在议价中", "Your highest bid is still being negotiated."),
    DepositReason.UNTIL_PAID: ("您已竞得:保证金抵作价款,付清前予以保留", "You won: it counts to the price and is held until that is paid."),
    DepositReason.COUNTED: ("保证金已抵作价款", "It was counted to the price."),
    DepositReason.RETURNING: ("正在退还", "It is on its way back."),
    DepositReason.RETURNED: ("已全额退还", "It was given back in full."),
    DepositReason.LAPSED: ("支付渠道的冻结已到期,保证金已自动解冻", "The hold lapsed at the gateway; nothing is held."),
    DepositReason.FORFEITED: ("悔拍:保证金不予退还", "You broke the sale: it was kept."),
    DepositReason.SUSPENDED: ("账户被暂停,标的结束前保证金保留", "Your account is suspended; held until the lot is over."),
    DepositReason.BY_LINE: ("以竞买额度担保,无单独保证金", "Secured by your line; no deposit of the lot's own."),
}
"""What people read."""


class NotWatched(NotFound):
    zh = "该标的不在您的关注列表中"
    en = "The lot is not on your watch list."


class WatchListFull(Refusal):
    zh = "关注列表最多 {most} 个标的"
    en = "A watch list holds {most} lots at most."


@dataclass(frozen=True, slots=True)
class OwnPart:
    """What standing and deposit are decided on. ``leads``: the lot names this registration first."""

    registration: RegistrationState
    phase: LotPhase
    has_bid: bool
    leads: bool
    is_sealed: bool
    on_line: bool = False
    won: bool = False
    bought: bool = False
    defaulted: bool = False
    hold: str | None = None


_OVER = frozenset({LotPhase.SOLD, LotPhase.PASSED, LotPhase.WITHDRAWN})
_BOUND = frozenset({RegistrationState.REGISTERED, RegistrationState.SUSPENDED})
_OF_HOLD = {
    "requested": DepositReason.AWAITED,
    "failed": DepositReason.FAILED,
    "releasing": DepositReason.RETURNING,
    "released": DepositReason.RETURNED,
    "capturing": DepositReason.COUNTED,
    "captured": DepositReason.COUNTED,
    "forfeiting": DepositReason.FORFEITED,
    "forfeited": DepositReason.FORFEITED,
    "lapsed": DepositReason.LAPSED,
}


def decide_standing(part: OwnPart) -> Standing:
    if part.won:
        return Standing.DEFAULTED if part.defaulted else Standing.WON
    if part.bought:
        return Standing.BOUGHT
    if not part.has_bid:
        return Standing.NOT_BIDDING
    return _after(part) if part.phase in _OVER else _while_running(part)


def _while_running(part: OwnPart) -> Standing:
    if part.is_sealed:
        return Standing.SEALED
    return Standing.LEADING if part.leads else Standing.OUTBID


def _after(part: OwnPart) -> Standing:
    if part.phase is LotPhase.SOLD:
        return Standing.LOST
    return Standing.BOUND if part.leads and part.registration in _BOUND else Standing.PASSED


def decide_deposit(part: OwnPart) -> DepositReason:
    """Whatever the gateway has settled comes first; a deposit that is held says what it waits for."""
    if part.on_line:
        return DepositReason.BY_LINE
    settled = _OF_HOLD.get(part.hold or "")
    if settled is not None:
        return settled
    if part.won or part.bought:
        return DepositReason.UNTIL_PAID
    if part.phase in _OVER:
        return DepositReason.NEGOTIATING if part.registration in _BOUND else DepositReason.RETURNING
    if part.registration is RegistrationState.SUSPENDED:
        return DepositReason.SUSPENDED
    return DepositReason.LEADING if part.leads and not part.is_sealed else DepositReason.LOT_NOT_OVER
