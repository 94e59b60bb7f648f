"""The socket: many lots followed and bids placed on one connection. Bids go through the same sequencer as those by POST.

It authenticates by its first message and ends with its token; a reader that is too slow is cut off and comes again with its last seqs.
"""

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

import orjson
from fastapi import WebSocket, WebSocketDisconnect
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from auction.bidding.domain import Act, BidCommand
from auction.bidding.sequencer import Sequencer
from auction.live.bus import Bus, Reader
from auction.live.domain import AlreadySubscribed, AnotherCaller, MessageMalformed, TooManyLots, TooManySockets
from auction.live.frames import Frame, Pulse, joined
from auction.live.schemas import INCOMING, Authenticate, Bid, Incoming, Subscribe, Unsubscribe
from auction.live.service import LogReader, Position, catch_up
from marketplace.core.db import Database
from marketplace.core.errors import Refusal, TooManyRequests, Unavailable
from marketplace.core.problem import refusal_body
from marketplace.core.security import MACHINE_PREFIX, Authorization, Principal, SocketGate
from marketplace.core.settings import Settings

UNAUTHENTICATED, TOO_SLOW, TOO_MANY = 4401, 4408, 4429
CLOSING_S = 1.0


@dataclass(slots=True)
class SocketHall:
    """What all sockets of a process share; on ``app.state.sockets``. ``may_bid`` is the guard of the bid's own route."""

    settings: Settings
    database: Database
    bus: Bus
    sequencer: Sequencer
    may_bid: Authorization
    open: Counter[UUID] = field(default_factory=Counter)


