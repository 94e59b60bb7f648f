"""The audit trail: who did what to which object, when, on whose behalf, and why. Append-only; hash-chained per object.

Facts hold ids, states and amounts, never personal data: it outlives the person's account.
"""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel, col, select

from marketplace.core import clock
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Json, Session, append_only, primary_id

GENESIS = "0" * 64


class Actor(Protocol):
    """What the trail needs of a principal."""

    @property
    def id(self) -> UUID: ...
    @property
    def party_id(self) -> UUID: ...


class AuditEntry(SQLModel, table=True):
    """``seq`` has no gaps within one object; ``hash`` covers the previous one's."""

    __tablename__ = "audit_entry"
    __table_args__ = (sa.UniqueConstraint("object_kind", "object_id", "seq", name="audit_entry_seq"),)

    id: UUID = primary_id()
    object_kind: str = Field(max_length=40)
    object_id: UUID
    seq: int = Field(sa_type=sa.BigInteger)
    act: str = Field(max_length=60)
    actor_id: UUID | None = Field(default=None, index=True)
    party_id: UUID | None = Field(default=None)
    reason: str | None = Field(default=None, max_length=500)
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    at: datetime = Field(index=True)
    previous_hash: str = Field(max_length=64)
    hash: str = Field(max_length=64)


append_only(AuditEntry.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


def record(
    session: Session,
    *,
    principal: Actor | None,
    act: str,
    object_kind: str,
    object_id: UUID,
    facts: dict[str, Any] | None = None,
    reason: str | None = None,
) -> AuditEntry:
    """Append one entry in the caller's transaction. ``principal`` is None for what the market does by itself."""
    last = session.exec(
        select(AuditEntry)
        .where(AuditEntry.object_kind == object_kind, AuditEntry.object_id == object_id)
        .order_by(col(AuditEntry.seq).desc())
        .limit(1)
    ).first()
    entry = AuditEntry(
        object_kind=object_kind,
        object_id=object_id,
        seq=last.seq + 1 if last else 1,
        act=act,
        actor_id=principal.id if principal else None,
        party_id=principal.party_id if principal else None,
        reason=reason,
        facts=facts or {},
        at=clock.now(session),
        previous_hash=last.hash if last else GENESIS,
        hash="",
    )
    entry.hash = entry_hash(entry)
    session.add(entry)
    return entry


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256 over the canonical JSON of everything but the hash itself."""
    return sha256_hex(
        canonical_json(
            {
                "object": f"{entry.object_kind}:{entry.object_id}",
                "seq": entry.seq,
                "act": entry.act,
                "actor": str(entry.actor_id) if entry.actor_id else None,
                "party": str(entry.party_id) if entry.party_id else None,
                "reason": entry.reason,
                "facts": entry.facts,
                "at": entry.at.isoformat(),
                "previous": entry.previous_hash,
            }
        )
    )


def list_entries(session: Session, *, object_kind: str, object_id: UUID) -> list[AuditEntry]:
    """One object's trail, oldest first."""
    return list(
        session.exec(
            select(AuditEntry).where(AuditEntry.object_kind == object_kind, AuditEntry.object_id == object_id).order_by(col(AuditEntry.seq))
        )
    )


def find_break(entries: list[AuditEntry]) -> int | None:
    """The ``seq`` of the first entry that does not follow from the one before it, None when the trail is whole."""
    previous, expected = GENESIS, 1
    for entry in entries:
        if entry.seq != expected or entry.previous_hash != previous or entry.hash != entry_hash(entry):
            return expected
        previous, expected = entry.hash, expected + 1
    return None
