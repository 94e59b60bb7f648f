"""Webhooks after the Standard Webhooks specification, and when to try again; notices to people. Pure."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from marketplace.core.errors import NotFound, Refusal

SECRET_PREFIX = "whsec_"
RETRY_AFTER_S = (5, 30, 120, 600, 3_600, 21_600, 86_400)
"""Waits between attempts; behind the last one the letter is dead."""
GONE = 410
NEWEST_ONLY = frozenset({"auction.lot_moved"})
"""Thin events of which the newest says it all: one that still waits makes room for the next."""


class EndpointState(StrEnum):
    """``disabled`` by its owner or because it answered 410 Gone."""

    ACTIVE = "active"
    DISABLED = "disabled"


class LetterState(StrEnum):
    """``superseded``: a newer one of the same subject was sent instead."""

    OPEN = "open"
    DONE = "done"
    DEAD = "dead"
    SUPERSEDED = "superseded"


class EndpointUnknown(NotFound):
    zh = "未找到该回调地址"
    en = "No such webhook endpoint."


class TooManyEndpoints(Refusal):
    zh = "回调地址最多 {most} 个"
    en = "At most {most} endpoints."


class KindUnknown(Refusal):
    """``kinds`` are the unknown ones."""

    status = 422
    zh = "未知的事件类型:{kinds}"
    en = "Unknown event kinds: {kinds}."


class LetterUnknown(NotFound):
    zh = "未找到该投递"
    en = "No such delivery."


class NoticeUnknown(NotFound):
    zh = "未找到该通知"
    en = "No such notice."


class LetterNotDead(Refusal):
    zh = "只能重新投递已失败的通知"
    en = "Only a dead letter is sent again."


@dataclass(frozen=True, slots=True)
class Told:
    """One thing to tell a party, in both languages. ``kind`` is ``feature.fact``; ``seq`` tells two of one kind about one subject apart.

    ``newest_only``: an older one of the same kind and subject that nobody has read makes room for it. ``facts`` are plain values: ids,
    amounts in fen, instants as ISO 8601; never personal data.
    """

    kind: str
    subject_kind: str
    subject_id: UUID
    zh: str
    en: str
    seq: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    newest_only: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """What an endpoint wants: empty means everything of that sort."""

    kinds: frozenset[str]
    subjects: frozenset[str]

    def takes(self, kind: str, subjects: Sequence[str]) -> bool:
        """``subjects`` are the ids the event is about: its lot, its session."""
        return (not self.kinds or kind in self.kinds) and (not self.subjects or not self.subjects.isdisjoint(subjects))


def sign(secret: str, *, message_id: str, timestamp_s: int, body: bytes) -> str:
    """``v1,<base64 HMAC-SHA256 of "id.timestamp.body">`` under the bytes behind ``whsec_``."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def new_secret(random: bytes) -> str:
    return SECRET_PREFIX + base64.b64encode(random).decode()


def next_try(attempts: int, *, at: datetime, retry_after_s: int = 0) -> datetime | None:
    """When to try again after ``attempts`` failures; None: the letter is dead."""
    if attempts > len(RETRY_AFTER_S):
        return None
    return at + timedelta(seconds=max(RETRY_AFTER_S[attempts - 1], min(retry_after_s, 86_400)))


def thin(kind: str, *, occurred_at: str, number: int, payload: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """The body: which event, about what, never how much or who. The rest is read through the API, with the reader's own rights."""
    return {"type": kind, "timestamp": occurred_at, "number": number, "data": {name: payload[name] for name in fields if name in payload}}
