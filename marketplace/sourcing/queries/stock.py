"""Every SELECT of dealer stock and its imports."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.sourcing.domain import RUNNING, RowOutcome, StockState
from marketplace.sourcing.models import StockCar, StockImport, StockImportRow


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


def list_standing_of_vehicle(session: Session, vehicle_id: UUID) -> list[StockCar]:
    """Rows of a car in anybody's stock."""
    return list(session.exec(select(StockCar).where(StockCar.vehicle_id == vehicle_id, StockCar.state == StockState.IN_STOCK)))


def list_stock(session: Session, *, dealer_id: UUID, state: StockState | None, paging: PageQuery) -> list[StockCar]:
    """A dealer's stock, newest first, without what is only staged; up to ``limit + 1``."""
    conditions: list[Any] = [StockCar.dealer_id == dealer_id, StockCar.state != StockState.STAGED]
    if state is not None:
        conditions.append(StockCar.state == state)
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


def list_of_import(session: Session, *, import_id: UUID, after: UUID | None, limit: int) -> list[StockCar]:
    """Stock an import touched, in order."""
    conditions: list[Any] = [StockCar.import_id == import_id]
    if after is not None:
        conditions.append(col(StockCar.id) > after)
    return list(session.exec(select(StockCar).where(*conditions).order_by(col(StockCar.id)).limit(limit)))


def list_stock_hashes(session: Session, dealer_id: UUID) -> dict[UUID, tuple[str, StockState]]:
    """Row hash and state of each of a dealer's cars, by vehicle."""
    rows = session.exec(select(StockCar.vehicle_id, StockCar.row_hash, StockCar.state).where(StockCar.dealer_id == dealer_id))
    return {row[0]: (row[1], StockState(row[2])) for row in rows}


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
