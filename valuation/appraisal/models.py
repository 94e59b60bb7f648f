"""Tables of appraisal. A signature is append-only; an issued report's text is what its hash says."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.db import Json, append_only, enum_type, primary_id
from valuation.appraisal.domain import AppraisalState, Audience, Grade, PaperKind, PhotoSlot, Purpose, ReportKind

_OPEN = "state IN ('requested', 'accepted', 'engaged', 'inspected', 'valued', 'signing')"


class Appraisal(SQLModel, table=True):
    """One engagement of one institution on one car. Scores are tenths of a point, ratios basis points, money fen."""

    __tablename__ = "appraisal"
    __table_args__ = (
        sa.CheckConstraint("score_tenths BETWEEN 0 AND 1000", name="score"),
        sa.CheckConstraint("value_minor > 0", name="value"),
        sa.CheckConstraint("(letter_signed_at IS NULL) = (letter_signature_id IS NULL)", name="letter"),
        sa.CheckConstraint(
            "state IN ('requested', 'accepted', 'declined', 'not_tradable') OR letter_signed_at IS NOT NULL", name="engagement"
        ),
        sa.CheckConstraint("(state IN ('signing', 'issued', 'superseded')) = (report_hash IS NOT NULL)", name="report"),
        sa.Index(
            "uq_appraisal_open",
            "vehicle_id",
            "institution_id",
            unique=True,
            sqlite_where=sa.text(_OPEN),
            postgresql_where=sa.text(_OPEN),
        ),
        sa.Index("ix_appraisal_latest", "vehicle_id", "issued_at"),
    )

    id: UUID = primary_id()
    vehicle_id: UUID
    client_id: UUID = Field(index=True)
    requested_by: UUID
    institution_id: UUID = Field(index=True)
    purpose: Purpose = Field(sa_type=enum_type(Purpose, "purpose"))
    state: AppraisalState = Field(sa_type=enum_type(AppraisalState, "state"))
    requested_at: datetime
    note: str = Field(default="", max_length=500)

    engaged_at: datetime | None = Field(default=None)
    letter: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    letter_hash: str | None = Field(default=None, max_length=64)
    letter_signature_id: UUID | None = Field(default=None)
    letter_signed_at: datetime | None = Field(default=None)
    appraiser_id: UUID | None = Field(default=None, index=True)
    base_on: date | None = Field(default=None)
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)

    standard_number: int | None = Field(default=None)
    inspected_at: datetime | None = Field(default=None)
    score_tenths: int | None = Field(default=None)
    grade: Grade | None = Field(default=None, sa_type=enum_type(Grade, "grade"))
    areas: dict[str, int] = Field(default_factory=dict, sa_type=Json)
    is_collision_accident: bool | None = Field(default=None)
    is_flood: bool | None = Field(default=None)
    is_fire: bool | None = Field(default=None)
    description: dict[str, Any] = Field(default_factory=dict, sa_type=Json)

    value_method: str | None = Field(default=None, max_length=40)
    value_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    valuation: dict[str, Any] = Field(default_factory=dict, sa_type=Json)

    report_kind: ReportKind | None = Field(default=None, sa_type=enum_type(ReportKind, "report_kind"))
    report: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    report_hash: str | None = Field(default=None, max_length=64, unique=True)
    issued_at: datetime | None = Field(default=None)
    valid_until: date | None = Field(default=None)
    keep_until: date | None = Field(default=None)
    superseded_by: UUID | None = Field(default=None)
    version: int = Field(default=1, sa_type=sa.BigInteger)


class InspectionRecord(SQLModel, table=True):
    """One line of the worksheet (工作底稿), in the order of the standard."""

    __tablename__ = "inspection_record"
    __table_args__ = (sa.CheckConstraint("item BETWEEN 1 AND 113", name="item"),)

    appraisal_id: UUID = Field(foreign_key="appraisal.id", primary_key=True)
    seq: int = Field(primary_key=True)
    item: int
    code: str = Field(max_length=12)
    deduction_tenths: int
    note: str = Field(default="", max_length=500)


class InspectionEvidence(SQLModel, table=True):
    """A trace of water or fire, kept apart from the score."""

    __tablename__ = "inspection_evidence"
    __table_args__ = (sa.CheckConstraint("kind IN ('flood', 'fire')", name="kind"),)

    appraisal_id: UUID = Field(foreign_key="appraisal.id", primary_key=True)
    seq: int = Field(primary_key=True)
    kind: str = Field(max_length=10)
    part: str = Field(max_length=80)
    trace: str = Field(max_length=200)


class AppraisalSignature(SQLModel, table=True):
    """Which appraiser signed as first and second, by what certificate; the Ed25519 signature itself is kept by accounts."""

    __tablename__ = "appraisal_signature"
    __table_args__ = (
        sa.UniqueConstraint("appraisal_id", "person_id", name="appraisal_signature_person"),
        sa.UniqueConstraint("appraisal_id", "seq", name="appraisal_signature_seq"),
        sa.CheckConstraint("seq IN (1, 2)", name="two"),
    )

    id: UUID = primary_id()
    appraisal_id: UUID = Field(foreign_key="appraisal.id")
    seq: int
    person_id: UUID
    certificate_number: str = Field(max_length=80)
    signature_id: UUID
    signed_at: datetime


append_only(AppraisalSignature.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


class IssuedReport(SQLModel, table=True):
    """The text two appraisers signed and the institution sealed. The database lets nobody change or delete it: it is kept until
    ``keep_until`` (资产评估法 29), and the appraisal and everything it refers to with it.
    """

    __tablename__ = "issued_report"
    __table_args__ = (sa.CheckConstraint("keep_until > valid_until", name="term"),)

    report_hash: str = Field(primary_key=True, max_length=64)
    appraisal_id: UUID = Field(foreign_key="appraisal.id", unique=True)
    number: str = Field(max_length=40)
    report: dict[str, Any] = Field(sa_type=Json)
    seal_id: UUID
    issued_at: datetime
    valid_until: date
    keep_until: date


append_only(IssuedReport.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


class AppraisalPhoto(SQLModel, table=True):
    """A photo of the working papers, taken by the institution. ``item`` is the standard's number a defect photo belongs to."""

    __tablename__ = "appraisal_photo"
    __table_args__ = (
        sa.UniqueConstraint("appraisal_id", "sha256", name="appraisal_photo_once"),
        sa.CheckConstraint("item BETWEEN 1 AND 113", name="item"),
    )

    id: UUID = primary_id()
    appraisal_id: UUID = Field(foreign_key="appraisal.id", index=True)
    slot: PhotoSlot = Field(sa_type=enum_type(PhotoSlot, "slot"))
    item: int | None = Field(default=None)
    caption: str = Field(default="", max_length=100)
    sha256: str = Field(max_length=64)
    width_px: int
    height_px: int
    file_key: str = Field(max_length=200)
    created_at: datetime


class AppraisalPaper(SQLModel, table=True):
    """A printed and sealed PDF of an issued report. The file itself is encrypted until the report's term ends."""

    __tablename__ = "appraisal_paper"
    __table_args__ = (sa.UniqueConstraint("report_hash", "kind", "audience", name="paper_once"),)

    id: UUID = primary_id()
    report_hash: str = Field(foreign_key="issued_report.report_hash")
    kind: PaperKind = Field(sa_type=enum_type(PaperKind, "kind"))
    audience: Audience = Field(sa_type=enum_type(Audience, "audience"))
    file_key: str = Field(max_length=200)
    sha256: str = Field(max_length=64)
    size_bytes: int = Field(sa_type=sa.BigInteger)
    seal_id: UUID
    printed_at: datetime


append_only(AppraisalPaper.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
