"""SELECTs of pilots' cars and papers."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.parallel_import.domain import ImportNotFound, ImportState, PaperKind
from marketplace.parallel_import.models import ImportCar, ImportPaper


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


def list_on_sale(session: Session, pilot_id: UUID, *, limit: int) -> Sequence[UUID]:
    return session.exec(
        select(ImportCar.id)
        .where(ImportCar.pilot_id == pilot_id, ImportCar.state == ImportState.ON_SALE)
        .order_by(col(ImportCar.id))
        .limit(limit)
    ).all()


def list_to_resume(session: Session, pilot_id: UUID, *, limit: int) -> Sequence[UUID]:
    return session.exec(
        select(ImportCar.id)
        .where(ImportCar.pilot_id == pilot_id, col(ImportCar.resume_ask_minor).is_not(None))
        .order_by(col(ImportCar.id))
        .limit(limit)
    ).all()


def forget_resumption(session: Session, pilot_id: UUID) -> None:
    """A removed pilot's cars do not come back."""
    session.connection().execute(
        sa.update(ImportCar).where(col(ImportCar.pilot_id) == pilot_id).values(resume_ask_minor=None, resume_description="")
    )


def count_bonded_since(session: Session, pilot_id: UUID, *, arrived_before: date) -> int:
    """Cars still in bond that arrived before a day."""
    return session.exec(
        select(sa.func.count())
        .select_from(ImportCar)
        .where(ImportCar.pilot_id == pilot_id, ImportCar.state == ImportState.ARRIVED, col(ImportCar.arrived_on) < arrived_before)
    ).one()


def list_papers_on_sale(session: Session, pilot_id: UUID) -> dict[UUID, frozenset[PaperKind]]:
    """The valid papers of each car the pilot has on sale."""
    rows = session.exec(
        select(ImportCar.id, ImportPaper.kind)
        .outerjoin(ImportPaper, sa.and_(col(ImportPaper.import_id) == col(ImportCar.id), col(ImportPaper.superseded_at).is_(None)))
        .where(ImportCar.pilot_id == pilot_id, ImportCar.state == ImportState.ON_SALE)
    )
    found: dict[UUID, set[PaperKind]] = {}
    for import_id, kind in rows:
        papers = found.setdefault(import_id, set())
        if kind is not None:
            papers.add(PaperKind(kind))
    return {import_id: frozenset(kinds) for import_id, kinds in found.items()}
