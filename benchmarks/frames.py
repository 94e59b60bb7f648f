"""The closed loop of ``benchmarks.load`` over WebSocket: one frame, one answer, no pipelining. Masks are zero, so a frame is its text."""

import asyncio
import struct
import time
from collections.abc import Callable
from typing import cast

import orjson
import uvloop

from benchmarks.load import Answer, Run, Source

_KEY = b"dGhlIHNhbXBsZSBub25jZQ=="


def frame(text: bytes) -> bytes:
    """One masked text frame."""
    size = len(text)
    head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x81, 0x80 | 126, size)
    return head + b"\0\0\0\0" + text


def unframed(received: bytes) -> tuple[bytes, bytes] | None:
    """The first frame's text and the rest; None while it is not whole."""
    if len(received) < 2:
        return None
    size, start = received[1] & 0x7F, 2
    if size == 126:
        if len(received) < 4:
            return None
        size, start = struct.unpack("!H", received[2:4])[0], 4
    return (received[start : start + size], received[start + size :]) if len(received) >= start + size else None


class _SocketClient(asyncio.Protocol):
    """Shakes hands, says who it is, then asks and waits."""

    def __init__(self, path: str, token: str, number: int, source: Source, run: Run, finished: Callable[[], None]) -> None:
        self._path, self._token, self._number = path, token, number
        self._source, self._run, self._finished = source, run, finished
        self._received = b""
        self._is_open = False
        self._note: object = None
        self._sent_s = 0.0
        self.until_s = 0.0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one by behaviour, not by class
        self.transport.write(
            b"GET %b HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: %b\r\n"
            b"sec-websocket-version: 13\r\n\r\n" % (self._path.encode(), _KEY)
        )

    def send(self) -> None:
        request, self._note = self._source(self._number)
        self._sent_s = time.perf_counter()
        assert self.transport is not None
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._is_open:
            head, found, rest = self._received.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.ready.set_exception(RuntimeError(f"no socket: {head[:60]!r}"))
                return
            self._is_open, self._received = True, rest
            assert self.transport is not None
            self.transport.write(frame(orjson.dumps({"type": "authenticate", "token": self._token})))
        while (found_frame := unframed(self._received)) is not None:
            text, self._received = found_frame
            self._answered(text)

    def _answered(self, text: bytes) -> None:
        if not self.ready.done():
            self.ready.set_result(None)
            return
        now = time.perf_counter()
        self._run.answers.append(Answer(self._number, self._note, 0, text, now - self._sent_s))
        if now < self.until_s:
            self.send()
        else:
            self._finished()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(RuntimeError("the socket was closed"))


async def _load(port: int, path: str, tokens: list[str], seconds: float, source: Source) -> Run:
    loop = asyncio.get_running_loop()
    run, done, left = Run(), loop.create_future(), len(tokens)

    def finished() -> None:
        nonlocal left
        left -= 1
        if left == 0 and not done.done():
            done.set_result(None)

    protocols = []
    for number, token in enumerate(tokens):
        _, protocol = await loop.create_connection(
            lambda number=number, token=token: _SocketClient(path, token, number, source, run, finished),  # type: ignore[misc]  # lambda with defaults
            "127.0.0.1",
            port,
        )
        protocols.append(protocol)
    await asyncio.gather(*(protocol.ready for protocol in protocols))
    started_s, cpu_s = time.perf_counter(), time.process_time()
    for protocol in protocols:
        protocol.until_s = started_s + seconds
        protocol.send()
    await asyncio.wait_for(done, seconds + 30)
    run.elapsed_s = time.perf_counter() - started_s
    run.cpu_s = time.process_time() - cpu_s
    for protocol in protocols:
        assert protocol.transport is not None
        protocol.transport.close()
    await asyncio.sleep(0.05)
    return run


def load_sockets(*, port: int, path: str, tokens: list[str], seconds: float, source: Source) -> Run:
    """One socket a token; every frame sent is waited for. Answers are taken apart when the clock has stopped."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        run = runner.run(_load(port, path, tokens, seconds, source))
    for answer in run.answers:
        told = orjson.loads(answer.body)
        answer.status, answer.body = told["status"], orjson.dumps(told["body"])
    return run
