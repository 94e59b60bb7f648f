"""Tables of acquisitions, the invoices dealers issue in reverse, and what the registry notes on cars bought for stock."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, append_only, enum_type, primary_id
from marketplace.sourcing.domain.acquisitions import AcquisitionState, OfferState

_RUNNING = sa.text("state IN ('open', 'accepted', 'price_change', 'ordered')")
_OPEN = sa.text("state = 'open'")
_TAKEN = "state IN ('accepted', 'price_change', 'ordered', 'completed')"
_STANDING = sa.text("ended_at IS NULL")


class Acquisition(SQLModel, table=True):
    """An owner's request for offers and what became of it. ``expected_minor`` is the owner's own and shown to nobody.

    ``agreed_minor`` is the accepted offer's price, ``price_minor`` the one after the re-inspection.
    """

    __tablename__ = "acquisition"
    __table_args__ = (
        sa.Index("uq_acquisition_running_vehicle", "vehicle_id", unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING),
        sa.Index("ix_acquisition_owner", "owner_id", "id"),
        sa.Index("ix_acquisition_dealer", "dealer_id", "id"),
        sa.Index("ix_acquisition_closes", "state", "closes_at"),
        sa.CheckConstraint("expected_minor IS NULL OR expected_minor > 0", name="expected_positive"),
        sa.CheckConstraint(
            f"NOT ({_TAKEN}) OR (dealer_id IS NOT NULL AND agreed_minor > 0 AND price_minor > 0)", name="accepted_with_price"
        ),
        sa.CheckConstraint("dealer_id IS NULL OR dealer_id <> owner_id", name="two_parties"),
        sa.CheckConstraint("state NOT IN ('ordered', 'completed') OR order_id IS NOT NULL", name="ordered_with_order"),
        sa.CheckConstraint("(state IN ('open', 'accepted', 'price_change', 'ordered')) = (ended_at IS NULL)", name="ended_with_instant"),
    )

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    owner_id: UUID
    asked_by: UUID
    agreement_id: UUID | None = Field(default=None, index=True)
    state: AcquisitionState = Field(default=AcquisitionState.OPEN, sa_type=enum_type(AcquisitionState, "state"))
    expected_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    city: str = Field(max_length=30)
    description: str = Field(default="", max_length=2000)
    disclosures: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    rules_version: int
    asked_at: datetime
    closes_at: datetime
    offer_id: UUID | None = None
    dealer_id: UUID | None = None
    agreed_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    price_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    accepted_at: datetime | None = None
    inspect_by: datetime | None = None
    answer_by: datetime | None = None
    order_id: UUID | None = Field(default=None, index=True)
    ended_at: datetime | None = None
    end_reason: str | None = Field(default=None, max_length=40)
    end_note: str = Field(default="", max_length=500)
    version: int = 1


class AcquisitionOffer(SQLModel, table=True):
    """A dealer's offer with its period of acceptance; one stands at a time, a raise takes its place."""

    __tablename__ = "acquisition_offer"
    __table_args__ = (
        sa.Index("uq_acquisition_offer_standing", "acquisition_id", "dealer_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.UniqueConstraint("acquisition_id", "dealer_id", "number", name="acquisition_offer_number"),
        sa.Index("ix_acquisition_offer_dealer", "dealer_id", "id"),
        sa.Index("ix_acquisition_offer_lapses", "state", "valid_until"),
        sa.CheckConstraint("price_minor > 0", name="offer_positive"),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="offer_ended_with_instant"),
    )

    id: UUID = primary_id()
    acquisition_id: UUID = Field(foreign_key="acquisition.id")
    dealer_id: UUID
    offered_by: UUID
    number: int
    price_minor: int = Field(sa_type=sa.BigInteger)
    note: str = Field(default="", max_length=500)
    state: OfferState = Field(default=OfferState.OPEN, sa_type=enum_type(OfferState, "state"))
    offered_at: datetime
    valid_until: datetime
    ended_at: datetime | None = None


