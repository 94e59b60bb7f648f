"""Bodies of the operators' routes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.core.audit import AuditEntry
from marketplace.core.outbox import OutboxDelivery


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
