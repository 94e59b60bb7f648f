"""Idempotency keys: the same key and body get the same answer, refusals too.

The first statement of a keyed request inserts its row. A second request with that key waits there for the first one's
transaction (bounded, then 409 with Retry-After), and finds the stored answer. The row commits with the business change or not
at all, so a crash in between leaves nothing. 429 and 5xx are not stored, nor is a malformed request: it never reached a rule.

Handlers take ``Idempotency`` **after** their principal; the key is the principal's own.
"""

import hashlib
import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute, APIWebSocketRoute
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlmodel import Field, SQLModel
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from marketplace.core import clock
from marketplace.core.db import Session, WriteSession, is_busy
from marketplace.core.errors import Refusal
from marketplace.core.problem import refusal_response, refuse_nul

KEY_MAX = 200


class IdempotencyKeyReused(Refusal):
    status = 422
    zh = "该幂等键已用于另一请求"
    en = "This Idempotency-Key was used for a request with another body."


class RequestInProgress(Refusal):
    zh = "相同的请求正在处理中"
    en = "The first request with this Idempotency-Key is still running."


class StoredAnswer(SQLModel, table=True):
    """One keyed request. ``status`` is 0 only inside the transaction that runs it."""

    __tablename__ = "idempotency_answer"

    owner: str = Field(primary_key=True, max_length=80)
    key: str = Field(primary_key=True, max_length=KEY_MAX)
    request_hash: str = Field(max_length=64)
    status: int = Field(default=0)
    media_type: str = Field(default="application/json", max_length=80)
    location: str | None = Field(default=None)
    body: bytes = Field(default=b"")
    created_at: datetime = Field(index=True)


class _Replay(Exception):
    def __init__(self, answer: StoredAnswer) -> None:
        self.answer = answer


@dataclass(slots=True)
class _Attempt:
    request_hash: str
    owner: str = ""
    key: str = ""
    session: Session | None = None


def _claim(
    request: Request,
    session: WriteSession,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=KEY_MAX, description="Same key and body: the same answer, however often it is sent."),
    ] = None,
) -> None:
    attempt = getattr(request.state, "attempt", None)
    if idempotency_key is None or not isinstance(attempt, _Attempt):
        return
    principal = getattr(request.state, "principal", None)
    client = request.client.host if request.client else "unknown"
    attempt.owner = str(principal.id) if principal is not None else f"anonymous:{client}"
    attempt.key = idempotency_key
    if not _insert(session, attempt, wait_ms=request.app.state.settings.idempotency_wait_ms):
        raise _Replay(_stored(session, attempt))
    attempt.session = session


Idempotency = Annotated[None, Depends(_claim, scope="function")]
"""Put it behind the principal in a mutating handler: ``_key: Idempotency``."""


def _insert(session: Session, attempt: _Attempt, *, wait_ms: int) -> bool:
    """Whether this request is the first with its key; waits for another one's transaction."""
    dialect = session.connection().dialect.name
    if dialect == "postgresql":
        session.connection().exec_driver_sql(f"SET LOCAL lock_timeout = {int(wait_ms)}")
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    row = {
        "owner": attempt.owner,
        "key": attempt.key,
        "request_hash": attempt.request_hash,
        "status": 0,
        "media_type": "application/json",
        "body": b"",
        "created_at": clock.now(session),
    }
    try:
        inserted = insert(StoredAnswer).values(row).on_conflict_do_nothing().returning(sa.literal(1))
        result = session.connection().execute(inserted).first()
    except DBAPIError as error:
        if is_busy(error):
            raise RequestInProgress(retry_after_s=1) from error
        raise
    if dialect == "postgresql":
        session.connection().exec_driver_sql("SET LOCAL lock_timeout TO DEFAULT")
    return result is not None


def _stored(session: Session, attempt: _Attempt) -> StoredAnswer:
    answer = session.get(StoredAnswer, (attempt.owner, attempt.key))
    if answer is None:  # the first one was rolled back between our insert and this read
        raise RequestInProgress(retry_after_s=1)
    if answer.request_hash != attempt.request_hash:
        raise IdempotencyKeyReused
    return answer


