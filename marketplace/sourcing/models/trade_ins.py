"""Tables of trade-ins."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, enum_type, primary_id
from marketplace.sourcing.domain.subsidies import ProofKind
from marketplace.sourcing.domain.trade_ins import TradeInState

_OPEN = sa.text("state IN ('asked', 'offered', 'ordered')")

_JSON_OR_NULL = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""An absent car is SQL NULL: the constraint asks."""


class TradeIn(SQLModel, table=True):
    """An old car offered against a new one: a dealer's listed car (``listing_id``) or one he sells outside the market (``new_car``)."""

    __tablename__ = "trade_in"
    __table_args__ = (
        sa.Index("uq_trade_in_open_vehicle", "vehicle_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.Index("ix_trade_in_owner", "owner_id", "id"),
        sa.Index("ix_trade_in_dealer", "dealer_id", "id"),
        sa.Index("ix_trade_in_lapses", "state", "valid_until"),
        sa.CheckConstraint("(listing_id IS NULL) <> (new_car IS NULL)", name="trade_in_one_new_car"),
        sa.CheckConstraint("old_price_minor IS NULL OR old_price_minor > 0", name="trade_in_old_price_positive"),
        sa.CheckConstraint("new_price_minor IS NULL OR new_price_minor > 0", name="trade_in_new_price_positive"),
        sa.CheckConstraint("owner_id <> dealer_id", name="trade_in_two_parties"),
        sa.CheckConstraint(
            "state NOT IN ('ordered', 'completed') OR (old_order_id IS NOT NULL AND (new_order_id IS NOT NULL OR listing_id IS NULL))",
            name="trade_in_both_or_neither",
        ),
        sa.CheckConstraint("(state IN ('asked', 'offered', 'ordered')) = (ended_at IS NULL)", name="trade_in_ended_with_instant"),
    )

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    owner_id: UUID
    dealer_id: UUID
    listing_id: UUID | None = Field(default=None, index=True)
    new_car: dict[str, Any] | None = Field(default=None, sa_type=_JSON_OR_NULL)
    state: TradeInState = Field(default=TradeInState.ASKED, sa_type=enum_type(TradeInState, "state"))
    description: str = Field(default="", max_length=2000)
    disclosures: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    buyer_city: str | None = Field(default=None, max_length=30)
    asked_at: datetime
    valid_until: datetime
    old_price_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    new_price_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    offered_by: UUID | None = None
    old_order_id: UUID | None = Field(default=None, index=True)
    new_order_id: UUID | None = Field(default=None, index=True)
    old_gone_on: date | None = None
    new_bought_on: date | None = None
    ended_at: datetime | None = None
    end_reason: str = Field(default="", max_length=40)
    end_note: str = Field(default="", max_length=500)


class TradeInProof(SQLModel, table=True):
    """A proof at hand for the subsidy; its number is encrypted."""

    __tablename__ = "trade_in_proof"

    trade_in_id: UUID = Field(foreign_key="trade_in.id", primary_key=True)
    kind: ProofKind = Field(sa_type=enum_type(ProofKind, "kind"), primary_key=True)
    number: str = Field(sa_type=encrypted("subsidy_proof"))
    issued_on: date | None = None
    provided_at: datetime
