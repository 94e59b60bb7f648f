"""Tables of enterprise sources: agreements, their signatures, batches and the cars in them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, append_only, enum_type, primary_id
from marketplace.sourcing.domain.agreements import AgreementSide, AgreementState, BatchState, CarOutcome, SourceChannel, SourceOrigin

_WAITING = sa.text("outcome = 'waiting'")


class SupplyAgreement(SQLModel, table=True):
    """A framework agreement between a source and the market. The text names organizations alone; its hash is what both sign."""

    __tablename__ = "supply_agreement"
    __table_args__ = (
        sa.Index("ix_supply_agreement_source", "source_id", "id"),
        sa.CheckConstraint("valid_to >= valid_from", name="agreement_days"),
        sa.CheckConstraint("commission_bps BETWEEN 0 AND 10000", name="agreement_commission_share"),
        sa.CheckConstraint("car_fee_minor >= 0", name="agreement_fee_not_negative"),
        sa.CheckConstraint("state <> 'active' OR signed_at IS NOT NULL", name="active_agreement_is_signed"),
    )

    id: UUID = primary_id()
    number: str = Field(max_length=30, unique=True)
    source_id: UUID
    market_id: UUID
    state: AgreementState = Field(default=AgreementState.OFFERED, sa_type=enum_type(AgreementState, "state"))
    origins: list[str] = Field(sa_type=Json)
    channels: list[str] = Field(sa_type=Json)
    valid_from: date
    valid_to: date
    commission_bps: int
    car_fee_minor: int = Field(sa_type=sa.BigInteger)
    document: str = Field(sa_type=encrypted("supply_agreement"))
    content_hash: str = Field(max_length=64)
    offered_at: datetime
    signed_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str = Field(default="", max_length=300)


class SupplySignature(SQLModel, table=True):
    """Which signature stands for which side. Append-only."""

    __tablename__ = "supply_signature"
    __table_args__ = (sa.UniqueConstraint("agreement_id", "side", name="supply_signature_once"),)

    id: UUID = primary_id()
    agreement_id: UUID = Field(foreign_key="supply_agreement.id")
    side: AgreementSide = Field(sa_type=enum_type(AgreementSide, "side"))
    signature_id: UUID
    person_id: UUID
    at: datetime


class SupplyBatch(SQLModel, table=True):
    """Cars brought in at once under an agreement."""

    __tablename__ = "supply_batch"
    __table_args__ = (
        sa.UniqueConstraint("agreement_id", "number", name="supply_batch_number"),
        sa.CheckConstraint("number >= 1", name="supply_batch_counts"),
    )

    id: UUID = primary_id()
    agreement_id: UUID = Field(foreign_key="supply_agreement.id")
    number: int
    state: BatchState = Field(default=BatchState.RECEIVED, sa_type=enum_type(BatchState, "state"))
    brought_by: UUID
    received_at: datetime
    finished_at: datetime | None = None


class SupplyCar(SQLModel, table=True):
    """One car of a batch and what became of it. ``payload`` is what was stated, with full numbers: encrypted, gone once it is taken in."""

    __tablename__ = "supply_car"
    __table_args__ = (sa.Index("ix_supply_car_waiting", "batch_id", "n", sqlite_where=_WAITING, postgresql_where=_WAITING),)

    batch_id: UUID = Field(foreign_key="supply_batch.id", primary_key=True)
    n: int = Field(primary_key=True)
    reference: str | None = Field(default=None, max_length=60)
    origin: SourceOrigin = Field(sa_type=enum_type(SourceOrigin, "origin"))
    channel: SourceChannel = Field(sa_type=enum_type(SourceChannel, "channel"))
    proofs: str = Field(sa_type=encrypted("supply_proofs"))
    payload: str | None = Field(default=None, sa_type=encrypted("supply_car"))
    outcome: CarOutcome = Field(default=CarOutcome.WAITING, sa_type=enum_type(CarOutcome, "outcome"))
    vehicle_id: UUID | None = Field(default=None, index=True)
    acquisition_id: UUID | None = None
    consignment_id: UUID | None = None
    problem_code: str | None = Field(default=None, max_length=60)
    problem: dict[str, Any] = Field(default_factory=dict, sa_type=Json)


append_only(SupplySignature.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
