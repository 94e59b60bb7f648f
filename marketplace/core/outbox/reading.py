"""Reading what was published: for feeds to outsiders and for indexes built anew."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.outbox.delivery import Delivered
from marketplace.core.outbox.writing import OutboxEvent, OutboxHead, OutboxKey


def last_published(session: Session) -> int:
    """The number of the last published event, 0 before the first."""
    number = session.connection().execute(sa.select(col(OutboxHead.last_no))).scalar()
    return int(number or 0)


def list_published(session: Session, *, after: int, limit: int, names: Sequence[str] = ()) -> list[Delivered]:
    """Published events behind number ``after``, in order; of ``names`` only when any are given."""
    wanted = select(OutboxEvent).where(col(OutboxEvent.published_no) > after)
    if names:
        wanted = wanted.where(col(OutboxEvent.name).in_(names))
    rows = session.exec(wanted.order_by(col(OutboxEvent.published_no)).limit(limit))
    return [
        Delivered(
            id=row.id,
            name=row.name,
            version=row.version,
            key=row.key,
            key_seq=row.key_seq,
            payload=row.payload,
            occurred_at=row.occurred_at,
            published_no=row.published_no or 0,
        )
        for row in rows
    ]


def last_seqs(session: Session, *, keys: Sequence[str]) -> dict[str, int]:
    """The last ``key_seq`` committed under each key; a key without events is left out."""
    rows = session.connection().execute(sa.select(col(OutboxKey.key), col(OutboxKey.last_seq)).where(col(OutboxKey.key).in_(keys)))
    return {row[0]: row[1] for row in rows}
