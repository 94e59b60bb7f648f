"""The sequencer: order, halves, unknown commits, back-pressure; and two processes' batches on one lot."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from auction.bidding import log
from auction.bidding.domain import BidCommand
from auction.bidding.models import LogEntry
from auction.bidding.sequencer import BidQueueFull, CommitUnknown, Sequencer
from auction.bidding.service import BidAnswer, Decided, list_log, place_bids
from auction.lots.models import Lot
from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.core.errors import Unavailable
from tests.auctions import YUAN, OpenLot, open_lot


async def submit_all(sequencer: Sequencer, commands: Sequence[BidCommand]) -> list[BidAnswer | BaseException]:
    answers = await asyncio.gather(*[sequencer.submit(command) for command in commands], return_exceptions=True)
    await sequencer.stop()
    return list(answers)


def rising(lot: OpenLot, count: int, *, start: int = 10_000, keys: str | None = None) -> list[BidCommand]:
    return [
        lot.bid(position % len(lot.party_ids), (start + 500 * position) * YUAN, keys and f"{keys}{position}") for position in range(count)
    ]


class TestSequencer:
    def test_decides_in_the_order_of_submit_in_few_batches(self, db: Database) -> None:
        lot = open_lot(db)
        sizes: list[int] = []

        def place(session: Session, commands: Sequence[BidCommand]) -> Decided:
            sizes.append(len(commands))
            return place_bids(session, commands)

        answers = asyncio.run(submit_all(Sequencer(db, batch_limit=40, place=place), rising(lot, 100)))
        assert [answer.status for answer in answers if isinstance(answer, BidAnswer)] == [201] * 100
        assert sizes == [40, 40, 20]
        with db.reading() as session:
            assert log.find_break(list_log(session, lot_id=lot.id, after_seq=0, limit=1_000)) is None
            assert session.get_one(Lot, lot.id).seq == 100

    def test_one_bad_command_never_fails_the_others(self, db: Database) -> None:
        lot = open_lot(db)

        def place(session: Session, commands: Sequence[BidCommand]) -> Decided:
            decided = place_bids(session, commands)
            if any(command.key == "bad" for command in commands):
                raise ArithmeticError
            return decided

        commands = rising(lot, 9)
        commands.insert(4, lot.bid(0, 90_000 * YUAN, "bad"))
        answers = asyncio.run(submit_all(Sequencer(db, place=place), commands))
        assert isinstance(answers.pop(4), ArithmeticError)
        assert [answer.status for answer in answers if isinstance(answer, BidAnswer)] == [201] * 9

    def test_an_unknown_commit_is_503_and_the_key_tells_the_truth(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        lot = open_lot(db)
        command = lot.bid(0, 10_000 * YUAN, "k")
        commit = Session.commit

        def broken(session: Session) -> None:
            commit(session)
            raise OperationalError("COMMIT", {}, ConnectionError("server closed the connection"))

        with monkeypatch.context() as patched:
            patched.setattr(Session, "commit", broken)
            (unknown,) = asyncio.run(submit_all(Sequencer(db), [command]))
        assert isinstance(unknown, CommitUnknown)
        (answer,) = asyncio.run(submit_all(Sequencer(db), [command]))
        assert isinstance(answer, BidAnswer)
        assert answer.status == 201
        with db.reading() as session:
            assert len(session.exec(select(LogEntry)).all()) == 1

    def test_a_full_queue_is_503_and_nothing_half_done(self, db: Database) -> None:
        lot = open_lot(db)
        answers = asyncio.run(submit_all(Sequencer(db, queue_limit=5), rising(lot, 8)))
        assert [type(answer) for answer in answers] == [BidAnswer] * 5 + [BidQueueFull] * 3
        with db.reading() as session:
            assert session.get_one(Lot, lot.id).seq == 5

    def test_a_lock_held_too_long_is_503(self, postgres: Database) -> None:
        lot = open_lot(postgres)
        impatient = Database(postgres.url, lock_timeout_ms=100)
        with postgres.writing() as session:
            session.exec(select(Lot).where(Lot.id == lot.id).with_for_update()).one()
            (answer,) = asyncio.run(submit_all(Sequencer(impatient), rising(lot, 1)))
        assert isinstance(answer, Unavailable)
        impatient.dispose()

    def test_publishes_what_was_committed_in_order(self, db: Database) -> None:
        lot = open_lot(db)
        seen: list[int] = []
        sequencer = Sequencer(db, batch_limit=7, publish=lambda entries: seen.extend(entry.seq for entry in entries))
        asyncio.run(submit_all(sequencer, [*rising(lot, 20), lot.bid(0, 1)]))
        assert seen == list(range(1, 21))


class TestTwoProcesses:
    """Two engines on one PostgreSQL, as two processes have them."""

    def race(self, databases: list[Database], lots: list[OpenLot], rounds: int) -> list[BidAnswer]:
        answers: list[BidAnswer] = []
        ready = threading.Barrier(len(databases))

        def run(number: int, database: Database) -> None:
            ready.wait()
            for turn in range(rounds):
                commands = [
                    lot.bid(number, (10_000 + 500 * (turn * 5 + step)) * YUAN, f"{number}-{turn}-{step}")
                    for step in range(5)
                    for lot in (lots if number else reversed(lots))
                ]
                with database.writing() as session:
                    found = place_bids(session, commands).answers
                answers.extend(found)

        threads = [threading.Thread(target=run, args=(number, database)) for number, database in enumerate(databases)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def test_the_chain_never_forks(self, postgres: Database) -> None:
        lots = [open_lot(postgres) for _ in range(3)]
        others = [Database(postgres.url), Database(postgres.url)]
        answers = self.race(others, lots, rounds=30)
        assert len(answers) == 2 * 30 * 5 * 3
        accepted = sum(answer.status == 201 for answer in answers)
        with postgres.reading() as session:
            logs = [list_log(session, lot_id=lot.id, after_seq=0, limit=10_000) for lot in lots]
            assert sum(len(entries) for entries in logs) == accepted
            for lot, entries in zip(lots, logs, strict=True):
                assert log.find_break(entries) is None
                prices = [entry.content()["price_minor"] for entry in entries]
                assert prices == sorted(prices)
                assert session.get_one(Lot, lot.id).head_hash == entries[-1].hash
        for other in others:
            other.dispose()

    def test_the_same_key_in_both_is_one_bid(self, postgres: Database) -> None:
        lot = open_lot(postgres)
        others = [Database(postgres.url) for _ in range(4)]
        answers: list[BidAnswer | BaseException] = []

        def run(database: Database) -> None:
            answers.extend(asyncio.run(submit_all(Sequencer(database), rising(lot, 20, keys="same"))))

        threads = [threading.Thread(target=run, args=(database,)) for database in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({answer.body for answer in answers if isinstance(answer, BidAnswer)}) == 20
        assert len(answers) == 80
        with postgres.reading() as session:
            assert session.get_one(Lot, lot.id).seq == 20
        for other in others:
            other.dispose()

    def test_a_bid_that_waited_past_the_end_is_late(self, postgres: Database) -> None:
        """The clock is read after the lock: waiting for it does not save a late bid."""
        lot = open_lot(postgres, ends_in=timedelta(milliseconds=700))
        other = Database(postgres.url)
        answers: list[BidAnswer] = []

        def run() -> None:
            with other.writing() as session:
                answers.extend(place_bids(session, rising(lot, 1)).answers)

        with postgres.writing() as session:
            session.exec(select(Lot).where(Lot.id == lot.id).with_for_update()).one()
            thread = threading.Thread(target=run)
            thread.start()
            session.connection().exec_driver_sql("SELECT pg_sleep(1)")
            assert clock.now(session)
        thread.join()
        assert [answer.status for answer in answers] == [409]
        assert b"lot_closed" in answers[0].body
        other.dispose()
