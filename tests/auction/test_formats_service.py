"""Formats where the database decides: batches, closing, takers in a race; on both databases."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from auction.bidding import log
from auction.bidding.domain import Act, BidCommand
from auction.bidding.service import BidAnswer, list_log, place_bids
from auction.closing.tasks import turn_due
from auction.lots.models import Lot
from auction.sessions.domain import BuyNowUntil, Format
from auction.sessions.models import AuctionSession
from auction.settlement.models import AuctionResult
from marketplace.core.db import Database
from tests.auctions import YUAN, OpenLot, open_lot, rules
from tests.racing import at_once


def format_lot(database: Database, sale_format: Format, *, bidders: int = 3, **terms: Any) -> OpenLot:
    own = {name: terms.pop(name) for name in ("fall_step_minor", "fall_interval_s", "buy_now_until") if name in terms}
    reserve = terms.pop("reserve_minor", None)
    lot = open_lot(database, bid_rules=replace(rules(), format=sale_format, **own), bidders=bidders, reserve_minor=reserve)
    with database.writing() as session:
        session.connection().execute(
            sa.update(AuctionSession.__table__).where(AuctionSession.__table__.c.id == lot.session_id).values(format=sale_format)  # type: ignore[attr-defined]  # SQLModel does not type it
        )
        session.connection().execute(sa.update(Lot.__table__).where(Lot.__table__.c.id == lot.id).values(extensions=0, **terms))  # type: ignore[attr-defined]  # SQLModel does not type it
    return lot


def place(database: Database, *commands: BidCommand) -> list[BidAnswer]:
    with database.writing() as session:
        return place_bids(session, commands).answers


def body(answer: BidAnswer) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(answer.body)
    return found


def end(database: Database, lot: OpenLot) -> None:
    with database.writing() as session:
        row = session.get_one(Lot, lot.id)
        row.ends_at = row.opens_at + timedelta(seconds=1)
        session.add(row)
    assert turn_due(database) == 1


DUTCH = {"floor_minor": 9_000 * YUAN, "fall_step_minor": 100 * YUAN, "fall_interval_s": 3_600}


class TestDutch:
    def test_of_one_batch_the_first_takes_it_and_the_others_come_too_late(self, db: Database) -> None:
        lot = format_lot(db, Format.DUTCH, **DUTCH)
        low, first, second = place(db, lot.bid(0, 9_999 * YUAN), lot.bid(1, 10_000 * YUAN, "k"), lot.bid(2, 20_000 * YUAN))
        assert [answer.status for answer in (low, first, second)] == [409, 201, 409]
        assert (body(low)["next_minimum_minor"], body(second)["code"]) == (10_000 * YUAN, "lot_closed")
        assert (body(first)["price_minor"], body(first)["leading"]) == (10_000 * YUAN, True)
        assert place(db, lot.bid(1, 10_000 * YUAN, "k")) == [first]
        assert turn_due(db) == 1
        with db.reading() as session:
            result = session.get_one(AuctionResult, lot.id)
            assert (result.kind.value, result.price_minor, result.bids) == ("sold", 10_000 * YUAN, 1)

    def test_of_two_takers_at_once_one_has_it(self, postgres: Database) -> None:
        lot = format_lot(postgres, Format.DUTCH, **DUTCH)
        answers = at_once([partial(place, postgres, lot.bid(who, 10_000 * YUAN)) for who in range(3)])
        assert sorted(answer.status for (answer,) in answers) == [201, 409, 409]
        with postgres.reading() as session:
            assert session.get_one(Lot, lot.id).seq == 1


class TestSealed:
    @pytest.mark.parametrize(("sale_format", "price"), [(Format.SEALED_FIRST_PRICE, 13_000), (Format.SEALED_SECOND_PRICE, 12_000)])
    def test_the_row_knows_nothing_before_the_close(self, db: Database, sale_format: Format, price: int) -> None:
        lot = format_lot(db, sale_format)
        answers = place(db, lot.bid(0, 15_000 * YUAN), lot.bid(1, 13_000 * YUAN), lot.bid(0, 11_000 * YUAN), lot.bid(2, 12_000 * YUAN, "k"))
        assert [answer.status for answer in answers] == [201] * 4
        assert {body(answer)[name] for answer in answers for name in ("price_minor", "leading", "reserve_met", "next_minimum_minor")} == {
            None
        }
        assert place(db, lot.bid(2, 12_000 * YUAN, "k")) == [answers[3]]
        with db.reading() as session:
            row = session.get_one(Lot, lot.id)
            assert (row.seq, row.price_minor, row.leader_id, row.maximum_minor, row.extensions) == (4, None, None, 0, 0)
        end(db, lot)
        with db.reading() as session:
            row = session.get_one(Lot, lot.id)
            assert (row.state.value, row.price_minor, row.leader_pseudonym) == ("sold", price * YUAN, "B02")
            entries = list_log(session, lot_id=lot.id, after_seq=0, limit=10)
        assert log.find_break(entries) is None
        revealed = entries[-2].content()["bids"]
        assert [(one["bidder"], one["bid"]) for one in revealed] == [("B02", 2), ("B03", 4), ("B01", 3)]
        for one in revealed:
            if one["salt"] is not None:
                sealed = entries[one["bid"] - 1].content()["commitment"]
                assert sealed == log.commitment(str(lot.id), one["bid"], one["amount_minor"], one["salt"])

    def test_equal_bids_go_to_the_earlier(self, db: Database) -> None:
        lot = format_lot(db, Format.SEALED_SECOND_PRICE)
        place(db, lot.bid(2, 12_000 * YUAN), lot.bid(0, 12_000 * YUAN))
        end(db, lot)
        with db.reading() as session:
            row = session.get_one(Lot, lot.id)
            assert (row.leader_pseudonym, row.price_minor) == ("B03", 12_000 * YUAN)


class TestBuyNow:
    def test_of_two_buyers_at_once_one_has_it(self, postgres: Database) -> None:
        lot = format_lot(postgres, Format.BUY_NOW, buy_now_minor=15_000 * YUAN, buy_now_until=BuyNowUntil.FIRST_BID)
        wanted = [replace(lot.bid(who, 15_000 * YUAN), act=Act.BUY_NOW) for who in range(3)]
        answers = at_once([partial(place, postgres, one) for one in wanted])
        assert sorted(answer.status for (answer,) in answers) == [201, 409, 409]
        with postgres.reading() as session:
            row = session.get_one(Lot, lot.id)
            assert (row.price_minor, row.seq) == (15_000 * YUAN, 1)

    def test_the_database_refuses_a_fixed_price_below_the_start(self, db: Database) -> None:
        with pytest.raises(sa.exc.IntegrityError, match="buy_now_in_bounds"):
            format_lot(db, Format.BUY_NOW, buy_now_minor=10_000 * YUAN)
