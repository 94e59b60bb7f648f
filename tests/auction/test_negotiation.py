"""After a lot without a sale, over HTTP: 议价, private offers, second chances, their clocks and their contracts."""

from datetime import timedelta
from typing import Any

import pytest

from auction.negotiation.tasks import end_overdue_negotiations
from marketplace.core import outbox
from marketplace.orders import tasks as orders
from tests.auctions import AuctionHouse
from tests.market import Market
from tests.people import Person, operator, organization, sign_up
from tests.purchases import get


@pytest.fixture
def clerk(api: Market) -> Person:
    return operator(api)


@pytest.fixture
def house(api: Market, clerk: Person) -> AuctionHouse:
    return AuctionHouse(api, clerk=clerk)


@pytest.fixture
def dealers(api: Market, clerk: Person) -> list[Person]:
    return [organization(api, "dealer", by=clerk) for _ in range(2)]


def available(api: Market, person: Person) -> int:
    account = get(api, "/sandbox-bank/accounts/own", person)
    found: int = account["balance_minor"] - account["frozen_minor"]
    return found


def only(house: AuctionHouse, person: Person) -> dict[str, Any]:
    """The one negotiation a person has."""
    (found,) = house.get("/negotiations", person)["items"]
    return dict(found)


def let_lapse(api: Market, step: timedelta) -> None:
    api.advance(step)
    with outbox.use_database(api.database):
        end_overdue_negotiations()
    api.relay()


