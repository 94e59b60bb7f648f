"""One bid decided, whatever the format: its time, its bidder, whether it is meant; then the format's own rule. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from auction.bidding.domain.ascending import decide_ascending
from auction.bidding.domain.dutch import decide_dutch
from auction.bidding.domain.refusals import (
    BidderIsConsignor,
    BidderIsHouse,
    BidderSuspended,
    BidUnusual,
    DepositNotHeld,
    LotClosed,
    LotNotOpen,
    LotSuspended,
    NotRegistered,
)
from auction.bidding.domain.sealed import decide_sealed
from auction.bidding.domain.states import BidCommand, Bidder, Conflict, Decision, LotState, Refused, RegistrationState
from auction.lots.domain import LotPhase
from auction.sessions.domain import Format
from marketplace.core.errors import Refusal

_Decide: TypeAlias = Callable[[LotState, BidCommand, Bidder, datetime], Decision]
_BY_FORMAT: dict[Format, _Decide] = {
    Format.OPEN_ASCENDING: decide_ascending,
    Format.BUY_NOW: decide_ascending,
    Format.LIVE_LANE: decide_ascending,
    Format.SEALED_FIRST_PRICE: decide_sealed,
    Format.SEALED_SECOND_PRICE: decide_sealed,
    Format.DUTCH: decide_dutch,
}
_CONFLICTS: dict[Conflict, type[Refusal]] = {Conflict.CONSIGNOR: BidderIsConsignor, Conflict.HOUSE: BidderIsHouse}


def place_bid(state: LotState, command: BidCommand, bidder: Bidder | None, now: datetime) -> Decision:
    """Decide one bid on a lot that is locked. ``now`` was read after the lock; within a lot it never goes back."""
    refusal = _time_refusal(state, now) or _bidder_refusal(bidder)
    if refusal is not None:
        return Refused(refusal)
    assert bidder is not None
    decision = _BY_FORMAT[state.rules.format](state, command, bidder, now)
    if state.estimate_minor is not None and not command.confirmed and type(decision) is not Refused and _is_unusual(state, command):
        return Refused(BidUnusual(maximum_minor=command.maximum_minor, estimate_minor=state.estimate_minor))
    return decision


def _is_unusual(state: LotState, command: BidCommand) -> bool:
    above = state.rules.confirm_above_bps
    return above is not None and command.maximum_minor * 10_000 > (state.estimate_minor or 0) * above


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
