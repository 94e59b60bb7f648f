"""Tables of webhooks and notices."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, enum_type, primary_id
from marketplace.notifications.domain import EndpointState, LetterState

_OPEN = sa.text("state = 'open'")


class WebhookEndpoint(SQLModel, table=True):
    """Where a party's machine listens, and for what. URL and secrets are kept encrypted: a URL may hold a token."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (sa.Index("ix_webhook_endpoint_party", "party_id", "id"),)

    id: UUID = primary_id()
    party_id: UUID
    url: str = Field(sa_type=encrypted("webhook_url"))
    host: str = Field(max_length=253)
    secret: str = Field(sa_type=encrypted("webhook_secret"))
    former_secret: str | None = Field(default=None, sa_type=encrypted("webhook_secret"))
    former_until: datetime | None = Field(default=None)
    kinds: list[str] = Field(default_factory=list, sa_type=Json)
    subjects: list[str] = Field(default_factory=list, sa_type=Json)
    state: EndpointState = Field(default=EndpointState.ACTIVE, sa_type=enum_type(EndpointState, "state"))
    reason: str | None = Field(default=None, max_length=80)
    created_at: datetime


class WebhookMessage(SQLModel, table=True):
    """One event as it is told: thin, and readable again by its number, the relay's publication number."""

    __tablename__ = "webhook_message"

    number: int = Field(primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False})
    event_id: UUID = Field(unique=True)
    kind: str = Field(max_length=80)
    subject_id: str = Field(max_length=40, index=True)
    body: dict[str, Any] = Field(sa_type=Json)
    at: datetime = Field(index=True)


class WebhookLetter(SQLModel, table=True):
    """One message on its way to one endpoint."""

    __tablename__ = "webhook_letter"
    __table_args__ = (
        sa.UniqueConstraint("endpoint_id", "number", name="webhook_letter_once"),
        sa.Index("ix_webhook_letter_due", "next_try_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.Index("ix_webhook_letter_endpoint", "endpoint_id", "id"),
        sa.CheckConstraint("attempts >= 0", name="attempts_not_negative"),
    )

    id: UUID = primary_id()
    endpoint_id: UUID = Field(foreign_key="webhook_endpoint.id")
    number: int = Field(foreign_key="webhook_message.number", sa_type=sa.BigInteger)
    kind: str = Field(max_length=80)
    subject_id: str = Field(max_length=40)
    state: LetterState = Field(default=LetterState.OPEN, sa_type=enum_type(LetterState, "state"))
    attempts: int = Field(default=0)
    next_try_at: datetime
    leased_until: datetime | None = Field(default=None)
    last_status: int | None = Field(default=None)
    last_failure: str | None = Field(default=None, max_length=80)
    created_at: datetime
    done_at: datetime | None = Field(default=None)


class Notice(SQLModel, table=True):
    """What a party was told, once: for its people to read. Kept until its term or the account's end."""

    __tablename__ = "notice"
    __table_args__ = (
        sa.UniqueConstraint("party_id", "kind", "subject_id", "seq", name="notice_once"),
        sa.Index("ix_notice_party", "party_id", "id"),
        sa.Index(
            "ix_notice_unread",
            "party_id",
            sqlite_where=sa.text("read_at IS NULL"),
            postgresql_where=sa.text("read_at IS NULL"),
        ),
        sa.CheckConstraint("seq >= 0", name="seq_not_negative"),
    )

    id: UUID = primary_id()
    party_id: UUID
    kind: str = Field(max_length=60)
    subject_kind: str = Field(max_length=20)
    subject_id: UUID
    seq: int = Field(default=0, sa_type=sa.BigInteger)
    zh: str = Field(max_length=400)
    en: str = Field(max_length=400)
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    created_at: datetime = Field(index=True)
    read_at: datetime | None = Field(default=None)
