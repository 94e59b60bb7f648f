"""Threads of their own for jobs that wait for strangers when jobs run inside the process, so that a slow one holds up nobody.

On a worker a job has its own process slot and simply runs. A job that dies with the process is found by its lease.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TypeAlias

logger = logging.getLogger(__name__)
Job: TypeAlias = Callable[[], None]


class Lane:
    """At most ``width`` threads, born when there is work and gone when there is none."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._waiting: deque[Job] = deque()
        self._running = 0
        self._idle = threading.Condition()

    @property
    def is_idle(self) -> bool:
        return self._running == 0

    def submit(self, job: Job, *, width: int) -> None:
        with self._idle:
            self._waiting.append(job)
            if self._running < width:
                self._running += 1
                threading.Thread(target=self._work, name=f"lane-{self.name}", daemon=True).start()

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
                logger.exception("a lane's job failed", extra={"lane": self.name})

    def wait_idle(self, *, within_s: int) -> bool:
        """Whether nothing is left to do."""
        ends_at = monotonic() + within_s
        with self._idle:
            while self._running:
                if not self._idle.wait(timeout=max(0, ends_at - monotonic())) and monotonic() >= ends_at:
                    return False
            return True
