"""The same deliveries over Celery on Redis: sent by the relay, run by a worker, repeated without harm."""

import time
from collections.abc import Iterator
from typing import ClassVar
from uuid import uuid4

import pytest
from celery import Celery
from celery._state import get_current_app
from celery.contrib.testing.worker import start_worker
from sqlmodel import select

from marketplace.core import outbox
from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered, Relay, delivery
from marketplace.core.outbox.writing import DeliveryState, OutboxDelivery
from marketplace.core.settings import Settings
from tests.services import need


class Sent(outbox.Event):
    name: ClassVar[str] = "test.sent"
    step: int


seen: list[tuple[str, int]] = []
failing: list[int] = []


@outbox.subscriber("test.note_sent")
def note_sent(session: Session, event: Delivered) -> None:
    if failing:
        failing.pop()
        raise RuntimeError("told to fail")
    seen.append((event.key, event.payload["step"]))


@outbox.outside_subscriber("test.tell_outside")
def tell_outside(database: Database, event: Delivered) -> None:
    seen.append((f"outside {event.key}", event.payload["step"]))


@pytest.fixture
def relay(db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """A relay that sends, and a worker on a queue of its own."""
    seen.clear()
    failing.clear()
    url = need("Redis")
    before = get_current_app()
    app = Celery("test", broker=url, set_as_current=True)
    app.conf.update(
        task_default_queue=f"test-{uuid4().hex}", task_ignore_result=True, task_acks_late=True, broker_connection_retry_on_startup=True
    )
    app.finalize()
    monkeypatch.setattr(delivery, "_default_database", lambda: db)
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=20):
        yield Relay(db, subscribers={"test.sent": [note_sent, tell_outside]}, settings=Settings(broker_url=url))
    before.set_current()


def say(db: Database, key: str, *steps: int) -> None:
    with db.writing() as session:
        for step in steps:
            outbox.append(session, Sent(step=step), key=key)


def until(db: Database, relay: Relay, count: int) -> None:
    """Run the relay until so many deliveries are done."""
    ends_at = time.monotonic() + 20
    while time.monotonic() < ends_at:
        relay.run_once()
        with db.reading() as session:
            done = session.exec(select(OutboxDelivery).where(OutboxDelivery.state == DeliveryState.DONE)).all()
        if len(done) == count:
            return
        time.sleep(0.05)
    pytest.fail(f"{len(done)} of {count} deliveries done; seen {seen}")


def test_a_worker_runs_what_the_relay_sends(db: Database, relay: Relay) -> None:
    say(db, "a", 1, 2)
    say(db, "b", 1)
    until(db, relay, 6)
    assert sorted(seen) == [("a", 1), ("a", 2), ("b", 1), ("outside a", 1), ("outside a", 2), ("outside b", 1)]


def test_a_message_that_comes_twice_runs_once(db: Database, relay: Relay) -> None:
    say(db, "a", 1)
    until(db, relay, 2)
    with db.reading() as session:
        rows = session.exec(select(OutboxDelivery)).all()
    for row in rows:
        {"test.note_sent": note_sent, "test.tell_outside": tell_outside}[row.subscriber].delay(str(row.id))
    say(db, "b", 1)
    until(db, relay, 4)
    assert sorted(seen) == [("a", 1), ("b", 1), ("outside a", 1), ("outside b", 1)]


def test_a_failure_is_counted_in_the_row_and_tried_again(db: Database, relay: Relay) -> None:
    failing.append(1)
    say(db, "a", 1)
    ends_at = time.monotonic() + 20
    relay.run_once()
    while time.monotonic() < ends_at:
        with db.reading() as session:
            row = session.exec(select(OutboxDelivery).where(OutboxDelivery.subscriber == "test.note_sent")).one()
        if row.attempts:
            break
        time.sleep(0.05)
    assert (row.state, row.attempts, row.last_error) == (DeliveryState.OPEN, 1, "RuntimeError")
    until(db, relay, 2)
    assert ("a", 1) in seen