class Passed:
    """A lot that ended below its reserve of 90,000 yuan, at 80,500 with the second dealer leading."""

    def __init__(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        self.api, self.house = api, house
        self.under, self.leader = dealers
        self.seller = sign_up(api, "卖车人")
        self.lot_id = house.open_lot_for(dealers, self.seller, reserve_kind="hidden", reserve_minor=9_000_000)
        house.bid(self.under, self.lot_id, 8_000_000)
        house.bid(self.leader, self.lot_id, 8_500_000)
        house.turn(timedelta(minutes=10))

    def answer(self, person: Person, act: str, amount: int | None = None, *, status: int = 201) -> dict[str, Any]:
        body = {"act": act} | ({"amount_minor": amount} if amount is not None else {})
        found = only(self.house, self.seller)
        return self.house.post(f"/negotiations/{found['id']}/answers", person, body, status=status)

    def offer(self, bidder: str, ask: int, *, status: int = 201) -> dict[str, Any]:
        return self.house.post(f"/lots/{self.lot_id}/offers", self.seller, {"bidder": bidder, "ask_minor": ask}, status=status)

    def pseudonym(self, number: int) -> str:
        """Of the bidder who made the bid at this place of the log."""
        bids = [one["entry"]["bidder"] for one in self.house.get(f"/lots/{self.lot_id}/log") if one["entry"]["kind"] == "bid"]
        return str(bids[number])


@pytest.fixture
def passed(api: Market, house: AuctionHouse, dealers: list[Person]) -> Passed:
    return Passed(api, house, dealers)


class TestIfBid:
    def test_the_highest_bid_stands_with_its_deposit_and_the_others_go_back(self, api: Market, passed: Passed) -> None:
        assert passed.house.get(f"/lots/{passed.lot_id}/result")["kind"] == "passed_below_reserve"
        found = only(passed.house, passed.seller)
        assert (found["kind"], found["turn"], found["you_are"], found["offer_minor"]) == ("if_bid", "consignor", "consignor", 8_050_000)
        assert found["counters_left"] == 3
        assert only(passed.house, passed.leader)["you_are"] == "bidder"
        assert passed.house.get("/negotiations", passed.under)["items"] == []
        assert available(api, passed.under) == 50_000_000
        assert available(api, passed.leader) == 50_000_000 - 800_000
        held = passed.house.post(f"/negotiations/{found['id']}/answers", passed.under, {"act": "decline"}, status=404)
        assert held["code"] == "negotiation_unknown"

    def test_counter_and_acceptance_make_an_order_at_the_agreed_price(self, api: Market, passed: Passed) -> None:
        assert passed.answer(passed.seller, "counter", 9_000_001, status=422)["code"] == "above_reserve"
        asked = passed.answer(passed.seller, "counter", 8_800_000)
        assert (asked["turn"], asked["offer_minor"], asked["counters_left"]) == ("bidder", 8_800_000, 2)
        assert passed.answer(passed.seller, "accept", 8_800_000, status=409)["code"] == "not_your_turn"
        assert passed.answer(passed.leader, "accept", 8_700_000, status=409)["code"] == "offer_changed"
        agreed = passed.answer(passed.leader, "accept", 8_800_000)
        assert (agreed["state"], agreed["turn"]) == ("agreed", None)
        assert [(move["act"], move["by"], move["amount_minor"]) for move in agreed["moves"]] == [
            ("offer", "bidder", 8_050_000), ("counter", "consignor", 8_800_000), ("accept", "bidder", 8_800_000),
        ]  # fmt: skip
        order = get(api, f"/orders/{agreed['order_id']}", passed.leader)
        assert (order["price_minor"], order["price_kind"], order["state"]) == (8_800_000, "negotiated", "awaiting_signatures")
        assert passed.house.get(f"/lots/{passed.lot_id}/registration", passed.leader)["state"] == "applied"
        assert passed.house.get(f"/lots/{passed.lot_id}/result")["kind"] == "passed_below_reserve"  # the auction's result stays
        assert passed.answer(passed.leader, "decline", status=409)["code"] == "negotiation_over"

    def test_declined_it_lets_go_of_car_and_deposit(self, api: Market, passed: Passed) -> None:
        assert passed.answer(passed.seller, "decline")["state"] == "declined"
        api.relay()
        assert available(api, passed.leader) == 50_000_000
        assert passed.house.get(f"/lots/{passed.lot_id}/registration", passed.leader)["state"] == "released"

    def test_silence_is_no(self, api: Market, passed: Passed) -> None:
        let_lapse(api, timedelta(days=2))
        found = only(passed.house, passed.leader.sign_in(api) or passed.leader)
        assert (found["state"], found["moves"][-1]["act"], found["moves"][-1]["by"]) == ("lapsed", "lapse", None)
        assert available(api, passed.leader) == 50_000_000

    @pytest.mark.parametrize(
        "body", [{"act": "accept"}, {"act": "decline", "amount_minor": 1}, {"act": "lapse"}, {"act": "counter", "amount_minor": 0}, {}]
    )
    def test_refuses_what_is_no_answer(self, quick_api: Market, body: dict[str, Any]) -> None:
        person = sign_up(quick_api, "卖车人")
        path = f"/auction/v1/negotiations/{person.id}/answers"
        answer = quick_api.post(path, json=body, headers=person.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


class TestSecondChance:
    def test_after_a_refusal_the_other_bidder_gets_the_car_at_no_more_than_he_bid(self, api: Market, passed: Passed) -> None:
        assert passed.offer(passed.pseudonym(0), 8_000_000, status=409)["code"] == "already_negotiating"
        passed.answer(passed.seller, "decline")
        assert passed.offer("B0000", 8_000_000, status=404)["code"] == "under_bidder_unknown"
        assert passed.offer(passed.pseudonym(0), 8_000_001, status=422)["code"] == "above_own_bid"
        offered = passed.offer(passed.pseudonym(0), 8_000_000)
        assert (offered["kind"], offered["turn"], offered["counters_left"]) == ("second_chance", "bidder", 0)
        path = f"/negotiations/{offered['id']}/answers"
        assert passed.house.post(path, passed.under, {"act": "counter", "amount_minor": 7_900_000}, status=409)["code"] == "counter_refused"
        agreed = passed.house.post(path, passed.under, {"act": "accept", "amount_minor": 8_000_000})
        order = get(api, f"/orders/{agreed['order_id']}", passed.under)
        assert (order["price_minor"], order["price_kind"]) == (8_000_000, "negotiated")
        assert passed.offer(passed.pseudonym(1), 8_000_000, status=409)["code"] == "lot_not_negotiable"

    def test_after_a_default_too(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        seller = sign_up(api, "卖车人")
        lot_id = house.open_lot_for(dealers, seller)
        house.bid(dealers[0], lot_id, 8_300_000)
        house.bid(dealers[1], lot_id, 8_500_000)
        under = next(one["entry"]["bidder"] for one in house.get(f"/lots/{lot_id}/log") if one["entry"]["kind"] == "bid")
        house.turn(timedelta(minutes=10))
        body = {"bidder": under, "ask_minor": 8_300_000}
        assert house.post(f"/lots/{lot_id}/offers", seller, body, status=409)["code"] == "lot_not_negotiable"
        api.advance(timedelta(days=10))
        with outbox.use_database(api.database):
            orders.sweep_overdue()
        api.relay()
        seller.sign_in(api)
        dealers[0].sign_in(api)
        offered = house.post(f"/lots/{lot_id}/offers", seller, body)
        agreed = house.post(f"/negotiations/{offered['id']}/answers", dealers[0], {"act": "accept", "amount_minor": 8_300_000})
        assert get(api, f"/orders/{agreed['order_id']}", dealers[0])["price_minor"] == 8_300_000


class TestStatutory:
    def test_below_the_reserve_it_stops_and_talking_is_a_new_contract(self, api: Market, clerk: Person, dealers: list[Person]) -> None:
        """Rule 14: the highest bid has no effect (拍卖法 50): deposits go back at once; only the consignor may speak first."""
        house = AuctionHouse(api, clerk=clerk, legal_mode="statutory_auction")
        seller = sign_up(api, "卖车人")
        session_id = house.session(opens_in=timedelta(days=8))
        lot_id = house.lot(session_id, seller, reserve_kind="hidden", reserve_minor=9_000_000)
        house.publish(session_id)
        house.register(lot_id, *dealers)
        house.turn(timedelta(days=8))
        for one in (*dealers, seller):
            one.sign_in(api)
        house.bid(dealers[0], lot_id, 8_500_000)
        house.turn(timedelta(minutes=10))
        assert [available(api, dealer) for dealer in dealers] == [50_000_000, 50_000_000]
        assert house.get("/negotiations", seller)["items"] == []
        leader = house.get(f"/lots/{lot_id}")["leader"]
        offered = house.post(f"/lots/{lot_id}/offers", seller, {"bidder": leader, "ask_minor": 8_900_000})
        assert (offered["kind"], offered["turn"]) == ("private_offer", "bidder")
        path = f"/negotiations/{offered['id']}/answers"
        house.post(path, dealers[0], {"act": "counter", "amount_minor": 8_600_000})
        agreed = house.post(path, seller, {"act": "accept", "amount_minor": 8_600_000})
        assert get(api, f"/orders/{agreed['order_id']}", dealers[0])["price_minor"] == 8_600_000
        assert house.get(f"/lots/{lot_id}/result")["kind"] == "passed_below_reserve"
