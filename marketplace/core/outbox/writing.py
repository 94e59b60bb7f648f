"""Outbox: what leaves a transaction. An event is written with the change it reports, or not at all.

``append`` collects; the rows are written just before the commit, in the order of their keys, so two transactions that touch
the same keys never wait for each other in a circle. An event carries ``(key, key_seq)``; ``key_seq`` is given under the key's
row lock, so within a key it has no gaps and the order is the order of commits. Relaying:
``Relay.publish`` numbers what is committed (the number is the cursor outsiders see) and makes one delivery row a subscriber;
a delivery stays open until the subscriber's own transaction marks it done, and is sent again after its lease.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import orjson
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy import event as sa_event
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col

from marketplace.core import clock
from marketplace.core.db import CommitQueue, Json, Session, enum_type, primary_id
from marketplace.core.ids import new_id

_WROTE = "outbox_wrote"
wake = threading.Event()
"""Set in this process after a commit that wrote events, so that its relay need not wait for the next poll."""


class Event(BaseModel):
    """Base of every event payload: frozen, named in the past tense, versioned. The sender owns it; receivers copy fields.

    >>> class LotMoved(Event):
    ...     name = "auction.lot_moved"
    """

    model_config = ConfigDict(frozen=True)
    name: ClassVar[str]
    version: ClassVar[int] = 1


class OutboxEvent(SQLModel, table=True):
    """``published_no`` is NULL until the relay has seen the committed row."""

    __tablename__ = "outbox_event"
    __table_args__ = (
        sa.UniqueConstraint("key", "key_seq", name="outbox_event_key_seq"),
        sa.Index("ix_outbox_event_new", "id", sqlite_where=sa.text("published_no IS NULL"),
                 postgresql_where=sa.text("published_no IS NULL")),
    )  # fmt: skip

    id: UUID = primary_id()
    name: str = Field(max_length=80)
    version: int = Field(default=1)
    key: str = Field(max_length=120)
    key_seq: int = Field(sa_type=sa.BigInteger)
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    occurred_at: datetime
    published_no: int | None = Field(default=None, sa_type=sa.BigInteger, unique=True)


class OutboxKey(SQLModel, table=True):
    """The last ``key_seq`` given; its row lock orders the writers of one key."""

    __tablename__ = "outbox_key"

    key: str = Field(primary_key=True, max_length=120)
    last_seq: int = Field(sa_type=sa.BigInteger)


class OutboxHead(SQLModel, table=True):
    """One row: the last publication number. Whoever holds its lock is the publisher."""

    __tablename__ = "outbox_head"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(default=1, primary_key=True)
    last_no: int = Field(default=0, sa_type=sa.BigInteger)


class DeliveryState(StrEnum):
    OPEN = "open"
    DONE = "done"
    DEAD = "dead"


class OutboxDelivery(SQLModel, table=True):
    """One event for one subscriber. Attempts, next try and death live here on both runners."""

    __tablename__ = "outbox_delivery"
    __table_args__ = (
        sa.UniqueConstraint("event_id", "subscriber", name="outbox_delivery_once"),
        sa.Index("ix_outbox_delivery_open", "subscriber", "key", "key_seq", sqlite_where=sa.text("state = 'open'"),
                 postgresql_where=sa.text("state = 'open'")),
        sa.Index("ix_outbox_delivery_dead", "id", sqlite_where=sa.text("state = 'dead'"),
                 postgresql_where=sa.text("state = 'dead'")),
    )  # fmt: skip

    id: UUID = primary_id()
    event_id: UUID = Field(foreign_key="outbox_event.id")
    subscriber: str = Field(max_length=80)
    key: str = Field(max_length=120)
    key_seq: int = Field(sa_type=sa.BigInteger)
    state: DeliveryState = Field(default=DeliveryState.OPEN, sa_type=enum_type(DeliveryState, "state"))
    attempts: int = Field(default=0)
    next_try_at: datetime
    leased_until: datetime | None = Field(default=None)
    last_error: str | None = Field(default=None, max_length=200)
    done_at: datetime | None = Field(default=None)


def append(session: Session, event: Event, *, key: str) -> None:
    """Announce ``event`` when this transaction commits. ``key`` names the object whose events stay in order, ``lot:<id>``."""
    _QUEUE.add(session, (key, event))


def pending(session: Session) -> list[Event]:
    """What this transaction will announce; for tests of services."""
    return [event for _key, event in _QUEUE.waiting(session)]


def _write(session: Session, waiting: list[tuple[str, Event]]) -> None:
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_WRITE_AT_ONCE, (_json_rows(waiting),))
    else:
        connection.execute(sa.insert(OutboxEvent), _rows(session, waiting))
    session.info[_WROTE] = True


# Keys, numbers and events in one round trip: every transaction of the market ends with this, and bids wait for it under their lot's lock.
# The clock is read as rows come out of the join, when the keys' locks are held.
_WRITE_AT_ONCE = """
WITH fresh AS (
  SELECT * FROM json_to_recordset(%s::json) AS r(id uuid, name text, version int, key text, position bigint, of bigint, payload jsonb)
), moved AS (
  INSERT INTO outbox_key (key, last_seq)
  SELECT key, count(*) FROM fresh GROUP BY key ORDER BY key COLLATE "C"
  ON CONFLICT (key) DO UPDATE SET last_seq = outbox_key.last_seq + excluded.last_seq
  RETURNING key, last_seq
)
INSERT INTO outbox_event (id, name, version, key, key_seq, payload, occurred_at)
SELECT f.id, f.name, f.version, f.key, m.last_seq - f.of + f.position, f.payload,
  clock_timestamp() + coalesce((SELECT offset_us FROM clock_offset), 0) * interval '1 microsecond'
