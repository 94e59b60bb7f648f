"""Following a lot: first what the log has, then what happens, and from the log again whatever was missed."""

from collections.abc import AsyncIterator
from uuid import UUID

import orjson
from anyio import to_thread

from auction.bidding import queries as bidding
from auction.bidding.log import Entry, instant
from auction.live.bus import Bus, Frame, frame_of
from auction.lots import service as lots
from marketplace.core import clock
from marketplace.core.db import Database
from marketplace.core.security import Principal

CHUNK = 500


class LogReader:
    """Reads of one lot's log, each in a thread and a short transaction of its own."""

    def __init__(self, database: Database, lot_id: UUID) -> None:
        self._database = database
        self._lot_id = lot_id

    def require_visible(self, viewer: Principal | None) -> None:
        """Raises ``LotUnknown``."""
        with self._database.reading() as session:
            lots.get_visible_lot(session, viewer=viewer, lot_id=self._lot_id)

    async def behind(self, seq: int) -> list[Entry]:
        return await to_thread.run_sync(self._behind, seq)

    async def server_time(self) -> str:
        return await to_thread.run_sync(self._server_time)

    def _behind(self, seq: int) -> list[Entry]:
        with self._database.reading() as session:
            return bidding.list_log(session, lot_id=self._lot_id, after_seq=seq, limit=CHUNK)

    def _server_time(self) -> str:
        with self._database.reading() as session:
            return instant(clock.now(session))


async def follow(database: Database, bus: Bus, *, lot_id: UUID, after_seq: int, heartbeat_s: float) -> AsyncIterator[bytes]:
    """Every entry behind ``after_seq`` in order, none missing, none twice, as Server-Sent Events; several in one write when they wait.

    It ends when the reader was too slow: come again with the last id. Heartbeats carry the head's seq and the server's time.
    """
    log = LogReader(database, lot_id)
    async with bus.follow(lot_id) as reader:
        position = _Position(after_seq)
        async for wire in _catch_up(log, position):
            yield wire
        while True:
            frames = await reader.take(wait_s=heartbeat_s)
            if reader.is_cut:
                return
            if not frames or frames[0].seq > position.seq + 1:
                async for wire in _catch_up(log, position):
                    yield wire
            if fresh := position.advance(frames):
                yield b"".join([frame.wire for frame in fresh])
            if not frames:
                yield _heartbeat(position.seq, await log.server_time())


class _Position:
    """The last seq the reader was given."""

    __slots__ = ("seq",)

    def __init__(self, seq: int) -> None:
        self.seq = seq

    def advance(self, frames: list[Frame]) -> list[Frame]:
        """Those that follow without a gap."""
        fresh = []
        for frame in frames:
            if frame.seq == self.seq + 1:
                self.seq = frame.seq
                fresh.append(frame)
        return fresh


async def _catch_up(log: LogReader, position: _Position) -> AsyncIterator[bytes]:
    while True:
        entries = await log.behind(position.seq)
        if fresh := position.advance([frame_of(entry) for entry in entries]):
            yield b"".join([frame.wire for frame in fresh])
        if len(entries) < CHUNK:
            return


def _heartbeat(seq: int, server_time: str) -> bytes:
    return b"event: heartbeat\ndata: " + orjson.dumps({"seq": seq, "server_time": server_time}) + b"\n\n"
