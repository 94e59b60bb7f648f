"""The outbox on both databases: with its change or not at all, in order within a key, at least once, dead letters."""

import threading
from collections.abc import Iterator
from typing import ClassVar
from uuid import UUID

import pytest
from sqlmodel import select

from marketplace.core import outbox
from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered, Relay
from marketplace.core.outbox.relay import backlog
from marketplace.core.outbox.writing import DeliveryState, OutboxDelivery, OutboxEvent
from marketplace.core.settings import Settings


class Moved(outbox.Event):
    name: ClassVar[str] = "test.moved"
    step: int


seen: list[tuple[str, int, int]] = []
fail_next: list[int] = []


@outbox.subscriber("test.note_moved")
def note_moved(session: Session, event: Delivered) -> None:
    if fail_next:
        fail_next.pop()
        raise RuntimeError("told to fail")
    seen.append((event.key, event.key_seq, event.payload["step"]))


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    seen.clear()
    fail_next.clear()
    yield


@pytest.fixture
def relay(db: Database) -> Relay:
    return Relay(db, subscribers={"test.moved": [note_moved]}, settings=Settings(broker_url=""))


def say(db: Database, key: str, *steps: int) -> None:
    with db.writing() as session:
        for step in steps:
            outbox.append(session, Moved(step=step), key=key)


class TestAppend:
    def test_nothing_is_written_when_the_transaction_fails(self, db: Database, relay: Relay) -> None:
        with pytest.raises(ZeroDivisionError), db.writing() as session:
            outbox.append(session, Moved(step=1), key="a")
            1 / 0  # noqa: B018  # the failure of the business change
        assert relay.run_once() == 0
        with db.reading() as session:
            assert session.exec(select(OutboxEvent)).all() == []

    def test_key_seq_has_no_gaps_within_a_key(self, db: Database) -> None:
        say(db, "a", 1, 2)
        say(db, "b", 9)
        say(db, "a", 3)
        with db.reading() as session:
            rows = {(e.key, e.key_seq, e.payload["step"]) for e in session.exec(select(OutboxEvent))}
        assert rows == {("a", 1, 1), ("a", 2, 2), ("a", 3, 3), ("b", 1, 9)}

    def test_two_writers_of_many_keys_do_not_deadlock(self, db: Database) -> None:
        keys = [f"k{n}" for n in range(6)]
        failures: list[BaseException] = []

        def work(order: list[str]) -> None:
            try:
                for step in range(15):
                    with db.writing() as session:
                        for key in order:
                            outbox.append(session, Moved(step=step), key=key)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(order,)) for order in (keys, keys[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with db.reading() as session:
            seqs = sorted((e.key, e.key_seq) for e in session.exec(select(OutboxEvent)))
        assert seqs == [(key, n) for key in keys for n in range(1, 31)]


class TestRelay:
    def test_delivers_in_order_and_numbers_publications_without_gaps(self, db: Database, relay: Relay) -> None:
        say(db, "a", 1, 2, 3)
        say(db, "b", 1)
        assert relay.run_once() == 4
        assert [entry for entry in seen if entry[0] == "a"] == [("a", 1, 1), ("a", 2, 2), ("a", 3, 3)]
        with db.reading() as session:
            numbers = sorted(e.published_no or 0 for e in session.exec(select(OutboxEvent)))
            assert numbers == [1, 2, 3, 4]
            assert backlog(session) == {"unpublished": 0, "open": 0, "dead": 0}

    def test_a_delivery_that_ran_is_not_run_again(self, db: Database, relay: Relay) -> None:
        say(db, "a", 1)
        relay.run_once()
        with db.reading() as session:
            delivery_id = session.exec(select(OutboxDelivery.id)).one()
        with outbox.use_database(db):
            note_moved(str(delivery_id))
        assert seen == [("a", 1, 1)]

    def test_a_failed_delivery_holds_back_its_key_and_no_other(self, db: Database, relay: Relay) -> None:
        say(db, "a", 1, 2)
        fail_next.append(1)
        relay.run_once()
        assert seen == []
        say(db, "b", 7)
        relay.run_once()
        assert seen == [("b", 1, 7)]
        self._due_now(db)
        relay.run_once()
        assert seen == [("b", 1, 7), ("a", 1, 1), ("a", 2, 2)]

    def test_becomes_a_dead_letter_and_is_retried_on_command(self, db: Database, relay: Relay) -> None:
        say(db, "a", 1)
        for _attempt in range(8):
            fail_next.append(1)
            relay.run_once()
            self._due_now(db)
        with db.reading() as session:
            dead = outbox.dead_letters(session)
            assert [(d.subscriber, d.attempts, d.last_error) for d in dead] == [("test.note_moved", 8, "RuntimeError")]
        assert relay.run_once() == 0
        with db.writing() as session:
            assert outbox.retry_dead_letters(session) == 1
        relay.run_once()
        assert seen == [("a", 1, 1)]

    def test_two_relays_run_each_delivery_once(self, db: Database) -> None:
        relays = [Relay(db, subscribers={"test.moved": [note_moved]}, settings=Settings(broker_url="")) for _ in range(2)]
        for key in range(10):
            say(db, f"k{key}", 1, 2, 3)
        threads = [threading.Thread(target=relay.run_once) for relay in relays]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while any(relay.run_once() for relay in relays):
            pass
        assert sorted(seen) == [(f"k{key}", n, n) for key in range(10) for n in (1, 2, 3)]

    def test_a_lost_delivery_is_sent_again_after_its_lease(self, db: Database, relay: Relay) -> None:
        say(db, "a", 1)
        relay.publish()
        assert len(relay._claim()) == 1  # a process that dies here never runs it
        assert relay.deliver() == 0
        self._expire_leases(db)
        assert relay.deliver() == 1
        assert seen == [("a", 1, 1)]

    @staticmethod
    def _due_now(db: Database) -> None:
        with db.writing() as session:
            for delivery in session.exec(select(OutboxDelivery).where(OutboxDelivery.state == DeliveryState.OPEN)):
                event = session.get(OutboxEvent, delivery.event_id)
                assert event is not None
                delivery.next_try_at = event.occurred_at
                session.add(delivery)

    @staticmethod
    def _expire_leases(db: Database) -> None:
        with db.writing() as session:
            for delivery in session.exec(select(OutboxDelivery)):
                event = session.get(OutboxEvent, delivery.event_id)
                assert event is not None
                delivery.leased_until = event.occurred_at
                session.add(delivery)


def test_ids_are_uuid(db: Database) -> None:
    say(db, "a", 1)
    with db.reading() as session:
        assert isinstance(session.exec(select(OutboxEvent.id)).one(), UUID)
