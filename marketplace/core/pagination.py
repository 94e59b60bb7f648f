"""Cursor pagination: ``?limit=&cursor=`` in, ``{"items": […], "next": …}`` out.

A cursor is the last row's sort key, signed, so that a made-up one is refused and none can be used to probe.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
import sqlalchemy as sa
from fastapi import Depends, Query
from pydantic import BaseModel, Field
from sqlmodel.sql.sqltypes import UTCDateTime

from marketplace.core.errors import Malformed
from marketplace.core.settings import get_settings

T = TypeVar("T")
R = TypeVar("R")
DEFAULT_LIMIT = 20


class Page(BaseModel, Generic[T]):
    """One page. ``next`` is None on the last one."""

    items: list[T]
    next: str | None = Field(default=None, examples=["WzE3XQ.mY1w"])


class BadCursor(Malformed):
    zh = "分页游标无效"
    en = "The cursor is not one of ours."


def encode_cursor(position: Sequence[Any]) -> str:
    body = orjson.dumps(list(position), default=str)
    return f"{_text(body)}.{_text(_sign(body))}"


def decode_cursor(cursor: str) -> list[Any]:
    """The sort key inside; raises ``BadCursor``."""
    try:
        body_text, signature_text = cursor.split(".")
        body, signature = _bytes(body_text), _bytes(signature_text)
        if not hmac.compare_digest(signature, _sign(body)):
            raise BadCursor
        position = orjson.loads(body)
    except ValueError as error:
        raise BadCursor from error
    return list(position)


def _sign(body: bytes) -> bytes:
    return hmac.digest(get_settings().derive_key("cursor"), body, hashlib.sha256)[:9]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True, slots=True)
class PageQuery:
    """What the caller asked for. ``after`` is the last seen sort key, None on the first page."""

    limit: int
    after: list[Any] | None

    def where_after(self, *columns: Any, descending: bool = False) -> Any:
        """Condition "behind the cursor" for rows ordered by ``columns`` (all the same way)."""
        if self.after is None:
            return sa.true()
        values = [sa.literal(_of_type(value, column.type), column.type) for value, column in zip(self.after, columns, strict=True)]
        left, right = sa.tuple_(*columns), sa.tuple_(*values)
        return left < right if descending else left > right

    def page(self, rows: Sequence[R], position: Callable[[R], Sequence[Any]], view: Callable[[R], T]) -> "Page[T]":
        """A page from up to ``limit + 1`` rows: the extra one only tells that there is more."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(items=[view(row) for row in shown], next=encode_cursor(position(shown[-1])) if more else None)


def _of_type(value: Any, kind: Any) -> Any:
    """A cursor is JSON: ids and instants come back as texts."""
    if isinstance(value, str) and isinstance(kind, sa.Uuid):
        return UUID(value)
    if isinstance(value, str) and isinstance(kind, (sa.DateTime, UTCDateTime)):
        return datetime.fromisoformat(value)
    return value


def _page_query(
    limit: Annotated[int, Query(ge=1, description="Rows on a page.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=500, description="`next` of the page before.")] = None,
) -> PageQuery:
    return PageQuery(limit=min(limit, get_settings().page_size_max), after=decode_cursor(cursor) if cursor is not None else None)


Paging = Annotated[PageQuery, Depends(_page_query)]
