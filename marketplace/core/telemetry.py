"""Logs, metrics and health: JSON lines with the request's id, Prometheus series by route template, ``/healthz`` and ``/readyz``.

Nothing secret or personal reaches a line: fields are redacted by name, texts by shape. The middleware is plain ASGI and writes one
access line and two samples a request; the body limit is FastAPI's own (``max_body_size``, a route may set its own).
"""

import asyncio
import logging
import re
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from itertools import accumulate
from typing import Any

import orjson
import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from marketplace.core import clock, outbox
from marketplace.core.db import get_database
from marketplace.core.idempotency import PathRouter
from marketplace.core.problem import MEDIA_TYPE, problem_body
from marketplace.core.security import public
from marketplace.core.settings import Settings

REQUEST_ID_HEADER = "x-request-id"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")
current_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

# --- redaction --------------------------------------------------------------------------------------------------------

REDACTED = "[redacted]"
SECRET_FIELDS = frozenset(
    """account_number api_key authorization bank_account card code cookie csrf_token email engine_number id_number name
    owner_name passphrase password phone plate refresh_token resident_id secret set-cookie token totp uri vin""".split()
)
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_SHAPES = re.compile(
    r"hr_live_[A-Za-z0-9_-]+"  # machine key
    r"|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"  # token
    r"|(?i:bearer\s+)[A-Za-z0-9._~+/=-]+"
    r"|(?<![0-9A-Za-z])[1-9]\d{16}[\dXx](?![0-9A-Za-z])"  # resident id
    r"|(?<![0-9A-Za-z])[A-HJ-NPR-Z0-9]{17}(?![0-9A-Za-z])"  # VIN
    r"|(?<![0-9A-Za-z])1[3-9]\d{9}(?![0-9A-Za-z])"  # mobile
    rf"|[{_PROVINCES}][A-HJ-NP-Z][A-HJ-NP-Z0-9]{{4,5}}[A-HJ-NP-Z0-9挂学警港澳试超]"  # plate
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # password in a URL
)


def redact_text(text: str) -> str:
    """The text with everything that looks like a secret, VIN, plate, phone or resident id taken out."""
    return _SHAPES.sub(REDACTED, text)


def redact(value: Any) -> Any:
    """The same for nested values; fields named as secret lose their value whatever it is."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {key: REDACTED if str(key).lower() in SECRET_FIELDS else redact(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(part) for part in value]
    return value


def _redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        event[key] = REDACTED if key.lower() in SECRET_FIELDS else redact(value)
    return event


def _add_request_id(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request_id = current_request_id.get()
    if request_id is not None:
        event["request_id"] = request_id
    return event


def _json(event: MutableMapping[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=lambda value: redact_text(str(value))).decode()


def configure_logging(*, level: str = "INFO") -> None:
    """JSON lines on standard error for our own loggers and every library's. Call once at the start of a process."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        _add_request_id,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact_event,
                structlog.processors.JSONRenderer(serializer=_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], name != "uvicorn.access"  # our middleware writes the access line
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)  # their info lines hold whole URLs


# --- metrics ----------------------------------------------------------------------------------------------------------

SOCKETS = Gauge("henanroad_sockets", "Open WebSockets.", ["route"])
BACKLOG = Gauge("henanroad_outbox", "Events not published; deliveries open and dead.", ["state"])
UNMATCHED = "unmatched"


LATENCY_BOUNDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class _Latency:
    """Times of one (method, route): how many in each class. Written by the event loop only, so it needs no lock."""

    __slots__ = ("classes", "total_s")

    def __init__(self) -> None:
        self.classes = [0] * (len(LATENCY_BOUNDS) + 1)
        self.total_s = 0.0

    def cumulated(self) -> list[tuple[str, float]]:
        bounds = [*(str(bound) for bound in LATENCY_BOUNDS), "+Inf"]
        return list(zip(bounds, accumulate(self.classes), strict=True))


