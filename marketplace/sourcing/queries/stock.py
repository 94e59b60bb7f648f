"""Every SELECT of dealer stock and its imports."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.sourcing.domain import RUNNING, ImageState, ImportState, RowOutcome, StockState
from marketplace.sourcing.models.stock import StockCar, StockImage, StockImport, StockImportRow, StockMapping

_CHANGING = (RowOutcome.ADDED, RowOutcome.CHANGED, RowOutcome.REMOVED)


def is_applied() -> Any:
    """Whether what a stock row has pending counts already: its import is applied, a job is still to settle it."""
    return sa.exists().where(col(StockImport.id) == col(StockCar.pending_import_id), col(StockImport.state) == ImportState.APPLIED)


def state_now() -> Any:
    """A stock row's state as it counts at this moment."""
    pending = sa.and_(col(StockCar.pending_import_id).is_not(None), is_applied())
    return sa.case((pending, col(StockCar.pending_state)), else_=col(StockCar.state))


def list_applied(session: Session, import_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these imports are applied."""
    if not import_ids:
        return set()
    return set(session.exec(select(StockImport.id).where(col(StockImport.id).in_(import_ids), StockImport.state == ImportState.APPLIED)))


def find_stock_car(session: Session, *, dealer_id: UUID, vehicle_id: UUID) -> StockCar | None:
    return session.exec(select(StockCar).where(StockCar.dealer_id == dealer_id, StockCar.vehicle_id == vehicle_id)).first()


def lock_stock_of_vehicles(session: Session, *, dealer_id: UUID, vehicle_ids: Sequence[UUID]) -> dict[UUID, StockCar]:
    """By vehicle; locked in the order of ids."""
    rows = session.exec(
        select(StockCar)
        .where(StockCar.dealer_id == dealer_id, col(StockCar.vehicle_id).in_(vehicle_ids))
        .order_by(col(StockCar.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.vehicle_id: row for row in rows}


def lock_rows_of_vehicle(session: Session, vehicle_id: UUID) -> list[StockCar]:
    """A car's rows in anybody's stock."""
    return list(
        session.exec(
            select(StockCar)
            .where(StockCar.vehicle_id == vehicle_id)
            .order_by(col(StockCar.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def list_stock(session: Session, *, dealer_id: UUID, state: StockState | None, paging: PageQuery) -> list[StockCar]:
    """A dealer's stock, newest first, without what is only staged; up to ``limit + 1``."""
    conditions: list[Any] = [StockCar.dealer_id == dealer_id, state_now() != StockState.STAGED]
    if state is not None:
        conditions.append(state_now() == state)
    return list(
        session.exec(
            select(StockCar)
            .where(*conditions, paging.where_after(col(StockCar.id), descending=True))
            .order_by(col(StockCar.id).desc())
            .limit(paging.limit + 1)
        )
    )


def list_requested(session: Session, *, request_id: UUID, limit: int) -> list[StockCar]:
    """Cars a request still wants listed, in order, locked."""
    return list(
        session.exec(
            select(StockCar)
            .where(StockCar.list_request_id == request_id)
            .order_by(col(StockCar.id))
            .limit(limit)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def count_requested(session: Session, request_id: UUID) -> int:
    return session.exec(select(sa.func.count()).select_from(StockCar).where(StockCar.list_request_id == request_id)).one()


def lock_pending(session: Session, *, import_id: UUID, limit: int) -> list[StockCar]:
    """Rows an import has pending, in order, locked."""
    return list(
        session.exec(
            select(StockCar)
            .where(StockCar.pending_import_id == import_id)
            .order_by(col(StockCar.id))
            .limit(limit)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def find_same_rows(session: Session, *, dealer_id: UUID, hashes: Sequence[str]) -> dict[str, UUID]:
    """Vehicles of standing stock whose record was this one, by hash."""
    rows = session.exec(
        select(StockCar.row_hash, StockCar.vehicle_id).where(
            StockCar.dealer_id == dealer_id, col(StockCar.row_hash).in_(hashes), StockCar.state == StockState.IN_STOCK
        )
    )
    return {row[0]: row[1] for row in rows}


def list_standing(session: Session, *, dealer_id: UUID, after: UUID | None, limit: int) -> list[tuple[UUID, UUID]]:
    """Ids of standing stock rows and their vehicles, in order."""
    conditions: list[Any] = [StockCar.dealer_id == dealer_id, StockCar.state == StockState.IN_STOCK]
    if after is not None:
        conditions.append(col(StockCar.id) > after)
    rows = session.exec(select(StockCar.id, StockCar.vehicle_id).where(*conditions).order_by(col(StockCar.id)).limit(limit))
    return [(row[0], row[1]) for row in rows]


def count_standing(session: Session, dealer_id: UUID) -> int:
    return session.exec(
        select(sa.func.count()).select_from(StockCar).where(StockCar.dealer_id == dealer_id, StockCar.state == StockState.IN_STOCK)
    ).one()


# --- imports ---------------------------------------------------------------------------------------------------------------


def find_import(session: Session, import_id: UUID) -> StockImport | None:
    return session.get(StockImport, import_id, populate_existing=True)


def lock_import(session: Session, import_id: UUID) -> StockImport | None:
    return session.exec(
        select(StockImport).where(StockImport.id == import_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def find_running(session: Session, dealer_id: UUID) -> StockImport | None:
    return session.exec(
        select(StockImport).where(
            StockImport.dealer_id == dealer_id, col(StockImport.state).in_(RUNNING), col(StockImport.dry_run).is_(False)
        )
    ).first()


def find_last_import(session: Session, *, dealer_id: UUID) -> StockImport | None:
    """The newest one that was not a dry run."""
    return session.exec(
        select(StockImport)
        .where(StockImport.dealer_id == dealer_id, col(StockImport.dry_run).is_(False))
        .order_by(col(StockImport.id).desc())
        .limit(1)
    ).first()


def list_imports(session: Session, *, dealer_id: UUID, paging: PageQuery) -> list[StockImport]:
    return list(
        session.exec(
            select(StockImport)
            .where(StockImport.dealer_id == dealer_id, paging.where_after(col(StockImport.id), descending=True))
            .order_by(col(StockImport.id).desc())
            .limit(paging.limit + 1)
        )
    )


def list_import_rows(
    session: Session, *, import_id: UUID, outcome: RowOutcome | None, after: int | None, limit: int
) -> list[StockImportRow]:
    """Rows of a file in its order."""
    conditions: list[Any] = [StockImportRow.import_id == import_id]
    if outcome is not None:
        conditions.append(StockImportRow.outcome == outcome)
    if after is not None:
        conditions.append(col(StockImportRow.n) > after)
    return list(session.exec(select(StockImportRow).where(*conditions).order_by(col(StockImportRow.n)).limit(limit)))


def list_stuck_imports(session: Session, *, before: datetime) -> list[UUID]:
    return list(session.exec(select(StockImport.id).where(col(StockImport.state).in_(RUNNING), col(StockImport.received_at) < before)))


def list_imports_of_person(session: Session, person_id: UUID) -> list[StockImport]:
    return list(session.exec(select(StockImport).where(StockImport.uploaded_by == person_id).order_by(col(StockImport.id))))


def find_unsettled(session: Session, dealer_id: UUID) -> UUID | None:
    """A dealer's applied import whose rows are still to be settled."""
    return session.exec(
        select(StockImport.id)
        .where(StockImport.dealer_id == dealer_id, StockImport.state == ImportState.APPLIED, col(StockImport.settled_at).is_(None))
        .order_by(col(StockImport.version))
        .limit(1)
    ).first()


def find_last_version(session: Session, dealer_id: UUID) -> int:
    """The stock's present version; 0 before the first import."""
    found = session.exec(select(sa.func.max(StockImport.version)).where(StockImport.dealer_id == dealer_id)).one()
    return int(found or 0)


def list_changed_since(session: Session, *, dealer_id: UUID, version: int, after: UUID | None, limit: int) -> list[UUID]:
    """Vehicles that imports behind a version changed, in order."""
    conditions: list[Any] = [
        StockImport.dealer_id == dealer_id,
        col(StockImport.version) > version,
        col(StockImportRow.outcome).in_(_CHANGING),
        col(StockImportRow.vehicle_id).is_not(None),
    ]
    if after is not None:
        conditions.append(col(StockImportRow.vehicle_id) > after)
    rows = session.exec(
        select(StockImportRow.vehicle_id)
        .join(StockImport, col(StockImport.id) == col(StockImportRow.import_id))
        .where(*conditions)
        .distinct()
        .order_by(col(StockImportRow.vehicle_id))
        .limit(limit)
    )
    return [vehicle_id for vehicle_id in rows if vehicle_id is not None]


def list_rows_since(session: Session, *, dealer_id: UUID, version: int, vehicle_ids: Sequence[UUID]) -> list[StockImportRow]:
    """What imports behind a version did to these vehicles, oldest first."""
    return list(
        session.exec(
            select(StockImportRow)
            .join(StockImport, col(StockImport.id) == col(StockImportRow.import_id))
            .where(
                StockImport.dealer_id == dealer_id,
                col(StockImport.version) > version,
                col(StockImportRow.outcome).in_(_CHANGING),
                col(StockImportRow.vehicle_id).in_(vehicle_ids),
            )
            .order_by(col(StockImport.version))
        )
    )


def list_stalled_imports(session: Session, *, before: datetime) -> list[StockImport]:
    """Imports on their way that nobody has worked on since an instant; without a run they wait for their event."""
    return list(
        session.exec(select(StockImport).where(StockImport.state == ImportState.RUNNING, col(StockImport.heard_at) < before).limit(100))
    )


def find_mapping(session: Session, dealer_id: UUID) -> StockMapping | None:
    return session.get(StockMapping, dealer_id, populate_existing=True)


def list_due_images(session: Session, *, now: datetime, limit: int) -> list[StockImage]:
    """Pictures whose turn it is; the oldest first."""
    return list(
        session.exec(
            select(StockImage)
            .where(StockImage.state == ImageState.WAITING, col(StockImage.next_try_at) <= now)
            .order_by(col(StockImage.next_try_at))
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
    )


def lock_image(session: Session, image_id: UUID) -> StockImage | None:
    return session.exec(
        select(StockImage).where(StockImage.id == image_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def list_images(session: Session, *, import_id: UUID, after: UUID | None, limit: int) -> list[StockImage]:
    conditions: list[Any] = [StockImage.import_id == import_id]
    if after is not None:
        conditions.append(col(StockImage.id) > after)
    return list(session.exec(select(StockImage).where(*conditions).order_by(col(StockImage.id)).limit(limit)))


def list_image_hashes(session: Session, *, dealer_id: UUID, vehicle_ids: Sequence[UUID]) -> set[tuple[UUID, str]]:
    rows = session.exec(
        select(StockImage.vehicle_id, StockImage.url_hash).where(
            StockImage.dealer_id == dealer_id, col(StockImage.vehicle_id).in_(vehicle_ids)
        )
    )
    return {(row[0], row[1]) for row in rows}
