"""Lines and portfolios: over HTTP, at service level, and raced with real connections."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from auction.bidding.domain import BidCommand, RegistrationState
from auction.bidding.models import Registration
from auction.bidding.service import place_bids
from auction.closing.tasks import turn_due
from auction.lines.domain import LineKind, LineState, need
from auction.lines.models import BidLine, BidReservation
from auction.lots.models import Lot
from auction.reauction.models import DebtState, DefaultDebt
from marketplace.core import clock, outbox
from marketplace.core.db import Database, Session
from marketplace.core.ids import new_id
from marketplace.orders import tasks as orders
from tests.auctions import YUAN, AuctionHouse, OpenLot, add_lot, add_session
from tests.market import Market
from tests.people import Person, operator, organization, sign_up
from tests.purchases import get, money, pay, sign_both

FEE_BPS = 250


def add_line(session: Session, *, limit_minor: int, kind: LineKind = LineKind.LINE, leads_max: int | None = None) -> BidLine:
    """An active line of a party of its own."""
    party = new_id()
    line = BidLine(
        party_id=party, person_id=party, kind=kind, state=LineState.ACTIVE, deposit_minor=limit_minor // 10 or 1, limit_minor=limit_minor,
        leads_max=leads_max, created_at=clock.now(session),
    )  # fmt: skip
    session.add(line)
    session.flush()
    return line


def put_on(session: Session, line: BidLine, lot: OpenLot, pseudonym: str) -> None:
    session.add(
        Registration(
            lot_id=lot.id, party_id=line.party_id, person_id=line.person_id, pseudonym=pseudonym, state=RegistrationState.REGISTERED,
            deposit_minor=0, line_id=line.id, fee_bps=FEE_BPS, created_at=clock.now(session),
        )
    )  # fmt: skip
    session.flush()


def bid(db: Database, lot: OpenLot, party_id: UUID, yuan: int) -> tuple[int, bytes]:
    with db.writing() as session:
        (answer,) = place_bids(session, [BidCommand(lot.id, party_id, party_id, yuan * YUAN)]).answers
    return answer.status, answer.body


def reserved(db: Database, line_id: UUID) -> tuple[int, int]:
    """(sum, number) as the line says, after proving that its reservations say the same."""
    with db.reading() as session:
        line = session.get_one(BidLine, line_id)
        rows = session.exec(select(BidReservation).where(BidReservation.line_id == line_id)).all()
        assert (line.reserved_minor, line.leads) == (sum(row.amount_minor for row in rows), len(rows))
        return line.reserved_minor, line.leads


class TestReservations:
    """What is reserved is his own maximum and the fee on it, and it is free again when he is outbid."""

    def scene(self, db: Database, *, limit_yuan: int = 50_000, lots: int = 2) -> tuple[UUID, UUID, list[OpenLot]]:
        with db.writing() as session:
            session_id = add_session(session)
            line = add_line(session, limit_minor=limit_yuan * YUAN)
            found = [add_lot(session, session_id=session_id, number=number + 1) for number in range(lots)]
            for lot in found:
                put_on(session, line, lot, "B90")
            return line.id, line.party_id, found

    def test_the_maximum_and_its_fee_over_all_lots_at_once(self, db: Database) -> None:
        line_id, party, (first, second) = self.scene(db)
        assert bid(db, first, party, 30_000)[0] == 201
        assert reserved(db, line_id) == (need(30_000 * YUAN, FEE_BPS), 1) == (30_750 * YUAN, 1)
        status, body = bid(db, second, party, 19_000)
        assert (status, b"line_exhausted" in body) == (409, True)
        assert b'"needed_minor":1947500' in body
        assert b'"free_minor":1925000' in body
        assert reserved(db, line_id) == (30_750 * YUAN, 1)
        assert bid(db, second, party, 18_500)[0] == 201
        assert bid(db, first, party, 30_500)[0] == 409  # raising one's own maximum reserves more
        assert reserved(db, line_id)[1] == 2

    def test_outbid_is_free_in_the_same_transaction(self, db: Database) -> None:
        line_id, party, (first, second) = self.scene(db)
        bid(db, first, party, 40_000)
        assert bid(db, second, party, 40_000)[0] == 409
        assert bid(db, first, first.party_ids[0], 45_000)[0] == 201
        assert reserved(db, line_id) == (0, 0)
        assert bid(db, second, party, 40_000)[0] == 201

    def test_a_bid_that_does_not_lead_reserves_nothing_but_must_be_carried(self, db: Database) -> None:
        line_id, party, (first, _) = self.scene(db)
        bid(db, first, first.party_ids[0], 60_000)
        assert bid(db, first, party, 49_000)[0] == 409
        assert bid(db, first, party, 45_000)[0] == 201
        assert reserved(db, line_id) == (0, 0)

    def test_a_batch_of_two_lots_is_bounded_like_two_bids(self, db: Database) -> None:
        line_id, party, (first, second) = self.scene(db)
        with db.writing() as session:
            commands = [BidCommand(lot.id, party, party, 30_000 * YUAN) for lot in (first, second)]
            statuses = [answer.status for answer in place_bids(session, commands).answers]
        assert statuses == [201, 409]
        assert reserved(db, line_id) == (30_750 * YUAN, 1)

    def test_a_lot_that_ends_frees_the_line_or_leaves_what_is_owed(self, db: Database) -> None:
        line_id, party, (first, second) = self.scene(db)
        bid(db, first, party, 20_000)
        with db.writing() as session:
            for lot in (first, second):
                row = session.get_one(Lot, lot.id)
                row.ends_at = row.opens_at + timedelta(seconds=1)
                session.add(row)
        turn_due(db)
        sum_minor, count = reserved(db, line_id)
        assert (sum_minor, count) == (10_300 * YUAN, 1)  # the start price, as nobody else bid, and 3 % of it

    def test_two_connections_never_owe_more_than_the_line(self, postgres: Database) -> None:
        """Raced: eight lots, four threads, one line for two of them."""
        line_id, party, lots = self.scene(postgres, limit_yuan=25_000, lots=8)
        answers: list[int] = []
        start = threading.Barrier(4)

        def work(mine: Sequence[OpenLot]) -> None:
            start.wait()
            for lot in mine:
                answers.append(bid(postgres, lot, party, 11_000)[0])
                bid(postgres, lot, lot.party_ids[0], 12_000 if len(answers) % 3 == 0 else 10_000)

        threads = [threading.Thread(target=work, args=(lots[turn:] + lots[:turn],)) for turn in (0, 2, 4, 6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sum_minor, count = reserved(postgres, line_id)
        assert sum_minor <= 25_000 * YUAN
        assert count <= 2
        assert answers.count(201) >= 2


@pytest.fixture
def house(api: Market) -> AuctionHouse:
    return AuctionHouse(api, clerk=operator(api))


@pytest.fixture
def dealers(api: Market, house: AuctionHouse) -> list[Person]:
    return [organization(api, "dealer", by=house.clerk) for _ in range(2)]


def open_line(api: Market, house: AuctionHouse, dealer: Person, deposit: int = 5_000_000) -> dict[str, Any]:
    api.post("/marketplace/v1/sandbox-bank/accounts", json={"opening_minor": 50_000_000}, headers=dealer.headers)
    found = house.post("/lines", dealer, {"deposit_minor": deposit})
    api.relay()
    return found


def show(house: AuctionHouse, dealer: Person, line: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = house.get(f"/lines/{line['id']}", dealer)
    return found


class TestLine:
    def test_one_deposit_for_all_lots_free_again_when_paid(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        dealer, other = dealers
        line = open_line(api, house, dealer)
        assert (line["state"], line["limit_minor"], line["leads_max"]) == ("requested", 50_000_000, None)
        assert show(house, dealer, line)["state"] == "active"
        assert house.post("/lines", dealer, {"deposit_minor": 5_000_000}, status=409)["code"] == "line_exists"
        assert house.get(f"/lines/{line['id']}", other, status=404)["code"] == "line_unknown"
        seller = sign_up(api, "卖车人")
        lot_id = house.open_lot_for([other], seller)
        assert house.post(f"/lots/{lot_id}/registrations", other, {"by_line": True})["deposit_minor"] == 800_000  # registered already
        registered = house.post(f"/lots/{lot_id}/registrations", dealer, {"by_line": True})
        assert (registered["state"], registered["deposit_minor"], registered["hold_id"]) == ("registered", 0, None)
        house.bid(dealer, lot_id, 9_000_000)
        assert show(house, dealer, line)["reserved_minor"] == 9_270_000  # the maximum and the highest fee there is
        assert house.post(f"/lines/{line['id']}/closing", dealer, {}, status=409)["code"] == "line_in_use"
        house.turn(timedelta(minutes=10))
        shown = show(house, dealer, line)
        (won,) = shown["reservations"]
        assert (won["amount_minor"], won["order_id"] is not None) == (8_000_000 + 200_000, True)
        due = sign_both(api, seller, dealer, won["order_id"])
        assert due["payment"]["amount_minor"] == 8_200_000  # nothing of the line's deposit counts to it
        pay(api, dealer, won["order_id"])
        api.relay()
        assert show(house, dealer, line)["free_minor"] == 50_000_000
        closed = house.post(f"/lines/{line['id']}/closing", dealer, {})
        api.relay()
        assert closed["state"] == "closed"
        account = get(api, "/sandbox-bank/accounts/own", dealer)
        assert account["frozen_minor"] == 0

    def test_a_default_suspends_the_line_and_the_debt_keeps_its_deposit(
        self, api: Market, house: AuctionHouse, dealers: list[Person]
    ) -> None:
        dealer, _ = dealers
        line = open_line(api, house, dealer)
        lot_id = house.open_lot_for([])
        house.post(f"/lots/{lot_id}/registrations", dealer, {"by_line": True})
        house.bid(dealer, lot_id, 9_000_000)
        house.turn(timedelta(minutes=10))
        api.advance(timedelta(days=10))
        with outbox.use_database(api.database):
            orders.sweep_overdue()
        api.relay()
        dealer.sign_in(api)
        shown = show(house, dealer, line)
        assert (shown["state"], shown["reserved_minor"]) == ("suspended", 0)
        assert house.post(f"/lines/{line['id']}/closing", dealer, {}, status=409)["code"] == "debt_outstanding"
        another = house.open_lot_for([])
        refused = house.post(f"/lots/{another}/registrations", dealer, {"by_line": True}, status=409)
        assert (refused["code"], refused["state"]) == ("line_not_active", "suspended")
        assert get(api, "/sandbox-bank/accounts/own", dealer)["frozen_minor"] == 5_000_000
        with api.database.writing() as session:
            for debt in session.exec(select(DefaultDebt)).all():
                debt.state, debt.second_price_minor = DebtState.SETTLED, debt.first_price_minor
                session.add(debt)
        assert house.post(f"/lines/{line['id']}/closing", dealer, {})["state"] == "closed"
        api.relay()
        assert get(api, "/sandbox-bank/accounts/own", dealer)["frozen_minor"] == 0

    def test_refuses_small_deposits_consumers_and_lots_without_a_line(
        self, api: Market, house: AuctionHouse, dealers: list[Person]
    ) -> None:
        refused = house.post("/lines", dealers[0], {"deposit_minor": 999_999}, status=422)
        assert (refused["code"], refused["least_minor"]) == ("deposit_too_small", 1_000_000)
        assert house.post("/lines", sign_up(api, "买车人"), {"deposit_minor": 1_000_000}, status=403)["code"] == "capability_missing"
        lot_id = house.open_lot_for([])
        assert house.post(f"/lots/{lot_id}/registrations", dealers[0], {"by_line": True}, status=404)["code"] == "line_unknown"


class TestPortfolio:
    def lots(self, api: Market, house: AuctionHouse, count: int) -> list[str]:
        """Lots of one session, not open yet."""
        session_id = house.session()
        seller = sign_up(api, "卖车人")
        found = [house.lot(session_id, seller) for _ in range(count)]
        house.publish(session_id)
        return found

    def open(self, api: Market, house: AuctionHouse, dealer: Person, lots: list[str], *, wins: int, budget: int, maximum: int) -> Any:
        money(api, dealer, 50_000_000)
        body = {"wins_max": wins, "budget_minor": budget, "wishes": [{"lot_id": lot, "maximum_minor": maximum} for lot in lots]}
        found = house.post("/portfolios", dealer, body)
        api.relay()
        return found

    def test_any_two_of_three_and_the_third_when_outbid(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        dealer, rival = dealers
        lots = self.lots(api, house, 3)
        house.register(lots[0], rival)
        portfolio = self.open(api, house, dealer, lots, wins=2, budget=20_000_000, maximum=9_000_000)
        assert (portfolio["kind"], portfolio["leads_max"], portfolio["deposit_minor"]) == ("portfolio", 2, 2_000_000)
        house.turn(timedelta(minutes=11))
        for _ in range(3):
            api.relay()
        led = {one["lot_id"] for one in show(house, dealer, portfolio)["reservations"]}
        assert led == {lots[0], lots[1]}
        house.bid(rival, lots[0], 9_500_000)
        for _ in range(3):
            api.relay()
        shown = show(house, dealer, portfolio)
        assert {one["lot_id"] for one in shown["reservations"]} == {lots[1], lots[2]}
        assert (shown["leads"], shown["reserved_minor"]) == (2, 2 * 9_270_000)
        by_hand = house.bid(dealer, lots[0], 9_900_000, status=409)
        assert by_hand["code"] == "portfolio_full"
        house.turn(timedelta(hours=2))
        shown = show(house, dealer, portfolio)
        assert sorted(one["amount_minor"] for one in shown["reservations"]) == [8_200_000, 8_200_000]
        assert all(one["order_id"] for one in shown["reservations"])
        bound = house.post(f"/lines/{portfolio['id']}/closing", dealer, {}, status=409)  # won and not paid for
        assert (bound["code"], show(house, dealer, portfolio)["state"]) == ("line_in_use", "active")

    def test_refuses_what_cannot_be(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        lots = self.lots(api, house, 2)
        dealer = dealers[0]

        def refused(status: int, **changes: Any) -> str:
            wishes = [{"lot_id": lot, "maximum_minor": 9_000_000} for lot in lots]
            body = {"wins_max": 1, "budget_minor": 20_000_000, "wishes": wishes} | changes
            return str(house.post("/portfolios", dealer, body, status=status)["code"])

        assert refused(422, wins_max=3) == "wishes_too_few"
        assert refused(422, budget_minor=9_000_000) == "budget_too_small"
        house.register(lots[0], dealer)
        assert refused(409) == "already_registered"
        assert house.get("/lines", dealer)["items"] == []
