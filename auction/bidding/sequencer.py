"""The sequencer: whatever waits when the last commit returns becomes the next batch (flat combining with group commit).

One per process. Bids are decided in the order of ``submit``; futures are answered only after the commit.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeAlias

from sqlalchemy.exc import DBAPIError, IntegrityError

from auction.bidding.domain import BidCommand
from auction.bidding.log import Entry
from auction.bidding.service import BidAnswer, Decided, place_bids
from marketplace.core.db import Database, Session, is_busy
from marketplace.core.errors import Unavailable

logger = logging.getLogger(__name__)

Place: TypeAlias = Callable[[Session, Sequence[BidCommand]], Decided]
Publish: TypeAlias = Callable[[Sequence[Entry]], None]
Outcome: TypeAlias = BidAnswer | Exception


class CommitUnknown(Unavailable):
    """The connection broke in the commit: the bid may stand. The same key gives the true answer."""

    zh = "提交结果未知,请用同一幂等键重试"
    en = "Whether the bid stands is not known; send the same request with the same Idempotency-Key."


class BidQueueFull(Unavailable):
    zh = "出价过于繁忙,未作处理,请稍后重试"
    en = "Too many bids are waiting; this one was not taken."


class _Waiting:
    __slots__ = ("command", "future")

    def __init__(self, command: BidCommand, future: "asyncio.Future[BidAnswer]") -> None:
        self.command = command
        self.future = future


class Sequencer:
    """``submit`` from the event loop. ``writers`` above one is for comparing: batches then run beside one another."""

    def __init__(
        self,
        database: Database,
        *,
        batch_limit: int = 512,
        queue_limit: int = 4_096,
        writers: int = 1,
        place: Place = place_bids,
        publish: Publish | None = None,
    ) -> None:
        self._database = database
        self._batch_limit = batch_limit
        self._queue_limit = queue_limit
        self._place = place
        self._publish = publish
        self._queue: deque[_Waiting] = deque()
        self._idle = writers
        self._kicked = False
        self._running: set[asyncio.Future[tuple[list[Outcome], list[Entry]]]] = set()
        self._stopped = False
        self._threads = ThreadPoolExecutor(max_workers=writers, thread_name_prefix="bids")

    async def submit(self, command: BidCommand) -> BidAnswer:
        """The answer after the commit; raises ``Unavailable`` when nothing was done or nothing is known."""
        if self._stopped or len(self._queue) >= self._queue_limit:
            raise BidQueueFull(retry_after_s=1)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[BidAnswer] = loop.create_future()
        self._queue.append(_Waiting(command, future))
        if self._idle and not self._kicked:
            self._kicked = True
            loop.call_soon(self._kick)  # what arrives in the same turn of the loop joins the batch
        return await future

    async def stop(self) -> None:
        """Take no more; finish what waits."""
        self._stopped = True
        while self._queue or self._running:
            self._kick()
            if self._running:
                await asyncio.wait(self._running)
        self._threads.shutdown(wait=False)

    def _kick(self) -> None:
        self._kicked = False
        loop = asyncio.get_running_loop()
        while self._idle and self._queue:
            size = min(self._batch_limit, len(self._queue))
            batch = [self._queue.popleft() for _ in range(size)]
            self._idle -= 1
            running = loop.run_in_executor(self._threads, self._run, [waiting.command for waiting in batch])
            self._running.add(running)
            running.add_done_callback(partial(self._finish, batch))

    def _finish(self, batch: list[_Waiting], running: "asyncio.Future[tuple[list[Outcome], list[Entry]]]") -> None:
        self._running.discard(running)
        self._idle += 1
        self._kick()  # the next batch starts before the answers go out
        outcomes, entries = running.result()
        if entries and self._publish is not None:
            self._publish(entries)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if waiting.future.done():  # its client went away; the bid stands
                continue
            if isinstance(outcome, Exception):
                waiting.future.set_exception(outcome)
            else:
                waiting.future.set_result(outcome)

    # --- in the worker thread

    def _run(self, commands: list[BidCommand]) -> tuple[list[Outcome], list[Entry]]:
        """Outcomes in order; never raises. A batch that fails as a whole is tried again in halves."""
        try:
            decided = self._transaction(commands)
        except Exception as error:
            return self._failed(commands, error)
        return [*decided.answers], decided.entries

    def _transaction(self, commands: list[BidCommand]) -> Decided:
        committing = False
        try:
            with self._database.writing() as session:
                decided = self._place(session, commands)
                committing = True
        except Exception as error:
            if committing and _outcome_unknown(error):
                raise CommitUnknown(retry_after_s=1) from error
            raise
        return decided

    def _failed(self, commands: list[BidCommand], error: Exception) -> tuple[list[Outcome], list[Entry]]:
        busy = isinstance(error, DBAPIError) and is_busy(error)
        if busy or isinstance(error, Unavailable):
            logger.warning("bids not decided", extra={"error_kind": type(error).__name__, "bids": len(commands)})
            answer = error if isinstance(error, Unavailable) else Unavailable(retry_after_s=1)
            return [answer for _ in commands], []
        if len(commands) == 1:
            return self._alone(commands, error)
        logger.warning("batch tried again in halves", exc_info=error, extra={"bids": len(commands)})
        middle = len(commands) // 2
        first, first_entries = self._run(commands[:middle])
        second, second_entries = self._run(commands[middle:])
        return [*first, *second], [*first_entries, *second_entries]

    def _alone(self, commands: list[BidCommand], error: Exception) -> tuple[list[Outcome], list[Entry]]:
        """One bid that fails by itself. Another process may have used its key meanwhile: then that answer is there now."""
        if isinstance(error, IntegrityError):
            try:
                decided = self._transaction(commands)
            except Exception as again:
                return [again], []
            return [*decided.answers], decided.entries
        return [error], []


def _outcome_unknown(error: Exception) -> bool:
    """Whether a failed commit may have happened all the same: the server did not say that it had not."""
    if not isinstance(error, DBAPIError):
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(("08", "57P"))
    return not is_busy(error)
