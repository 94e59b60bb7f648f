"""The audit trail: who did what to which object, when, on whose behalf, and why. Append-only; hash-chained per object.

Facts hold ids, states and amounts, never personal data: it outlives the person's account. Entries are collected and written just before
the commit, under the lock of their objects' heads, so two transactions on one object neither collide nor wait in a circle.
"""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from marketplace.core import clock
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import CommitQueue, Json, Session, append_only, primary_id

GENESIS = "0" * 64
_UNSET = datetime(1970, 1, 1, tzinfo=UTC)
_Object: TypeAlias = tuple[str, UUID]


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


class AuditHead(SQLModel, table=True):
    """The last entry of an object: what the next one follows from, and the row two writers meet at."""

    __tablename__ = "audit_head"

    object_kind: str = Field(primary_key=True, max_length=40)
    object_id: UUID = Field(primary_key=True)
    last_seq: int = Field(sa_type=sa.BigInteger)
    last_hash: str = Field(max_length=64)


def record(
    session: Session,
    *,
    principal: Actor | None,
    act: str,
    object_kind: str,
    object_id: UUID,
    facts: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Append one entry to an object's trail when this transaction commits.

    ``principal`` is None for what the market does by itself. Raises ``TypeError`` for facts that have no canonical form (floats,
    UUIDs: give their text). Entries of one commit share its instant and keep their order.
    """
    canonical_json(facts or {})
    entry = AuditEntry(
        object_kind=object_kind,
        object_id=object_id,
        seq=0,
        act=act,
        actor_id=principal.id if principal else None,
        party_id=principal.party_id if principal else None,
        reason=reason,
        facts=facts or {},
        at=_UNSET,
        previous_hash="",
        hash="",
    )
    _QUEUE.add(session, entry)


def pending(session: Session) -> list[AuditEntry]:
    """What this transaction will record; for tests of services."""
    return _QUEUE.waiting(session)


def _write(session: Session, entries: list[AuditEntry]) -> None:
    """Chain and insert: the heads' rows are locked in the order of the objects, then read, then moved."""
    by_object: dict[_Object, list[AuditEntry]] = defaultdict(list)
    for entry in entries:
        by_object[entry.object_kind, entry.object_id].append(entry)
    heads = _lock_heads(session, sorted(by_object))
    at = clock.now(session)
    moved = []
    for key, group in by_object.items():
        seq, previous = heads[key]
        for entry in group:
            seq += 1
            entry.seq, entry.at, entry.previous_hash = seq, at, previous
            previous = entry.hash = entry_hash(entry)
        moved.append({"b_kind": key[0], "b_id": key[1], "seq": seq, "hash": previous})
    connection = session.connection()
    connection.execute(sa.insert(AuditEntry), [entry.model_dump() for entry in entries])
    connection.execute(
        sa.update(AuditHead)
        .where(col(AuditHead.object_kind) == sa.bindparam("b_kind"), col(AuditHead.object_id) == sa.bindparam("b_id"))
        .values(last_seq=sa.bindparam("seq"), last_hash=sa.bindparam("hash")),
        moved,
    )


def _lock_heads(session: Session, objects: list[_Object]) -> dict[_Object, tuple[int, str]]:
    """Each object's last number and hash, its row under lock; a new object gets one at zero."""
    connection = session.connection()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    fresh = [{"object_kind": kind, "object_id": id_, "last_seq": 0, "last_hash": GENESIS} for kind, id_ in objects]
    statement = (
        insert(AuditHead)
        .values(fresh)
        .on_conflict_do_update(index_elements=["object_kind", "object_id"], set_={"last_seq": col(AuditHead.last_seq)})
        .returning(col(AuditHead.object_kind), col(AuditHead.object_id), col(AuditHead.last_seq), col(AuditHead.last_hash))
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(statement)}


_QUEUE: CommitQueue[AuditEntry] = CommitQueue("audit", order=1, write=_write)


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
