"""A new bar to trade withdraws a lot that has not opened and suspends one that has, each with the reason; what was bid stands."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from auction.bidding.domain import NotUp
from auction.bidding.log import Entry
from auction.closing.service import suspensions
from auction.lots import queries
from auction.lots import service as lots
from auction.lots.domain import LotPhase
from auction.lots.models import AuctionSession, Lot
from marketplace.api import vehicles
from marketplace.core import audit
from marketplace.core.db import Session

NOT_ELIGIBLE = "not_eligible"


def review_vehicle(session: Session, *, vehicle_id: UUID) -> list[Entry]:
    """Look at a car's lots again, each under its lock; the log entries of those suspended. Twice is once."""
    ids = [*queries.list_ahead_ids(session, vehicle_id=vehicle_id)]
    found = queries.find_open_lot(session, vehicle_id=vehicle_id)
    entries = []
    for lot_id in sorted({*ids, *([found.id] if found is not None else [])}):
        entry = _review(session, lot=queries.lock_lot(session, lot_id))
        if entry is not None:
            entries.append(entry)
    return entries


def _review(session: Session, *, lot: Lot) -> Entry | None:
    if lot.state not in queries.AHEAD and lot.state is not LotPhase.OPEN:
        return None
    row = session.get_one(AuctionSession, lot.session_id)
    mode = vehicles.TradeMode(row.mode.value)
    bars = vehicles.evaluate(session, vehicle_id=lot.vehicle_id, mode=mode, seller_id=lot.consignor_id).bars
    if not bars:
        return None
    codes = [one.code for one in bars]
    if lot.state in queries.AHEAD:
        lots.withdraw_locked(session, lot=lot, reason=_reason(codes))
        return None
    with suppress(NotUp):  # its time is over: the closer has it, and the transfer will find the bar
        entry = suspensions.hold_up(session, lot=lot, reason=NOT_ELIGIBLE, alone=True, codes=codes)
        facts = {"reason": NOT_ELIGIBLE, "codes": codes, "seq": entry.seq}
        audit.record(session, principal=None, act="lot.suspend", object_kind="lot", object_id=lot.id, facts=facts)
        return entry
    return None


def _reason(codes: Sequence[str]) -> str:
    return f"{NOT_ELIGIBLE}: {', '.join(codes)}"[:200]
