"""Auctions over HTTP, from the session's draft to the car's order, on both databases."""

from datetime import timedelta

import pytest

from marketplace.core import outbox
from marketplace.orders import tasks as orders
from tests.auctions import AuctionHouse
from tests.cars import register_car, restrict
from tests.market import Market
from tests.people import PASSWORD, Person, member, operator, organization, payout_account, sign_up
from tests.purchases import get, hand_over_and_accept, money, pay, sign_both, transfer


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
    """Fen on the party's bank account that nothing is held on."""
    account = get(api, "/sandbox-bank/accounts/own", person)
    found: int = account["balance_minor"] - account["frozen_minor"]
    return found


class TestC2B:
    def test_two_dealers_bid_and_the_higher_one_gets_the_order(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        one, two = dealers
        seller = sign_up(api, "卖车人")
        lot_id = house.open_lot_for(dealers, seller, reserve_kind="hidden", reserve_minor=9_000_000)
        assert house.get(f"/lots/{lot_id}")["state"] == "open"
        first = house.bid(one, lot_id, 8_500_000)
        assert (first["leading"], first["price_minor"], first["reserve_met"]) == (True, 8_000_000, False)
        second = house.bid(two, lot_id, 9_500_000, key="two")
        assert (second["leading"], second["price_minor"], second["reserve_met"]) == (True, 9_000_000, True)
        assert house.bid(two, lot_id, 9_500_000, key="two") == second
        low = house.bid(one, lot_id, 9_000_000, status=409)
        assert (low["code"], low["next_minimum_minor"]) == ("bid_too_low", 9_050_000)
        third = house.bid(one, lot_id, 9_100_000)
        assert (third["leading"], third["price_minor"]) == (False, 9_150_000)
        shown = house.get(f"/lots/{lot_id}")
        assert (shown["price_minor"], shown["leader"], shown["reserve_minor"]) == (9_150_000, second["bidder"], None)
        house.turn(timedelta(minutes=10))
        result = house.get(f"/lots/{lot_id}/result", two)
        assert (result["kind"], result["price_minor"], result["you_won"], result["bids"]) == ("sold", 9_150_000, True, 3)
        order = api.get(f"/marketplace/v1/orders/{result['order_id']}", headers=two.headers).json()
        assert (order["price_minor"], order["channel"], order["state"]) == (9_150_000, "auction", "awaiting_signatures")
        assert house.get(f"/lots/{lot_id}/result")["order_id"] is None
        assert house.get(f"/lots/{lot_id}/registration", one)["state"] == "released"
        assert house.get(f"/lots/{lot_id}/registration", two)["state"] == "applied"
        assert available(api, one) == 50_000_000  # the loser's deposit came back by itself
        assert available(api, two) == 50_000_000 - 800_000
        log = house.get(f"/lots/{lot_id}/log")
        assert [entry["entry"]["kind"] for entry in log] == ["opened", "bid", "bid", "bid", "closed"]
        assert all("maximum_minor" not in entry["entry"] for entry in log)

    def test_below_the_reserve_it_passes_and_the_car_is_free_again(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        """Rule 14: a lot with a reserve that closes below it creates no sale (拍卖法 50)."""
        lot_id = house.open_lot_for(dealers, reserve_kind="hidden", reserve_minor=9_000_000)
        house.bid(dealers[0], lot_id, 8_500_000)
        house.turn(timedelta(minutes=10))
        result = house.get(f"/lots/{lot_id}/result", dealers[0])
        assert (result["kind"], result["order_id"], result["winner"]) == ("passed_below_reserve", None, None)
        assert [available(api, dealer) for dealer in dealers] == [
            50_000_000 - 800_000,
            50_000_000,
        ]  # an if-bid stands to the end of the day
        assert house.get(f"/lots/{lot_id}")["state"] == "passed"

    def test_without_a_bid_it_passes(self, house: AuctionHouse, dealers: list[Person]) -> None:
        lot_id = house.open_lot_for(dealers)
        house.turn(timedelta(minutes=10))
        assert house.get(f"/lots/{lot_id}/result")["kind"] == "passed_no_bid"
        house.bid(dealers[0], lot_id, 9_000_000, status=409)

    def test_a_winner_who_does_not_pay_forfeits(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        lot_id = house.open_lot_for(dealers)
        house.bid(dealers[0], lot_id, 8_500_000)
        house.turn(timedelta(minutes=10))
        api.advance(timedelta(days=10))
        with outbox.use_database(api.database):
            orders.sweep_overdue()
        api.relay()
        assert house.get(f"/lots/{lot_id}/registration", dealers[0])["state"] in ("forfeited", "applied")
        assert house.get(f"/lots/{lot_id}/result", dealers[0])["defaulted_at"] is not None


class TestToTheEnd:
    def test_the_winner_gets_the_car_the_seller_his_money_the_house_its_fee(self, api: Market, clerk: Person) -> None:
        house = AuctionHouse(api, clerk=clerk, mode="c2c_auction")
        seller, buyer = sign_up(api, "卖车人"), sign_up(api, "买车人")
        for one in (seller, house.owner):
            money(api, one, 0)
            payout_account(api, one)
        lot_id = house.open_lot_for([buyer], seller)
        house.bid(buyer, lot_id, 9_000_000)
        house.turn(timedelta(minutes=10))
        order_id = house.get(f"/lots/{lot_id}/result", buyer)["order_id"]
        due = sign_both(api, seller, buyer, order_id)
        assert due["payment"]["amount_minor"] == 8_000_000 + 200_000 - 800_000  # price, 2.5 % service fee, deposit counted
        assert pay(api, buyer, order_id)["state"] == "paid"
        hand_over_and_accept(api, seller, buyer, order_id)
        transfer(api, clerk, buyer, order_id)
        api.relay()
        assert get(api, f"/orders/{order_id}", buyer)["state"] == "completed"
        assert available(api, seller) == 8_000_000
        assert available(api, house.owner) == 200_000
        assert available(api, buyer) == 50_000_000 - 8_200_000


class TestWhoMayBid:
    def test_consumers_bid_among_themselves_dealers_among_themselves(self, api: Market, clerk: Person, dealers: list[Person]) -> None:
        c2c = AuctionHouse(api, clerk=clerk, mode="c2c_auction")
        consumer = sign_up(api, "买车人")
        lot_id = c2c.open_lot_for([consumer])
        assert c2c.bid(consumer, lot_id, 8_500_000)["leading"]
        refused = c2c.post(f"/lots/{lot_id}/registrations", dealers[0], {}, status=403)
        assert refused["code"] == "bidder_kind_mismatch"

    def test_consignor_house_and_their_people_may_not(self, api: Market, clerk: Person) -> None:
        """Rule 12 (拍卖法 22, 30)."""
        house = AuctionHouse(api, clerk=clerk, mode="c2c_auction")
        seller = sign_up(api, "卖车人")
        lot_id = house.open_lot_for([], seller)
        own = house.post(f"/lots/{lot_id}/registrations", seller, {}, status=403)
        assert (own["code"], own["rule"]["article"]) == ("bidder_is_consignor", "拍卖法 第三十条")
        clerk_of_house = member(api, house.owner, "sales")
        answer = api.post(f"/auction/v1/lots/{lot_id}/registrations", json={}, headers=clerk_of_house.self_headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "bidder_is_house")
        assert answer.json()["rule"]["article"] == "拍卖法 第二十二条"

    def test_a_stranger_is_told_to_register(self, api: Market, house: AuctionHouse, dealers: list[Person], clerk: Person) -> None:
        lot_id = house.open_lot_for(dealers)
        stranger = organization(api, "dealer", by=clerk)
        assert house.bid(stranger, lot_id, 8_500_000, status=403)["code"] == "not_registered"

    def test_a_deposit_that_cannot_be_held_does_not_count(self, api: Market, house: AuctionHouse, clerk: Person) -> None:
        poor = organization(api, "dealer", by=clerk)
        money(api, poor, 100)
        lot_id = house.open_lot_for([])
        house.post(f"/lots/{lot_id}/registrations", poor, {})
        api.relay()
        assert house.get(f"/lots/{lot_id}/registration", poor)["state"] in ("failed", "requested")
        assert house.bid(poor, lot_id, 8_500_000, status=409)["code"] == "deposit_not_held"

    def test_a_suspended_dealer_bids_no_more_but_his_lead_stands(
        self, api: Market, house: AuctionHouse, dealers: list[Person], clerk: Person
    ) -> None:
        lot_id = house.open_lot_for(dealers)
        house.bid(dealers[0], lot_id, 8_500_000)
        path = f"/marketplace/v1/parties/{dealers[0].party_id}"
        assert api.post(f"{path}/suspension", json={"reason": "投诉核查"}, headers=clerk.headers).status_code < 300
        api.relay()
        assert house.bid(dealers[0], lot_id, 9_500_000, status=403)["code"] == "bidder_suspended"
        assert house.bid(dealers[1], lot_id, 8_200_000)["leading"] is False
        house.turn(timedelta(minutes=10))
        assert house.get(f"/lots/{lot_id}/result")["kind"] == "sold"


class TestStatutory:
    """Rule 11: notice of seven days, viewing of two (拍卖法 45, 48)."""

    @pytest.fixture
    def house(self, api: Market, clerk: Person) -> AuctionHouse:
        return AuctionHouse(api, clerk=clerk, legal_mode="statutory_auction")

    def test_needs_licence_auctioneer_notice_and_viewing(self, api: Market, house: AuctionHouse, clerk: Person) -> None:
        bare = organization(api, "auction_house", by=clerk, licences=("business_licence",))
        body = house.session_body(opens_in=timedelta(days=8), auctioneer_id=None)
        assert house.post("/sessions", bare, body, status=403)["code"] == "licence_missing"
        assert house.post("/sessions", house.owner, body, status=409)["code"] == "auctioneer_missing"
        stranger = house.session_body(opens_in=timedelta(days=8), auctioneer_id=str(clerk.id))
        assert house.post("/sessions", house.owner, stranger, status=422)["code"] == "auctioneer_not_staff"
        short = house.session(opens_in=timedelta(days=6))
        house.lot(short, sign_up(api, "卖车人"))
        refused = house.publish(short, status=409)
        assert (refused["code"], refused["rule"]["article"]) == ("notice_too_short", "拍卖法 第四十五条")
        at = house.now()
        hidden = house.session(opens_in=timedelta(days=8), viewing_to_at=(at + timedelta(days=1)).isoformat())
        house.lot(hidden, sign_up(api, "卖车人"))
        refused = house.publish(hidden, status=409)
        assert (refused["code"], refused["rule"]["article"]) == ("viewing_too_short", "拍卖法 第四十八条")

    def test_no_mandate_no_notice(self, api: Market, house: AuctionHouse) -> None:
        session_id = house.session(opens_in=timedelta(days=8))
        assert house.publish(session_id, status=409)["code"] == "session_empty"
        lot_id = house.lot(session_id, seller := sign_up(api, "卖车人"), sign=False)
        assert house.publish(session_id, status=409)["code"] == "mandate_not_signed"
        wrong = house.post(f"/lots/{lot_id}/mandate/signature", seller, {"passphrase": PASSWORD, "content_hash": "0" * 64}, status=409)
        assert wrong["code"] == "mandate_changed"
        house.sign_mandate(lot_id, seller)
        assert house.publish(session_id)["state"] == "announced"

    def test_runs_to_a_confirmation_signed_by_both(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        session_id = house.session(opens_in=timedelta(days=8))
        lot_id = house.lot(session_id, sign_up(api, "卖车人"))
        house.publish(session_id)
        house.register(lot_id, *dealers)
        house.bid(dealers[0], lot_id, 8_500_000, status=409)
        for dealer in dealers:
            dealer.sign_in(api)
        house.turn(timedelta(days=8))
        house.bid(dealers[0], lot_id, 8_500_000)
        house.bid(dealers[1], lot_id, 8_800_000)
        house.turn(timedelta(minutes=10))
        confirmation = house.get(f"/lots/{lot_id}/confirmation", dealers[1])
        assert (confirmation["content"]["price_minor"], confirmation["content"]["price_in_words"]) == (8_550_000, "捌万伍仟伍佰元整")
        assert confirmation["content"]["buyer_fee_minor"] == 342_000  # 4 % where none was agreed, never above 5 (拍卖法 56)
        body = {"passphrase": dealers[1].password, "content_hash": confirmation["content_hash"]}
        house.post(f"/lots/{lot_id}/confirmation/signature", dealers[0], body, status=404)
        house.post(f"/lots/{lot_id}/confirmation/signature", dealers[1], body)
        signed = house.post(f"/lots/{lot_id}/confirmation/signature", house.owner, body)
        assert signed["winner_signed_at"]
        assert signed["auctioneer_signed_at"]
        minutes = house.get(f"/sessions/{session_id}/minutes", house.owner)
        assert minutes["content"]["lots"][0]["result"] == "sold"
        assert house.get(f"/sessions/{session_id}")["state"] == "closed"


class TestOpening:
    def test_a_car_that_went_elsewhere_withdraws_the_lot_and_frees_deposits(
        self, api: Market, house: AuctionHouse, dealers: list[Person], clerk: Person
    ) -> None:
        seller = sign_up(api, "卖车人")
        session_id = house.session()
        car = register_car(api, seller)
        lot_id = house.lot(session_id, seller, vehicle_id=car["id"])
        house.publish(session_id)
        house.register(lot_id, dealers[0])
        restrict(api, clerk, car["id"])
        house.turn(timedelta(minutes=11))
        shown = house.get(f"/lots/{lot_id}")
        assert (shown["state"], shown["reason"]) == ("withdrawn", "not_eligible")
        assert available(api, dealers[0]) == 50_000_000

    def test_only_before_opening_may_it_be_withdrawn(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        seller = sign_up(api, "卖车人")
        lot_id = house.open_lot_for(dealers, seller)
        refused = house.post(f"/lots/{lot_id}/withdrawal", seller, {}, status=409)
        assert (refused["code"], refused["rule"]["article"]) == ("open_lot_stays", "拍卖法 第二十九条")
        session_id = house.session()
        other = house.lot(session_id, seller)
        house.publish(session_id)
        assert house.post(f"/lots/{other}/withdrawal", seller, {})["state"] == "withdrawn"
