"""What was committed, to whoever follows it: within the process at once, to other processes through Redis when there is one.

The bus may lose messages (Redis gone, a reader too slow); a reader never does: entries are numbered without gaps, and what is missing is
read from the lot's log. An entry is encoded once, however many follow.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import orjson
import redis.asyncio
from redis.exceptions import RedisError

from auction.bidding.log import Entry

logger = logging.getLogger(__name__)
CHANNEL = "henanroad:auction:live"
RECONNECT_S = 1.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One entry as it goes over the wire (Server-Sent Events)."""

    seq: int
    wire: bytes


def frame_of(entry: Entry) -> Frame:
    """``id`` is the entry's seq, ``event`` its kind; ``data`` holds the entry as it was hashed."""
    kind = entry.content()["kind"]
    data = f'{{"seq":{entry.seq},"hash":"{entry.hash}","entry":{entry.document}}}'
    return Frame(entry.seq, f"id: {entry.seq}\nevent: {kind}\ndata: {data}\n\n".encode())


class Reader:
    """One follower of one lot. When it falls more than ``limit`` frames behind it is cut off."""

    __slots__ = ("_frames", "_limit", "_wake", "is_cut")

    def __init__(self, limit: int) -> None:
        self._frames: deque[Frame] = deque()
        self._wake = asyncio.Event()
        self._limit = limit
        self.is_cut = False

    def offer(self, frame: Frame) -> None:
        if len(self._frames) >= self._limit:
            self.is_cut = True
            self._frames.clear()
        else:
            self._frames.append(frame)
        self._wake.set()

    async def take(self, *, wait_s: float) -> list[Frame]:
        """Everything that waits, as soon as there is something; empty after ``wait_s``."""
        if not self._frames and not self.is_cut:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
        self._wake.clear()
        frames = [*self._frames]
        self._frames.clear()
        return frames


class Bus:
    """One per process. ``publish`` may be called from any thread, the rest from the event loop."""

    def __init__(self, *, url: str = "", reader_limit: int = 512, queue_limit: int = 10_000) -> None:
        self._url = url
        self._reader_limit = reader_limit
        self._readers: dict[UUID, set[Reader]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._outgoing: deque[bytes] = deque(maxlen=queue_limit)
        self._outgoing_wake = asyncio.Event()
        self._origin = uuid4().hex

    def count(self, lot_id: UUID) -> int:
        """Who follows a lot in this process."""
        return len(self._readers.get(lot_id, ()))

    @contextlib.asynccontextmanager
    async def follow(self, lot_id: UUID) -> AsyncIterator[Reader]:
        """Frames of a lot from now on."""
        self._loop = asyncio.get_running_loop()
        reader = Reader(self._reader_limit)
        self._readers[lot_id].add(reader)
        try:
            yield reader
        finally:
            self._readers[lot_id].discard(reader)
            if not self._readers[lot_id]:
                del self._readers[lot_id]

    def publish(self, entries: Sequence[Entry]) -> None:
        """Tell everybody; only after the commit."""
        if self._loop is None or self._loop.is_closed():
            return
        try:
            inside = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            inside = False
        if inside:
            self._publish(entries)
        else:
            self._loop.call_soon_threadsafe(self._publish, entries)

    def _publish(self, entries: Sequence[Entry]) -> None:
        self._deliver(entries)
        if self._url:
            self._outgoing.append(_message(self._origin, entries))
            self._outgoing_wake.set()

    def _deliver(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            readers = self._readers.get(entry.lot_id)
            if readers:
                frame = frame_of(entry)
                for reader in readers:
                    reader.offer(frame)

    # --- other processes

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send and receive through Redis meanwhile, when there is one."""
        self._loop = asyncio.get_running_loop()
        if not self._url:
            yield
            return
        client = redis.asyncio.from_url(self._url)
        tasks = [asyncio.create_task(self._forever(part, client)) for part in (self._send, self._receive)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.aclose()

    async def _forever(self, part: Callable[[redis.asyncio.Redis], Coroutine[Any, Any, None]], client: redis.asyncio.Redis) -> None:
        while True:
            try:
                await part(client)
            except (RedisError, OSError) as error:
                logger.warning("live channel", extra={"error_kind": type(error).__name__})
                await asyncio.sleep(RECONNECT_S)

    async def _send(self, client: redis.asyncio.Redis) -> None:
        while True:
            while self._outgoing:
                await client.publish(CHANNEL, self._outgoing[0])
                self._outgoing.popleft()
            self._outgoing_wake.clear()
            await self._outgoing_wake.wait()

    async def _receive(self, client: redis.asyncio.Redis) -> None:
        async with client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(CHANNEL)
            async for message in channel.listen():
                origin, entries = _entries(message["data"])
                if origin != self._origin:
                    self._deliver(entries)


def _message(origin: str, entries: Sequence[Entry]) -> bytes:
    return orjson.dumps([origin, [[entry.lot_id, entry.seq, entry.document, entry.hash] for entry in entries]])


def _entries(message: bytes) -> tuple[str, list[Entry]]:
    origin, rows = orjson.loads(message)
    return origin, [Entry(UUID(row[0]), row[1], row[2], row[3]) for row in rows]