class AcquisitionInspection(SQLModel, table=True):
    """What the dealer found when the car was handed over, and the price he draws from it. Append-only: it is his record."""

    __tablename__ = "acquisition_inspection"
    __table_args__ = (
        sa.UniqueConstraint("acquisition_id", "number", name="acquisition_inspection_number"),
        sa.CheckConstraint("price_minor > 0 AND agreed_minor > 0", name="inspected_price_positive"),
        sa.CheckConstraint("odometer_km >= 0", name="inspected_km_not_negative"),
    )

    id: UUID = primary_id()
    acquisition_id: UUID = Field(foreign_key="acquisition.id")
    number: int
    dealer_id: UUID
    inspected_by: UUID
    odometer_km: int
    agreed_minor: int = Field(sa_type=sa.BigInteger)
    price_minor: int = Field(sa_type=sa.BigInteger)
    changes: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    content_hash: str = Field(max_length=64)
    at: datetime


class AcquisitionAnswer(SQLModel, table=True):
    """The owner's answer to a change of price; a consent is signed. Append-only."""

    __tablename__ = "acquisition_answer"
    __table_args__ = (
        sa.UniqueConstraint("inspection_id", name="acquisition_answer_once"),
        sa.CheckConstraint("consented = (signature_id IS NOT NULL)", name="consent_is_signed"),
    )

    id: UUID = primary_id()
    inspection_id: UUID = Field(foreign_key="acquisition_inspection.id")
    consented: bool
    signature_id: UUID | None = None
    person_id: UUID
    at: datetime


class ReverseInvoice(SQLModel, table=True):
    """Data of a unified invoice the dealer issues to the person he bought from. Append-only; the content names him and is encrypted."""

    __tablename__ = "reverse_invoice"
    __table_args__ = (
        sa.Index("ix_reverse_invoice_seller", "seller_id", "issued_at"),
        sa.CheckConstraint("amount_minor > 0", name="reverse_amount_positive"),
    )

    id: UUID = primary_id()
    order_id: UUID = Field(unique=True)
    vehicle_id: UUID = Field(foreign_key="vehicle.id")
    seller_id: UUID
    dealer_id: UUID
    amount_minor: int = Field(sa_type=sa.BigInteger)
    content: str = Field(sa_type=encrypted("reverse_invoice"))
    content_hash: str = Field(max_length=64)
    rules_version: int
    issued_by: UUID
    issued_at: datetime


class StockAnnotation(SQLModel, table=True):
    """二手车待销售: what the registry notes on a car a dealer bought for stock, until it leaves him."""

    __tablename__ = "stock_annotation"
    __table_args__ = (
        sa.Index("uq_stock_annotation_standing", "vehicle_id", unique=True, sqlite_where=_STANDING, postgresql_where=_STANDING),
        sa.Index("ix_stock_annotation_dealer", "dealer_id", "id"),
    )

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id")
    dealer_id: UUID
    text: str = Field(max_length=40)
    annotated_at: datetime
    ended_at: datetime | None = None


class TemporaryPlate(SQLModel, table=True):
    """A plate for a necessary short trip of a stock car; so many while it stands with one dealer."""

    __tablename__ = "temporary_plate"
    __table_args__ = (
        sa.UniqueConstraint("annotation_id", "number", name="temporary_plate_number"),
        sa.CheckConstraint("number >= 1", name="temporary_plate_counts"),
        sa.CheckConstraint("valid_to >= valid_from", name="temporary_plate_days"),
    )

    id: UUID = primary_id()
    annotation_id: UUID = Field(foreign_key="stock_annotation.id")
    number: int
    plate: str = Field(sa_type=encrypted("temporary_plate"))
    purpose: str = Field(max_length=40)
    valid_from: date
    valid_to: date
    recorded_by: UUID
    recorded_at: datetime


append_only(AcquisitionInspection.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
append_only(AcquisitionAnswer.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
append_only(ReverseInvoice.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
