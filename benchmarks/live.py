"""Open streams on one lot in one process while bids land: ``python -m benchmarks.live [--quick] [--embedded]``.

Every reader must see every seq in order; a delivery is timed from the moment its bid was sent. The curve goes on until a figure breaks.
Idle streams are opened as far as the file limit less a tenth allows, with what the process then holds in memory.
"""

import argparse
import asyncio
import os
import re
import resource
import sys
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import orjson
import uvloop

from benchmarks.bids import POSTGRES_VARIABLE, SECRET, START_MINOR, STEP_MINOR, Field, Server, fresh_database
from benchmarks.lines import emit, percentile, setting
from benchmarks.load import post
from marketplace.core.db import Database
from marketplace.core.settings import Settings
from marketplace.registry import load_models

BIDS_S = 4
OPENING = 250
"""Streams opened at the same time."""

WAIT_S = 20
_ID = re.compile(rb"(?:^|\n)id: (\d+)\n")


@dataclass(slots=True)
class Watch:
    """What all readers of one measurement share."""

    sent_s: dict[int, float] = field(default_factory=dict)
    took_s: "array[float]" = field(default_factory=lambda: array("d"))
    disordered: int = 0
    lost: int = 0


class Reader(asyncio.Protocol):
    """One stream. ``last`` is the seq it has come to without a gap."""

    __slots__ = ("_watch", "last", "ready", "transport")

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.last = 0
        self.ready = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's is one by behaviour, not by class

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if not self.ready.done():
            self.ready.set_result(data.startswith(b"HTTP/1.1 200"))
        for found in _ID.finditer(data):
            seq = int(found[1])
            if seq != self.last + 1:
                self._watch.disordered += 1
            self.last = seq
            sent = self._watch.sent_s.get(seq)
            if sent is not None:
                self._watch.took_s.append(now - sent)

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.lost += 1
        if not self.ready.done():
            self.ready.set_result(False)


async def open_streams(port: int, lot_id: UUID, count: int, watch: Watch) -> list[Reader]:
    """So many streams that answered 200."""
    loop = asyncio.get_running_loop()
    request = f"GET /auction/v1/lots/{lot_id}/stream HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()
    readers: list[Reader] = []
    while len(readers) < count:
        group = min(OPENING, count - len(readers))
        opened = await asyncio.gather(
            *(loop.create_connection(lambda: Reader(watch), "127.0.0.1", port) for _ in range(group)), return_exceptions=True
        )
        fresh = [one[1] for one in opened if not isinstance(one, BaseException)]
        for reader in fresh:
            assert reader.transport is not None
            reader.transport.write(request)
        answered = await asyncio.gather(*(asyncio.wait_for(reader.ready, WAIT_S) for reader in fresh), return_exceptions=True)
        readers += [reader for reader, good in zip(fresh, answered, strict=True) if good is True]
        if len(fresh) < group or answered.count(True) < group:
            break
    return readers


