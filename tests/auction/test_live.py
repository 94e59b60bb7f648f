"""The live channel: every entry in order, after the commit, none missing, whatever the bus loses."""

import asyncio
import os
from collections.abc import AsyncIterator
from uuid import uuid4

import orjson
import pytest

from auction.bidding.log import Entry
from auction.bidding.sequencer import Sequencer
from auction.bidding.service import list_log
from auction.live.bus import Bus
from auction.live.frames import Frame, Pulse
from auction.live.service import Heart, LogReader, Position, follow
from auction.live.wires import Wire
from marketplace.core.db import Database
from tests.auctions import YUAN, AuctionHouse, OpenLot, open_lot
from tests.market import Market
from tests.people import sign_up

REDIS_VARIABLE = "HENANROAD_TEST_REDIS_URL"


def entries(database: Database, lot: OpenLot) -> list[Entry]:
    with database.reading() as session:
        return list_log(session, lot_id=lot.id, after_seq=0, limit=10_000)


def seqs(wire: bytes) -> list[int]:
    return [int(line.removeprefix(b"id: ")) for line in wire.split(b"\n") if line.startswith(b"id: ")]


async def read_until(stream: AsyncIterator[bytes], last: int) -> list[int]:
    found: list[int] = []
    async with asyncio.timeout(20):
        async for wire in stream:
            found += seqs(wire)
            if found and found[-1] >= last:
                return found
    return found


async def place(sequencer: Sequencer, lot: OpenLot, count: int, *, start: int = 0) -> None:
    for position in range(start, start + count):
        await sequencer.submit(lot.bid(position % 2, (10_000 + 500 * position) * YUAN))


def follow_lot(database: Database, bus: Bus, lot: OpenLot, *, after_seq: int = 0) -> AsyncIterator[bytes]:
    return follow(database, bus, lot_id=lot.id, after_seq=after_seq)


class TestFollow:
    def test_gives_the_log_then_what_happens(self, db: Database) -> None:
        lot = open_lot(db)

        async def scene() -> list[int]:
            bus = Bus()
            sequencer = Sequencer(db, publish=bus.publish)
            async with bus.running():
                await place(sequencer, lot, 5)
                reading = asyncio.create_task(read_until(follow_lot(db, bus, lot), 15))
                await place(sequencer, lot, 10, start=5)
                found = await reading
            await sequencer.stop()
            return found

        assert asyncio.run(scene()) == list(range(1, 16))

    def test_goes_on_behind_the_last_id(self, db: Database) -> None:
        lot = open_lot(db)

        async def scene() -> list[int]:
            bus = Bus()
            sequencer = Sequencer(db, publish=bus.publish)
            await place(sequencer, lot, 8)
            found = await read_until(follow_lot(db, bus, lot, after_seq=6), 8)
            await sequencer.stop()
            return found

        assert asyncio.run(scene()) == [7, 8]

    def test_what_the_bus_loses_is_read_from_the_log(self, db: Database) -> None:
        """Another process committed without telling this one: the next event, or the next heartbeat, brings it all."""
        lot = open_lot(db)

        async def scene() -> tuple[list[int], list[int]]:
            bus = Bus()
            deaf = Sequencer(db)
            telling = Sequencer(db, publish=bus.publish)
            async with bus.running(), Heart(db, bus, every_s=0.2).running():
                stream = follow_lot(db, bus, lot)
                first = asyncio.create_task(read_until(stream, 4))
                await asyncio.sleep(0.05)
                await place(deaf, lot, 3)
                await place(telling, lot, 1, start=3)
                with_event = await first
                await place(deaf, lot, 2, start=4)
                by_heartbeat = await read_until(stream, 6)
            await deaf.stop()
            await telling.stop()
            return with_event, by_heartbeat

        assert asyncio.run(scene()) == ([1, 2, 3, 4], [5, 6])

    def test_a_slow_reader_is_cut_off_and_slows_nobody(self, db: Database) -> None:
        lot = open_lot(db)

        async def scene() -> tuple[list[int], list[int]]:
            bus = Bus(reader_limit=8)
            sequencer = Sequencer(db, publish=bus.publish)
            async with bus.running():
                slow = follow_lot(db, bus, lot)
                await place(sequencer, lot, 1)
                first = seqs(await anext(slow))
                quick = asyncio.create_task(read_until(follow_lot(db, bus, lot), 40))
                await place(sequencer, lot, 39, start=1)
                rest = [seq async for wire in slow for seq in seqs(wire)]
                found = await quick
            await sequencer.stop()
            return [*first, *rest], found

        slow, quick = asyncio.run(scene())
        assert quick == list(range(1, 41))
        assert slow == [1]

    def test_silence_brings_a_heartbeat_with_head_and_time(self, db: Database) -> None:
        lot = open_lot(db)

        async def scene() -> bytes:
            bus = Bus()
            async with Heart(db, bus, every_s=0.05).running():
                return await anext(follow_lot(db, bus, lot))

        wire = asyncio.run(scene())
        assert wire.startswith(b"event: heartbeat\ndata: ")
        told = orjson.loads(wire.split(b"data: ")[1])
        assert (told["seq"], told["readers"], told["lot_id"]) == (0, 1, str(lot.id))


