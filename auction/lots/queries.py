"""Every SELECT of lots."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from auction.lots.domain import LotPhase, LotUnknown
from auction.lots.models import AuctionSession, Lot, Mandate
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery

LIVE = (LotPhase.OPEN, LotPhase.SUSPENDED)
AHEAD = (LotPhase.DRAFT, LotPhase.MANDATED, LotPhase.ANNOUNCED)


def get_lot(session: Session, lot_id: UUID) -> Lot:
    """Raises ``LotUnknown``."""
    row = session.get(Lot, lot_id)
    if row is None:
        raise LotUnknown
    return row


def lock_lot(session: Session, lot_id: UUID) -> Lot:
    """Raises ``LotUnknown``."""
    row = session.exec(select(Lot).where(Lot.id == lot_id).with_for_update().execution_options(populate_existing=True)).first()
    if row is None:
        raise LotUnknown
    return row


def lock_lots_of_session(session: Session, session_id: UUID) -> Sequence[Lot]:
    """All lots of a session, locked in the order of ids."""
    return session.exec(
        select(Lot).where(Lot.session_id == session_id).order_by(col(Lot.id)).with_for_update().execution_options(populate_existing=True)
    ).all()


def find_mandate(session: Session, lot_id: UUID) -> Mandate | None:
    return session.get(Mandate, lot_id)


def next_number(session: Session, session_id: UUID) -> int:
    """The next lot number; ask under the session's lock."""
    return (session.exec(select(sa.func.max(Lot.number)).where(Lot.session_id == session_id)).one() or 0) + 1


def list_catalogue(session: Session, *, session_id: UUID, page: PageQuery) -> Sequence[Lot]:
    """Lots of a session by number, one more than the page holds."""
    return session.exec(
        select(Lot).where(Lot.session_id == session_id, page.where_after(Lot.number)).order_by(col(Lot.number)).limit(page.limit + 1)
    ).all()


def list_of_session(session: Session, *, session_id: UUID) -> Sequence[Lot]:
    """All lots of a session by number."""
    return session.exec(select(Lot).where(Lot.session_id == session_id).order_by(col(Lot.number))).all()


def list_lots(session: Session, *, phases: Sequence[LotPhase], page: PageQuery) -> Sequence[Lot]:
    """Lots in some phases, soonest end first, one more than the page holds."""
    return session.exec(
        select(Lot)
        .where(col(Lot.state).in_(phases), page.where_after(Lot.ends_at, Lot.id))
        .order_by(col(Lot.ends_at), col(Lot.id))
        .limit(page.limit + 1)
    ).all()


def list_ahead_ids(session: Session, *, vehicle_id: UUID) -> Sequence[UUID]:
    """Lots of a car that have not opened."""
    return session.exec(select(Lot.id).where(Lot.vehicle_id == vehicle_id, col(Lot.state).in_(AHEAD)).order_by(col(Lot.id))).all()


def find_open_lot(session: Session, *, vehicle_id: UUID) -> Lot | None:
    return session.exec(select(Lot).where(Lot.vehicle_id == vehicle_id, col(Lot.state).in_(LIVE))).first()


def count_unfinished(session: Session, *, session_id: UUID) -> int:
    """Lots of a session that may still open or are open."""
    phases = (LotPhase.ANNOUNCED, *LIVE)
    counted = session.exec(select(sa.func.count()).select_from(Lot).where(Lot.session_id == session_id, col(Lot.state).in_(phases)))
    return counted.one()


_BY_THE_CLOCK = (
    col(Lot.lane).is_(None),
    col(Lot.session_id).not_in(sa.select(AuctionSession.__table__.c.id).where(AuctionSession.__table__.c.suspended_at.is_not(None))),  # type: ignore[attr-defined]  # SQLModel does not type it
)

# --- by the clock ----------------------------------------------------------------------------------------------------------


def next_due_at(session: Session) -> datetime | None:
    """When the next lot opens or ends by the clock: an auctioneer's lanes and a suspended session wait for people."""
    opening = session.exec(select(sa.func.min(Lot.opens_at)).where(Lot.state == LotPhase.ANNOUNCED, *_BY_THE_CLOCK)).one()
    ending = session.exec(select(sa.func.min(Lot.ends_at)).where(Lot.state == LotPhase.OPEN)).one()
    return min((at for at in (opening, ending) if at is not None), default=None)


def lock_due(session: Session, *, phase: LotPhase, now: datetime, limit: int) -> Sequence[Lot]:
    """Lots to open or to close, locked in the order of ids.

    It waits for whoever holds a lot (bids at the bell, another closer) and asks again afterwards: skipping what is locked, a closer
    would never get a lot on which bids keep coming.
    """
    due = sa.and_(col(Lot.opens_at) <= now, *_BY_THE_CLOCK) if phase is LotPhase.ANNOUNCED else col(Lot.ends_at) <= now
    first = col(Lot.opens_at) if phase is LotPhase.ANNOUNCED else col(Lot.ends_at)
    ids = session.exec(select(Lot.id).where(Lot.state == phase, due).order_by(first, col(Lot.id)).limit(limit)).all()
    if not ids:
        return []
    return session.exec(
        select(Lot)
        .where(col(Lot.id).in_(ids), Lot.state == phase, due)
        .order_by(col(Lot.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
