"""Where feeds are fetched and read when jobs run inside the process: threads of their own, so that a slow pilot holds up nobody.

On a worker a job has its own process slot and simply runs. A job that dies with the process is found by its lease.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TypeAlias

from marketplace.core.settings import Settings

logger = logging.getLogger(__name__)
Job: TypeAlias = Callable[[], None]


class Lane:
    """At most ``width`` threads, born when there is work and gone when there is none."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._waiting: deque[Job] = deque()
        self._running = 0
        self._idle = threading.Condition()

    def submit(self, job: Job, *, width: int) -> None:
        with self._idle:
            self._waiting.append(job)
            if self._running < width:
                self._running += 1
                threading.Thread(target=self._work, name=f"feeds-{self.name}", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._idle:
                if not self._waiting:
                    self._running -= 1
                    self._idle.notify_all()
                    return
                job = self._waiting.popleft()
            try:
                job()
            except Exception:
                logger.exception("a feed's job failed", extra={"lane": self.name})

    def wait_idle(self, *, within_s: int) -> bool:
        """Whether nothing is left to do."""
        ends_at = monotonic() + within_s
        with self._idle:
            while self._running:
                if not self._idle.wait(timeout=max(0, ends_at - monotonic())) and monotonic() >= ends_at:
                    return False
            return True


PULLING = Lane("pull")
READING = Lane("read")


def run(lane: Lane, job: Job, *, settings: Settings) -> None:
    """In the lane when jobs run inside the process, else here and now."""
    if settings.is_embedded:
        lane.submit(job, width=settings.feed_pulls_at_once if lane is PULLING else 1)
    else:
        job()