class TestTwoProcesses:
    @pytest.mark.skipif(not os.environ.get(REDIS_VARIABLE), reason=f"{REDIS_VARIABLE} names no server")
    def test_redis_carries_it_to_the_other(self, postgres: Database) -> None:
        lot = open_lot(postgres)

        async def scene() -> list[int]:
            here, there = Bus(url=os.environ[REDIS_VARIABLE]), Bus(url=os.environ[REDIS_VARIABLE])
            sequencer = Sequencer(postgres, publish=here.publish)
            async with here.running(), there.running():
                await asyncio.sleep(0.3)
                reading = asyncio.create_task(read_until(follow_lot(postgres, there, lot), 12))
                await asyncio.sleep(0.1)
                await place(sequencer, lot, 12)
                found = await reading
            await sequencer.stop()
            return found

        assert asyncio.run(scene()) == list(range(1, 13))


class TestStream:
    def test_a_lot_nobody_may_see_is_not_found(self, quick_api: Market) -> None:
        house = AuctionHouse(quick_api)
        lot_id = house.lot(house.session(), sign_up(quick_api, "卖车人"), sign=False)
        answer = quick_api.get(f"/auction/v1/lots/{lot_id}/stream")
        assert (answer.status_code, answer.json()["code"]) == (404, "lot_unknown")


class FakeTransport:
    """A connection that remembers what is written; ``waiting`` bytes are in its buffer."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0
        self.aborted = False

    def write(self, written: bytes) -> None:
        self.written.append(written)

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return self.waiting


class TestWire:
    """Below ASGI: written to the connection at once, as one chunk that was encoded once."""

    def frames(self, count: int) -> list[Frame]:
        lot_id = uuid4()
        document = '{"at":"2026-11-25T02:00:00.000000Z","kind":"bid","next_minimum_minor":1}'
        return [Frame(Entry(lot_id, seq, document, "0" * 64)) for seq in range(1, count + 1)]

    def wire(self, transport: FakeTransport) -> Wire:
        found = Wire(transport, Position(0), limit_bytes=1_000)
        found.is_behind = False
        return found

    def test_writes_what_follows_and_nothing_twice(self) -> None:
        transport = FakeTransport()
        found = self.wire(transport)
        first, second, _ = self.frames(3)
        for frame in (first, first, second, first):
            found.offer(frame)
        assert transport.written == [first.chunk, second.chunk]
        size, _, rest = first.chunk.partition(b"\r\n")
        assert (int(size, 16), rest) == (len(first.sse), first.sse + b"\r\n")

    @pytest.mark.parametrize("is_pulse", [False, True])
    def test_a_gap_asks_to_catch_up_once_and_writes_nothing_meanwhile(self, is_pulse: bool) -> None:
        transport, asked = FakeTransport(), []
        found = self.wire(transport)
        found.on_behind = lambda: asked.append(1)
        first, second, third = self.frames(3)
        found.offer(Pulse(first.lot_id, 2, "-", 1) if is_pulse else second)
        found.offer(third)
        assert (transport.written, len(asked), found.reach, found.is_behind) == ([], 1, 3, True)

    def test_whoever_does_not_read_is_cut_off(self) -> None:
        transport = FakeTransport()
        found = self.wire(transport)
        first, second = self.frames(2)
        found.offer(first)
        transport.waiting = 1_001
        found.offer(second)
        assert (transport.written, transport.aborted) == ([first.chunk], True)


class TestPresence:
    @pytest.mark.skipif(not os.environ.get(REDIS_VARIABLE), reason=f"{REDIS_VARIABLE} names no server")
    def test_counts_the_readers_of_all_processes(self) -> None:
        lot_id = uuid4()

        async def scene() -> tuple[int, int]:
            here, there = Bus(url=os.environ[REDIS_VARIABLE]), Bus(url=os.environ[REDIS_VARIABLE])
            async with there.running(), there.follow(lot_id), there.follow(lot_id), here.running(), here.follow(lot_id):
                async with asyncio.timeout(15):
                    while here.presence(lot_id) < 3:
                        await asyncio.sleep(0.05)
                return here.count(lot_id), here.presence(lot_id)

        assert asyncio.run(scene()) == (1, 3)


class TestHeart:
    def test_what_the_bus_lost_is_read_once_and_told_to_all(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        lot = open_lot(db)
        reads: list[int] = []
        ordinary = LogReader._behind

        def counting(self: LogReader, seq: int) -> list[Entry]:
            reads.append(seq)
            return ordinary(self, seq)

        monkeypatch.setattr(LogReader, "_behind", counting)

        async def scene() -> list[int]:
            bus, sequencer = Bus(), Sequencer(db)
            heart = Heart(db, bus, every_s=60)
            async with bus.follow(lot.id) as one, bus.follow(lot.id) as two:
                await place(sequencer, lot, 2)
                await heart.beat()  # knows now where they are
                await one.take(), await two.take()
                await place(sequencer, lot, 3, start=2)
                await heart.beat()
                told = [[frame.seq for frame in await reader.take() if isinstance(frame, Frame)] for reader in (one, two)]
            await sequencer.stop()
            assert told[0] == told[1]
            return told[0]

        assert asyncio.run(scene()) == [3, 4, 5]
        assert reads == [2]
