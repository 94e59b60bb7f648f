"""Tables of appraisal. A signature is append-only; an issued report's text is what its hash says."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.db import Json, append_only, enum_type, primary_id
from valuation.appraisal.domain import AppraisalState, Grade, Purpose, ReportKind

_OPEN = "state IN ('requested', 'engaged', 'inspected', 'valued', 'signing')"


class Appraisal(SQLModel, table=True):
    """One engagement of one institution on one car. Scores are tenths of a point, ratios basis points, money fen."""

    __tablename__ = "appraisal"
    __table_args__ = (
        sa.CheckConstraint("score_tenths BETWEEN 0 AND 1000", name="score"),
        sa.CheckConstraint("value_minor > 0", name="value"),
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
    seal: str | None = Field(default=None, max_length=200)
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
