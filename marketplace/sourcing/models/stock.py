"""Tables of dealer stock and its imports."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.db import Json, enum_type, primary_id
from marketplace.sourcing.domain import ImportMode, ImportState, RowOutcome, StockState

_RUNNING = sa.text("state IN ('received', 'running') AND NOT dry_run")


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
