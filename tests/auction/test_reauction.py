"""Lots that come again, over HTTP: by the consignor's plan, or at the defaulter's cost."""

from datetime import timedelta
from typing import Any

import pytest

from marketplace.core import outbox
from marketplace.orders import tasks as orders
from tests.auctions import AuctionHouse
from tests.market import Market
from tests.people import PASSWORD, Person, operator, organization, sign_up
from tests.purchases import money


@pytest.fixture
def clerk(api: Market) -> Person:
    return operator(api)


@pytest.fixture
def house(api: Market, clerk: Person) -> AuctionHouse:
    return AuctionHouse(api, clerk=clerk)


@pytest.fixture
def dealers(api: Market, clerk: Person) -> list[Person]:
    return [organization(api, "dealer", by=clerk) for _ in range(2)]


def wake(api: Market, *people: Person) -> None:
    """Sign in again: tokens do not outlive days."""
    for one in people:
        one.sign_in(api)


def default(api: Market, *people: Person) -> None:
    """Ten days later nobody has paid."""
    api.advance(timedelta(days=10))
    with outbox.use_database(api.database):
        orders.sweep_overdue()
    api.relay()
    wake(api, *people)


class TestPlan:
    def test_a_lot_that_passed_comes_again_lower_and_its_mandate_rests_on_the_plan(
        self, api: Market, house: AuctionHouse, dealers: list[Person]
    ) -> None:
        seller = sign_up(api, "卖车人")
        session_id = house.session()
        lot_id = house.lot(session_id, seller, reserve_kind="hidden", reserve_minor=9_000_000)
        body: dict[str, Any] = {"times": 1, "cut_bps": 500, "passphrase": PASSWORD}
        assert house.post(f"/lots/{lot_id}/relist-plan", house.owner, body, status=404)["code"] == "lot_unknown"
        signed = house.post(f"/lots/{lot_id}/relist-plan", seller, body)
        assert (signed["times"], signed["cut_bps"]) == (1, 500)
        other = house.post(f"/lots/{lot_id}/relist-plan", seller, body | {"times": 2}, status=409)
        assert other["code"] == "lot_not_draft"
        house.publish(session_id)
        house.turn(timedelta(minutes=11))
        target = house.session()
        assert house.post(f"/lots/{lot_id}/relisting", house.owner, {"session_id": target}, status=409)["code"] == "lot_not_over"
        house.turn(timedelta(minutes=10))
        target = house.session()
        again = house.post(f"/lots/{lot_id}/relisting", house.owner, {"session_id": target})
        assert (again["state"], again["start_minor"], again["reserve_minor"]) == ("mandated", 7_600_000, 8_550_000)
        assert again["after_default"] is False
        assert house.post(f"/lots/{lot_id}/relisting", house.owner, {"session_id": target}, status=409)["code"] == "lot_not_over"
        mandate = house.get(f"/lots/{again['lot_id']}/mandate", seller)
        assert (mandate["content"]["start_minor"], mandate["signed_at"]) == (7_600_000, signed["signed_at"])
        house.publish(target)
        house.turn(timedelta(minutes=11))
        house.turn(timedelta(minutes=10))
        third = house.session()
        spent = house.post(f"/lots/{again['lot_id']}/relisting", house.owner, {"session_id": third}, status=409)
        assert spent["code"] == "plan_spent"

    def test_without_a_plan_the_house_may_not(self, api: Market, house: AuctionHouse) -> None:
        lot_id = house.open_lot_for([])
        house.turn(timedelta(minutes=10))
        refused = house.post(f"/lots/{lot_id}/relisting", house.owner, {"session_id": house.session()}, status=404)
        assert refused["code"] == "plan_unknown"


class TestDefault:
    def test_rule_16_a_defaulter_owes_commissions_and_shortfall_and_is_barred(
        self, api: Market, house: AuctionHouse, dealers: list[Person]
    ) -> None:
        """拍卖法 39: both commissions of the first sale and what the second brought less; the deposit counts; the defaulter stays out."""
        defaulter, second = dealers
        seller = sign_up(api, "卖车人")
        lot_id = house.open_lot_for(dealers, seller, seller_fee_bps=200)
        house.bid(second, lot_id, 9_500_000)
        house.bid(defaulter, lot_id, 10_000_000)
        house.turn(timedelta(minutes=10))
        assert house.get(f"/lots/{lot_id}/result")["price_minor"] == 9_550_000
        fees = 9_550_000 * 250 // 10_000 + 9_550_000 * 200 // 10_000
        default(api, defaulter, second, seller, house.owner)
        (debt,) = house.get("/debts", defaulter)["items"]
        assert (debt["state"], debt["first_price_minor"], debt["due_minor"]) == ("waiting", 9_550_000, None)
        assert (debt["commissions_minor"], debt["deposit_minor"]) == (fees, 800_000)
        session_id = house.session()
        again = house.post(f"/lots/{lot_id}/relisting", house.owner, {"session_id": session_id})
        assert (again["state"], again["after_default"], again["start_minor"]) == ("draft", True, 8_000_000)
        house.sign_mandate(again["lot_id"], seller)
        house.publish(session_id)
        barred = house.post(f"/lots/{again['lot_id']}/registrations", defaulter, {}, status=403)
        assert (barred["code"], barred["rule"]["article"][:8]) == ("defaulter_barred", "拍卖法 第三十九")
        house.register(again["lot_id"], second)
        house.turn(timedelta(minutes=11))
        house.bid(second, again["lot_id"], 8_200_000)
        house.turn(timedelta(minutes=10))
        (debt,) = house.get("/debts", defaulter)["items"]
        owed = fees + (9_550_000 - 8_000_000) - 800_000
        assert (debt["state"], debt["second_price_minor"], debt["shortfall_minor"]) == ("due", 8_000_000, 1_550_000)
        assert (debt["due_minor"], debt["reference"] is not None) == (owed, True)
        assert house.get("/debts", seller)["items"][0]["reference"] is None
        assert house.get("/debts", second)["items"] == []
        path = f"/auction/v1/debts/{debt['id']}"
        assert api.get(path, headers=second.headers).json()["code"] == "debt_unknown"
        money(api, defaulter, owed)
        sent = api.post(
            "/marketplace/v1/sandbox-bank/transfers",
            json={"reference": debt["reference"], "amount_minor": owed},
            headers=defaulter.headers,
        )
        assert sent.status_code == 201, sent.text
        api.relay()
        paid = api.get(path, headers=defaulter.headers).json()
        assert (paid["state"], paid["paid_at"] is not None) == ("paid", True)

    def test_a_dearer_second_sale_leaves_nothing_to_pay(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        defaulter, second = dealers
        seller = sign_up(api, "卖车人")
        lot_id = house.open_lot_for([defaulter], seller)
        house.bid(defaulter, lot_id, 8_000_000)
        house.turn(timedelta(minutes=10))
        default(api, defaulter, second, seller, house.owner)
        session_id = house.session()
        again = house.post(f"/lots/{lot_id}/relisting", house.owner, {"session_id": session_id})
        house.sign_mandate(again["lot_id"], seller)
        house.publish(session_id)
        house.register(again["lot_id"], second)
        house.turn(timedelta(minutes=11))
        house.bid(second, again["lot_id"], 8_500_000)
        house.turn(timedelta(minutes=10))
        (debt,) = house.get("/debts", defaulter)["items"]
        assert (debt["state"], debt["shortfall_minor"], debt["due_minor"], debt["reference"]) == ("settled", 0, 0, None)
