"""place_bids on both databases."""

from datetime import timedelta

import orjson
import pytest
from sqlmodel import select

from auction.bidding import log
from auction.bidding.models import BidRefusal, LogEntry
from auction.bidding.service import BidAnswer, list_log, place_bids
from auction.lots.models import Lot
from marketplace.core import clock, outbox
from marketplace.core.db import Database
from tests.auctions import YUAN, OpenLot, add_lot, add_session, open_lot


def place(database: Database, *commands: object) -> list[BidAnswer]:
    with database.writing() as session:
        return place_bids(session, list(commands)).answers  # type: ignore[arg-type]  # commands are BidCommand


def body(answer: BidAnswer) -> dict[str, object]:
    found: dict[str, object] = orjson.loads(answer.body)
    return found


class TestPlaceBids:
    def test_decides_in_order_of_arrival_and_moves_the_row_once(self, db: Database) -> None:
        lot = open_lot(db)
        first, second, third = place(db, lot.bid(0, 10_000 * YUAN), lot.bid(1, 12_000 * YUAN), lot.bid(0, 11_000 * YUAN))
        assert [answer.status for answer in (first, second, third)] == [201, 201, 201]
        assert body(first)["price_minor"] == 10_000 * YUAN
        assert body(second) | {"leading": True, "price_minor": 10_500 * YUAN, "maximum_minor": 12_000 * YUAN} == body(second)
        assert body(third) | {"leading": False, "price_minor": 11_500 * YUAN, "next_minimum_minor": 12_000 * YUAN} == body(third)
        with db.reading() as session:
            row = session.get_one(Lot, lot.id)
            assert (row.seq, row.price_minor, row.maximum_minor, row.leader_pseudonym) == (3, 11_500 * YUAN, 12_000 * YUAN, "B02")
            assert row.head_hash == body(third)["hash"]

    def test_announces_each_lot_of_the_batch_once(self, db: Database) -> None:
        with db.writing() as session:
            session_id = add_session(session)
            lots = [add_lot(session, session_id=session_id, number=number) for number in (1, 2)]
        with db.writing() as session:
            place_bids(session, [lot.bid(bidder, (10_000 + 500 * bidder) * YUAN) for lot in lots for bidder in (0, 1)])
            moved = outbox.pending(session)
            assert {(event.name, event.from_seq, event.to_seq) for event in moved} == {("auction.lot_moved", 1, 2)}  # type: ignore[attr-defined]  # LotMoved
            assert len(moved) == 2

    def test_a_refusal_leaves_the_others_alone(self, db: Database) -> None:
        lot = open_lot(db)
        low, good = place(db, lot.bid(0, 9_999 * YUAN, "low"), lot.bid(1, 10_000 * YUAN))
        assert (low.status, body(low)["code"], body(low)["next_minimum_minor"]) == (409, "bid_too_low", 10_000 * YUAN)
        assert body(low)["rule"] == {"article": "拍卖法 第三条、第三十六条", "english": "Auction Law, arts. 3 and 36"}
        assert good.status == 201

    def test_an_unknown_lot_is_not_found(self, db: Database) -> None:
        lot = open_lot(db)
        stranger = OpenLot(lot.session_id, lot.session_id, lot.party_ids)
        (answer,) = place(db, stranger.bid(0, 1))
        assert (answer.status, body(answer)["code"]) == (404, "lot_unknown")

    def test_time_never_goes_back_within_a_lot(self, db: Database) -> None:
        lot = open_lot(db)
        place(db, lot.bid(0, 10_000 * YUAN))
        with db.writing() as session:
            clock.set_offset(session, offset=timedelta(minutes=-30))
        place(db, lot.bid(1, 11_000 * YUAN))
        with db.reading() as session:
            first, second = [entry.content()["at"] for entry in list_log(session, lot_id=lot.id, after_seq=0, limit=9)]
            assert first <= second


class TestKeys:
    @pytest.mark.parametrize("maximum", [10_000 * YUAN, 1 * YUAN], ids=["accepted", "refused"])
    def test_the_same_key_gets_the_same_bytes(self, db: Database, maximum: int) -> None:
        lot = open_lot(db)
        (first,) = place(db, lot.bid(0, maximum, "k"))
        place(db, lot.bid(1, 20_000 * YUAN))
        again, twice = place(db, lot.bid(0, maximum, "k"), lot.bid(0, maximum, "k"))
        assert first == again == twice
        with db.reading() as session:
            assert len(session.exec(select(LogEntry)).all()) == (2 if first.status == 201 else 1)

    def test_one_batch_holds_the_same_key_twice(self, db: Database) -> None:
        lot = open_lot(db)
        one, two, low, low_again = place(
            db, lot.bid(0, 10_000 * YUAN, "k"), lot.bid(0, 10_000 * YUAN, "k"), lot.bid(1, 1, "k"), lot.bid(1, 1, "k")
        )
        assert (one, low) == (two, low_again)
        with db.reading() as session:
            assert len(session.exec(select(LogEntry)).all()) == 1
            assert len(session.exec(select(BidRefusal)).all()) == 1

    def test_another_bid_under_a_used_key_is_refused(self, db: Database) -> None:
        lot = open_lot(db)
        place(db, lot.bid(0, 10_000 * YUAN, "k"))
        (other,) = place(db, lot.bid(0, 10_500 * YUAN, "k"))
        assert (other.status, body(other)["code"]) == (422, "idempotency_key_reused")

    def test_two_bidders_may_use_the_same_key(self, db: Database) -> None:
        lot = open_lot(db)
        answers = place(db, lot.bid(0, 10_000 * YUAN, "k"), lot.bid(1, 11_000 * YUAN, "k"))
        assert [answer.status for answer in answers] == [201, 201]


class TestLog:
    def test_is_gap_free_and_chained_and_hides_maxima(self, db: Database) -> None:
        lot = open_lot(db)
        for step in range(3):
            place(db, *[lot.bid(bidder, (10_000 + 2_000 * step + 1_000 * bidder) * YUAN) for bidder in (0, 1)])
        with db.reading() as session:
            entries = list_log(session, lot_id=lot.id, after_seq=0, limit=100)
            rows = session.exec(select(LogEntry).order_by(LogEntry.seq)).all()  # type: ignore[arg-type]  # SQLModel columns are typed as their values
        assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5, 6]
        assert log.find_break(entries) is None
        for entry, row in zip(entries, rows, strict=True):
            assert row.maximum_minor is not None
            assert row.salt is not None
            assert entry.content()["commitment"] == log.commitment(str(lot.id), row.seq, row.maximum_minor, row.salt)
            assert "maximum_minor" not in entry.document

    def test_a_changed_byte_is_found(self, db: Database) -> None:
        lot = open_lot(db)
        place(db, lot.bid(0, 10_000 * YUAN), lot.bid(1, 11_000 * YUAN), lot.bid(0, 12_000 * YUAN))
        with db.reading() as session:
            entries = list_log(session, lot_id=lot.id, after_seq=0, limit=100)
        forged = log.Entry(lot.id, 2, entries[1].document.replace("B02", "B03"), entries[1].hash)
        assert log.find_break([entries[0], forged, entries[2]]) == 2
        assert log.find_break([entries[0], entries[2]]) == 2

    def test_the_database_refuses_changes(self, db: Database) -> None:
        lot = open_lot(db)
        place(db, lot.bid(0, 10_000 * YUAN))
        with pytest.raises(Exception, match="auction_log_append_only"), db.writing() as session:
            session.connection().exec_driver_sql("UPDATE auction_log SET hash = 'x'")
