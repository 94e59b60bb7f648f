"""A closed-loop HTTP load generator: N keep-alive connections, one request at a time each, no pipelining.

Requests are prepared as bytes; answers are kept as bytes and read after the clock has stopped.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

import uvloop


class Source(Protocol):
    """Where a connection's next request comes from; called at the moment of sending."""

    def __call__(self, client: int) -> tuple[bytes, object]:
        """The request's bytes, and a note that comes back with its answer."""
        ...


@dataclass(slots=True)
class Answer:
    """``sent_s`` and ``took_s`` by the client's clock."""

    client: int
    note: object
    status: int
    body: bytes
    took_s: float


@dataclass(slots=True)
class Run:
    """What one measurement saw. ``cpu_s`` is the load generator's own; ``unanswered`` are requests whose server went away."""

    answers: list[Answer] = field(default_factory=list)
    unanswered: list[tuple[bytes, object]] = field(default_factory=list)
    elapsed_s: float = 0.0
    cpu_s: float = 0.0


class _Client(asyncio.Protocol):
    def __init__(self, number: int, source: Source, run: Run, finished: Callable[[], None]) -> None:
        self._number = number
        self._source = source
        self._run = run
        self._finished = finished
        self._transport: asyncio.Transport | None = None
        self._note: object = None
        self._sent_s = 0.0
        self._rest = b""
        self.until_s = 0.0
        self.unanswered: tuple[bytes, object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by behaviour, not by class

    def send(self) -> None:
        self.unanswered = request, self._note = self._source(self._number)
        self._sent_s = time.perf_counter()
        assert self._transport is not None
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        head = data.find(b"\r\n\r\n")
        if head < 0:
            self._rest = data
            return
        at = data.find(b"content-length: ")
        length = int(data[at + 16 : data.find(b"\r", at)])
        if len(data) < head + 4 + length:
            self._rest = data
            return
        self._rest = b""
        self.unanswered = None
        now = time.perf_counter()
        self._run.answers.append(Answer(self._number, self._note, int(data[9:12]), data[head + 4 :], now - self._sent_s))
        if now < self.until_s:
            self.send()
        else:
            self._finished()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server went away; what it owes an answer stays in ``unanswered``."""
        if self.unanswered is not None:
            self._finished()

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


async def _load(port: int, clients: int, seconds: float, source: Source) -> Run:
    loop = asyncio.get_running_loop()
    run = Run()
    done = loop.create_future()
    left = clients

    def finished() -> None:
        nonlocal left
        left -= 1
        if left == 0 and not done.done():
            done.set_result(None)

    protocols = [
        (await loop.create_connection(lambda number=number: _Client(number, source, run, finished), "127.0.0.1", port))[1]  # type: ignore[misc]  # lambda with a default
        for number in range(clients)
    ]
    started_s, cpu_s = time.perf_counter(), time.process_time()
    for protocol in protocols:
        protocol.until_s = started_s + seconds
        protocol.send()
    await asyncio.wait_for(done, seconds + 30)
    run.elapsed_s = time.perf_counter() - started_s
    run.cpu_s = time.process_time() - cpu_s
    for protocol in protocols:
        if protocol.unanswered is not None:
            run.unanswered.append(protocol.unanswered)
        protocol.close()
    return run


def load(*, port: int, clients: int, seconds: float, source: Source) -> Run:
    """Load the server for some seconds; every request sent is waited for and counted."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_load(port, clients, seconds, source))


def post(path: str, body: bytes, **headers: str) -> bytes:
    """A POST's bytes."""
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
