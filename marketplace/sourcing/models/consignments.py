"""Tables of consignments."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import append_only, enum_type, primary_id
from marketplace.sourcing.domain import ConsignmentKind, ConsignmentState, Side
from marketplace.sourcing.domain.price_drops import StepOutcome

_OPEN = sa.text("state IN ('offered', 'active')")


class Consignment(SQLModel, table=True):
    """A consignment contract. ``document`` is the signed text, encrypted: it names people; ``content_hash`` is over its canonical bytes.

    ``agreed_ask_minor`` is the last price the consignor himself agreed to, ``floor_minor`` the floor as last consented.
    """

    __tablename__ = "consignment"
    __table_args__ = (
        sa.Index("uq_consignment_open_vehicle", "vehicle_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.Index("ix_consignment_consignor", "consignor_id", "id"),
        sa.Index("ix_consignment_agent", "agent_id", "id"),
        sa.Index("ix_consignment_ends", "state", "ends_at"),
        sa.CheckConstraint("floor_minor > 0 AND floor_minor <= ask_minor", name="floor_below_ask"),
        sa.CheckConstraint("commission_bps BETWEEN 0 AND 10000", name="commission_share"),
        sa.CheckConstraint("term_days > 0", name="term_positive"),
        sa.CheckConstraint("withdrawal_fee_minor >= 0", name="withdrawal_fee_not_negative"),
        sa.CheckConstraint("storage_free_days >= 0 AND storage_day_minor >= 0", name="storage_not_negative"),
        sa.CheckConstraint("state <> 'active' OR (signed_at IS NOT NULL AND ends_at IS NOT NULL)", name="active_is_signed"),
        sa.CheckConstraint("state <> 'sold' OR (price_minor > 0 AND commission_minor >= 0)", name="sold_with_price"),
        sa.CheckConstraint("(state IN ('offered', 'active')) = (ended_at IS NULL)", name="ended_with_instant"),
    )

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    consignor_id: UUID
    agent_id: UUID
    kind: ConsignmentKind = Field(sa_type=enum_type(ConsignmentKind, "kind"))
    state: ConsignmentState = Field(default=ConsignmentState.OFFERED, sa_type=enum_type(ConsignmentState, "state"))
    floor_minor: int = Field(sa_type=sa.BigInteger)
    ask_minor: int = Field(sa_type=sa.BigInteger)
    agreed_ask_minor: int = Field(sa_type=sa.BigInteger)
    term_days: int
    commission_bps: int
    withdrawal_fee_minor: int = Field(default=0, sa_type=sa.BigInteger)
    storage_free_days: int = 0
    storage_day_minor: int = Field(default=0, sa_type=sa.BigInteger)
    description: str = Field(default="", max_length=4000)
    document: str = Field(sa_type=encrypted("consignment_document"))
    content_hash: str = Field(max_length=64)
    rules_version: int
    offered_at: datetime
    signed_at: datetime | None = None
    ends_at: datetime | None = None
    listing_id: UUID | None = None

    ended_at: datetime | None = None
    end_reason: str | None = Field(default=None, max_length=40)
    end_note: str = Field(default="", max_length=500)
    order_id: UUID | None = None
    price_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    commission_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    version: int = 1


class ConsignmentSignature(SQLModel, table=True):
    """Which signature of accounts stands for which side. Append-only."""

    __tablename__ = "consignment_signature"
    __table_args__ = (sa.UniqueConstraint("consignment_id", "side", name="consignment_signature_once"),)

    id: UUID = primary_id()
    consignment_id: UUID = Field(foreign_key="consignment.id")
    side: Side = Field(sa_type=enum_type(Side, "side"))
    signature_id: UUID
    person_id: UUID
    at: datetime


class ConsignmentConsent(SQLModel, table=True):
    """The consignor's signed consent to another floor. Append-only."""

    __tablename__ = "consignment_consent"
    __table_args__ = (sa.CheckConstraint("floor_minor > 0", name="consent_floor_positive"),)

    id: UUID = primary_id()
    consignment_id: UUID = Field(foreign_key="consignment.id", index=True)
    from_floor_minor: int = Field(sa_type=sa.BigInteger)
    floor_minor: int = Field(sa_type=sa.BigInteger)
    content_hash: str = Field(max_length=64)
    signature_id: UUID
    at: datetime


class ConsignmentPriceStep(SQLModel, table=True):
    """One step of the agreed price-drop plan; ``due_at`` is set when the contract is made, ``outcome`` when the step's time has come."""

    __tablename__ = "consignment_price_step"
    __table_args__ = (
        sa.UniqueConstraint("consignment_id", "seq", name="consignment_price_step_seq"),
        sa.CheckConstraint("ask_minor > 0 AND after_days > 0", name="step_positive"),
        sa.CheckConstraint("(outcome IS NULL) = (done_at IS NULL)", name="outcome_with_instant"),
        sa.Index("ix_consignment_price_step_due", "outcome", "due_at"),
    )

    id: UUID = primary_id()
    consignment_id: UUID = Field(foreign_key="consignment.id")
    seq: int
    after_days: int
    ask_minor: int = Field(sa_type=sa.BigInteger)
    due_at: datetime | None = None
    outcome: StepOutcome | None = Field(default=None, sa_type=enum_type(StepOutcome, "outcome"))
    done_at: datetime | None = None


append_only(ConsignmentSignature.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
append_only(ConsignmentConsent.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
