"""SELECTs of inbound feeds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal, PrincipalKind
from marketplace.parallel_import.domain.inbound import GOOD_ENDS, UNDER_WAY, RowOutcome, SourceMode, SourceState
from marketplace.parallel_import.models import FeedRow, FeedRun, ImportCar, ImportSource


def acting_for(source: ImportSource) -> Principal:
    """Whoever set the source up, acting for its pilot, when no request is open."""
    return Principal(id=source.created_by, kind=PrincipalKind.PERSON, party_id=source.pilot_id, organization_id=source.pilot_id)


def find_source(session: Session, source_id: UUID) -> ImportSource | None:
    return session.get(ImportSource, source_id)


def lock_source(session: Session, source_id: UUID) -> ImportSource | None:
    return session.exec(
        select(ImportSource).where(ImportSource.id == source_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def count_sources(session: Session, pilot_id: UUID) -> int:
    return session.exec(select(sa.func.count()).select_from(ImportSource).where(ImportSource.pilot_id == pilot_id)).one()


def list_sources(session: Session, pilot_id: UUID) -> Sequence[ImportSource]:
    """All of a pilot's, oldest first: they are few."""
    return session.exec(select(ImportSource).where(ImportSource.pilot_id == pilot_id).order_by(col(ImportSource.id)).limit(200)).all()


def _due(at: datetime) -> list[Any]:
    return [
        ImportSource.mode == SourceMode.PULL,
        ImportSource.state == SourceState.ACTIVE,
        col(ImportSource.next_pull_at) <= at,
        sa.or_(col(ImportSource.leased_until).is_(None), col(ImportSource.leased_until) <= at),
    ]


def has_due_source(session: Session, *, at: datetime) -> bool:
    return session.exec(select(ImportSource.id).where(*_due(at)).limit(1)).first() is not None


def lock_due_sources(session: Session, *, at: datetime, limit: int) -> Sequence[ImportSource]:
    """Sources to be asked now, those waiting longest first; what another process holds is left to it."""
    return session.exec(
        select(ImportSource)
        .where(*_due(at))
        .order_by(col(ImportSource.next_pull_at), col(ImportSource.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def find_run(session: Session, run_id: UUID) -> FeedRun | None:
    return session.get(FeedRun, run_id)


def lock_run(session: Session, run_id: UUID) -> FeedRun | None:
    return session.exec(select(FeedRun).where(FeedRun.id == run_id).with_for_update().execution_options(populate_existing=True)).first()


def list_runs(session: Session, source_id: UUID, *, paging: PageQuery) -> Sequence[FeedRun]:
    """Newest first, up to ``limit + 1``."""
    return session.exec(
        select(FeedRun)
        .where(FeedRun.source_id == source_id, paging.where_after(col(FeedRun.id), descending=True))
        .order_by(col(FeedRun.id).desc())
        .limit(paging.limit + 1)
    ).all()


def list_rows(session: Session, run_id: UUID, *, outcome: RowOutcome | None, paging: PageQuery) -> Sequence[FeedRow]:
    """In the order of the feed, up to ``limit + 1``."""
    statement = select(FeedRow).where(FeedRow.run_id == run_id, paging.where_after(col(FeedRow.n)))
    if outcome is not None:
        statement = statement.where(FeedRow.outcome == outcome)
    return session.exec(statement.order_by(col(FeedRow.n)).limit(paging.limit + 1)).all()


def find_repeated_run(session: Session, source_id: UUID, *, content_hash: str, sequence: int) -> FeedRun | None:
    """The run of exactly this push."""
    return session.exec(
        select(FeedRun)
        .where(FeedRun.source_id == source_id, FeedRun.content_hash == content_hash, FeedRun.sequence == sequence)
        .order_by(col(FeedRun.id).desc())
        .limit(1)
    ).first()


def is_last_taken(session: Session, source: ImportSource, *, content_hash: str) -> bool:
    """Whether the source's last run had this content and took in all of it; a held-back row is worth another look."""
    last = find_run(session, source.last_run_id) if source.last_run_id else None
    if last is None or last.content_hash != content_hash:
        return False
    return last.state in UNDER_WAY or (last.state in GOOD_ENDS and last.rows_held_back == 0)


def list_known(session: Session, source_id: UUID) -> dict[str, tuple[UUID, str, bool]]:
    """The source's cars by their numbers: id, hash of the row as last taken in, whether it stands in the source."""
    rows = session.connection().execute(
        sa.select(col(ImportCar.source_ref), col(ImportCar.id), col(ImportCar.source_hash), col(ImportCar.in_source)).where(
            col(ImportCar.source_id) == source_id
        )
    )
    return {str(row[0]): (row[1], row[2], row[3]) for row in rows}


def find_of_source(session: Session, source_id: UUID, ref: str) -> ImportCar | None:
    return session.exec(select(ImportCar).where(ImportCar.source_id == source_id, ImportCar.source_ref == ref)).first()


def forget_rows(session: Session, run_id: UUID) -> None:
    session.connection().execute(sa.delete(FeedRow).where(col(FeedRow.run_id) == run_id))


def note_progress(session: Session, run_id: UUID, *, leased_until: datetime, **values: int) -> None:
    session.connection().execute(sa.update(FeedRun).where(col(FeedRun.id) == run_id).values(leased_until=leased_until, **values))


def lock_stuck_runs(session: Session, *, at: datetime, waiting_since: datetime, limit: int) -> Sequence[FeedRun]:
    """Runs nobody reads: their lease is over, or they wait too long for a first reader."""
    last_called = sa.func.coalesce(col(FeedRun.received_again_at), col(FeedRun.received_at))
    return session.exec(
        select(FeedRun)
        .where(
            col(FeedRun.state).in_(list(UNDER_WAY)),
            sa.or_(col(FeedRun.leased_until) <= at, sa.and_(col(FeedRun.leased_until).is_(None), last_called <= waiting_since)),
        )
        .order_by(col(FeedRun.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
