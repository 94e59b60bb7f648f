"""Deposits that must last: a hold that would lapse before the lot's hard end is kept, by what its gateway can."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from auction.bidding.domain import RegistrationState
from auction.lines import queries as lines
from auction.lines.domain import LineKind, LineState
from auction.lines.models import BidLine
from auction.lines.service import PURPOSE as LINE
from auction.lots import queries as lots
from auction.settlement import queries
from auction.settlement.service.registrations import PURPOSE as LOT
from marketplace.api import payments
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.settings import get_settings

PURPOSES = (LOT, LINE)
_NEEDED = frozenset({RegistrationState.REQUESTED, RegistrationState.REGISTERED, RegistrationState.SUSPENDED})
_LINE_NEEDED = frozenset({LineState.ACTIVE, LineState.SUSPENDED})
FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)


def keep(session: Session, *, hold: payments.HoldView) -> payments.Keeping:
    """Keep one deposit that is about to lapse, if it is still needed then. Called again and again; twice is once."""
    until = needed_until(session, hold=hold)
    if until is None:
        return payments.Keeping.NOTHING
    return payments.keep_hold(session, hold_id=hold.id, needed_until=until)


def needed_until(session: Session, *, hold: payments.HoldView) -> datetime | None:
    """The hard end of what it is for and a margin for the hammer; a negotiation or a suspension goes on from now. None: not needed."""
    margin = timedelta(hours=get_settings().auction_deposit_margin_hours)
    at = clock.now(session)
    if hold.purpose_kind == LINE:
        return _line_until(session, line_id=hold.purpose_id, at=at, margin=margin)
    found = queries.find_registration(session, lot_id=hold.purpose_id, party_id=hold.party_id)
    if found is None or found.hold_id != hold.id or found.state not in _NEEDED:
        return None
    return _lot_end(session, lot_id=hold.purpose_id, at=at) + margin


def _lot_end(session: Session, *, lot_id: UUID, at: datetime) -> datetime:
    lot = lots.get_lot(session, lot_id)
    return max(lot.hard_end_at or lot.ends_at, at)


def _line_until(session: Session, *, line_id: UUID, at: datetime, margin: timedelta) -> datetime | None:
    """A dealer's line is needed until he closes it, a portfolio as long as one of its lots can still be won or is owed."""
    line = session.get(BidLine, line_id)
    if line is None or line.state not in _LINE_NEEDED:
        return None
    if line.kind is LineKind.LINE:
        return FOR_EVER
    ends = [_lot_end(session, lot_id=wish.lot_id, at=at) for wish in lines.list_wishes(session, line_id=line_id)]
    return max([at, *ends]) + margin
