"""Following a lot: first what the log has, then what happens, and from the log again whatever was missed."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError

from auction.bidding import queries as bidding
from auction.bidding.log import Entry, instant
from auction.live import queries
from auction.live.bus import Bus
from auction.live.frames import Frame, Pulse, frame_of
from auction.lots import service as lots
from marketplace.core import clock
from marketplace.core.db import Database
from marketplace.core.security import Principal

logger = logging.getLogger(__name__)
CHUNK = 500


class LogReader:
    """Reads of one lot's log, each in a thread and a short transaction of its own."""

    def __init__(self, database: Database, lot_id: UUID) -> None:
        self._database = database
        self._lot_id = lot_id

    def require_visible(self, viewer: Principal | None) -> int:
        """The seq of the lot's head. Raises ``LotUnknown``."""
        with self._database.reading() as session:
            lot, _ = lots.get_visible_lot(session, viewer=viewer, lot_id=self._lot_id)
            return lot.seq

    async def behind(self, seq: int) -> list[Entry]:
        return await to_thread.run_sync(self._behind, seq)

    def _behind(self, seq: int) -> list[Entry]:
        with self._database.reading() as session:
            return bidding.list_log(session, lot_id=self._lot_id, after_seq=seq, limit=CHUNK)


class Heart:
    """One beat for the whole process: the heads of all followed lots and the server's time in one read, whatever the number of readers.

    What the bus lost (Redis gone, another process that died between commit and publishing) is read once and told to all.
    """

    def __init__(self, database: Database, bus: Bus, *, every_s: float) -> None:
        self._database = database
        self._bus = bus
        self._every_s = every_s

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Beats meanwhile."""
        task = asyncio.create_task(self._forever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _forever(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.beat()
            except (SQLAlchemyError, OSError) as error:
                logger.warning("live heartbeat", extra={"error_kind": type(error).__name__})

    async def beat(self) -> None:
        """Fill what is missing, then tell every follower head and time."""
        followed = self._bus.lots()
        for start in range(0, len(followed), CHUNK):
            heads, at = await to_thread.run_sync(self._heads, followed[start : start + CHUNK])
            for lot_id, seq in heads.items():
                await self._fill(lot_id, seq)
            self._bus.beat(heads, at)

    async def _fill(self, lot_id: UUID, head: int) -> None:
        told = self._bus.told(lot_id)
        if told == 0:
            self._bus.mark(lot_id, head)
        elif told < head:
            self._bus.deliver(await LogReader(self._database, lot_id).behind(told))

    def _heads(self, lot_ids: Sequence[UUID]) -> tuple[dict[UUID, int], str]:
        with self._database.reading() as session:
            return queries.list_heads(session, lot_ids=lot_ids), instant(clock.now(session))


class Position:
    """The last seq a reader of one lot was given."""

    __slots__ = ("seq",)

    def __init__(self, seq: int) -> None:
        self.seq = seq

    def advance(self, frames: Sequence[Frame]) -> list[Frame]:
        """Those that follow without a gap."""
        fresh = []
        for frame in frames:
            if frame.seq == self.seq + 1:
                self.seq = frame.seq
                fresh.append(frame)
        return fresh

    def misses(self, frames: Sequence[Frame | Pulse]) -> bool:
        """Whether the log has something that these do not bring: a gap before an event, or a head that is further."""
        reach = self.seq
        for frame in frames:
            if isinstance(frame, Pulse):
                if frame.seq > reach:
                    return True
            elif frame.seq > reach + 1:
                return True
            else:
                reach = max(reach, frame.seq)
        return False


async def catch_up(log: LogReader, position: Position) -> AsyncIterator[list[Frame]]:
    """What the log has behind the position, in pieces."""
    while True:
        entries = await log.behind(position.seq)
        if fresh := position.advance([frame_of(entry) for entry in entries]):
            yield fresh
        if len(entries) < CHUNK:
            return


async def follow(database: Database, bus: Bus, *, lot_id: UUID, after_seq: int) -> AsyncIterator[bytes]:
    """Every entry behind ``after_seq`` in order, none missing, none twice, as Server-Sent Events; several in one write when they wait.

    It ends when the reader was too slow: come again with the last id. Heartbeats carry the head's seq and the server's time.
    """
    log = LogReader(database, lot_id)
    async with bus.follow(lot_id) as reader:
        position = Position(after_seq)
        async for frames in catch_up(log, position):
            yield wire(frames)
        while True:
            taken = await reader.take()
            if reader.is_cut:
                return
            if position.misses(taken):
                async for frames in catch_up(log, position):
                    yield wire(frames)
            events = position.advance([frame for frame in taken if isinstance(frame, Frame)])
            pulses = [frame for frame in taken if isinstance(frame, Pulse)]
            if events or pulses:
                yield wire([*events, *pulses[-1:]])


def wire(frames: Sequence[Frame | Pulse]) -> bytes:
    return b"".join([frame.sse for frame in frames])
