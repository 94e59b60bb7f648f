"""The closer: sleeps to the next due time, at most a quarter of a second, then opens and closes what is due.

A lot ends when the clock says so, whether or not the closer has run. Any number may run: they wait for one another's locks and ask again.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from sqlalchemy.exc import DBAPIError

from auction.bidding.log import Entry
from auction.closing import service
from marketplace.core import clock
from marketplace.core.db import Database, Session, is_busy
from marketplace.core.outbox import sweep
from marketplace.core.settings import get_settings

logger = logging.getLogger(__name__)
Publish: TypeAlias = Callable[[Sequence[Entry]], None]
NAP_S = 0.25


def turn_due(database: Database, *, publish: Publish | None = None, limit: int = 20) -> int:
    """Open and close everything due now, in batches; returns how many lots."""
    total = 0
    for turn in (service.open_due, service.close_due):
        while True:
            turned = _one_batch(database, turn, limit)
            if publish is not None and turned.entries:
                publish(turned.entries)
            total += turned.lots
            if turned.lots < limit:
                break
    return total


def _one_batch(database: Database, turn: Callable[..., service.Turned], limit: int) -> service.Turned:
    with database.writing() as session:
        return turn(session, limit=limit)


def seconds_to_next(session: Session) -> float | None:
    """Seconds until the next lot is due, None when none is ahead."""
    due_at = service.next_due_at(session)
    return None if due_at is None else (due_at - clock.now(session)).total_seconds()


class Closer:
    """A thread of the process."""

    def __init__(self, database: Database, *, publish: Publish | None = None, batch_limit: int = 20) -> None:
        self._database = database
        self._publish = publish
        self._batch_limit = batch_limit
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="closer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch in hand, then end."""
        self._stopping.set()
        self._thread.join(timeout=10)

    def _loop(self) -> None:
        nap_s = NAP_S
        while not self._stopping.wait(nap_s):
            try:
                nap_s = self._step()
            except DBAPIError as error:
                if not is_busy(error):
                    logger.exception("closer turn failed")
                nap_s = NAP_S
            except Exception:
                logger.exception("closer turn failed")
                nap_s = 1.0

    def _step(self) -> float:
        """Do what is due; how long to sleep then. Looking is reading: nobody is held up while nothing is due."""
        with self._database.reading() as session:
            wait_s = seconds_to_next(session)
        if wait_s is None or wait_s > 0:
            return NAP_S if wait_s is None else min(wait_s, NAP_S)
        turned = turn_due(self._database, publish=self._publish, limit=self._batch_limit)
        return 0.0 if turned else NAP_S / 10


@sweep("auction.sweep_due_lots")
def sweep_due_lots(database: Database) -> None:
    """For a market whose API processes are down: lots open and close all the same."""
    with database.reading() as session:
        wait_s = seconds_to_next(session)
    if wait_s is not None and wait_s <= 0:
        with suppress(DBAPIError):
            turn_due(database, limit=get_settings().auction_close_batch)
