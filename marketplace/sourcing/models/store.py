"""Tables of a dealer's store."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.db import enum_type, primary_id
from marketplace.sourcing.domain.store import WorkKind, WorkState


class Reconditioning(SQLModel, table=True):
    """One piece of work on a stock car, with its cost. Nobody but its dealer sees it."""

    __tablename__ = "reconditioning"
    __table_args__ = (
        sa.Index("ix_reconditioning_car", "dealer_id", "vehicle_id", "id"),
        sa.CheckConstraint("cost_minor >= 0", name="cost_not_negative"),
        sa.CheckConstraint("(state = 'done') = (done_on IS NOT NULL)", name="done_with_day"),
    )

    id: UUID = primary_id()
    dealer_id: UUID
    vehicle_id: UUID = Field(foreign_key="vehicle.id")
    kind: WorkKind = Field(sa_type=enum_type(WorkKind, "kind"))
    description: str = Field(default="", max_length=300)
    workshop: str = Field(default="", max_length=80)
    state: WorkState = Field(default=WorkState.PLANNED, sa_type=enum_type(WorkState, "state"))
    cost_minor: int = Field(sa_type=sa.BigInteger)
    done_on: date | None = None
    created_by: UUID
    created_at: datetime
    version: int = 1
