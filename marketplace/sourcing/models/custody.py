"""Tables of custody: the bay register, receipts, pieces and their movements, and what a consignor owes."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, enum_type, primary_id
from marketplace.sourcing.domain.custody import ChargeKind, ChargeState, Holder, MovementState, PieceKind

_STANDING = sa.text("returned_at IS NULL")
_GIVEN = sa.text("state = 'given'")


class CustodyBay(SQLModel, table=True):
    """A numbered bay of an agent."""

    __tablename__ = "custody_bay"
    __table_args__ = (sa.UniqueConstraint("agent_id", "number", name="custody_bay_number"),)

    id: UUID = primary_id()
    agent_id: UUID
    number: str = Field(max_length=20)
    note: str = Field(default="", max_length=200)
    is_open: bool = True
    created_at: datetime


class Custody(SQLModel, table=True):
    """A car in a bay: one a bay. ``document`` is the receipt, encrypted: it names people; ``content_hash`` what the keeper signed."""

    __tablename__ = "custody"
    __table_args__ = (
        sa.Index("uq_custody_bay", "bay_id", unique=True, sqlite_where=_STANDING, postgresql_where=_STANDING),
        sa.Index("ix_custody_vehicle", "vehicle_id", "returned_at"),
        sa.CheckConstraint("odometer_km >= 0", name="odometer_not_negative"),
    )

    id: UUID = primary_id()
    consignment_id: UUID = Field(foreign_key="consignment.id", unique=True)
    vehicle_id: UUID = Field(foreign_key="vehicle.id")
    agent_id: UUID
    bay_id: UUID = Field(foreign_key="custody_bay.id")
    receipt_no: str = Field(max_length=40, unique=True)
    odometer_km: int
    document: str = Field(sa_type=encrypted("custody_receipt"))
    content_hash: str = Field(max_length=64)
    signature_id: UUID
    taken_by: UUID
    taken_at: datetime
    returned_at: datetime | None = None


class CustodyPiece(SQLModel, table=True):
    """The car itself, a key, a paper, whatever else came along; who has it now. ``movement_id``: one under way."""

    __tablename__ = "custody_piece"
    __table_args__ = (sa.UniqueConstraint("custody_id", "seq", name="custody_piece_seq"),)

    id: UUID = primary_id()
    custody_id: UUID = Field(foreign_key="custody.id")
    seq: int
    kind: PieceKind = Field(sa_type=enum_type(PieceKind, "kind"))
    label: str = Field(max_length=60)
    holder: Holder = Field(default=Holder.AGENT, sa_type=enum_type(Holder, "holder"))
    movement_id: UUID | None = None


class CustodyMovement(SQLModel, table=True):
    """Pieces going from one side to the other: signed by the giver, then by the receiver over the same hash.

    A sale's hand-over has ``order_id`` instead: its papers are the order's.
    """

    __tablename__ = "custody_movement"
    __table_args__ = (
        sa.Index("ix_custody_movement_custody", "custody_id", "id"),
        sa.CheckConstraint("giver <> receiver", name="two_sides"),
        sa.CheckConstraint(
            "state <> 'received' OR order_id IS NOT NULL OR (giver_signature_id IS NOT NULL AND receiver_signature_id IS NOT NULL)",
            name="received_with_both_signatures",
        ),
    )

    id: UUID = primary_id()
    custody_id: UUID = Field(foreign_key="custody.id")
    state: MovementState = Field(default=MovementState.GIVEN, sa_type=enum_type(MovementState, "state"))
    giver: Holder = Field(sa_type=enum_type(Holder, "giver"))
    receiver: Holder = Field(sa_type=enum_type(Holder, "receiver"))
    pieces: list[str] = Field(default_factory=list, sa_type=Json)
    purpose: str = Field(default="", max_length=200)
    content_hash: str = Field(max_length=64)
    giver_signature_id: UUID | None = None
    given_by: UUID | None = None
    given_at: datetime
    receiver_signature_id: UUID | None = None
    received_by: UUID | None = None
    received_at: datetime | None = None
    order_id: UUID | None = None


class ConsignmentCharge(SQLModel, table=True):
    """What the consignor owes the agent beside the commission, and the payment asked for it. Storage: ``(from_on, until_on]``."""

    __tablename__ = "consignment_charge"
    __table_args__ = (
        sa.UniqueConstraint("consignment_id", "kind", "until_on", name="consignment_charge_once"),
        sa.CheckConstraint("amount_minor > 0", name="charge_positive"),
        sa.CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name="paid_with_instant"),
        sa.Index("ix_consignment_charge_consignor", "consignor_id", "state"),
    )

    id: UUID = primary_id()
    consignment_id: UUID = Field(foreign_key="consignment.id")
    consignor_id: UUID
    agent_id: UUID
    kind: ChargeKind = Field(sa_type=enum_type(ChargeKind, "kind"))
    state: ChargeState = Field(default=ChargeState.DUE, sa_type=enum_type(ChargeState, "state"))
    amount_minor: int = Field(sa_type=sa.BigInteger)
    days: int = 0
    from_on: date | None = None
    until_on: date
    rules_version: int
    payment_id: UUID | None = None
    raised_at: datetime
    paid_at: datetime | None = None
