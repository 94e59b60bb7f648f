"""The auctioneer's console: open, next, fair warning, hammer, pass; and the paddles of the room.

Bids come in as always; a robot is a bidder's own standing maximum, and nobody bids for the house. Lots are locked before their session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auction.bidding import log
from auction.bidding.domain import Act, BidCommand, LotState, NotUp, hammer, pass_lot, warn
from auction.bidding.log import Entry
from auction.bidding.models import EntryKind
from auction.closing import service as closing
from auction.lanes import queries
from auction.lanes.domain import (
    LaneBusy,
    LaneNotOpenYet,
    LaneUnknown,
    LotStaysShut,
    NotALane,
    NotTheAuctioneer,
    PaddleUnknown,
    RunListEmpty,
)
from auction.lanes.models import Paddle
from auction.lots import queries as lots
from auction.lots import service as lot_rules
from auction.lots.domain import LotPhase, LotUnknown
from auction.lots.models import AuctionSession, Lot
from auction.sessions import queries as sessions
from auction.sessions.domain import BidRules, LegalMode, SessionOver, SessionState, SessionSuspended, SessionUnknown
from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.security import Principal

RUN_LIMIT = 500


@dataclass(slots=True)
class Conducted:
    """A lot behind what the auctioneer did, and the entries to publish after the commit."""

    lot: Lot
    entries: list[Entry]


# --- who conducts ------------------------------------------------------------------------------------------------------------


def _lane_session(session: Session, *, principal: Principal, session_id: UUID) -> AuctionSession:
    """The house's own running live session. Raises ``SessionUnknown``, ``NotALane``, ``NotTheAuctioneer``, ``SessionOver`` …"""
    row = sessions.get_session(session, session_id)
    if row.house_id != principal.party_id:
        raise SessionUnknown
    if row.lanes == 0:
        raise NotALane
    if row.legal_mode is LegalMode.STATUTORY_AUCTION and principal.id != row.auctioneer_id:
        raise NotTheAuctioneer
    if row.suspended_at is not None:
        raise SessionSuspended(reason=row.suspension_reason or "")
    if row.state not in (SessionState.ANNOUNCED, SessionState.OPEN):
        raise SessionOver
    if clock.now(session) < row.opens_at:
        raise LaneNotOpenYet(opens_at=row.opens_at.isoformat())
    return row


def _lock_own(session: Session, *, principal: Principal, lot_id: UUID) -> tuple[Lot, AuctionSession]:
    lot = lots.lock_lot(session, lot_id)
    try:
        return lot, _lane_session(session, principal=principal, session_id=lot.session_id)
    except SessionUnknown:
        raise LotUnknown from None


# --- opening -----------------------------------------------------------------------------------------------------------------


def open_lot(session: Session, *, principal: Principal, lot_id: UUID) -> Conducted:
    """Put a lot of the run list up in its lane, now, out of turn if need be.

    A lot whose car is claimed elsewhere or may not be traded any more is withdrawn instead. Raises ``LotUnknown``, ``NotALane``,
    ``LotStaysShut``, ``LaneBusy``, ``LaneNotOpenYet``, ``NotTheAuctioneer``, ``SessionSuspended``, ``SessionOver``.
    """
    lot, row = _lock_own(session, principal=principal, lot_id=lot_id)
    if lot.state is not LotPhase.ANNOUNCED:
        raise LotStaysShut(state=lot.state.value)
    cleared = _clear_lane(session, row=row, lane=lot.lane or 0)
    return Conducted(lot, [*cleared, *_put_up(session, principal=principal, lot=lot, row=row)])


def open_next(session: Session, *, principal: Principal, session_id: UUID, lane: int) -> Conducted:
    """The next lot of a lane's run list that may be sold; where none may be, the last that was withdrawn for it.

    Raises ``SessionUnknown``, ``LaneUnknown``, ``RunListEmpty`` and as ``open_lot``.
    """
    row = _lane_session(session, principal=principal, session_id=session_id)
    if not 1 <= lane <= row.lanes:
        raise LaneUnknown
    entries = _clear_lane(session, row=row, lane=lane)
    barred: Lot | None = None
    while (lot_id := queries.find_next_id(session, session_id=session_id, lane=lane)) is not None:
        lot = lots.lock_lot(session, lot_id)
        if lot.state is not LotPhase.ANNOUNCED:
            continue
        opened = _put_up(session, principal=principal, lot=lot, row=row)
        if opened:
            return Conducted(lot, [*entries, *opened])
        barred = lot
    if barred is None:
        raise RunListEmpty(lane=lane)
    return Conducted(barred, entries)


def _put_up(session: Session, *, principal: Principal, lot: Lot, row: AuctionSession) -> list[Entry]:
    at = clock.now(session)
    bar = closing.find_bar(session, lot=lot, row=row)
    if bar is not None:
        lot_rules.withdraw_locked(session, lot=lot, reason=bar, principal=principal)
        return []
    lot.opens_at, lot.ends_at = at, at + timedelta(seconds=row.lot_run_s)
    return [closing.open_lot(session, lot=lot, at=at)]


def _clear_lane(session: Session, *, row: AuctionSession, lane: int) -> list[Entry]:
    """What is up in the lane must be over; if only its closing is late, it is closed here. Raises ``LaneBusy``."""
    up = queries.find_up(session, session_id=row.id, lane=lane)
    if up is None:
        return []
    up = lots.lock_lot(session, up.id)
    at = clock.now(session)
    if up.state is LotPhase.OPEN and up.ends_at <= at:
        return closing.close_lot(session, lot=up, row=row, at=at)
    if up.state in lots.LIVE:
        raise LaneBusy(lane=lane, number=up.number)
    return []


