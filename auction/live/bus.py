"""What was committed, to whoever follows it: within the process at once, to other processes through Redis when there is one.

The bus may lose messages (Redis gone, a reader too slow); a reader never does: entries are numbered without gaps, and what is missing is
read from the lot's log. An entry is encoded once, however many follow.
"""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID, uuid4

import orjson
import redis.asyncio
from redis.exceptions import RedisError

from auction.bidding.log import Entry
from auction.live.frames import Frame, Pulse, frame_of

logger = logging.getLogger(__name__)
CHANNEL = "henanroad:auction:live"
RECONNECT_S = 1.0
PRESENCE_EVERY_S = 2.0
PRESENCE_FORGOTTEN_S = 10.0


class Follower(Protocol):
    """Who is told of a lot's frames, on the event loop."""

    def offer(self, frame: Frame | Pulse) -> None:
        """Never waits, never raises."""
        ...


class Reader:
    """A follower with a queue, of one lot or several. When it falls more than ``limit`` frames behind it is cut off."""

    __slots__ = ("_frames", "_limit", "_wake", "is_cut")

    def __init__(self, limit: int) -> None:
        self._frames: deque[Frame | Pulse] = deque()
        self._wake = asyncio.Event()
        self._limit = limit
        self.is_cut = False

    def offer(self, frame: Frame | Pulse) -> None:
        if len(self._frames) >= self._limit:
            self.is_cut = True
            self._frames.clear()
        else:
            self._frames.append(frame)
        self._wake.set()

    def wake(self) -> None:
        """Let ``take`` come back though nothing was offered."""
        self._wake.set()

    async def take(self) -> list[Frame | Pulse]:
        """Everything that waits, as soon as there is something."""
        if not self._frames and not self.is_cut:
            await self._wake.wait()
        self._wake.clear()
        frames = [*self._frames]
        self._frames.clear()
        return frames


class Bus:
    """One per process. ``publish`` may be called from any thread, the rest from the event loop."""

    def __init__(self, *, url: str = "", reader_limit: int = 512, queue_limit: int = 10_000) -> None:
        self._url = url
        self.reader_limit = reader_limit
        self._followers: dict[UUID, set[Follower]] = defaultdict(set)
        self._told: dict[UUID, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._outgoing: deque[bytes] = deque(maxlen=queue_limit)
        self._outgoing_wake = asyncio.Event()
        self._origin = uuid4().hex
        self._elsewhere: dict[str, tuple[float, dict[str, int]]] = {}

    # --- who follows

    def count(self, lot_id: UUID) -> int:
        """Who follows a lot in this process."""
        return len(self._followers.get(lot_id, ()))

    def presence(self, lot_id: UUID) -> int:
        """Who follows a lot in all processes, as far as the others told it lately."""
        until, name = time.monotonic() - PRESENCE_FORGOTTEN_S, str(lot_id)
        return self.count(lot_id) + sum(counts.get(name, 0) for at, counts in self._elsewhere.values() if at > until)

    def lots(self) -> list[UUID]:
        """The lots followed in this process."""
        return [*self._followers]

    def told(self, lot_id: UUID) -> int:
        """The last seq that was given to this process's followers of a lot; 0 when none was yet."""
        return self._told.get(lot_id, 0)

    def mark(self, lot_id: UUID, seq: int) -> None:
        """Followers read up to here from the log themselves."""
        if lot_id in self._followers:
            self._told[lot_id] = max(seq, self._told.get(lot_id, 0))

    def join(self, lot_id: UUID, follower: Follower) -> None:
        """Frames of a lot from now on."""
        self._loop = asyncio.get_running_loop()
        self._followers[lot_id].add(follower)

    def leave(self, lot_id: UUID, follower: Follower) -> None:
        followers = self._followers.get(lot_id)
        if followers is not None:
            followers.discard(follower)
            if not followers:
                del self._followers[lot_id]
                self._told.pop(lot_id, None)

    @contextlib.asynccontextmanager
    async def follow(self, lot_id: UUID) -> AsyncIterator[Reader]:
        """A reader of one lot meanwhile."""
        reader = Reader(self.reader_limit)
        self.join(lot_id, reader)
        try:
            yield reader
        finally:
            self.leave(lot_id, reader)

    # --- telling

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
        self.deliver(entries)
        if self._url:
            self._outgoing.append(_message(self._origin, entries))
            self._outgoing_wake.set()

    def deliver(self, entries: Sequence[Entry]) -> None:
        """Tell this process's followers."""
        for entry in entries:
            followers = self._followers.get(entry.lot_id)
            if followers:
                frame = frame_of(entry)
                self._told[entry.lot_id] = max(entry.seq, self._told.get(entry.lot_id, 0))
                for follower in [*followers]:
                    follower.offer(frame)

    def beat(self, heads: Mapping[UUID, int], server_time: str) -> None:
        """A heartbeat to every follower of these lots: encoded once a lot."""
        for lot_id, seq in heads.items():
            pulse = Pulse(lot_id, seq, server_time, self.presence(lot_id))
            for follower in [*self._followers.get(lot_id, ())]:
                follower.offer(pulse)

    # --- other processes

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send and receive through Redis meanwhile, when there is one."""
        self._loop = asyncio.get_running_loop()
        if not self._url:
            yield
            return
        client = redis.asyncio.from_url(self._url)
        tasks = [asyncio.create_task(self._forever(part, client)) for part in (self._send, self._receive, self._tell_presence)]
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
                origin, content = orjson.loads(message["data"])
                if origin == self._origin:
                    continue
                if isinstance(content, dict):
                    self._elsewhere[origin] = (time.monotonic(), content)
                else:
                    self.deliver([Entry(UUID(row[0]), row[1], row[2], row[3]) for row in content])

    async def _tell_presence(self, client: redis.asyncio.Redis) -> None:
        """How many follow what here; and forget processes that fell silent."""
        while True:
            counts = {str(lot_id): len(followers) for lot_id, followers in self._followers.items()}
            await client.publish(CHANNEL, orjson.dumps([self._origin, counts]))
            until = time.monotonic() - PRESENCE_FORGOTTEN_S
            self._elsewhere = {origin: told for origin, told in self._elsewhere.items() if told[0] > until}
            await asyncio.sleep(PRESENCE_EVERY_S)


def _message(origin: str, entries: Sequence[Entry]) -> bytes:
    return orjson.dumps([origin, [[entry.lot_id, entry.seq, entry.document, entry.hash] for entry in entries]])
