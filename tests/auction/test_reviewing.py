"""A fact of a car changed: a lot that has not opened is withdrawn, one that has is suspended, each with the reason."""

from datetime import timedelta
from uuid import UUID

import pytest

from auction.bidding.models import LogEntry
from auction.lots.models import Lot
from auction.reviewing import service
from marketplace.core.db import Session
from marketplace.vehicles.api import Capacity, move_holding
from tests.auctions import AuctionHouse
from tests.cars import BASE, register_car, restrict
from tests.market import Market
from tests.people import Person, licence, operator, organization, sign_up


@pytest.fixture
def clerk(api: Market) -> Person:
    return operator(api)


@pytest.fixture
def house(api: Market, clerk: Person) -> AuctionHouse:
    return AuctionHouse(api, clerk=clerk)


def a_dealer(api: Market, clerk: Person) -> Person:
    found = organization(api, "dealer", by=clerk)
    licence(api, found, "dealer_filing", by=clerk)
    return found


class TestReviewVehicle:
    def test_a_bar_withdraws_what_has_not_opened_at_once(self, api: Market, house: AuctionHouse, clerk: Person) -> None:
        seller = sign_up(api, "卖车人")
        car = register_car(api, seller)
        lot_id = house.lot(house.session(), seller, vehicle_id=car["id"])
        house.publish(house.get(f"/lots/{lot_id}", seller)["session_id"])
        api.patch(f"{BASE}/{car['id']}", json={"key_count": 1}, headers=seller.headers)
        api.relay()
        assert house.get(f"/lots/{lot_id}")["state"] == "announced"
        restrict(api, clerk, car["id"], "seal")
        api.relay()
        shown = house.get(f"/lots/{lot_id}")
        assert (shown["state"], shown["reason"]) == ("withdrawn", "not_eligible: sealed")

    def test_a_bar_suspends_what_is_open_and_what_was_bid_stands(self, api: Market, house: AuctionHouse, clerk: Person) -> None:
        seller, dealer = sign_up(api, "卖车人"), a_dealer(api, clerk)
        car = register_car(api, seller)
        lot_id = house.open_lot_for([dealer], seller, vehicle_id=car["id"])
        bid = house.bid(dealer, lot_id, 8_500_000)
        restrict(api, clerk, car["id"], "seal")
        restrict(api, seller, car["id"], "lien")
        api.relay()
        shown = house.get(f"/lots/{lot_id}")
        assert (shown["state"], shown["price_minor"], shown["seq"]) == ("suspended", 8_000_000, bid["seq"] + 1)
        assert shown["reason"].startswith("not_eligible: ")
        with api.database.reading() as session:
            last = session.get(LogEntry, (UUID(lot_id), shown["seq"]))
            assert last is not None
            assert '"kind":"suspended"' in last.document
            assert '"reason":"not_eligible"' in last.document
        refused = house.bid(dealer, lot_id, 9_000_000, status=409)
        assert refused["code"] == "lot_suspended"
        house.turn(timedelta(hours=2))
        assert house.get(f"/lots/{lot_id}")["state"] == "suspended"

    def test_while_the_bar_stands_nobody_lets_it_go_on(self, api: Market, house: AuctionHouse, clerk: Person) -> None:
        seller, dealer = sign_up(api, "卖车人"), a_dealer(api, clerk)
        car = register_car(api, seller)
        lot_id = house.open_lot_for([dealer], seller, vehicle_id=car["id"])
        session_id = house.get(f"/lots/{lot_id}")["session_id"]
        restrict(api, clerk, car["id"], "seal")
        api.relay()
        before = house.get(f"/lots/{lot_id}")
        refused = house.post(f"/lots/{lot_id}/resumption", clerk, {"reason": "核查完毕"}, status=409)
        assert refused["code"] == "not_eligible"
        house.post(f"/sessions/{session_id}/suspension", clerk, {"reason": "系统故障"})
        house.post(f"/sessions/{session_id}/resumption", clerk, {"reason": "故障排除"})
        after = house.get(f"/lots/{lot_id}")
        assert [(one["state"], one["seq"], one["reason"]) for one in (before, after)] == [("suspended", 2, "not_eligible: sealed")] * 2

    def test_a_car_barred_while_its_session_stands_stays_behind(self, api: Market, house: AuctionHouse, clerk: Person) -> None:
        seller, dealer = sign_up(api, "卖车人"), a_dealer(api, clerk)
        car = register_car(api, seller)
        lot_id = house.open_lot_for([dealer], seller, vehicle_id=car["id"])
        session_id = house.get(f"/lots/{lot_id}")["session_id"]
        house.post(f"/sessions/{session_id}/suspension", clerk, {"reason": "系统故障"})
        restrict(api, clerk, car["id"], "seal")
        api.relay()
        house.post(f"/sessions/{session_id}/resumption", clerk, {"reason": "故障排除"})
        shown = house.get(f"/lots/{lot_id}")
        assert (shown["state"], shown["reason"]) == ("suspended", "not_eligible: sealed")

    def test_heard_twice_it_is_done_once(self, api: Market, house: AuctionHouse, clerk: Person) -> None:
        seller, dealer = sign_up(api, "卖车人"), a_dealer(api, clerk)
        car = register_car(api, seller)
        lot_id = house.open_lot_for([dealer], seller, vehicle_id=car["id"])
        restrict(api, clerk, car["id"], "seal")
        counts = []
        for _ in range(2):
            with api.database.writing() as session:
                counts.append(len(service.review_vehicle(session, vehicle_id=UUID(car["id"]))))
        assert counts == [1, 0]
        assert house.get(f"/lots/{lot_id}")["state"] == "suspended"

    def test_a_lot_whose_time_is_over_is_the_closers(self, api: Market, house: AuctionHouse, clerk: Person) -> None:
        seller, dealer = sign_up(api, "卖车人"), a_dealer(api, clerk)
        car = register_car(api, seller)
        lot_id = house.open_lot_for([dealer], seller, vehicle_id=car["id"])
        restrict(api, clerk, car["id"], "seal")
        api.advance(timedelta(hours=2))
        with api.database.writing() as session:
            assert service.review_vehicle(session, vehicle_id=UUID(car["id"])) == []
            assert _lot(session, lot_id).suspended_at is None

    def test_a_title_that_moved_ends_the_former_holders_lot(self, api: Market, house: AuctionHouse) -> None:
        seller, buyer = sign_up(api, "卖车人"), sign_up(api, "买车人")
        car = register_car(api, seller)
        lot_id = house.lot(house.session(), seller, vehicle_id=car["id"])
        with api.database.writing() as session:
            move_holding(session, vehicle_id=UUID(car["id"]), to_party_id=buyer.party_id, capacity=Capacity.OWNER, proof="order:1")
        api.relay()
        with api.database.reading() as session:
            found = _lot(session, lot_id)
        assert (found.state.value, found.reason) == ("withdrawn", "not_eligible: no_holding")


def _lot(session: Session, lot_id: str) -> Lot:
    found = session.get(Lot, UUID(lot_id))
    assert found is not None
    return found