async def bid(port: int, field_: Field, lot_id: UUID, watch: Watch, seconds: float) -> int:
    """Bids at a steady pace by two bidders in turn; the last seq."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started_s, seq = time.perf_counter(), 0
    for number in range(int(seconds * BIDS_S)):
        await asyncio.sleep(max(0.0, started_s + number / BIDS_S - time.perf_counter()))
        body = orjson.dumps({"maximum_minor": START_MINOR + number * STEP_MINOR})
        request = post(f"/auction/v1/lots/{lot_id}/bids", body, authorization=f"Bearer {field_.tokens[number % 2]}")
        watch.sent_s[seq + 1] = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]  # it is there
        receipt = orjson.loads(await reader.readexactly(length))
        seq = int(receipt["seq"])
    writer.close()
    return seq


async def crowd(server: Server, field_: Field, count: int, seconds: float) -> dict[str, float]:
    """Open, bid, wait for the last reader; the figures."""
    lot_id, watch = field_.hot_lot(), Watch()
    readers = await open_streams(server.port, lot_id, count, watch)
    cpu_s, own_s, started_s = server.cpu_s(), time.process_time(), time.perf_counter()
    last = await bid(server.port, field_, lot_id, watch, seconds)
    until_s = time.perf_counter() + WAIT_S
    while any(reader.last < last for reader in readers) and time.perf_counter() < until_s:
        await asyncio.sleep(0.05)
    elapsed_s = time.perf_counter() - started_s
    missing = sum(last - reader.last for reader in readers) + watch.disordered
    figures = {
        "streams": float(len(readers)),
        "missing": float(missing),
        "lost": float(watch.lost),
        "p50_ms": percentile(watch.took_s, 0.50) * 1e3,
        "p99_ms": percentile(watch.took_s, 0.99) * 1e3,
        "deliveries_per_s": len(watch.took_s) / elapsed_s,
        "server_core_share": (server.cpu_s() - cpu_s) / elapsed_s,
        "client_core_share": (time.process_time() - own_s) / elapsed_s,
    }
    for reader in readers:
        assert reader.transport is not None
        reader.transport.abort()
    await asyncio.sleep(1)
    return figures


async def idle(server: Server, field_: Field, most: int) -> dict[str, float]:
    """As many silent streams as may be, and what each takes of the server's memory."""
    lot_id, watch = field_.hot_lot(), Watch()
    before = server.resident_bytes()
    readers = await open_streams(server.port, lot_id, most, watch)
    taken = server.resident_bytes() - before
    for reader in readers:
        assert reader.transport is not None
        reader.transport.abort()
    await asyncio.sleep(1)
    return {"streams": float(len(readers)), "memory_kib": taken / max(len(readers), 1) / 1_024}


def run(server: Server, field_: Field, *, sizes: Sequence[int], seconds: float, most_idle: int) -> bool:
    """Print the lines; whether the wanted figures hold."""
    good = True
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for size in sizes:
            found = runner.run(crowd(server, field_, size, seconds))
            name = "live" if size == sizes[0] else f"live_{size}"
            more = {key: value for key, value in found.items() if key not in ("missing", "p99_ms")}
            emit(f"{name}_missing", found["missing"], "events", wanted=0.0, **more)
            emit(f"{name}_p99_ms", found["p99_ms"], "ms", wanted=1_000.0, **more)
            broken = found["missing"] > 0 or found["p99_ms"] > 1_000 or found["streams"] < size
            good = good and not (broken and size == sizes[0])
            if broken and size != sizes[0]:
                emit("live_breaks_at", float(size), "streams")
                break
        found = runner.run(idle(server, field_, most_idle))
        emit("idle_streams", found["streams"], "streams", asked=most_idle, memory_kib=found["memory_kib"])
    return good


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ends within 60 s")
    parser.add_argument("--embedded", action="store_true", help="SQLite instead of PostgreSQL")
    chosen = parser.parse_args(arguments)
    if not chosen.embedded and not os.environ.get(POSTGRES_VARIABLE):
        print(f"{POSTGRES_VARIABLE} names no server; --embedded measures SQLite", file=sys.stderr)
        return 1
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    files = min(hard, 28_000)  # this machine's own ports are the other end
    with fresh_database(chosen.embedded) as url:
        database = Database(url)
        load_models().create_all(database.engine)
        setting(database=database.dialect, synchronous_commit="on", quick=chosen.quick, file_limit=hard)
        environment = {"HENANROAD_DATABASE_URL": url, "HENANROAD_SECRET_KEY": SECRET, "HENANROAD_DEMO": "0"}
        server = Server("market", environment)
        try:
            field_ = Field(database, Settings(secret_key=SECRET, database_url=url), many=1)
            server.wait()
            sizes = [2_000, 3_000] if chosen.quick else [2_000, 5_000, 10_000, 15_000, 20_000]
            most_idle = 5_000 if chosen.quick else files * 9 // 10
            good = run(server, field_, sizes=sizes, seconds=4.0 if chosen.quick else 20.0, most_idle=most_idle)
        finally:
            server.stop()
            database.dispose()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
