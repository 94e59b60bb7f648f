"""Closing: the clock decides, the closer only announces; bids at the bell have one answer."""

import threading
from datetime import timedelta

import pytest
from sqlmodel import select

from auction.bidding import log
from auction.bidding.models import EntryKind, LogEntry
from auction.bidding.service import BidAnswer, list_log, place_bids
from auction.closing.tasks import Closer, seconds_to_next, turn_due
from auction.lots.domain import LotPhase
from auction.lots.models import Lot
from auction.settlement.domain import FeeBands, ResultKind, compute_fees
from auction.settlement.models import AuctionResult
from marketplace.core.db import Database
from tests.auctions import YUAN, OpenLot, add_lot, add_session, open_lot


class TestTurnDue:
    def test_closes_what_is_over_and_nothing_else(self, db: Database) -> None:
        with db.writing() as session:
            session_id = add_session(session)
            over = [add_lot(session, session_id=session_id, number=n, ends_in=timedelta(seconds=0)) for n in (1, 2, 3)]
            running = add_lot(session, session_id=session_id, number=4)
        assert turn_due(db, limit=2) == 3
        assert turn_due(db) == 0
        with db.reading() as session:
            assert {session.get_one(Lot, lot.id).state for lot in over} == {LotPhase.PASSED}
            assert session.get_one(Lot, running.id).state is LotPhase.OPEN
            assert {result.kind for result in session.exec(select(AuctionResult))} == {ResultKind.PASSED_NO_BID}
            assert seconds_to_next(session) == pytest.approx(3_600, abs=60)

    def test_the_last_entry_names_the_result(self, db: Database) -> None:
        lot = open_lot(db, reserve_minor=90_000 * YUAN, ends_in=timedelta(seconds=1))
        with db.writing() as session:
            place_bids(session, [lot.bid(0, 11_000 * YUAN)])
        with db.writing() as session:
            row = session.get_one(Lot, lot.id)
            row.ends_at = row.opens_at + timedelta(seconds=1)
            session.add(row)
        assert turn_due(db) == 1
        with db.reading() as session:
            entries = list_log(session, lot_id=lot.id, after_seq=0, limit=10)
        last = entries[-1].content()
        assert (last["kind"], last["result"], last["winner"], last["price_minor"]) == ("closed", "passed_below_reserve", None, 1_000_000)
        assert log.find_break(entries) is None

    def test_a_late_closer_admits_no_late_bid(self, db: Database) -> None:
        lot = open_lot(db, ends_in=timedelta(seconds=0))
        with db.writing() as session:
            (answer,) = place_bids(session, [lot.bid(0, 11_000 * YUAN)]).answers
        assert (answer.status, b"lot_closed" in answer.body) == (409, True)
        assert turn_due(db) == 1

    def test_a_closer_thread_closes_within_a_quarter_of_a_second(self, db: Database) -> None:
        lot = open_lot(db, ends_in=timedelta(milliseconds=600))
        closed = threading.Event()
        closer = Closer(db, publish=lambda entries: closed.set())
        closer.start()
        assert closed.wait(5)
        closer.stop()
        with db.reading() as session:
            row = session.get_one(Lot, lot.id)
            assert row.moved_at is not None
            assert row.moved_at - row.ends_at < timedelta(seconds=1)


class TestAtTheBell:
    def bid_until_closed(self, database: Database, lot: OpenLot, bidder: int, answers: list[BidAnswer]) -> None:
        for step in range(10_000):
            with database.writing() as session:
                found = place_bids(session, [lot.bid(bidder, (10_000 + 500 * (2 * step + bidder)) * YUAN)]).answers
            answers.extend(found)
            if b"lot_closed" in found[0].body:
                return

    def test_two_closers_and_two_bidders_agree_on_the_end(self, postgres: Database) -> None:
        lot = open_lot(postgres, ends_in=timedelta(seconds=1), hard_end_in=timedelta(seconds=1))
        others = [Database(postgres.url) for _ in range(4)]
        answers: list[BidAnswer] = []
        closers = [Closer(other) for other in others[:2]]
        bidders = [
            threading.Thread(target=self.bid_until_closed, args=(other, lot, number, answers)) for number, other in enumerate(others[2:])
        ]
        for closer in closers:
            closer.start()
        for bidder in bidders:
            bidder.start()
        for bidder in bidders:
            bidder.join(30)
        threading.Event().wait(0.6)
        for closer in closers:
            closer.stop()
        with postgres.reading() as session:
            entries = list_log(session, lot_id=lot.id, after_seq=0, limit=100_000)
            row = session.get_one(Lot, lot.id)
            closing = session.exec(select(LogEntry).where(LogEntry.kind == EntryKind.CLOSED)).all()
        assert log.find_break(entries) is None
        assert len(closing) == 1
        assert closing[0].seq == len(entries)
        accepted = sum(answer.status == 201 for answer in answers)
        assert accepted == len(entries) - 1
        assert all(entry.content()["at"] < log.instant(row.ends_at) for entry in entries[:-1])
        for other in others:
            other.dispose()


class TestFees:
    BANDS = FeeBands((0, 5_000_000, 10_000_000), (900, 400, 300), (500, 400, 0), 500)

    @pytest.mark.parametrize(
        ("price", "buyer_bps", "seller_bps", "fees"),
        [
            (1_000_000, None, None, (50_000, 50_000)),  # the cap of 拍卖法 56
            (4_999_999, None, None, (250_000, 250_000)),
            (5_000_000, None, None, (200_000, 200_000)),
            (10_000_000, None, None, (300_000, 0)),
            (10_000_000, 800, 0, (800_000, 0)),  # agreed is agreed
        ],
    )
    def test_rule_17_never_above_five_percent_unless_agreed(
        self, price: int, buyer_bps: int | None, seller_bps: int | None, fees: tuple[int, int]
    ) -> None:
        found = compute_fees(price, self.BANDS, buyer_bps=buyer_bps, seller_bps=seller_bps)
        assert (found.buyer_minor, found.seller_minor) == fees
