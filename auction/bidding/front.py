"""The bid's fast front: a plain bid is decoded and answered before the framework would have found its route.

One exception, documented in docs/adr/0009-what-a-bid-costs.md. It takes only what it can read at a glance: a person's bearer token that is
good for bids, one small JSON object with the one amount. Everything else, every refusal of the door among it, goes on to the ordinary
route with its body put back, so there is one place that refuses. The sequencer and what it answers are the same for both.
"""

import re
from dataclasses import dataclass
from uuid import UUID

from fastapi import FastAPI, Request
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auction.bidding.domain import BidCommand
from auction.bidding.schemas import AMOUNT_MAX
from auction.bidding.sequencer import Sequencer
from marketplace.core.errors import Refusal
from marketplace.core.idempotency import KEY_MAX
from marketplace.core.problem import MEDIA_TYPE
from marketplace.core.security import MACHINE_PREFIX, Authorization, Gate, Principal

_PATH = re.compile(r"/auction/v1/lots/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/bids")
_BODY = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"maximum_minor"[ \t\r\n]*:[ \t\r\n]*([1-9][0-9]{0,13})[ \t\r\n]*\}[ \t\r\n]*')
_BODY_MAX = 256
_JSON = b"application/json"
_BEARER = "Bearer "
_READ = frozenset({b"authorization", b"acting-for", b"idempotency-key", b"content-type", b"content-length"})
_NOT_OURS = frozenset({b"transfer-encoding", b"expect"})
_ACCEPTED_HEADERS = (b"content-type", _JSON)
_REFUSED_HEADERS = (b"content-type", MEDIA_TYPE.encode())


@dataclass(frozen=True, slots=True)
class _Door:
    """What a plain bid's headers say."""

    principal: Principal
    key: str | None


class BidFront:
    """ASGI middleware around the application whose ``place_bid`` it shortens."""

    def __init__(self, app: ASGIApp, *, service: FastAPI, route: BaseRoute, authorization: Authorization) -> None:
        self._app = app
        self._service = service
        self._route = route
        self._authorization = authorization

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        lot = _lot_of(scope)
        door = self._open(scope) if lot is not None else None
        if lot is None or door is None:
            await self._app(scope, receive, send)
            return
        message = await receive()
        amount = _amount_of(message)
        if amount is None:
            await self._app(scope, _again(message, receive), send)
            return
        scope["route"] = self._route
        scope.setdefault("state", {})["principal"] = door.principal
        command = BidCommand(UUID(lot), door.principal.id, door.principal.party_id, amount, door.key)
        await self._answer(command, scope, receive, send)

    async def _answer(self, command: BidCommand, scope: Scope, receive: Receive, send: Send) -> None:
        sequencer: Sequencer = self._service.state.sequencer
        try:
            answer = await sequencer.submit(command)
        except Exception as error:
            await self._fail(error, scope, receive, send)
            return
        kind = _ACCEPTED_HEADERS if answer.status == 201 else _REFUSED_HEADERS
        headers = [(b"content-length", b"%d" % len(answer.body)), kind]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _fail(self, error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
        """As the application answers the same error from a route."""
        for kind in type(error).__mro__:
            handler = self._service.exception_handlers.get(kind)
            if handler is not None and kind is not Exception:
                scope["app"] = self._service
                response = await handler(Request(scope, receive), error)  # type: ignore[misc]  # ours are all asynchronous
                await response(scope, receive, send)
                return
        raise error

    def _open(self, scope: Scope) -> _Door | None:
        """The caller, when his credential is a plain one and good; None leaves it to the ordinary route, refusals too."""
        found: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _NOT_OURS or name in found:
                return None
            if name in _READ:
                found[name] = value
        key = found.get(b"idempotency-key")
        presented = found.get(b"authorization", b"").decode("latin-1")
        if not (
            presented.startswith(_BEARER)
            and not presented.startswith(MACHINE_PREFIX, len(_BEARER))
            and found.get(b"content-type", b"").partition(b";")[0] == _JSON
            and (key is None or 0 < len(key) <= KEY_MAX)
        ):
            return None
        acting_for = found.get(b"acting-for")
        gate: Gate = self._service.state.gate
        try:
            principal = gate.person(presented[len(_BEARER) :].strip(), acting_for.decode("latin-1") if acting_for is not None else None)
            self._authorization.check(principal)  # type: ignore[attr-defined]  # a guard of require()
        except Refusal:
            return None
        return _Door(principal, key.decode("latin-1") if key is not None else None)


def install(app: FastAPI, *, route: BaseRoute, authorization: Authorization) -> None:
    """Put the front inside the telemetry, which counts and logs it like any request."""
    app.user_middleware.append(Middleware(BidFront, service=app, route=route, authorization=authorization))


def _lot_of(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] != "POST" or scope.get("query_string") or scope.get("root_path"):
        return None
    found = _PATH.fullmatch(scope["path"])
    return found[1] if found is not None else None


def _amount_of(message: Message) -> int | None:
    if message["type"] != "http.request" or message.get("more_body") or len(message.get("body", b"")) > _BODY_MAX:
        return None
    found = _BODY.fullmatch(message.get("body", b""))
    amount = int(found[1]) if found is not None else 0
    return amount if 0 < amount <= AMOUNT_MAX else None


def _again(message: Message, receive: Receive) -> Receive:
    """A ``receive`` that gives the message that was read once more, then what follows it."""
    waiting = [message]

    async def once_more() -> Message:
        return waiting.pop() if waiting else await receive()

    return once_more