class _RequestSeries(Collector):
    """``henanroad_requests_total`` and ``henanroad_request_seconds``, counted in plain dicts: this runs for every bid."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str, int], int] = {}
        self.latencies: dict[tuple[str, str], _Latency] = {}

    def observe(self, method: str, route: str, status: int, elapsed_s: float) -> None:
        if method not in _METHODS:
            method = "OTHER"
        self.answers[method, route, status] = self.answers.get((method, route, status), 0) + 1
        latency = self.latencies.get((method, route))
        if latency is None:
            latency = self.latencies[method, route] = _Latency()
        latency.classes[bisect_left(LATENCY_BOUNDS, elapsed_s)] += 1
        latency.total_s += elapsed_s

    def collect(self) -> Iterator[Metric]:
        answers = CounterMetricFamily("henanroad_requests", "Answers by route and status.", labels=["method", "route", "status"])
        for (method, route, status), number in list(self.answers.items()):
            answers.add_metric([method, route, str(status)], number)
        yield answers
        latencies = HistogramMetricFamily("henanroad_request_seconds", "Time to the whole answer.", labels=["method", "route"])
        for labels, latency in list(self.latencies.items()):
            latencies.add_metric(list(labels), buckets=latency.cumulated(), sum_value=latency.total_s)
        yield latencies


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_series = _RequestSeries()
REGISTRY.register(_series)


def route_template(scope: Scope) -> str:
    """``/auction/v1/lots/{lot_id}/bids``, or ``unmatched``: a series a path would let anybody fill the memory."""
    route = scope.get("route")
    return getattr(route, "path_format", None) or getattr(route, "path", None) or UNMATCHED


class TelemetryMiddleware:
    """Request id, access line, metrics. Streams count when they end."""

    def __init__(self, app: ASGIApp, *, access_log: bool = True) -> None:
        self.app = app
        self._access_log = access_log
        self._lines: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _request_id(scope)
        started = time.perf_counter()
        status = 500
        bare = False

        async def answer(message: Message) -> None:
            nonlocal status, bare
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
                bare = status == 413 and (b"content-type", b"text/plain; charset=utf-8") in message["headers"]
            if bare:
                message = _as_problem(message, request_id)
            await send(message)

        try:
            await self.app(scope, receive, answer)
        finally:
            elapsed_s = time.perf_counter() - started
            route = route_template(scope)
            _series.observe(scope["method"], route, status, elapsed_s)
            if self._access_log:
                self._log(_access_line(scope, route, status, elapsed_s, request_id))

    def _log(self, line: bytes) -> None:
        """Requests that end in one turn of the loop share one write."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._flush)
        self._lines.append(line)

    def _flush(self) -> None:
        text = b"".join(self._lines).decode()
        self._lines.clear()
        with suppress(OSError, ValueError):  # a closed log must not fail a request that succeeded
            sys.stderr.write(text)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        _request_id(scope)
        gauge: Gauge | None = None

        async def answer(message: Message) -> None:
            nonlocal gauge
            if message["type"] == "websocket.accept":
                gauge = SOCKETS.labels(route_template(scope))
                gauge.inc()
            await send(message)

        try:
            await self.app(scope, receive, answer)
        finally:
            if gauge is not None:
                gauge.dec()


def _as_problem(message: Message, request_id: str) -> Message:
    """The body limiter answers in plain text below our handlers; give its answer our shape."""
    body = problem_body(
        status=413, code="too_large", title="请求内容过大", detail="The body is larger than this route takes.", request_id=request_id
    )
    if message["type"] == "http.response.body":
        return {"type": "http.response.body", "body": body}
    replaced = (b"content-type", b"content-length")
    headers = [(name, value) for name, value in message["headers"] if name.lower() not in replaced]
    length = str(len(body)).encode()
    return {**message, "headers": [*headers, (b"content-type", MEDIA_TYPE.encode()), (b"content-length", length)]}


def _request_id(scope: Scope) -> str:
    """The caller's id when it is a harmless one, else a fresh one; in the scope's state and in the log context."""
    request_id = None
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            if _REQUEST_ID.fullmatch(value):
                request_id = value.decode()
            break
    if request_id is None:
        request_id = uuid7().hex
    scope.setdefault("state", {})["request_id"] = request_id
    current_request_id.set(request_id)
    return request_id


def _access_line(scope: Scope, route: str, status: int, elapsed_s: float, request_id: str) -> bytes:
    """No query, no body, no path: a template says what was asked, the audit trail says about what."""
    principal = scope["state"].get("principal")
    line = {
        "event": "request",
        "method": scope["method"],
        "route": route,
        "status": status,
        "ms": round(elapsed_s * 1000, 1),
        "principal": principal.id if principal is not None else None,
        "request_id": request_id,
        "at": time.time(),
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE, default=str)


# --- health -----------------------------------------------------------------------------------------------------------

router = PathRouter(tags=["operations"], dependencies=[Depends(public())])


class HealthBody(BaseModel):
    """``checks`` names each part and whether it answers."""

    status: str = Field(examples=["ok"])
    checks: dict[str, bool] = Field(default_factory=dict, examples=[{"database": True}])


ReadinessCheck = Callable[[], object]
"""Returns when the part answers, raises when it does not."""


def add_readiness(app: FastAPI, name: str, check: ReadinessCheck) -> None:
    """Let ``/readyz`` ask one more part, e.g. Redis."""
    app.state.readiness[name] = check


@router.get("/healthz", summary="进程是否存活 Is the process alive", operation_id="get_health")
async def get_health() -> HealthBody:
    return HealthBody(status="ok")


@router.get("/readyz", summary="是否可以接收请求 May requests be sent here", operation_id="get_readiness")
async def get_readiness(request: Request, response: Response) -> HealthBody:
    checks = {"database": lambda: _ask_database(request), **request.app.state.readiness}
    results = {name: await run_in_threadpool(_answers, check) for name, check in checks.items()}
    ready = all(results.values())
    if not ready:
        response.status_code = 503
    return HealthBody(status="ok" if ready else "unavailable", checks=results)


@router.get("/metrics", summary="Prometheus 指标 Metrics", operation_id="get_metrics", include_in_schema=False, response_class=Response)
def get_metrics(request: Request) -> Response:
    """The process's series, and the market's backlog as the database has it now."""
    try:
        with get_database(request).reading() as session:
            for state, number in outbox.backlog(session).items():
                BACKLOG.labels(state).set(number)
    except DBAPIError:
        BACKLOG.clear()  # no number is better than a stale one
    return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})


def _ask_database(request: Request) -> None:
    with get_database(request).reading() as session:
        clock.now(session)


def _answers(check: ReadinessCheck) -> bool:
    try:
        check()
    except Exception as error:
        logging.getLogger(__name__).warning("not ready", extra={"error_kind": type(error).__name__})
        return False
    return True


def install(app: FastAPI, settings: Settings) -> None:
    """The middleware and the three routes."""
    app.state.readiness = {}
    app.add_middleware(TelemetryMiddleware, access_log=settings.access_log)
    app.include_router(router)
