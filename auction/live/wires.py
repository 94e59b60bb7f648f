"""The stream's fast end: an event is written to the connection itself, below ASGI, by whoever publishes it.

The second documented exception (docs/adr/0011-streams-below-asgi.md; the first is the bid's front). Through ASGI each delivery wakes a task
and passes half a dozen coroutines; so it is one ``write`` of bytes that were encoded once. Head, catching up from the log and everything on
a server that shows no transport still go through ASGI.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol, cast
from uuid import UUID

from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from auction.live.bus import Bus
from auction.live.frames import Frame, Pulse
from auction.live.service import LogReader, Position, catch_up, follow, wire
from marketplace.core.db import Database

AGAIN_S = 0.02
EVENT_BYTES = 1_024
"""What an event takes about: a reader may be ``reader_limit`` of them behind before it is cut off."""


class Transport(Protocol):
    """What is needed of the server's connection."""

    def write(self, written: bytes) -> None: ...
    def abort(self) -> None: ...
    def is_closing(self) -> bool: ...
    def get_write_buffer_size(self) -> int: ...


class Wire:
    """A follower whose frames go straight to its connection while it has them all; otherwise it asks to catch up."""

    __slots__ = ("_limit_bytes", "is_behind", "on_behind", "position", "reach", "transport")

    def __init__(self, transport: Transport, position: Position, *, limit_bytes: int) -> None:
        self.transport = transport
        self._limit_bytes = limit_bytes
        self.on_behind: Callable[[], None] | None = None
        self.position = position
        self.reach = position.seq
        self.is_behind = True

    def offer(self, frame: Frame | Pulse) -> None:
        transport = self.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > self._limit_bytes:
            transport.abort()
            return
        self.reach = max(self.reach, frame.seq)
        if self.is_behind:
            return
        position = self.position
        if isinstance(frame, Frame) and frame.seq == position.seq + 1:
            position.seq = frame.seq
            transport.write(frame.chunk)
        elif frame.seq > position.seq:
            self.is_behind = True
            if self.on_behind is not None:
                self.on_behind()
        elif isinstance(frame, Pulse):
            transport.write(frame.chunk)


class EventStream(StreamingResponse):
    """A lot's events; ``documented`` by FastAPI as any response class."""

    media_type = "text/event-stream"

    def __init__(self, *, database: Database, bus: Bus, lot_id: UUID, after_seq: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(_nothing(), headers=headers)
        self._log = LogReader(database, lot_id)
        self._database = database
        self._bus = bus
        self._lot_id = lot_id
        self._after_seq = after_seq
        self._catching: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = transport_of(receive)
        if transport is None:
            self.body_iterator = follow(self._database, self._bus, lot_id=self._lot_id, after_seq=self._after_seq)
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        limit_bytes = self._bus.reader_limit * EVENT_BYTES
        found = Wire(transport, Position(self._after_seq), limit_bytes=limit_bytes)
        found.on_behind = lambda: self._start(found, send)
        self._bus.join(self._lot_id, found)
        try:
            self._start(found, send)
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._bus.leave(self._lot_id, found)
            if self._catching is not None:
                self._catching.cancel()

    def _start(self, found: Wire, send: Send) -> None:
        self._catching = asyncio.get_running_loop().create_task(self._catch_up(found, send))

    async def _catch_up(self, found: Wire, send: Send) -> None:
        """From the log until nothing is missing; what comes meanwhile is only remembered by its number."""
        try:
            await self._give(found, send)
            while found.reach > found.position.seq:
                await asyncio.sleep(AGAIN_S)
                await self._give(found, send)
        except (SQLAlchemyError, OSError):  # the reader comes again with its last id
            found.transport.abort()
            return
        found.is_behind = False

    async def _give(self, found: Wire, send: Send) -> None:
        async for frames in catch_up(self._log, found.position):
            await send({"type": "http.response.body", "body": wire(frames), "more_body": True})


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def transport_of(receive: Receive) -> Transport | None:
    """The connection behind a request of uvicorn whose answer is coded in chunks; None on any other server."""
    cycle = getattr(receive, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is None or getattr(cycle, "scope", {}).get("http_version") != "1.1" or getattr(cycle, "chunked_encoding", "") is not None:
        return None
    return cast("Transport", transport)
