"""Tables of parallel import: the pilot's car with its dossier, and the outbound feed."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, enum_type, primary_id
from marketplace.parallel_import.domain import ImportState, ImportVersion, PaperKind


class ImportCar(SQLModel, table=True):
    """One car of one pilot. What must be shown of it stands here; the car's own facts stand in vehicles."""

    __tablename__ = "import_car"
    __table_args__ = (
        sa.CheckConstraint("state IN ('ordered') OR arrived_on IS NOT NULL", name="arrival_known"),
        sa.CheckConstraint("state IN ('ordered', 'arrived') OR cleared_on IS NOT NULL", name="clearance_known"),
        sa.CheckConstraint("state NOT IN ('on_sale') OR listing_id IS NOT NULL", name="on_sale_has_a_listing"),
    )

    id: UUID = primary_id()
    vehicle_id: UUID = Field(unique=True)
    pilot_id: UUID = Field(index=True)
    state: ImportState = Field(default=ImportState.ORDERED, sa_type=enum_type(ImportState, "state"))
    import_version: ImportVersion = Field(sa_type=enum_type(ImportVersion, "import_version"))
    is_new: bool = True
    arrived_on: date | None = None
    cleared_on: date | None = None
    listing_id: UUID | None = None
    importer: str = Field(default="", max_length=120)
    pilot_no: str = Field(default="", max_length=80)
    warranty_giver: str = Field(default="", max_length=120)
    warranty_terms: str = Field(default="", max_length=500)
    repair_outlets: str = Field(default="", max_length=500)
    recall_contact: str = Field(default="", max_length=120)
    makers_warranty: bool = False
    rectifications: str = Field(default="", max_length=1000)
    differences: str = Field(default="", max_length=1000)
    created_at: datetime
    updated_at: datetime


class ImportPaper(SQLModel, table=True):
    """A paper of the dossier; a renewed one closes the former."""

    __tablename__ = "import_paper"
    __table_args__ = (
        sa.Index(
            "uq_import_paper_valid",
            "import_id",
            "kind",
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        ),
    )

    id: UUID = primary_id()
    import_id: UUID = Field(foreign_key="import_car.id")
    kind: PaperKind = Field(sa_type=enum_type(PaperKind, "kind"))
    number: str = Field(sa_type=encrypted("document_number"))
    issuer: str = Field(default="", max_length=120)
    issued_on: date | None = None
    recorded_by: UUID
    recorded_at: datetime
    superseded_at: datetime | None = None


class FeedHead(SQLModel, table=True):
    """One row: the feed's last number. Its lock makes numbers appear in their order, so a cursor never skips a change."""

    __tablename__ = "import_feed_head"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(default=1, primary_key=True)
    last_no: int = Field(default=0, sa_type=sa.BigInteger)


class FeedEntry(SQLModel, table=True):
    """A car as the feed shows it. ``feed_no`` grows with each change; a removed car keeps its line without content."""

    __tablename__ = "import_feed_entry"

    import_id: UUID = Field(primary_key=True, foreign_key="import_car.id")
    feed_no: int = Field(sa_type=sa.BigInteger, unique=True)
    is_removed: bool = False
    content_hash: str = Field(max_length=64)
    document: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
