"""Every SELECT of pricing."""

from uuid import UUID

from sqlmodel import col, select

from marketplace.core.db import Session
from valuation.pricing.models import ShownVehicle


def is_shown(session: Session, *, vehicle_id: UUID) -> bool:
    """Whether any channel shows the car to everybody now."""
    statement = select(ShownVehicle.listing_id).where(ShownVehicle.vehicle_id == vehicle_id, col(ShownVehicle.is_shown)).limit(1)
    return session.exec(statement).first() is not None


def lock_shown(session: Session, *, listing_id: UUID) -> ShownVehicle | None:
    statement = (
        select(ShownVehicle).where(ShownVehicle.listing_id == listing_id).with_for_update().execution_options(populate_existing=True)
    )
    return session.exec(statement).one_or_none()