# --- while it is up ----------------------------------------------------------------------------------------------------------


def warn_bidders(session: Session, *, principal: Principal, lot_id: UUID) -> Conducted:
    """Fair warning; it lapses with the next bid. Raises ``LotUnknown``, ``NotUp``, ``NoBidToHammer`` and as ``open_lot``."""
    lot, _row, state, at = _running(session, principal=principal, lot_id=lot_id)
    after = warn(state, at)
    entry = closing.append_note(session, lot=lot, at=at, kind=EntryKind.FAIR_WARNING, content=log.note_content(after))
    lot.warned_seq = lot.seq
    session.add(lot)
    session.flush()
    _record(session, principal, lot, "lot.warn")
    return Conducted(lot, [entry])


def strike(session: Session, *, principal: Principal, lot_id: UUID) -> Conducted:
    """The hammer: the lot is sold to the highest bid. Raises ``NotWarned``, ``BelowReserve``, ``NoBidToHammer`` and as ``warn_bidders``."""
    lot, row, state, at = _running(session, principal=principal, lot_id=lot_id)
    return _end(session, principal=principal, lot=lot, row=row, after=hammer(state, at), at=at, kind=EntryKind.HAMMER)


def pass_by(session: Session, *, principal: Principal, lot_id: UUID) -> Conducted:
    """No bid, or none that meets the reserve (拍卖法 50). Raises ``HighBidStands`` and as ``warn_bidders``."""
    lot, row, state, at = _running(session, principal=principal, lot_id=lot_id)
    return _end(session, principal=principal, lot=lot, row=row, after=pass_lot(state, at), at=at, kind=EntryKind.PASS)


def _running(session: Session, *, principal: Principal, lot_id: UUID) -> tuple[Lot, AuctionSession, LotState, datetime]:
    lot, row = _lock_own(session, principal=principal, lot_id=lot_id)
    now = clock.now(session)
    at = max(now, lot.moved_at) if lot.moved_at is not None else now
    return lot, row, closing.state_of(lot, BidRules.from_json(row.rules)), at


def _end(
    session: Session, *, principal: Principal, lot: Lot, row: AuctionSession, after: LotState, at: datetime, kind: EntryKind
) -> Conducted:
    lot.ends_at = after.ends_at
    entry = closing.append_note(session, lot=lot, at=at, kind=kind, content=log.note_content(after))
    entries = [entry, *closing.close_lot(session, lot=lot, row=row, at=at)]
    closing.close_session(session, session_id=row.id)
    _record(session, principal, lot, f"lot.{kind.value}")
    return Conducted(lot, entries)


def _record(session: Session, principal: Principal, lot: Lot, act: str) -> None:
    facts = {"seq": lot.seq, "price_minor": lot.price_minor, "lane": lot.lane}
    audit.record(session, principal=principal, act=act, object_kind="lot", object_id=lot.id, facts=facts)


# --- the run list and the room -------------------------------------------------------------------------------------------------


def list_run(session: Session, *, viewer: Principal | None, session_id: UUID) -> tuple[AuctionSession, Sequence[Lot]]:
    """What is up and what comes, by lane. Raises ``SessionUnknown``, ``NotALane``."""
    row = sessions.get_session(session, session_id)
    if row.state is SessionState.DRAFT and (viewer is None or viewer.party_id != row.house_id):
        raise SessionUnknown
    if row.lanes == 0:
        raise NotALane
    return row, queries.list_run(session, session_id=session_id, limit=RUN_LIMIT)


def take_paddle(session: Session, *, principal: Principal, session_id: UUID) -> Paddle:
    """A number for the principal's party in a live session; asked twice it is the same.

    Raises ``SessionUnknown``, ``NotALane``, ``SessionOver``.
    """
    row = sessions.lock_session(session, session_id)
    if row.state is SessionState.DRAFT:
        raise SessionUnknown
    if row.lanes == 0:
        raise NotALane
    known = queries.find_paddle(session, session_id=session_id, party_id=principal.party_id)
    if known is not None:
        return known
    if row.state is SessionState.CLOSED:
        raise SessionOver
    number = queries.next_paddle(session, session_id=session_id)
    paddle = Paddle(session_id=session_id, number=number, party_id=principal.party_id, person_id=principal.id, given_at=clock.now(session))
    session.add(paddle)
    session.flush()
    audit.record(session, principal=principal, act="paddle.take", object_kind="session", object_id=session_id, facts={"number": number})
    return paddle


def floor_bid(
    session: Session, *, principal: Principal, lot_id: UUID, number: int, amount_minor: int, key: str | None, confirmed: bool
) -> BidCommand:
    """The bid of a paddle, called by whoever conducts; decided as every bid is, on the paddle's own registration.

    Raises ``LotUnknown``, ``NotALane``, ``NotUp``, ``PaddleUnknown``, ``NotTheAuctioneer``, ``SessionSuspended``.
    """
    lot = lots.get_lot(session, lot_id)
    try:
        _lane_session(session, principal=principal, session_id=lot.session_id)
    except SessionUnknown:
        raise LotUnknown from None
    if lot.state is LotPhase.ANNOUNCED:
        raise NotUp
    paddle = queries.find_number(session, session_id=lot.session_id, number=number)
    if paddle is None:
        raise PaddleUnknown(number=number)
    return BidCommand(lot_id, principal.id, paddle.party_id, amount_minor, key, confirmed, Act.FLOOR)
