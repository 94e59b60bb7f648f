"""Open ascending bidding with proxy maxima: pure.

The price is the second maximum plus one increment, at most the first maximum, never below the start price. A first maximum
at or above the reserve lifts the price to the reserve. Of equal maxima the earlier leads. Raising one's own maximum moves no
price, except to the reserve. A bid at or after ``ends_at`` is late: intervals are half-open.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from auction.lots.domain import LotPhase
from auction.sessions.domain import BidRules, ExtendOn
from marketplace.core.errors import Refusal, Rule

IRREVOCABLE = Rule("拍卖法 第三十六条", "Auction Law, art. 36")


class RegistrationState(StrEnum):
    """``requested`` waits for its deposit; only ``registered`` may bid; ``suspended`` is the party's own suspension, ``lapsed`` lost its
    deposit, ``released`` is over. A lead stays bound whatever becomes of the registration.
    """

    REQUESTED = "requested"
    REGISTERED = "registered"
    SUSPENDED = "suspended"
    FAILED = "failed"
    LAPSED = "lapsed"
    RELEASED = "released"
    APPLIED = "applied"
    FORFEITED = "forfeited"


class Conflict(StrEnum):
    """Why somebody may never bid on this lot."""

    CONSIGNOR = "consignor"
    HOUSE = "house"


@dataclass(frozen=True, slots=True)
class Bidder:
    """A registration as the rules see it. ``pseudonym`` is stable within the lot and tells nothing about the party."""

    registration_id: UUID
    pseudonym: str
    state: RegistrationState
    conflict: Conflict | None = None


@dataclass(frozen=True, slots=True)
class LotState:
    """What the next bid is decided on. ``price_minor`` None: no bid yet. ``maximum_minor`` is the leader's."""

    phase: LotPhase
    rules: BidRules
    start_minor: int
    reserve_minor: int | None
    opens_at: datetime
    ends_at: datetime
    hard_end_at: datetime | None = None
    seq: int = 0
    price_minor: int | None = None
    leader_id: UUID | None = None
    leader_pseudonym: str | None = None
    maximum_minor: int = 0
    extensions: int = 0

    @property
    def next_minimum_minor(self) -> int:
        """The least maximum a bidder who does not lead must offer."""
        if self.price_minor is None:
            return self.start_minor
        return self.price_minor + self.rules.ladder.increment(self.price_minor)

    @property
    def reserve_met(self) -> bool:
        """Whether the lot would sell at its present price; without bids it would not."""
        return self.price_minor is not None and (self.reserve_minor is None or self.price_minor >= self.reserve_minor)


@dataclass(frozen=True, slots=True)
class BidCommand:
    """One bid as it came in. ``key`` is the caller's idempotency key."""

    lot_id: UUID
    actor_id: UUID
    party_id: UUID
    maximum_minor: int
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The lot after the bid, and whether the bidder leads it."""

    state: LotState
    leading: bool
    extended: bool


@dataclass(frozen=True, slots=True)
class Refused:
    refusal: Refusal


Decision: TypeAlias = Accepted | Refused

# --- refusals ------------------------------------------------------------------------------------------------------------


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


_CONFLICTS: dict[Conflict, type[Refusal]] = {Conflict.CONSIGNOR: BidderIsConsignor, Conflict.HOUSE: BidderIsHouse}

# --- the decision --------------------------------------------------------------------------------------------------------


def place_bid(state: LotState, command: BidCommand, bidder: Bidder | None, now: datetime) -> Decision:
    """Decide one bid on a lot that is locked. ``now`` was read after the lock; within a lot it never goes back."""
    refusal = _time_refusal(state, now) or _bidder_refusal(bidder) or _amount_refusal(state, command.maximum_minor, bidder)
    if refusal is not None:
        return Refused(refusal)
    assert bidder is not None
    return _accept(state, command.maximum_minor, bidder, now)


def _time_refusal(state: LotState, now: datetime) -> Refusal | None:
    if state.phase is LotPhase.OPEN:
        if now < state.opens_at:
            return LotNotOpen(opens_at=state.opens_at.isoformat())
        return LotClosed(ended_at=state.ends_at.isoformat()) if now >= state.ends_at else None
    if state.phase is LotPhase.SUSPENDED:
        return LotSuspended()
    if state.phase in (LotPhase.DRAFT, LotPhase.MANDATED, LotPhase.ANNOUNCED):
        return LotNotOpen(opens_at=state.opens_at.isoformat())
    return LotClosed(ended_at=state.ends_at.isoformat())


def _bidder_refusal(bidder: Bidder | None) -> Refusal | None:
    if bidder is None:
        return NotRegistered()
    if bidder.conflict is not None:
        return _CONFLICTS[bidder.conflict]()
    if bidder.state is RegistrationState.SUSPENDED:
        return BidderSuspended()
    if bidder.state is not RegistrationState.REGISTERED:
        return DepositNotHeld(state=bidder.state.value)
    return None


def _amount_refusal(state: LotState, maximum_minor: int, bidder: Bidder | None) -> Refusal | None:
    if bidder is not None and state.leader_id == bidder.registration_id:
        if not state.rules.self_raise:
            return AlreadyLeading()
        if maximum_minor <= state.maximum_minor:
            return MaximumNotRaised(maximum_minor=state.maximum_minor)
        return None
    least = state.next_minimum_minor
    return BidTooLow(next_minimum_minor=least, price_minor=state.price_minor) if maximum_minor < least else None


def _accept(state: LotState, maximum_minor: int, bidder: Bidder, now: datetime) -> Accepted:
    price, leads, changed = _compute_price(state, maximum_minor, bidder)
    best = maximum_minor if leads else state.maximum_minor
    if state.reserve_minor is not None and best >= state.reserve_minor > price:
        price = state.reserve_minor
    ends_at, extensions = compute_end(state, now, changed)
    after = LotState(
        state.phase,
        state.rules,
        state.start_minor,
        state.reserve_minor,
        state.opens_at,
        ends_at,
        state.hard_end_at,
        state.seq + 1,
        price,
        bidder.registration_id if leads else state.leader_id,
        bidder.pseudonym if leads else state.leader_pseudonym,
        best,
        extensions,
    )
    return Accepted(after, leads, extensions != state.extensions)


def _compute_price(state: LotState, maximum_minor: int, bidder: Bidder) -> tuple[int, bool, bool]:
    """(price before the reserve, whether the bidder leads, whether the lead changes)."""
    if state.price_minor is None:
        return state.start_minor, True, True
    if state.leader_id == bidder.registration_id:
        return state.price_minor, True, False
    if maximum_minor > state.maximum_minor:
        second = state.maximum_minor
        return min(maximum_minor, second + state.rules.ladder.increment(second)), True, True
    return min(state.maximum_minor, maximum_minor + state.rules.ladder.increment(maximum_minor)), False, False


def compute_end(state: LotState, now: datetime, lead_changes: bool) -> tuple[datetime, int]:
    """Where the end stands after an accepted bid, and the number of extensions. The end never moves back."""
    rules = state.rules
    late = now >= state.ends_at - timedelta(seconds=rules.window_s)
    asked = lead_changes or rules.extend_on is ExtendOn.ACCEPTED_BID
    capped = rules.max_extensions is not None and state.extensions >= rules.max_extensions
    if not late or not asked or capped:
        return state.ends_at, state.extensions
    ends_at = now + timedelta(seconds=rules.extension_s)
    if state.hard_end_at is not None and ends_at > state.hard_end_at:
        ends_at = state.hard_end_at
    return (ends_at, state.extensions + 1) if ends_at > state.ends_at else (state.ends_at, state.extensions)
