"""Tables of operations: cases and what was said in them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, enum_type, primary_id
from marketplace.operations.domain import CaseKind, CaseState, Outcome

_UNDECIDED = sa.text("state IN ('open', 'taken')")


class OperationCase(SQLModel, table=True):
    """One question about one object. ``topic`` says whose question about what it is: asked again, it is the same case while undecided.

    ``facts`` hold ids and codes, never personal data. ``opened_by`` and ``respondent_id`` are parties; ``taken_by``, ``decided_by`` people.
    """

    __tablename__ = "operation_case"
    __table_args__ = (
        sa.Index("uq_operation_case_undecided", "topic", unique=True, sqlite_where=_UNDECIDED, postgresql_where=_UNDECIDED),
        sa.Index("ix_operation_case_queue", "state", "id"),
        sa.Index("ix_operation_case_subject", "subject_kind", "subject_id"),
        sa.CheckConstraint("(state = 'taken') <= (taken_by IS NOT NULL)", name="taken_by_somebody"),
        sa.CheckConstraint("(outcome IS NOT NULL) = (state IN ('decided', 'closed'))", name="outcome_when_decided"),
        sa.CheckConstraint("(closed_at IS NOT NULL) = (state = 'closed')", name="closed_with_instant"),
    )

    id: UUID = primary_id()
    kind: CaseKind = Field(sa_type=enum_type(CaseKind, "kind"))
    topic: str = Field(max_length=160)
    subject_kind: str = Field(max_length=40)
    subject_id: UUID
    opened_by: UUID | None = Field(default=None, index=True)
    respondent_id: UUID | None = Field(default=None, index=True)
    state: CaseState = Field(default=CaseState.OPEN, sa_type=enum_type(CaseState, "state"))
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    opened_at: datetime
    taken_by: UUID | None = None
    taken_at: datetime | None = None
    outcome: Outcome | None = Field(default=None, sa_type=enum_type(Outcome, "outcome"))
    decision_note: str = Field(default="", max_length=1000)
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    closed_at: datetime | None = None


class CaseStatement(SQLModel, table=True):
    """What a party or an operator said in a case, encrypted: people name people there. ``text`` None: erased with its author's data."""

    __tablename__ = "operation_case_statement"

    id: UUID = primary_id()
    case_id: UUID = Field(foreign_key="operation_case.id", index=True)
    party_id: UUID = Field(index=True)
    by_operator: bool
    text: str | None = Field(default=None, sa_type=encrypted("case_statement"))
    at: datetime