def _keep(attempt: _Attempt, response: Response) -> None:
    """Store an answer in the transaction that made it."""
    assert attempt.session is not None
    attempt.session.connection().execute(
        sa.update(StoredAnswer)
        .where(sa.and_(StoredAnswer.owner == attempt.owner, StoredAnswer.key == attempt.key))  # type: ignore[arg-type]  # SQLModel columns are typed as their values
        .values(
            status=response.status_code,
            body=bytes(response.body),
            media_type=response.media_type or "application/json",
            location=response.headers.get("location"),
        )
    )


def _keep_refusal(attempt: _Attempt, response: Response) -> None:
    """Undo the business change, keep only the refusal."""
    assert attempt.session is not None
    attempt.session.rollback()
    if _insert(attempt.session, attempt, wait_ms=1_000):
        _keep(attempt, response)


def _answer(stored: StoredAnswer) -> Response:
    headers = {"Idempotent-Replay": "true"} | ({"Location": stored.location} if stored.location else {})
    return Response(stored.body, status_code=stored.status, media_type=stored.media_type, headers=headers)


class KeyedRoute(APIRoute):
    """A route that honours ``Idempotency-Key`` where the handler takes ``Idempotency``."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and not scope.get("root_path") and not self.path_regex.match(scope["path"]):
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        original = super().get_route_handler()

        async def handle(request: Request) -> Response:
            await refuse_nul(request)
            if "idempotency-key" not in request.headers:
                return await original(request)
            attempt = _Attempt(request_hash=await _request_hash(request))
            request.state.attempt = attempt
            try:
                response = await original(request)
            except _Replay as replay:
                return _answer(replay.answer)
            except Refusal as refusal:
                if attempt.session is None or refusal.status == 429 or refusal.status >= 500:
                    raise
                response = refusal_response(refusal, request)
                await run_in_threadpool(_keep_refusal, attempt, response)
                return response
            if attempt.session is not None:
                await run_in_threadpool(_keep, attempt, response)
            return response

        return handle


async def _request_hash(request: Request) -> str:
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    digest.update(await request.body())
    return digest.hexdigest()


class PathRouter(APIRouter):
    """A router that first looks at its paths' fixed beginnings. It carries its own prefix; include it without one.

    The framework asks every router in turn whether a path is its own, route by route; so a market of many routers costs a request little.
    """

    _paths: "_Paths | None" = None

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope.get("root_path"):
            return super().matches(scope)
        paths = self._paths
        if paths is None or paths.count != len(self.routes):
            paths = self._paths = _Paths.of(self.routes)
        return (paths.match(scope["path"], scope["method"]), {}) if paths.is_plain else super().matches(scope)


class Router(PathRouter):
    """The router every feature uses: keyed routes, operation ids by function name."""

    def __init__(self, *, prefix: str = "", tags: list[str | Enum] | None = None) -> None:
        super().__init__(
            prefix=prefix,
            tags=tags,
            route_class=KeyedRoute,
            generate_unique_id_function=lambda route: route.name,
        )


@dataclass(frozen=True, slots=True)
class _Paths:
    """A router's paths as they are matched. ``is_plain``: every route is an ordinary one, so that this tells all."""

    count: int
    is_plain: bool
    beginnings: tuple[str, ...]
    routes: tuple[tuple[re.Pattern[str], frozenset[str]], ...]

    @classmethod
    def of(cls, routes: Sequence[BaseRoute]) -> "_Paths":
        plain = [route for route in routes if isinstance(route, APIRoute)]
        return cls(
            count=len(routes),
            is_plain=all(isinstance(route, (APIRoute, APIWebSocketRoute)) for route in routes),
            beginnings=tuple({route.path.partition("{")[0] for route in plain}),
            routes=tuple((route.path_regex, frozenset(route.methods or ())) for route in plain),
        )

    def match(self, path: str, method: str) -> Match:
        found = Match.NONE
        if path.startswith(self.beginnings):
            for pattern, methods in self.routes:
                if pattern.match(path):
                    if method in methods:
                        return Match.FULL
                    found = Match.PARTIAL
        return found


def sweep_answers(session: Session, *, keep_hours: int) -> int:
    """Delete stored answers older than ``keep_hours``; returns how many."""
    before = clock.now(session) - timedelta(hours=keep_hours)
    result = session.connection().execute(sa.delete(StoredAnswer).where(StoredAnswer.created_at < before))  # type: ignore[arg-type]  # SQLModel columns are typed as their values
    return result.rowcount


__all__ = ["Idempotency", "IdempotencyKeyReused", "KeyedRoute", "PathRouter", "RequestInProgress", "Router", "StoredAnswer"]
