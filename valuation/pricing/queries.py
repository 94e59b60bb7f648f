"""Every SELECT of pricing."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.pagination import PageQuery
from valuation.pricing.models import Estimate, ShownVehicle


def get_estimate(session: Session, *, estimate_id: UUID) -> Estimate:
    found = session.get(Estimate, estimate_id)
    if found is None:
        raise NotFound
    return found


def list_estimates(session: Session, *, party_id: UUID, page: PageQuery) -> Sequence[Estimate]:
    """Newest first; one more than the page holds."""
    return session.exec(
        select(Estimate)
        .where(Estimate.party_id == party_id, page.where_after(col(Estimate.id), descending=True))
        .order_by(col(Estimate.id).desc())
        .limit(page.limit + 1)
    ).all()


def list_all_estimates(session: Session, *, party_id: UUID) -> Sequence[Estimate]:
    """For a person's data export."""
    return session.exec(select(Estimate).where(Estimate.party_id == party_id).order_by(col(Estimate.id))).all()


def delete_estimates(session: Session, *, party_id: UUID) -> int:
    return session.connection().execute(sa.delete(Estimate).where(col(Estimate.party_id) == party_id)).rowcount


def is_shown(session: Session, *, vehicle_id: UUID) -> bool:
    """Whether any channel shows the car to everybody now."""
    statement = select(ShownVehicle.listing_id).where(ShownVehicle.vehicle_id == vehicle_id, col(ShownVehicle.is_shown)).limit(1)
    return session.exec(statement).first() is not None


def lock_shown(session: Session, *, listing_id: UUID) -> ShownVehicle | None:
    statement = select(ShownVehicle).where(ShownVehicle.listing_id == listing_id).with_for_update()
    return session.exec(statement.execution_options(populate_existing=True)).one_or_none()
