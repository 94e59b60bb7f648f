"""Usage of the pricing API, counted as rows."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class EstimateUsage(SQLModel, table=True):
    """Calls of one caller (an API key or a person) on one legal day."""

    __tablename__ = "estimate_usage"
    __table_args__ = (sa.CheckConstraint("used >= 0", name="used"),)

    caller_id: UUID = Field(primary_key=True)
    on_day: date = Field(primary_key=True)
    party_id: UUID = Field(index=True)
    used: int = Field(default=0, sa_type=sa.BigInteger)
