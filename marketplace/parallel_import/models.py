"""Tables of parallel import: pilots and their assessments, the pilot's car with its dossier."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, enum_type, primary_id
from marketplace.parallel_import.domain import ImportState, ImportVersion, PaperKind
from marketplace.parallel_import.domain.inbound import RowOutcome, RunState, Signing, SourceForm, SourceMode, SourceScope, SourceState
from marketplace.parallel_import.domain.pilots import AssessmentState, PilotKind, PilotState

_UNDER_WAY = sa.text("state IN ('received', 'running')")


class ImportCar(SQLModel, table=True):
    """One car of one pilot. What must be shown of it stands here; the car's own facts stand in vehicles."""

    __tablename__ = "import_car"
    __table_args__ = (
        sa.CheckConstraint("state IN ('ordered') OR arrived_on IS NOT NULL", name="arrival_known"),
        sa.CheckConstraint("state IN ('ordered', 'arrived') OR cleared_on IS NOT NULL", name="clearance_known"),
        sa.CheckConstraint("state NOT IN ('on_sale') OR listing_id IS NOT NULL", name="on_sale_has_a_listing"),
        sa.CheckConstraint("(source_id IS NULL) = (source_ref IS NULL)", name="source_with_ref"),
        sa.UniqueConstraint("source_id", "source_ref", name="import_car_source_ref"),
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
    rectification_site: str = Field(default="", max_length=200)
    differences: str = Field(default="", max_length=1000)
    resume_ask_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    """What it was on sale for when its pilot was suspended: it comes back when the pilot does."""
    resume_description: str = Field(default="", max_length=4000)
    source_id: UUID | None = Field(default=None, index=True)
    source_ref: str | None = Field(default=None, max_length=60)
    source_hash: str = Field(default="", max_length=64)
    """The feed's row as it was last taken in whole; empty: something of it was held back."""
    in_source: bool = False
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


class ImportPilot(SQLModel, table=True):
    """A pilot as the market knows it: who applied as what, what it stated, and how it stands. One row an organization."""

    __tablename__ = "import_pilot"
    __table_args__ = (
        sa.CheckConstraint("state <> 'verified' OR verified_on IS NOT NULL", name="verified_with_day"),
        sa.CheckConstraint("state NOT IN ('suspended', 'removed', 'rejected') OR state_reason <> ''", name="stopped_with_reason"),
        sa.Index("ix_import_pilot_assessment", "state", "next_assessment_on"),
    )

    party_id: UUID = Field(primary_key=True)
    kind: PilotKind = Field(sa_type=enum_type(PilotKind, "kind"))
    state: PilotState = Field(default=PilotState.APPLIED, sa_type=enum_type(PilotState, "state"))
    zone: str = Field(default="", max_length=80)
    stated: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    waived: list[str] = Field(default_factory=list, sa_type=Json)
    applied_by: UUID
    applied_at: datetime
    decided_by: UUID | None = None
    state_reason: str = Field(default="", max_length=500)
    state_changed_at: datetime
    verified_on: date | None = None
    next_assessment_on: date | None = None


class PilotAssessment(SQLModel, table=True):
    """A pilot's assessment of a year: what it stated, what the market counted, what was found."""

    __tablename__ = "import_pilot_assessment"
    __table_args__ = (
        sa.UniqueConstraint("pilot_id", "year", name="assessment_of_a_year"),
        sa.CheckConstraint("state NOT IN ('passed', 'failed') OR decided_at IS NOT NULL", name="decided_with_instant"),
        sa.Index("ix_import_pilot_assessment_due", "state", "due_on"),
    )

    id: UUID = primary_id()
    pilot_id: UUID = Field(foreign_key="import_pilot.party_id")
    year: int
    due_on: date
    state: AssessmentState = Field(default=AssessmentState.DUE, sa_type=enum_type(AssessmentState, "state"))
    results: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    opened_at: datetime
    submitted_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: UUID | None = None
    note: str = Field(default="", max_length=500)


class ImportSource(SQLModel, table=True):
    """Where a pilot's feed comes from. ``url`` may hold a token, so it is kept as secrets are."""

    __tablename__ = "import_source"
    __table_args__ = (
        sa.CheckConstraint("(mode = 'pull') = (url IS NOT NULL)", name="pulled_from_a_url"),
        sa.CheckConstraint("every_s BETWEEN 60 AND 86400", name="schedule_bounds"),
        sa.CheckConstraint("failures >= 0", name="failures_not_negative"),
        sa.Index("ix_import_source_due", "state", "next_pull_at"),
    )

    id: UUID = primary_id()
    pilot_id: UUID = Field(index=True)
    name: str = Field(max_length=80)
    mode: SourceMode = Field(sa_type=enum_type(SourceMode, "mode"))
    form: SourceForm = Field(sa_type=enum_type(SourceForm, "form"))
    scope: SourceScope = Field(sa_type=enum_type(SourceScope, "scope"))
    state: SourceState = Field(default=SourceState.ACTIVE, sa_type=enum_type(SourceState, "state"))
    signing: Signing = Field(sa_type=enum_type(Signing, "signing"))
    secret: str | None = Field(default=None, sa_type=encrypted("feed_secret"))
    public_key: str | None = Field(default=None, max_length=60)
    url: str | None = Field(default=None, sa_type=encrypted("feed_url"))
    every_s: int = 900
    etag: str = Field(default="", max_length=200)
    last_sequence: int = Field(default=0, sa_type=sa.BigInteger)
    failures: int = 0
    problem_code: str | None = Field(default=None, max_length=60)
    problem: str = Field(default="", max_length=400)
    next_pull_at: datetime | None = None
    leased_until: datetime | None = None
    last_checked_at: datetime | None = None
    last_run_id: UUID | None = None
    created_by: UUID
    created_at: datetime


class FeedRun(SQLModel, table=True):
    """One feed that came, and how far its reading is. ``leased_until``: somebody reads it now."""

    __tablename__ = "import_feed_run"
    __table_args__ = (
        sa.Index("uq_import_feed_run_under_way", "source_id", unique=True, sqlite_where=_UNDER_WAY, postgresql_where=_UNDER_WAY),
        sa.Index("ix_import_feed_run_source", "source_id", "id"),
        sa.CheckConstraint("(state IN ('received', 'running')) = (finished_at IS NULL)", name="finished_with_instant"),
    )

    id: UUID = primary_id()
    source_id: UUID = Field(foreign_key="import_source.id")
    pilot_id: UUID
    is_pulled: bool
    scope: SourceScope = Field(sa_type=enum_type(SourceScope, "scope"))
    state: RunState = Field(default=RunState.RECEIVED, sa_type=enum_type(RunState, "state"))
    confirm_removals: bool = False
    content_hash: str = Field(max_length=64)
    sequence: int = Field(default=0, sa_type=sa.BigInteger)
    size_bytes: int = Field(sa_type=sa.BigInteger)
    file_key: str | None = Field(default=None, max_length=200)
    file_expires_at: datetime
    rows_total: int = 0
    rows_done: int = 0
    rows_added: int = 0
    rows_changed: int = 0
    rows_unchanged: int = 0
    rows_held_back: int = 0
    rows_removed: int = 0
    rows_bad: int = 0
    unknown_fields: list[str] = Field(default_factory=list, sa_type=Json)
    problem_code: str | None = Field(default=None, max_length=60)
    problem: str = Field(default="", max_length=400)
    attempts: int = 0
    leased_until: datetime | None = None
    received_at: datetime
    received_again_at: datetime | None = None
    finished_at: datetime | None = None


class FeedRow(SQLModel, table=True):
    """The answer to one row; rows that changed nothing have none."""

    __tablename__ = "import_feed_row"

    run_id: UUID = Field(primary_key=True, foreign_key="import_feed_run.id")
    n: int = Field(primary_key=True)
    ref: str = Field(max_length=60)
    outcome: RowOutcome = Field(sa_type=enum_type(RowOutcome, "outcome"))
    import_id: UUID | None = None
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
