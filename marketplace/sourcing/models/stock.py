"""Tables of dealer stock and its imports."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, enum_type, primary_id
from marketplace.sourcing.domain import ImageState, ImportMode, ImportState, RowOutcome, StockState
from marketplace.sourcing.domain.sources import FileFormat

_ASKED = sa.text("list_request_id IS NOT NULL")
_FETCHING = sa.text("state = 'waiting'")
_RUNNING = sa.text("state IN ('received', 'running') AND NOT dry_run")


class StockCar(SQLModel, table=True):
    """A car of a dealer's stock. Prices are private to the dealer; what the public sees is the listing.

    ``pending_…`` is what an import has staged. It counts from the moment that import is applied, which is one row's change; a job then
    settles it into the row's own columns. ``row_hash`` tells an unchanged record.
    ``hand_changed_at``: somebody changed the car by hand since its last import.
    ``pending_more``: facts and images to come, encrypted JSON.
    """

    __tablename__ = "stock_car"
    __table_args__ = (
        sa.UniqueConstraint("dealer_id", "vehicle_id", name="stock_car_once"),
        sa.Index("ix_stock_car_dealer", "dealer_id", "state", "id"),
        sa.Index("ix_stock_car_pending", "pending_import_id"),
        sa.Index("ix_stock_car_hash", "dealer_id", "row_hash"),
        sa.Index("ix_stock_car_list_request", "list_request_id", sqlite_where=_ASKED, postgresql_where=_ASKED),
        sa.CheckConstraint("ask_minor IS NULL OR ask_minor > 0", name="ask_positive"),
        sa.CheckConstraint("cost_minor IS NULL OR cost_minor >= 0", name="cost_not_negative"),
        sa.CheckConstraint("state IN ('staged', 'bought') OR ask_minor IS NOT NULL", name="stock_has_price"),
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
    pending_more: str | None = Field(default=None, sa_type=encrypted("stock_pending"))
    hand_changed_at: datetime | None = None
    list_request_id: UUID | None = None
    list_requested_by: UUID | None = None
    list_problem: str | None = Field(default=None, max_length=60)
    created_at: datetime
    changed_at: datetime


class StockImport(SQLModel, table=True):
    """One uploaded file, or one going back to an earlier version (``restores_id``). At most one a dealer is on its way; the same content
    again right behind an applied one is the same import. ``version`` counts a dealer's applied ones; ``settled_at``: all followed.
    ``run_id`` is the reader that may go on with it, ``heard_at`` when it last did.
    """

    __tablename__ = "stock_import"
    __table_args__ = (
        sa.Index("uq_stock_import_running", "dealer_id", unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING),
        sa.Index("ix_stock_import_dealer", "dealer_id", "id"),
        sa.UniqueConstraint("dealer_id", "version", name="stock_import_version"),
        sa.CheckConstraint("(state = 'applied') = (version IS NOT NULL)", name="applied_has_version"),
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
    file_bytes: int = Field(default=0, sa_type=sa.BigInteger)
    file_name: str = Field(default="", max_length=200)
    errors_key: str | None = Field(default=None, max_length=200)
    format: FileFormat | None = Field(default=None, sa_type=enum_type(FileFormat, "format"))
    version: int | None = None
    restores_id: UUID | None = Field(default=None, foreign_key="stock_import.id")
    list_after: bool = False
    progress_permille: int = 0
    run_id: UUID | None = None
    heard_at: datetime | None = None
    settled_at: datetime | None = None
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
    """What became of record ``n`` of a file: which field is wrong, why, and how to mend it; for a change, what it was and became.

    Records that change nothing and are in order leave none. ``before`` is the stock row as it was: what going back restores.
    """

    __tablename__ = "stock_import_row"
    __table_args__ = (sa.Index("ix_stock_import_row_vehicle", "import_id", "vehicle_id"),)

    import_id: UUID = Field(primary_key=True, foreign_key="stock_import.id")
    n: int = Field(primary_key=True)
    outcome: RowOutcome = Field(sa_type=enum_type(RowOutcome, "outcome"))
    stock_no: str | None = Field(default=None, max_length=60)
    vehicle_id: UUID | None = None
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    changes: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    before: dict[str, Any] | None = Field(default=None, sa_type=Json)


class StockMapping(SQLModel, table=True):
    """What a dealer's own headers mean, by the header's key."""

    __tablename__ = "stock_mapping"

    dealer_id: UUID = Field(primary_key=True)
    headers: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    changed_at: datetime


class StockImage(SQLModel, table=True):
    """A picture a stock file names; a job fetches it. The address may hold a token: encrypted, ``url_hash`` tells it again."""

    __tablename__ = "stock_image"
    __table_args__ = (
        sa.UniqueConstraint("dealer_id", "vehicle_id", "url_hash", name="stock_image_once"),
        sa.Index("ix_stock_image_due", "next_try_at", sqlite_where=_FETCHING, postgresql_where=_FETCHING),
    )

    id: UUID = primary_id()
    dealer_id: UUID
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    import_id: UUID = Field(foreign_key="stock_import.id", index=True)
    position: int
    url: str = Field(sa_type=encrypted("image_url", lookup="url_hash"))
    url_hash: str = Field(max_length=80)
    state: ImageState = Field(default=ImageState.WAITING, sa_type=enum_type(ImageState, "state"))
    attempts: int = 0
    next_try_at: datetime
    problem: str | None = Field(default=None, max_length=60)
    photo_id: UUID | None = None
    created_at: datetime
