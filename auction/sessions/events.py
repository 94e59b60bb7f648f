"""What sessions announce. Key: ``session:<id>``."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from auction.sessions.domain import LegalMode, SessionMode
from marketplace.core.outbox import Event


class SessionAnnounced(Event):
    """The notice (拍卖公告) is public."""

    name: ClassVar[str] = "auction.session_announced"

    session_id: UUID
    house_id: UUID
    title: str
    legal_mode: LegalMode
    mode: SessionMode
    city: str
    opens_at: datetime
    lots: int


class SessionClosed(Event):
    name: ClassVar[str] = "auction.session_closed"

    session_id: UUID
    closed_at: datetime


class SessionSuspended(Event):
    """The operator holds the session up: its open lots stand still, none opens. ``reason`` is published."""

    name: ClassVar[str] = "auction.session_suspended"

    session_id: UUID
    reason: str


class SessionResumed(Event):
    name: ClassVar[str] = "auction.session_resumed"

    session_id: UUID
    reason: str


def session_key(session_id: UUID) -> str:
    return f"session:{session_id}"
