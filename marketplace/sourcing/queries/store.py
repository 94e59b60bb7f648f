"""Every SELECT of a dealer's store."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.sourcing.domain import StockState
from marketplace.sourcing.models import Reconditioning, StockCar


def list_works(session: Session, *, dealer_id: UUID, vehicle_ids: Sequence[UUID]) -> list[Reconditioning]:
    """Works on a dealer's cars, oldest first."""
    return list(
        session.exec(
            select(Reconditioning)
            .where(Reconditioning.dealer_id == dealer_id, col(Reconditioning.vehicle_id).in_(vehicle_ids))
            .order_by(col(Reconditioning.id))
        )
    )


def lock_work(session: Session, work_id: UUID) -> Reconditioning | None:
    return session.exec(
        select(Reconditioning).where(Reconditioning.id == work_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def list_standing_vehicle_ids(session: Session, *, dealer_id: UUID, before: UUID | None, limit: int) -> list[UUID]:
    """Cars that stand in a dealer's stock, by vehicle id downwards."""
    statement = (
        select(StockCar.vehicle_id)
        .where(StockCar.dealer_id == dealer_id, StockCar.state == StockState.IN_STOCK)
        .order_by(col(StockCar.vehicle_id).desc())
        .limit(limit)
    )
    return list(session.exec(statement.where(col(StockCar.vehicle_id) < before) if before else statement))


def list_stock_cars(session: Session, *, dealer_id: UUID, vehicle_ids: Sequence[UUID]) -> dict[UUID, StockCar]:
    rows = session.exec(select(StockCar).where(StockCar.dealer_id == dealer_id, col(StockCar.vehicle_id).in_(vehicle_ids)))
    return {row.vehicle_id: row for row in rows}
