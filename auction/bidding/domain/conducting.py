"""What an auctioneer and an operator do to a lot that is up: fair warning, hammer, pass; suspension and resumption. Pure.

Each gives the lot after it; the log has an entry for each, so that a verifier can do the same again.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from auction.bidding.domain.refusals import BelowReserve, HighBidStands, NoBidToHammer, NotUp, NotWarned
from auction.bidding.domain.states import LotState
from auction.lots.domain import LotPhase
from auction.sessions.domain import Format


def _require_up(state: LotState, now: datetime) -> None:
    if state.phase is not LotPhase.OPEN or now < state.opens_at or now >= state.ends_at:
        raise NotUp


def warn(state: LotState, now: datetime) -> LotState:
    """Going once, going twice. Raises ``NotUp``, ``NoBidToHammer``."""
    _require_up(state, now)
    if state.price_minor is None:
        raise NoBidToHammer
    return replace(state, seq=state.seq + 1, warned_at=now)


def hammer(state: LotState, now: datetime) -> LotState:
    """The hammer falls: the lot ends now. Raises ``NotUp``, ``NoBidToHammer``, ``BelowReserve``, ``NotWarned``."""
    _require_up(state, now)
    if state.price_minor is None:
        raise NoBidToHammer
    if not state.reserve_met:
        raise BelowReserve
    if state.warned_at is None or now < state.warned_at + timedelta(seconds=state.rules.warning_s):
        raise NotWarned(warning_s=state.rules.warning_s)
    return replace(state, seq=state.seq + 1, ends_at=now)


def pass_lot(state: LotState, now: datetime) -> LotState:
    """Nobody bid, or nobody enough: the lot ends now without a sale. Raises ``NotUp``, ``HighBidStands``."""
    _require_up(state, now)
    if state.reserve_met:
        raise HighBidStands
    return replace(state, seq=state.seq + 1, ends_at=now)


def suspend(state: LotState, now: datetime) -> LotState:
    """No bids until it is resumed; what was bid stands. Raises ``NotUp`` at or after the end."""
    if state.phase is not LotPhase.OPEN or now >= state.ends_at:
        raise NotUp
    return replace(state, seq=state.seq + 1, phase=LotPhase.SUSPENDED, warned_at=None)


def resume(state: LotState, suspended_at: datetime, now: datetime) -> LotState:
    """Bidders have the time that was left: ends move by the time it stood still, and so does the clock of a falling price."""
    stood = now - suspended_at
    return replace(
        state,
        seq=state.seq + 1,
        phase=LotPhase.OPEN,
        opens_at=state.opens_at + stood if state.rules.format is Format.DUTCH else state.opens_at,
        ends_at=state.ends_at + stood,
        hard_end_at=state.hard_end_at + stood if state.hard_end_at is not None else None,
    )