FROM moved m JOIN fresh f ON f.key = m.key"""


def _json_rows(waiting: Sequence[tuple[str, Event]]) -> str:
    """The events as one JSON array; ``position`` counts from one within a key, ``of`` is how many that key has."""
    totals = Counter(key for key, _event in waiting)
    positions: Counter[str] = Counter()
    rows = []
    for key, event in waiting:
        positions[key] += 1
        rows.append(
            {
                "id": new_id(),
                "name": event.name,
                "version": event.version,
                "key": key,
                "position": positions[key],
                "of": totals[key],
                "payload": event.model_dump(mode="json"),
            }
        )
    return orjson.dumps(rows).decode()


_QUEUE: CommitQueue[tuple[str, Event]] = CommitQueue("outbox", order=2, write=_write)


@sa_event.listens_for(Session, "after_commit")
def _wake_relay(session: Session) -> None:
    if session.info.pop(_WROTE, False):
        wake.set()


@sa_event.listens_for(Session, "after_soft_rollback")
def _forget_wake(session: Session, _transaction: Any) -> None:
    session.info.pop(_WROTE, None)


def _rows(session: Session, waiting: Sequence[tuple[str, Event]]) -> list[dict[str, Any]]:
    last = _advance(session, Counter(key for key, _event in waiting))
    at = clock.now(session)
    by_key: dict[str, list[Event]] = defaultdict(list)
    for key, event in waiting:
        by_key[key].append(event)
    rows = []
    for key, events in by_key.items():
        for position, event in enumerate(events):
            rows.append(
                {
                    "id": new_id(),
                    "name": event.name,
                    "version": event.version,
                    "key": key,
                    "key_seq": last[key] - len(events) + 1 + position,
                    "payload": event.model_dump(mode="json"),
                    "occurred_at": at,
                    "published_no": None,
                }
            )
    return rows


def _advance(session: Session, counts: Counter[str]) -> dict[str, int]:
    """Take each key's row lock, in the order of the keys, and add its count; returns the new last numbers."""
    connection = session.connection()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    inserted = insert(OutboxKey).values([{"key": key, "last_seq": counts[key]} for key in sorted(counts)])
    statement = inserted.on_conflict_do_update(
        index_elements=["key"], set_={"last_seq": col(OutboxKey.last_seq) + inserted.excluded.last_seq}
    ).returning(col(OutboxKey.key), col(OutboxKey.last_seq))
    return {row[0]: row[1] for row in connection.execute(statement)}
