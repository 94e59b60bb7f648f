"""Tables of sourcing."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, append_only, enum_type, primary_id
from marketplace.sourcing.domain import ConsignmentKind, ConsignmentState, ImportMode, ImportState, RowOutcome, Side, StockState

_OPEN = sa.text("state IN ('offered', 'active')")
_RUNNING = sa.text("state IN ('received', 'running') AND NOT dry_run")
_IN_BAY = sa.text("state = 'active' AND bay_number IS NOT NULL")


class Consignment(SQLModel, table=True):
    """A consignment contract. ``document`` is the signed text, encrypted: it names people; ``content_hash`` is over its canonical bytes.

    ``agreed_ask_minor`` is the last price the consignor himself agreed to, ``floor_minor`` the floor as last consented.
    """

    __tablename__ = "consignment"
    __table_args__ = (
        sa.Index("uq_consignment_open_vehicle", "vehicle_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.Index("uq_consignment_bay", "agent_id", "bay_number", unique=True, sqlite_where=_IN_BAY, postgresql_where=_IN_BAY),
        sa.Index("ix_consignment_consignor", "consignor_id", "id"),
        sa.Index("ix_consignment_agent", "agent_id", "id"),
        sa.Index("ix_consignment_ends", "state", "ends_at"),
        sa.CheckConstraint("floor_minor > 0 AND floor_minor <= ask_minor", name="floor_below_ask"),
        sa.CheckConstraint("commission_bps BETWEEN 0 AND 10000", name="commission_share"),
        sa.CheckConstraint("term_days > 0", name="term_positive"),
        sa.CheckConstraint("withdrawal_fee_minor >= 0", name="withdrawal_fee_not_negative"),
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
    description: str = Field(default="", max_length=4000)
    document: str = Field(sa_type=encrypted("consignment_document"))
    content_hash: str = Field(max_length=64)
    rules_version: int
    offered_at: datetime
    signed_at: datetime | None = None
    ends_at: datetime | None = None
    listing_id: UUID | None = None

    bay_number: str | None = Field(default=None, max_length=20)
    custody_receipt: str | None = Field(default=None, max_length=40)
    custody_key_count: int | None = None
    custody_odometer_km: int | None = None
    custody_papers: list[str] | None = Field(default=None, sa_type=Json)
    custody_at: datetime | None = None

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


append_only(ConsignmentSignature.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
append_only(ConsignmentConsent.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


# --- dealer stock ----------------------------------------------------------------------------------------------------------


class StockCar(SQLModel, table=True):
    """A car of a dealer's stock. Prices are private to the dealer; what the public sees is the listing.

    ``pending_…`` is what a running import has staged; one statement at its end makes it visible. ``row_hash`` tells an unchanged row.
    """

    __tablename__ = "stock_car"
    __table_args__ = (
        sa.UniqueConstraint("dealer_id", "vehicle_id", name="stock_car_once"),
        sa.Index("ix_stock_car_dealer", "dealer_id", "state", "id"),
        sa.Index("ix_stock_car_pending", "pending_import_id"),
        sa.Index("ix_stock_car_list_request", "list_request_id"),
        sa.CheckConstraint("ask_minor IS NULL OR ask_minor > 0", name="ask_positive"),
        sa.CheckConstraint("cost_minor IS NULL OR cost_minor >= 0", name="cost_not_negative"),
        sa.CheckConstraint("state = 'staged' OR ask_minor IS NOT NULL", name="stock_has_price"),
    )

    id: UUID = primary_id()
    dealer_id: UUID
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    stock_no: str | None = Field(default=None, max_length=60)
    state: StockState = Field(sa_type=enum_type(StockState, "state"))
    ask_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    cost_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    description: str = Field(default="", max_length=2000)
    row_hash: str = Field(default="", max_length=64)
    import_id: UUID | None = None
    pending_import_id: UUID | None = None
    pending_stock_no: str | None = Field(default=None, max_length=60)
    pending_state: StockState | None = Field(default=None, sa_type=enum_type(StockState, "pending_state"))
    pending_ask_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    pending_cost_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    pending_description: str | None = Field(default=None, max_length=2000)
    pending_row_hash: str | None = Field(default=None, max_length=64)
    list_request_id: UUID | None = None
    list_requested_by: UUID | None = None
    list_problem: str | None = Field(default=None, max_length=60)
    created_at: datetime
    changed_at: datetime


class StockImport(SQLModel, table=True):
    """One uploaded file. At most one a dealer is on its way; the same content again right behind an applied one is the same import."""

    __tablename__ = "stock_import"
    __table_args__ = (
        sa.Index("uq_stock_import_running", "dealer_id", unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING),
        sa.Index("ix_stock_import_dealer", "dealer_id", "id"),
        sa.CheckConstraint("rows_total >= 0 AND rows_bad >= 0 AND rows_good >= 0", name="counts_not_negative"),
    )

    id: UUID = primary_id()
    dealer_id: UUID
    uploaded_by: UUID
    mode: ImportMode = Field(sa_type=enum_type(ImportMode, "mode"))
    dry_run: bool = False
    confirm_removals: bool = False
    state: ImportState = Field(sa_type=enum_type(ImportState, "state"))
    content_hash: str = Field(max_length=64)
    file_key: str | None = Field(default=None, max_length=200)
    file_expires_at: datetime | None = None
    file_name: str = Field(default="", max_length=200)
    errors_key: str | None = Field(default=None, max_length=200)
    encoding: str | None = Field(default=None, max_length=20)
    delimiter: str | None = Field(default=None, max_length=4)
    columns: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    problem_code: str | None = Field(default=None, max_length=60)
    problem: str | None = Field(default=None, max_length=400)
    rows_total: int = 0
    rows_good: int = 0
    rows_bad: int = 0
    rows_added: int = 0
    rows_changed: int = 0
    rows_unchanged: int = 0
    rows_removed: int = 0
    rows_warned: int = 0
    received_at: datetime
    finished_at: datetime | None = None


class StockImportRow(SQLModel, table=True):
    """What became of record ``n`` of a file: no content of the row, only which field is wrong, why, and how to mend it."""

    __tablename__ = "stock_import_row"

    import_id: UUID = Field(primary_key=True, foreign_key="stock_import.id")
    n: int = Field(primary_key=True)
    outcome: RowOutcome = Field(sa_type=enum_type(RowOutcome, "outcome"))
    stock_no: str | None = Field(default=None, max_length=60)
    vehicle_id: UUID | None = None
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)


__all__ = [
    "Consignment",
    "ConsignmentConsent",
    "ConsignmentSignature",
    "StockCar",
    "StockImport",
    "StockImportRow",
]
