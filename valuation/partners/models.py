"""Tables of the pricing API: each answer, and how often it was asked."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.db import Json, enum_type, primary_id
from valuation.pricing.api import Confidence, PricePurpose


class Estimate(SQLModel, table=True):
    """One answer with everything needed to compute it again. Amounts in fen; ``coverage_bps`` None where nobody measured it."""

    __tablename__ = "estimate"
    __table_args__ = (
        sa.CheckConstraint(
            "low_minor > 0 AND low_minor <= price_minor AND price_minor <= high_minor",
            name="interval",
        ),
    )

    id: UUID = primary_id()
    party_id: UUID = Field(index=True)
    caller_id: UUID
    vehicle_id: UUID | None = Field(default=None, index=True)
    purpose: PricePurpose = Field(sa_type=enum_type(PricePurpose, "purpose"))
    inputs: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    inputs_hash: str = Field(max_length=64, index=True)
    model_version: str = Field(max_length=80)
    as_of: date
    price_minor: int = Field(sa_type=sa.BigInteger)
    low_minor: int = Field(sa_type=sa.BigInteger)
    high_minor: int = Field(sa_type=sa.BigInteger)
    coverage_bps: int | None = Field(default=None)
    confidence: Confidence = Field(sa_type=enum_type(Confidence, "confidence"))
    answer: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    estimated_at: datetime


class EstimateUsage(SQLModel, table=True):
    """Calls of one caller (an API key or a person) on one legal day."""

    __tablename__ = "estimate_usage"
    __table_args__ = (sa.CheckConstraint("used >= 0", name="used"),)

    caller_id: UUID = Field(primary_key=True)
    used_on: date = Field(primary_key=True)
    party_id: UUID = Field(index=True)
    used: int = Field(default=0, sa_type=sa.BigInteger)
