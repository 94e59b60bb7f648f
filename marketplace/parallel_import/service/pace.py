"""Background writing that lets others write: after each short transaction as long a pause."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from marketplace.core.db import Database, Session

PAUSE_MIN_S = 0.01
PAUSE_MAX_S = 0.2


@contextmanager
def writing(database: Database) -> Iterator[Session]:
    """A transaction, then a pause. Who waits for SQLite's one write lock looks for it every now and then only: back to back transactions
    of a busy thread would never let him in."""
    began = monotonic()
    with database.writing() as session:
        yield session
    sleep(min(max(monotonic() - began, PAUSE_MIN_S), PAUSE_MAX_S))
