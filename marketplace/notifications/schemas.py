"""Bodies of webhooks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.notifications.domain import EndpointState, LetterState

_ID = "01990b7e-0000-7000-8000-000000000001"
_SECRET = "whsec_…"


class EndpointBody(BaseModel):
    """Where to tell what. Without ``kinds`` every kind, without ``subjects`` (ids of lots and sessions) every one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"url": "https://dealer.example/hooks", "kinds": ["auction.lot_closed"], "subjects": []}]},
    )

    url: str = Field(min_length=8, max_length=2_000)
    kinds: list[str] = Field(default_factory=list, max_length=50)
    subjects: list[UUID] = Field(default_factory=list, max_length=500)


class StateBody(BaseModel):
    """Switch an endpoint on or off."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "disabled"}]})

    state: EndpointState


class EndpointAnswer(BaseModel):
    """An endpoint. ``secret`` stands here once, when it is made."""

    id: UUID = Field(examples=[_ID])
    host: str = Field(examples=["dealer.example"])
    kinds: list[str] = Field(examples=[["auction.lot_closed"]])
    subjects: list[str] = Field(examples=[[]])
    state: EndpointState = Field(examples=[EndpointState.ACTIVE])
    reason: str | None = Field(examples=[None])
    created_at: datetime
    secret: str | None = Field(None, examples=[_SECRET])


class LetterAnswer(BaseModel):
    """One message on its way to one endpoint."""

    id: UUID = Field(examples=[_ID])
    number: int = Field(examples=[4711])
    kind: str = Field(examples=["auction.lot_closed"])
    subject_id: str = Field(examples=[_ID])
    state: LetterState = Field(examples=[LetterState.DONE])
    attempts: int = Field(examples=[1])
    next_try_at: datetime | None
    last_status: int | None = Field(examples=[204])
    last_failure: str | None = Field(examples=[None])
    done_at: datetime | None


class MessageAnswer(BaseModel):
    """A message as it was sent: thin. Read the rest through the API."""

    number: int = Field(examples=[4711])
    body: dict[str, Any] = Field(examples=[{"type": "auction.lot_closed", "number": 4711, "data": {"lot_id": _ID}}])


class MessagesAnswer(BaseModel):
    """In the order of publication; ask again with ``after`` = ``last``."""

    items: list[MessageAnswer]
    last: int = Field(examples=[4711])


class ReadingBody(BaseModel):
    """The newest notice seen: it and all older ones become read."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"up_to": _ID}]})

    up_to: UUID


class NoticeAnswer(BaseModel):
    """Something the caller's party was told. ``subject_id`` is what it is about, e.g. the lot."""

    id: UUID = Field(examples=[_ID])
    kind: str = Field(examples=["auction.outbid"])
    subject_kind: str = Field(examples=["lot"])
    subject_id: UUID = Field(examples=[_ID])
    zh: str = Field(examples=["您在「大众 帕萨特 2019」上的出价已被超过,现价 ¥91,000.00"])
    en: str = Field(examples=["You were outbid on 大众 帕萨特 2019; the price is ¥91,000.00."])
    facts: dict[str, Any] = Field(examples=[{"price_minor": 9_100_000}])
    created_at: datetime
    read_at: datetime | None


class UnreadAnswer(BaseModel):
    unread: int = Field(examples=[3])
