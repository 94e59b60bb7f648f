"""Inbox: what comes in from outside, once. Keyed by the sender's own id; a repeated message changes nothing."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from marketplace.core import clock
from marketplace.core.db import Json, Session


class InboxMessage(SQLModel, table=True):
    """One message of one sender, e.g. ``("stripe", "evt_1N…")``."""

    __tablename__ = "inbox_message"

    sender: str = Field(primary_key=True, max_length=40)
    message_id: str = Field(primary_key=True, max_length=200)
    kind: str = Field(max_length=80)
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    received_at: datetime


def accept(session: Session, *, sender: str, message_id: str, kind: str, payload: dict[str, Any]) -> bool:
    """Whether the message is new. It is kept in the caller's transaction, together with what it causes."""
    connection = session.connection()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = {
        "sender": sender,
        "message_id": message_id,
        "kind": kind,
        "payload": payload,
        "received_at": clock.now(session),
    }
    inserted = insert(InboxMessage).values(row).on_conflict_do_nothing().returning(sa.literal(1))
    return connection.execute(inserted).first() is not None


def count(session: Session, *, sender: str) -> int:
    """How many messages a sender has delivered."""
    found = session.connection().execute(sa.select(sa.func.count()).select_from(InboxMessage).where(sa.column("sender") == sender))
    return int(found.scalar_one())
