"""Bodies of the operators' routes."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.core.audit import AuditEntry
from marketplace.core.outbox import OutboxDelivery
from marketplace.operations.domain import CaseKind, CaseState, Outcome


class AuditEntryBody(BaseModel):
    """Who did what to which object. ``facts`` hold ids, states and amounts, never personal data."""

    object_kind: str = Field(examples=["listing"])
    object_id: UUID
    seq: int = Field(examples=[1], description="Without gaps within one object.")
    act: str = Field(examples=["listing.publish"])
    actor_id: UUID | None = Field(description="None: the market did it by itself.")
    party_id: UUID | None
    reason: str | None
    facts: dict[str, Any]
    at: datetime
    hash: str = Field(description="SHA-256 over this entry and the hash before it.")

    @classmethod
    def of(cls, entry: AuditEntry) -> "AuditEntryBody":
        return cls.model_validate(entry.model_dump())


class TrailBody(BaseModel):
    """One object's whole trail, oldest first. ``is_whole``: every entry follows from the one before it."""

    entries: list[AuditEntryBody]
    is_whole: bool = Field(examples=[True])


class DeadLetterBody(BaseModel):
    """A delivery that failed as often as it may."""

    id: UUID
    subscriber: str = Field(examples=["search.index_listing"])
    key: str = Field(examples=["listing:0199…"])
    attempts: int = Field(examples=[8])
    last_error: str | None = Field(examples=["ConnectionError"], description="The error's kind only.")

    @classmethod
    def of(cls, delivery: OutboxDelivery) -> "DeadLetterBody":
        return cls.model_validate(delivery.model_dump())


class DeadLettersBody(BaseModel):
    """The oldest first."""

    items: list[DeadLetterBody]


class RetriedBody(BaseModel):
    """How many letters were opened again."""

    reopened: int = Field(examples=[1])


# --- cases


class CaseIn(BaseModel):
    """Something wrong that the market should look at."""

    model_config = ConfigDict(extra="forbid")

    subject_kind: str = Field(pattern=r"^[a-z_]{3,40}$", examples=["listing"])
    subject_id: UUID = Field(examples=["0192f0c1-2345-7abc-8def-0123456789ab"])
    statement: str = Field(min_length=4, max_length=2_000, examples=["该车里程与4S店记录不符"])


class StatementIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=2, max_length=2_000, examples=["已补充购车发票和转账凭证"])


class DecisionIn(BaseModel):
    """``granted``: as was asked. The note is read by the parties."""

    model_config = ConfigDict(extra="forbid")

    granted: bool = Field(examples=[True])
    note: str = Field(min_length=2, max_length=1_000, examples=["登记证书与身份证明一致,予以确认"])


class CaseSummary(BaseModel):
    """A case without what was said in it, and without its parties."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=["0192f0c1-2345-7abc-8def-0123456789ab"])
    kind: CaseKind
    state: CaseState
    outcome: Outcome | None = Field(examples=["granted"])
    subject_kind: str = Field(examples=["vehicle"])
    subject_id: UUID
    opened_at: datetime
    taken_at: datetime | None
    decision_note: str = Field(examples=["登记证书与身份证明一致,予以确认"])
    decided_at: datetime | None
    closed_at: datetime | None

    @classmethod
    def of(cls, row: object) -> Self:
        return cls.model_validate(row)


class StatementBody(BaseModel):
    """``by``: you, a party (seen by operators only) or the market. ``text`` is None once erased."""

    id: UUID
    by: str = Field(examples=["you"])
    text: str | None = Field(examples=["已补充购车发票和转账凭证"])
    at: datetime


class CaseBody(CaseSummary):
    """With what was said. ``opened_by`` and ``respondent_id`` are told to the market's people only."""

    statements: list[StatementBody]
    opened_by: UUID | None
    respondent_id: UUID | None
    facts: dict[str, Any]
