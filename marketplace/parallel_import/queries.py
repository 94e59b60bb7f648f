"""Every SELECT of parallel import."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.parallel_import.domain import ImportNotFound
from marketplace.parallel_import.models import FeedEntry, FeedHead, ImportCar, ImportPaper


def get_car(session: Session, import_id: UUID) -> ImportCar:
    """Raises ``ImportNotFound``."""
    row = session.get(ImportCar, import_id)
    if row is None:
        raise ImportNotFound
    return row


def lock_car(session: Session, import_id: UUID) -> ImportCar:
    """Under lock, fresh. Raises ``ImportNotFound``."""
    row = session.exec(
        select(ImportCar).where(ImportCar.id == import_id).with_for_update().execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise ImportNotFound
    return row


def find_of_vehicle(session: Session, vehicle_id: UUID) -> ImportCar | None:
    return session.exec(select(ImportCar).where(ImportCar.vehicle_id == vehicle_id)).first()


def list_of_pilot(session: Session, pilot_id: UUID, *, paging: PageQuery) -> Sequence[ImportCar]:
    """Newest first, up to ``limit + 1``."""
    return session.exec(
        select(ImportCar)
        .where(ImportCar.pilot_id == pilot_id, paging.where_after(col(ImportCar.id), descending=True))
        .order_by(col(ImportCar.id).desc())
        .limit(paging.limit + 1)
    ).all()


def list_papers(session: Session, import_id: UUID) -> Sequence[ImportPaper]:
    """Valid ones, in the order of recording."""
    return session.exec(
        select(ImportPaper)
        .where(ImportPaper.import_id == import_id, col(ImportPaper.superseded_at).is_(None))
        .order_by(col(ImportPaper.id))
    ).all()


# --- the feed


def find_head(session: Session) -> FeedHead | None:
    return session.get(FeedHead, 1)


def lock_head(session: Session) -> FeedHead | None:
    return session.exec(select(FeedHead).with_for_update().execution_options(populate_existing=True)).first()


def find_entry(session: Session, import_id: UUID) -> FeedEntry | None:
    return session.get(FeedEntry, import_id)


def list_entries(session: Session, *, limit: int) -> Sequence[FeedEntry]:
    """Cars in the feed, in feed order."""
    return session.exec(select(FeedEntry).where(~col(FeedEntry.is_removed)).order_by(col(FeedEntry.feed_no)).limit(limit)).all()


def list_changed(session: Session, *, since: int, limit: int) -> Sequence[FeedEntry]:
    """Cars changed or removed after ``since``, in feed order."""
    return session.exec(select(FeedEntry).where(FeedEntry.feed_no > since).order_by(col(FeedEntry.feed_no)).limit(limit)).all()
