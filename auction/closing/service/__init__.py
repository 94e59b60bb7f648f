"""Lots open and close when the clock says so. Batches, under the same locks as bids: a bid at the bell has one answer."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from auction.bidding import log
from auction.bidding import queries as bidding
from auction.bidding.domain import LotState, reveal
from auction.bidding.log import Entry
from auction.bidding.models import EntryKind, LogEntry
from auction.lines import service as lines
from auction.lots import queries
from auction.lots import service as lots
from auction.lots.domain import LotPhase, ReserveKind
from auction.lots.events import LotOpened, lot_key
from auction.lots.models import AuctionSession, Lot
from auction.negotiation import service as negotiation
from auction.proving.service import heads
from auction.reauction import service as reauction
from auction.sessions import service as sessions
from auction.sessions.domain import BidRules, SessionState
from auction.settlement.domain import ResultKind, decide_result
from auction.settlement.service import sales
from auction.verifying.domain import HeadReason
from marketplace.api import listings, vehicles
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session

_SIGNED = {EntryKind.OPENED: HeadReason.OPENING, EntryKind.CLOSED: HeadReason.CLOSE}


@dataclass(slots=True)
class Turned:
    """What one batch did: how many lots were due, and the entries to publish after the commit."""

    lots: int = 0
    entries: list[Entry] = field(default_factory=list)


def state_of(lot: Lot, rules: BidRules) -> LotState:
    """A row as the rules see it."""
    return LotState(
        phase=lot.state,
        rules=rules,
        start_minor=lot.start_minor,
        reserve_minor=lot.reserve_minor,
        opens_at=lot.opens_at,
        ends_at=lot.ends_at,
        hard_end_at=lot.hard_end_at,
        seq=lot.seq,
        price_minor=lot.price_minor,
        leader_id=lot.leader_id,
        leader_pseudonym=lot.leader_pseudonym,
        maximum_minor=lot.maximum_minor,
        extensions=lot.extensions,
        buy_now_minor=lot.buy_now_minor,
        floor_minor=lot.floor_minor,
        estimate_minor=lot.estimate_minor,
        on_approval=lot.reserve_kind is ReserveKind.ON_APPROVAL,
        warned_at=lot.moved_at if lot.warned_seq is not None and lot.warned_seq == lot.seq else None,
    )


# --- opening ---------------------------------------------------------------------------------------------------------------


def open_due(session: Session, *, limit: int) -> Turned:
    """Open announced lots whose time has come: take the car's claim, freeze the rules, begin the log.

    A lot whose car is claimed elsewhere, or may not be traded any more, is withdrawn with the reason.
    """
    due = queries.lock_due(session, phase=LotPhase.ANNOUNCED, now=clock.now(session), limit=limit)
    turned = Turned(lots=len(due))
    for lot in due:
        row = session.get_one(AuctionSession, lot.session_id)
        bar = find_bar(session, lot=lot, row=row)
        if bar is not None:
            lots.withdraw_locked(session, lot=lot, reason=bar)
        else:
            turned.entries.append(open_lot(session, lot=lot, at=clock.now(session)))
    return turned


def find_bar(session: Session, *, lot: Lot, row: AuctionSession) -> str | None:
    """Why a locked lot cannot open; None when its claim is taken."""
    mode = vehicles.TradeMode(row.mode.value)
    if not vehicles.evaluate(session, vehicle_id=lot.vehicle_id, mode=mode, seller_id=lot.consignor_id).tradable:
        return "not_eligible"
    try:
        listings.take_claim(session, vehicle_id=lot.vehicle_id, kind=listings.ClaimKind.LOT, holder_id=lot.id)
    except listings.VehicleClaimed:
        return "claimed"
    return None


def open_lot(session: Session, *, lot: Lot, at: datetime) -> Entry:
    """Open a locked lot that nothing bars: freeze the rules, begin the log. Returns the entry to publish after the commit."""
    row = sessions.freeze_rules(session, session_id=lot.session_id, at=at)
    rules = BidRules.from_json(row.rules)
    lot.state = LotPhase.OPEN
    lot.hard_end_at = rules.hard_end(lot.ends_at)
    entry = append_note(session, lot=lot, at=at, kind=EntryKind.OPENED, content=_opened(lot, row))
    event = LotOpened(
        lot_id=lot.id,
        session_id=lot.session_id,
        vehicle_id=lot.vehicle_id,
        start_minor=lot.start_minor,
        opens_at=lot.opens_at,
        ends_at=lot.ends_at,
    )
    outbox.append(session, event, key=lot_key(lot.id))
    audit.record(session, principal=None, act="lot.open", object_kind="lot", object_id=lot.id, facts={"session_id": str(lot.session_id)})
    return entry


def _opened(lot: Lot, row: AuctionSession) -> dict[str, Any]:
    """Everything a verifier needs to decide every later bid again. A hidden reserve enters as its commitment."""
    secret = lot.reserve_kind is ReserveKind.HIDDEN and lot.reserve_minor is not None and lot.reserve_salt is not None
    sealed = log.commitment(str(lot.id), 1, lot.reserve_minor or 0, lot.reserve_salt or "") if secret else None
    return {
        "buy_now_minor": lot.buy_now_minor,
        "ends_at": log.instant(lot.ends_at),
        "floor_minor": lot.floor_minor,
        "hard_end_at": log.instant(lot.hard_end_at) if lot.hard_end_at else None,
        "lane": lot.lane,
        "legal_mode": row.legal_mode.value,
        "mode": row.mode.value,
        "opens_at": log.instant(lot.opens_at),
        "reserve_commitment": sealed,
        "reserve_kind": lot.reserve_kind.value,
        "reserve_minor": lot.reserve_minor if lot.reserve_kind is ReserveKind.VISIBLE else None,
        "rules": row.rules,
        "session": str(row.id),
        "start_minor": lot.start_minor,
        "vehicle": str(lot.vehicle_id),
    }


# --- closing ---------------------------------------------------------------------------------------------------------------


def close_due(session: Session, *, limit: int) -> Turned:
    """Close open lots whose time is over. Late is only the announcement: no bid at or after the end was ever taken."""
    due = queries.lock_due(session, phase=LotPhase.OPEN, now=clock.now(session), limit=limit)
    turned = Turned(lots=len(due))
    for lot in due:
        row = session.get_one(AuctionSession, lot.session_id)
        turned.entries += close_lot(session, lot=lot, row=row, at=clock.now(session))
    for session_id in sorted({lot.session_id for lot in due}):
        close_session(session, session_id=session_id)
    return turned


def close_lot(session: Session, *, lot: Lot, row: AuctionSession, at: datetime) -> list[Entry]:
    """Close a locked lot whose time is over: envelopes opened, result, what follows from it. Returns the entries to publish."""
    state = state_of(lot, BidRules.from_json(row.rules))
    bids = lot.seq - lot.notes
    entries = []
    if state.rules.format.is_sealed:
        state, entry = _reveal(session, lot=lot, state=state, at=at)
        entries.append(entry)
    kind = decide_result(state)
    sold = kind is ResultKind.SOLD
    lot.state = LotPhase.SOLD if sold else LotPhase.PASSED
    content = {
        "bids": bids,
        "ended_at": log.instant(lot.ends_at),
        "price_minor": lot.price_minor,
        "result": kind.value,
        "winner": lot.leader_pseudonym if sold else None,
    }
    entries.append(append_note(session, lot=lot, at=at, kind=EntryKind.CLOSED, content=content))
    bound = negotiation.bound_leader(lot, row, kind)
    result = sales.settle_lot(session, lot=lot, row=row, state=state, at=at, bids=bids, bound=bound)
    owed = (result.price_minor or 0) + result.buyer_fee_minor if sold else None
    lines.settle_lot(session, lot_id=lot.id, keep=result.winner_registration_id or bound, owed_minor=owed, order_id=result.order_id)
    if bound is not None:
        negotiation.open_if_bid(session, lot=lot, at=at)
    if sold and lot.price_minor is not None:
        reauction.compute_debt_of(session, lot=lot, price_minor=lot.price_minor)
    return entries


def _reveal(session: Session, *, lot: Lot, state: LotState, at: datetime) -> tuple[LotState, Entry]:
    """Open the envelopes of a sealed lot; its row tells price and leader from now on."""
    bids = bidding.list_last_bids(session, lot_id=lot.id)
    told = reveal(state, [bid for bid, _ in bids])
    lot.price_minor, lot.leader_id, lot.leader_pseudonym = told.price_minor, told.leader_id, told.leader_pseudonym
    lot.maximum_minor = told.maximum_minor
    entry = append_note(session, lot=lot, at=at, kind=EntryKind.REVEALED, content=log.revealed_content(told, bids))
    return told, entry


def close_session(session: Session, *, session_id: UUID) -> None:
    """Close a session of which nothing may open or is open any more."""
    row = session.get_one(AuctionSession, session_id)
    if row.state is not SessionState.CLOSED and queries.count_unfinished(session, session_id=session_id) == 0:
        sessions.close_session(session, session_id=session_id, at=clock.now(session))


def append_note(session: Session, *, lot: Lot, at: datetime, kind: EntryKind, content: dict[str, Any]) -> Entry:
    """One entry that is no bid behind the head of a locked lot; within a lot time never goes back."""
    moved_at = max(at, lot.moved_at) if lot.moved_at is not None else at
    frame = {"at": log.instant(moved_at), "kind": kind.value, "lot": str(lot.id), "previous": lot.head_hash, "seq": lot.seq + 1}
    entry = log.seal(lot.id, {**content, **frame})
    session.add(LogEntry(lot_id=lot.id, seq=entry.seq, kind=kind, document=entry.document, hash=entry.hash))
    lot.seq, lot.head_hash, lot.moved_at, lot.notes = entry.seq, entry.hash, moved_at, lot.notes + 1
    session.add(lot)
    if kind in _SIGNED:
        heads.sign_head(session, lot_id=lot.id, seq=entry.seq, head_hash=entry.hash, at=moved_at, reason=_SIGNED[kind])
    session.flush()
    return entry


def next_due_at(session: Session) -> datetime | None:
    """When the next lot opens or ends."""
    return queries.next_due_at(session)