class Conversation:
    """One socket from its first message to its end."""

    def __init__(self, socket: WebSocket, gate: SocketGate, hall: SocketHall) -> None:
        self._socket = socket
        self._gate = gate
        self._hall = hall
        self._reader = _CutReader(hall.bus.reader_limit)
        self._positions: dict[UUID, Position] = {}
        self._fresh: set[UUID] = set()
        self._may_bid: Refusal | None = None
        self._second, self._messages = 0, 0

    async def run(self) -> None:
        """Until the client leaves, its token ends or it is too slow."""
        await self._socket.accept()
        try:
            async with asyncio.timeout(self._hall.settings.auction_socket_auth_s):
                first = self._parse(await self._receive())
            if not isinstance(first, Authenticate):
                raise MessageMalformed
            self._principal = await self._authenticate(first)
        except (Refusal, TimeoutError) as error:
            await self._close(UNAUTHENTICATED, error.code if isinstance(error, Refusal) else "too_late")
            return
        except WebSocketDisconnect:
            return
        open_now = self._hall.open
        if open_now[self._principal.id] >= self._hall.settings.auction_sockets_a_caller:
            await self._close(TOO_MANY, TooManySockets(most=self._hall.settings.auction_sockets_a_caller).code)
            return
        open_now[self._principal.id] += 1
        try:
            await self._converse(first)
        finally:
            open_now[self._principal.id] -= 1
            if not open_now[self._principal.id]:
                del open_now[self._principal.id]
            for lot_id in self._positions:
                self._hall.bus.leave(lot_id, self._reader)

    async def _converse(self, first: Authenticate) -> None:
        code, reason = UNAUTHENTICATED, "token_ended"
        try:
            async with asyncio.timeout(self._life_s(first.token)) as self._life:
                await self._answer(first.id, 200, self._standing(first.token))
                await self._both_ways()
                code, reason = TOO_SLOW, "too_slow"
        except TimeoutError:
            pass
        except WebSocketDisconnect:
            return
        await self._close(code, reason)

    async def _both_ways(self) -> None:
        """Returns when the reader is cut off; raises ``WebSocketDisconnect`` when the client leaves."""
        tasks = [asyncio.create_task(part) for part in (self._listen(), self._tell(), self._reader.until_cut())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _close(self, code: int, reason: str) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSING_S):
                await self._socket.close(code, reason)

    # --- who it is

    async def _authenticate(self, message: Authenticate) -> Principal:
        principal = await self._gate.authenticate(message.token, message.acting_for)
        self._may_bid = None
        try:
            self._hall.may_bid.check(principal)  # type: ignore[attr-defined]  # a guard of require()
        except Refusal as refusal:
            self._may_bid = refusal
        return principal

    def _life_s(self, token: str) -> float:
        """A person's token ends by itself; a machine shows its key again as often as a person renews his."""
        if token.startswith(MACHINE_PREFIX):
            return self._hall.settings.access_token_minutes * 60
        return self._gate.expires_in_s(token)

    def _standing(self, token: str) -> bytes:
        return orjson.dumps({"party_id": self._principal.party_id, "expires_in_s": int(self._life_s(token))})

    async def _again(self, message: Authenticate) -> None:
        principal = await self._authenticate(message)
        if (principal.id, principal.party_id) != (self._principal.id, self._principal.party_id):
            raise AnotherCaller
        self._principal = principal
        self._life.reschedule(asyncio.get_running_loop().time() + self._life_s(message.token))
        await self._answer(message.id, 200, self._standing(message.token))

    # --- what comes in

    async def _receive(self) -> str:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text = message.get("text")
        if text is None:
            return ""
        return str(text)

    @staticmethod
    def _parse(text: str) -> Incoming:
        try:
            return INCOMING.validate_json(text)
        except ValidationError as error:
            places = [".".join(str(part) for part in one["loc"]) for one in error.errors(include_input=False, include_url=False)]
            raise MessageMalformed(fields=places[:10]) from error

    async def _listen(self) -> None:
        while True:
            text = await self._receive()
            message: Incoming | None = None
            try:
                try:
                    message = self._parse(text)
                finally:
                    self._count()
                await self._take(message)
            except Refusal as refusal:
                await self._answer(message.id if message is not None else None, refusal.status, refusal_body(refusal))

    def _count(self) -> None:
        """So many messages in a second; one too many is refused, not kept."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._messages = second, 0
        self._messages += 1
        if self._messages > self._hall.settings.auction_socket_messages_s:
            raise TooManyRequests(retry_after_s=1)

    async def _take(self, message: Incoming) -> None:
        if isinstance(message, Bid):
            await self._bid(message)
        elif isinstance(message, Subscribe):
            await self._subscribe(message)
        elif isinstance(message, Unsubscribe):
            self._unsubscribe(message.lot_id)
            await self._answer(message.id, 200, orjson.dumps({"lot_id": message.lot_id}))
        else:
            await self._again(message)

    async def _bid(self, message: Bid) -> None:
        if self._may_bid is not None:
            raise self._may_bid
        principal = self._principal
        act = Act.BUY_NOW if message.buy_now else Act.BID
        command = BidCommand(message.lot_id, principal.id, principal.party_id, message.maximum_minor, message.key, message.confirmed, act)
        try:
            answer = await self._hall.sequencer.submit(command)
        except Refusal:
            raise
        except Exception as error:  # as the route answers 500; the same key gives the true answer
            raise Unavailable(retry_after_s=1) from error
        await self._answer(message.id, answer.status, answer.body)

    async def _subscribe(self, message: Subscribe) -> None:
        lot_id, most = message.lot_id, self._hall.settings.auction_socket_lots
        if lot_id in self._positions:
            raise AlreadySubscribed
        if len(self._positions) >= most:
            raise TooManyLots(most=most, retry_after_s=1)
        head = await run_in_threadpool(LogReader(self._hall.database, lot_id).require_visible, self._principal)
        self._hall.bus.join(lot_id, self._reader)
        self._positions[lot_id] = Position(message.after_seq)
        self._fresh.add(lot_id)
        readers = self._hall.bus.presence(lot_id)
        await self._answer(message.id, 200, orjson.dumps({"lot_id": lot_id, "head_seq": head, "readers": readers}))
        self._reader.wake()

    def _unsubscribe(self, lot_id: UUID) -> None:
        if self._positions.pop(lot_id, None) is not None:
            self._hall.bus.leave(lot_id, self._reader)
            self._fresh.discard(lot_id)

    async def _answer(self, message_id: str | None, status: int, body: bytes) -> None:
        name = orjson.dumps(message_id).decode()
        await self._send(f'{{"type":"answer","id":{name},"status":{status},"body":{body.decode()}}}')

    async def _send(self, text: str) -> None:
        await self._socket.send({"type": "websocket.send", "text": text})

    # --- what happens

    async def _tell(self) -> None:
        while True:
            taken = await self._reader.take()
            if self._reader.is_cut:
                return
            behind = {lot_id for lot_id in self._fresh if lot_id in self._positions}
            self._fresh.clear()
            by_lot: dict[UUID, list[Frame | Pulse]] = {lot_id: [] for lot_id in behind}
            for frame in taken:
                by_lot.setdefault(frame.lot_id, []).append(frame)
            for lot_id, frames in by_lot.items():
                position = self._positions.get(lot_id)
                if position is not None:
                    await self._tell_lot(lot_id, position, frames, lot_id in behind)

    async def _tell_lot(self, lot_id: UUID, position: Position, frames: list[Frame | Pulse], is_behind: bool) -> None:
        if is_behind or position.misses(frames):
            async for missed in catch_up(LogReader(self._hall.database, lot_id), position):
                await self._send(joined(missed))
        events = position.advance([frame for frame in frames if isinstance(frame, Frame)])
        if events:
            await self._send(events[0].message if len(events) == 1 else joined(events))
        pulses = [frame for frame in frames if isinstance(frame, Pulse)]
        if pulses:
            await self._send(pulses[-1].message)


class _CutReader(Reader):
    """A reader whose cutting off is heard at once, though its socket's writes may be stuck."""

    __slots__ = ("_cut",)

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._cut = asyncio.Event()

    def offer(self, frame: Frame | Pulse) -> None:
        super().offer(frame)
        if self.is_cut:
            self._cut.set()

    async def until_cut(self) -> None:
        await self._cut.wait()
