"""A deposit held: requested → held → released, captured (it counts to the price) or forfeited. Never taken above its amount."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from marketplace.core.errors import Refusal, Rule


class HoldState(StrEnum):
    """The ``…ing`` states wait for the gateway's answer; ``lapsed`` is a hold the gateway gave back at its own time limit."""

    REQUESTED = "requested"
    HELD = "held"
    FAILED = "failed"
    RELEASING = "releasing"
    RELEASED = "released"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    FORFEITING = "forfeiting"
    FORFEITED = "forfeited"
    LAPSED = "lapsed"


class HoldNotHeld(Refusal):
    """The deposit is not there to be taken."""

    zh = "保证金当前状态({state})不允许此操作"
    en = "The deposit is {state}; this needs it held."


class CaptureAboveHold(Refusal):
    zh = "划扣金额不得超过冻结金额"
    en = "No more may be taken than was held."
    rule = Rule("民法典 第五百八十六条", "Civil Code, art. 586")


def decide_release(state: HoldState) -> HoldState | None:
    """The next state, None when nothing is left to do. A requested hold is released as soon as the gateway has answered.

    Raises ``HoldNotHeld`` for what was or is being taken.
    """
    if state in {HoldState.HELD, HoldState.REQUESTED}:
        return HoldState.RELEASING
    if state in {HoldState.RELEASING, HoldState.RELEASED, HoldState.FAILED, HoldState.LAPSED}:
        return None
    raise HoldNotHeld(state=state.value)


def decide_capture(state: HoldState, *, held_minor: int, amount_minor: int) -> HoldState | None:
    """``capturing``, or None when it already is or was. Raises ``HoldNotHeld``, ``CaptureAboveHold``."""
    if not 0 < amount_minor <= held_minor:
        raise CaptureAboveHold(held_minor=held_minor, amount_minor=amount_minor)
    if state is HoldState.HELD:
        return HoldState.CAPTURING
    if state in {HoldState.CAPTURING, HoldState.CAPTURED}:
        return None
    raise HoldNotHeld(state=state.value)


def decide_forfeit(state: HoldState) -> HoldState | None:
    """``forfeiting``, or None when it already is or was. Raises ``HoldNotHeld``."""
    if state is HoldState.HELD:
        return HoldState.FORFEITING
    if state in {HoldState.FORFEITING, HoldState.FORFEITED}:
        return None
    raise HoldNotHeld(state=state.value)


class RenewalState(StrEnum):
    """One try to make a deposit last longer. ``idle``: done at the gateway, but nobody wanted the deposit any more."""

    REQUESTED = "requested"
    DONE = "done"
    REFUSED = "refused"
    IDLE = "idle"


class Keeping(StrEnum):
    """What to do about a deposit that is needed longer than it lasts."""

    NOTHING = "nothing"
    RENEW = "renew"
    CHARGE = "charge"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long a deposit lasts and what was tried. ``pending``: a try has no answer yet."""

    since: datetime
    lapses_at: datetime | None
    tried_at: datetime | None = None
    warned: bool = False
    pending: bool = False


@dataclass(frozen=True, slots=True)
class KeepingTerms:
    """Try ``ahead`` of the lapse, again after ``retry``; tell its holder ``warning`` before. An answer is waited for ``patience``."""

    ahead: timedelta
    retry: timedelta
    warning: timedelta = timedelta(hours=25)  # a day, and the sweep's own delay
    patience: timedelta = timedelta(hours=1)


def decide_keeping(lasting: Lasting, *, needed_until: datetime, now: datetime, renews: bool, charges: bool, terms: KeepingTerms) -> Keeping:
    """Renewed before charged, whichever the gateway can; what can or did not succeed is told once.

    Never earlier than half of the hold's own term, or a short one would be renewed all the time.
    """
    if lasting.lapses_at is None or lasting.lapses_at >= needed_until:
        return Keeping.NOTHING
    left = lasting.lapses_at - now
    if left > min(terms.ahead, (lasting.lapses_at - lasting.since) / 2):
        return Keeping.NOTHING
    if (renews or charges) and not lasting.pending and (lasting.tried_at is None or now - lasting.tried_at >= terms.retry):
        return Keeping.RENEW if renews else Keeping.CHARGE
    answer_near = lasting.pending and lasting.tried_at is not None and now - lasting.tried_at < terms.patience
    if left <= terms.warning and not lasting.warned and not answer_near:
        return Keeping.WARN
    return Keeping.NOTHING


@dataclass(frozen=True, slots=True)
class ForfeitClaims:
    """What a forfeited deposit has to cover, in this order (网络司法拍卖规定 第二十四条, the model users know)."""

    costs_minor: int = 0
    shortfall_minor: int = 0
    debts_minor: int = 0


@dataclass(frozen=True, slots=True)
class ForfeitShares:
    """Shares in fen; ``rest_minor`` is not given back either and goes to the injured party."""

    costs_minor: int
    shortfall_minor: int
    debts_minor: int
    rest_minor: int


def split_forfeit(amount_minor: int, claims: ForfeitClaims) -> ForfeitShares:
    """Costs first, then the price shortfall, then debts. The shares sum to the amount."""
    costs = min(max(claims.costs_minor, 0), amount_minor)
    shortfall = min(max(claims.shortfall_minor, 0), amount_minor - costs)
    debts = min(max(claims.debts_minor, 0), amount_minor - costs - shortfall)
    return ForfeitShares(costs, shortfall, debts, rest_minor=amount_minor - costs - shortfall - debts)
