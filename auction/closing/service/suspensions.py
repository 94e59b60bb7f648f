"""The operator holds a lot or a whole session up, and lets it go on; each with a reason that everybody may read.

Lots are locked before their session, as opening and closing do.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from auction.bidding import log
from auction.bidding.domain import LotState, resume, suspend
from auction.bidding.log import Entry
from auction.bidding.models import EntryKind
from auction.closing.service import append_note, state_of
from auction.lots import queries
from auction.lots.domain import LotNotRunning, LotNotSuspended, LotPhase
from auction.lots.events import LotResumed, LotSuspended, lot_key
from auction.lots.models import AuctionSession, Lot
from auction.sessions import queries as sessions
from auction.sessions import service as session_rules
from auction.sessions.domain import BidRules, SessionNotSuspended, SessionOver, SessionState, SessionSuspended, SessionUnknown
from auction.sessions.events import SessionResumed, session_key
from auction.sessions.events import SessionSuspended as SessionHeldUp
from marketplace.api import vehicles
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.security import Principal


def suspend_lot(session: Session, *, principal: Principal, lot_id: UUID, reason: str) -> tuple[Lot, list[Entry]]:
    """No more bids until it is resumed. Raises ``LotUnknown``, ``LotNotRunning``, ``NotUp`` when its time is over."""
    lot = queries.lock_lot(session, lot_id)
    entry = hold_up(session, lot=lot, reason=reason, alone=True)
    audit.record(session, principal=principal, act="lot.suspend", object_kind="lot", object_id=lot_id, reason=reason)
    return lot, [entry]


def resume_lot(session: Session, *, principal: Principal, lot_id: UUID, reason: str) -> tuple[Lot, list[Entry]]:
    """Its end moves by the time it stood still. Raises ``LotUnknown``, ``LotNotSuspended``, ``SessionSuspended``, ``NotEligible``."""
    lot = queries.lock_lot(session, lot_id)
    row = session.get_one(AuctionSession, lot.session_id)
    if row.suspended_at is not None:
        raise SessionSuspended(reason=row.suspension_reason or "")
    if lot.state is LotPhase.SUSPENDED:  # whatever held it up: a car that may not be traded is not auctioned
        mode = vehicles.TradeMode(row.mode.value)
        vehicles.require_eligible(session, vehicle_id=lot.vehicle_id, mode=mode, seller_id=lot.consignor_id)
    entry = _resume(session, lot=lot, at=clock.now(session), reason=reason)
    audit.record(session, principal=principal, act="lot.resume", object_kind="lot", object_id=lot_id, reason=reason)
    return lot, [entry]


def suspend_session(session: Session, *, principal: Principal, session_id: UUID, reason: str) -> tuple[AuctionSession, list[Entry]]:
    """Its open lots stand still, and none opens. Raises ``SessionUnknown``, ``SessionOver``, ``SessionSuspended`` when it is already."""
    lots = queries.lock_lots_of_session(session, session_id)
    row = sessions.lock_session(session, session_id)
    if row.state is SessionState.DRAFT:
        raise SessionUnknown
    if row.state not in (SessionState.ANNOUNCED, SessionState.OPEN):
        raise SessionOver
    if row.suspended_at is not None:
        raise SessionSuspended(reason=row.suspension_reason or "")
    at = clock.now(session)
    row.suspended_at, row.suspension_reason = at, reason
    session.add(row)
    running = [lot for lot in lots if lot.state is LotPhase.OPEN and at < lot.ends_at]
    entries = [hold_up(session, lot=lot, reason=reason, alone=False) for lot in running]
    outbox.append(session, SessionHeldUp(session_id=session_id, reason=reason), key=session_key(session_id))
    facts = {"lots": len(running)}
    audit.record(
        session, principal=principal, act="session.suspend", object_kind="session", object_id=session_id, facts=facts, reason=reason
    )
    return row, entries


def resume_session(session: Session, *, principal: Principal, session_id: UUID, reason: str) -> tuple[AuctionSession, list[Entry]]:
    """Everything ahead moves by the time it stood still; a lot suspended by itself stays so.

    Raises ``SessionUnknown``, ``SessionNotSuspended``.
    """
    lots = queries.lock_lots_of_session(session, session_id)
    row = sessions.lock_session(session, session_id)
    if row.suspended_at is None:
        raise SessionNotSuspended
    at = clock.now(session)
    stood = at - row.suspended_at
    row.suspended_at = row.suspension_reason = None
    session.add(row)
    for lot in lots:
        if lot.state is LotPhase.ANNOUNCED and lot.lane is None:
            lot.opens_at, lot.ends_at = lot.opens_at + stood, lot.ends_at + stood
            session.add(lot)
    standing = [
        lot for lot in lots if lot.state is LotPhase.SUSPENDED and not lot.suspended_alone and _may_go_on(session, lot=lot, row=row)
    ]
    entries = [_resume(session, lot=lot, at=at, reason=reason) for lot in standing]
    outbox.append(session, SessionResumed(session_id=session_id, reason=reason), key=session_key(session_id))
    facts = {"lots": len(standing), "stood_s": int(stood.total_seconds())}
    audit.record(
        session, principal=principal, act="session.resume", object_kind="session", object_id=session_id, facts=facts, reason=reason
    )
    return row, entries


def _may_go_on(session: Session, *, lot: Lot, row: AuctionSession) -> bool:
    """A car that was barred meanwhile stays where it is, now by itself."""
    mode = vehicles.TradeMode(row.mode.value)
    bars = vehicles.evaluate(session, vehicle_id=lot.vehicle_id, mode=mode, seller_id=lot.consignor_id).bars
    if bars:
        lot.suspended_alone, lot.reason = True, f"not_eligible: {', '.join(bar.code for bar in bars)}"[:200]
        session.add(lot)
    return not bars


def _state(session: Session, lot: Lot) -> LotState:
    return state_of(lot, BidRules.from_json(session.get_one(AuctionSession, lot.session_id).rules))


def hold_up(session: Session, *, lot: Lot, reason: str, alone: bool, codes: Sequence[str] = ()) -> Entry:
    """Suspend a locked lot. ``alone``: it does not go on with its session. ``codes``: the bars to trade that are the reason.

    Raises ``LotNotRunning``, ``NotUp`` when its time is over.
    """
    if lot.state is not LotPhase.OPEN:
        raise LotNotRunning(state=lot.state.value)
    at = clock.now(session)
    at = max(at, lot.moved_at or at)
    after = suspend(_state(session, lot), at)
    days = session_rules.bidding_table(clock.shanghai_day(at))["suspension"]["resume_within_days"]
    resume_by = clock.end_of_day(clock.shanghai_day(at) + timedelta(days=days))
    shown = f"{reason}: {', '.join(codes)}"[:200] if codes else reason
    lot.state, lot.reason, lot.suspended_at, lot.suspended_alone = after.phase, shown, at, alone
    bars = {"codes": list(codes)} if codes else {}
    content = log.note_content(after, reason=reason, resume_by=log.instant(resume_by), **bars)
    entry = append_note(session, lot=lot, at=at, kind=EntryKind.SUSPENDED, content=content)
    event = LotSuspended(lot_id=lot.id, session_id=lot.session_id, vehicle_id=lot.vehicle_id, reason=shown)
    outbox.append(session, event, key=lot_key(lot.id))
    return entry


def _resume(session: Session, *, lot: Lot, at: datetime, reason: str) -> Entry:
    if lot.state is not LotPhase.SUSPENDED or lot.suspended_at is None:
        raise LotNotSuspended
    at = max(at, lot.moved_at or at)
    after = resume(_state(session, lot), lot.suspended_at, at)
    lot.opens_at, lot.ends_at, lot.hard_end_at = after.opens_at, after.ends_at, after.hard_end_at
    lot.state, lot.reason, lot.suspended_at, lot.suspended_alone = after.phase, None, None, False
    moved = {"hard_end_at": log.instant(after.hard_end_at) if after.hard_end_at else None, "opens_at": log.instant(after.opens_at)}
    entry = append_note(session, lot=lot, at=at, kind=EntryKind.RESUMED, content=log.note_content(after, reason=reason, **moved))
    event = LotResumed(lot_id=lot.id, session_id=lot.session_id, vehicle_id=lot.vehicle_id, reason=reason, ends_at=lot.ends_at)
    outbox.append(session, event, key=lot_key(lot.id))
    return entry
