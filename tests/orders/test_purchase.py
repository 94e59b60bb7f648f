"""A listing bought over HTTP on both databases: contract, signatures, money to the fen, handover, and every way it is refused."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from marketplace.core import outbox
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.orders import tasks
from tests.cars import register_car
from tests.market import Market
from tests.people import PASSWORD, Person, operator, organization, sign_up
from tests.purchases import (
    BASE,
    CONFIRMATIONS,
    PAPERS,
    balance,
    buy,
    dealer_listing,
    get,
    hand_over_and_accept,
    money,
    pay,
    post,
    sign,
    sign_both,
)

ASK = 8_800_000


class World:
    """A dealer with one car in the store, and a buyer with money."""

    def __init__(self, api: Market) -> None:
        self.api = api
        self.clerk = operator(api)
        self.dealer = organization(api, "dealer", by=self.clerk)
        self.listing = dealer_listing(api, self.dealer, ask_minor=ASK)
        self.buyer = sign_up(api, "李四")
        money(api, self.buyer, 10_000_000)

    def order(self, buyer: Person | None = None) -> dict[str, Any]:
        return buy(self.api, buyer or self.buyer, self.listing["id"])

    def availability(self) -> str:
        answer = self.api.get(f"{BASE}/listings/{self.listing['id']}", headers=self.dealer.headers)
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["availability"]
        return found

    def sweep(self, step: timedelta) -> None:
        self.api.advance(step)
        with outbox.use_database(self.api.database):
            tasks.sweep_overdue()
        self.api.relay()


@pytest.fixture
def world(api: Market) -> World:
    return World(api)


@pytest.fixture
def quick_world(quick_api: Market) -> World:
    """For what no database decides."""
    return World(quick_api)


class TestPlaceOrder:
    def test_takes_the_car_for_one_buyer(self, quick_world: World) -> None:
        order = quick_world.order()
        assert (order["state"], order["price_minor"], order["total_minor"], order["side"]) == ("awaiting_signatures", ASK, ASK, "buyer")
        assert order["contract_kind"] == "sale"
        assert quick_world.availability() == "reserved"
        rival = sign_up(quick_world.api, "王五")
        refused = quick_world.api.post(
            f"{BASE}/orders", json={"listing_id": quick_world.listing["id"], "confirmations": CONFIRMATIONS}, headers=rival.headers
        )
        assert (refused.status_code, refused.json()["code"], refused.json()["held_by"]) == (409, "vehicle_claimed", "order")

    def test_names_what_has_to_be_confirmed(self, quick_world: World) -> None:
        refused = quick_world.api.post(
            f"{BASE}/orders",
            json={"listing_id": quick_world.listing["id"], "confirmations": ["condition_read"]},
            headers=quick_world.buyer.headers,
        )
        assert (refused.status_code, refused.json()["code"]) == (422, "confirmation_missing")
        assert refused.json()["missing"] == ["seven_day_return_excluded"]
        assert refused.json()["rule"]["article"] == "消费者权益保护法 第二十五条"
        assert quick_world.availability() == "available"

    def test_the_sellers_own_people_cannot_buy(self, quick_world: World) -> None:
        body = {"listing_id": quick_world.listing["id"], "confirmations": CONFIRMATIONS}
        refused = quick_world.api.post(f"{BASE}/orders", json=body, headers=quick_world.dealer.self_headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "own_car")
        assert quick_world.availability() == "available"

    def test_a_third_place_is_refused_for_the_buyers_city(self, quick_world: World) -> None:
        listing = dealer_listing(quick_world.api, quick_world.dealer, city="上海")
        body = {"listing_id": listing["id"], "buyer_city": "北京", "confirmations": CONFIRMATIONS}
        refused = quick_world.api.post(f"{BASE}/orders", json=body, headers=quick_world.buyer.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_eligible")
        assert "third_place" in {finding["code"] for finding in refused.json()["findings"]}

    def test_the_same_key_is_the_same_order(self, quick_world: World) -> None:
        body = {"listing_id": quick_world.listing["id"], "buyer_city": "天津", "confirmations": CONFIRMATIONS}
        headers = quick_world.buyer.headers | {"Idempotency-Key": "one"}
        first, second = (quick_world.api.post(f"{BASE}/orders", json=body, headers=headers) for _ in range(2))
        assert first.status_code == second.status_code == 201
        assert first.json()["id"] == second.json()["id"]

    def test_who_has_no_real_name_on_file_cannot_buy(self, quick_world: World) -> None:
        nobody = sign_up(quick_world.api, None, real_name=False)
        body = {"listing_id": quick_world.listing["id"], "confirmations": CONFIRMATIONS}
        refused = quick_world.api.post(f"{BASE}/orders", json=body, headers=nobody.headers)
        assert refused.json()["code"] == "real_name_missing"


class TestSign:
    def test_both_sides_sign_the_hash_of_the_document_they_can_read(self, quick_world: World) -> None:
        order = quick_world.order()
        signed = sign_both(quick_world.api, quick_world.dealer, quick_world.buyer, order["id"])
        assert signed["state"] == "awaiting_payment"
        assert (signed["payment"]["amount_minor"], signed["payment"]["state"]) == (ASK, "due")
        contract = get(quick_world.api, f"/orders/{order['id']}/contract", quick_world.buyer)
        assert sha256_hex(canonical_json(contract["document"])) == contract["contract_hash"] == order["contract_hash"]
        assert [one["is_valid"] for one in contract["signatures"]] == [True, True]
        assert contract["document"]["price"]["amount_in_words"] == "捌万捌仟元整"
        assert contract["document"]["seller"]["name"] == quick_world.dealer.organization_name
        assert contract["document"]["buyer"]["name"] == "李四"
        assert (contract["document"]["warranty"]["months"], contract["document"]["warranty"]["km"]) == (3, 5_000)
        assert {one["code"] for one in contract["document"]["confirmations"]} == set(CONFIRMATIONS)

    def test_a_wrong_password_signs_nothing(self, quick_world: World) -> None:
        order = quick_world.order()
        refused = quick_world.api.post(
            f"{BASE}/orders/{order['id']}/signatures", json={"passphrase": "wrong"}, headers=quick_world.buyer.headers
        )
        assert refused.json()["code"] == "wrong_passphrase"
        assert get(quick_world.api, f"/orders/{order['id']}", quick_world.buyer)["signatures"] == []

    def test_one_side_signs_once_and_a_stranger_never(self, quick_world: World) -> None:
        order = quick_world.order()
        sign(quick_world.api, quick_world.buyer, order["id"])
        path = f"{BASE}/orders/{order['id']}/signatures"
        again = quick_world.api.post(path, json={"passphrase": PASSWORD}, headers=quick_world.buyer.headers)
        assert (again.status_code, again.json()["code"]) == (409, "already_signed")
        stranger = sign_up(quick_world.api, "赵六")
        other = quick_world.api.post(path, json={"passphrase": PASSWORD}, headers=stranger.headers)
        assert (other.status_code, other.json()["code"]) == (404, "order_not_found")
        assert quick_world.api.get(f"{BASE}/orders/{order['id']}/contract", headers=stranger.headers).status_code == 404


class TestPay:
    def test_paid_from_the_buyers_own_bank(self, world: World) -> None:
        order = world.order()
        sign_both(world.api, world.dealer, world.buyer, order["id"])
        assert pay(world.api, world.buyer, order["id"])["state"] == "paid"
        assert balance(world.api, world.buyer) == 10_000_000 - ASK

    def test_paid_twice_is_taken_once(self, world: World) -> None:
        order = world.order()
        due = sign_both(world.api, world.dealer, world.buyer, order["id"])["payment"]
        body = {"reference": due["reference"], "amount_minor": ASK}
        post(world.api, "/sandbox-bank/transfers", world.buyer, body)
        again = world.api.post(f"{BASE}/sandbox-bank/transfers", json=body, headers=world.buyer.headers)
        assert (again.status_code, again.json()["code"]) == (409, "transfer_repeated")
        world.api.relay()
        assert balance(world.api, world.buyer) == 10_000_000 - ASK

    def test_the_bank_refuses_what_a_bank_refuses(self, world: World) -> None:
        order = world.order()
        due = sign_both(world.api, world.dealer, world.buyer, order["id"])["payment"]
        path = f"{BASE}/sandbox-bank/transfers"
        poor = sign_up(world.api, "穷")
        cases = [
            (poor, due["reference"], ASK, "bank_account_closed"),
            (world.buyer, due["reference"], 10_000_001, "insufficient_funds"),
            (world.buyer, due["reference"][:-1] + "?", ASK, "reference_unknown"),
        ]
        for person, reference, amount, code in cases:
            refused = world.api.post(path, json={"reference": reference, "amount_minor": amount}, headers=person.headers)
            assert refused.json()["code"] == code

    def test_a_strangers_money_for_the_right_reference_pays_the_order(self, world: World) -> None:
        """A father pays for his daughter: the reference counts, not the account."""
        order = world.order()
        due = sign_both(world.api, world.dealer, world.buyer, order["id"])["payment"]
        father = sign_up(world.api, "老李")
        money(world.api, father, ASK)
        post(world.api, "/sandbox-bank/transfers", father, {"reference": due["reference"], "amount_minor": ASK})
        world.api.relay()
        assert get(world.api, f"/orders/{order['id']}", world.buyer)["state"] == "paid"


class TestDeadlines:
    def test_unsigned_the_car_is_free_again(self, world: World) -> None:
        order = world.order()
        world.sweep(timedelta(hours=23))
        assert get(world.api, f"/orders/{order['id']}", world.buyer)["state"] == "awaiting_signatures"
        world.sweep(timedelta(hours=1))
        ended = get(world.api, f"/orders/{order['id']}", world.buyer)
        assert (ended["state"], ended["end_reason"]) == ("cancelled", "unsigned")
        assert world.availability() == "available"
        assert world.order(sign_up(world.api, "王五"))["state"] == "awaiting_signatures"

    def test_unpaid_the_car_is_free_again_and_late_money_goes_back(self, world: World) -> None:
        order = world.order()
        due = sign_both(world.api, world.dealer, world.buyer, order["id"])["payment"]
        world.sweep(timedelta(hours=72))
        assert get(world.api, f"/orders/{order['id']}", world.buyer)["end_reason"] == "unpaid"
        assert world.availability() == "available"
        post(world.api, "/sandbox-bank/transfers", world.buyer, {"reference": due["reference"], "amount_minor": ASK})
        world.api.relay()
        assert balance(world.api, world.buyer) == 10_000_000

    def test_money_that_arrived_in_time_saves_the_order(self, world: World) -> None:
        order = world.order()
        due = sign_both(world.api, world.dealer, world.buyer, order["id"])["payment"]
        post(world.api, "/sandbox-bank/transfers", world.buyer, {"reference": due["reference"], "amount_minor": ASK})
        world.api.relay()
        world.sweep(timedelta(days=5))
        assert get(world.api, f"/orders/{order['id']}", world.buyer)["state"] == "paid"


class TestCallOff:
    def test_before_both_have_signed(self, world: World) -> None:
        order = world.order()
        sign(world.api, world.buyer, order["id"])
        ended = post(world.api, f"/orders/{order['id']}/cancellation", world.buyer, {"reason": "改变主意"})
        assert ended["state"] == "cancelled"
        assert world.availability() == "available"

    def test_a_contract_binds(self, world: World) -> None:
        order = world.order()
        sign_both(world.api, world.dealer, world.buyer, order["id"])
        refused = world.api.post(f"{BASE}/orders/{order['id']}/cancellation", json={"reason": "x"}, headers=world.dealer.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "contract_binding")

    def test_the_market_undoes_a_paid_order_and_every_fen_goes_back(self, world: World) -> None:
        order = world.order()
        sign_both(world.api, world.dealer, world.buyer, order["id"])
        pay(world.api, world.buyer, order["id"])
        post(world.api, f"/orders/{order['id']}/cancellation", world.clerk, {"reason": "车辆灭失"})
        world.api.relay()
        assert balance(world.api, world.buyer) == 10_000_000
        summary = get(world.api, "/ledger/summary", world.clerk)
        assert summary["sum_minor"] == 0
        assert {one["kind"]: one["balance_minor"] for one in summary["accounts"]}["escrow"] == 0


class TestHandOver:
    def _paid(self, quick_world: World) -> str:
        order = quick_world.order()
        sign_both(quick_world.api, quick_world.dealer, quick_world.buyer, order["id"])
        pay(quick_world.api, quick_world.buyer, order["id"])
        found: str = order["id"]
        return found

    def test_recorded_by_both(self, quick_world: World) -> None:
        order_id = self._paid(quick_world)
        done = hand_over_and_accept(quick_world.api, quick_world.dealer, quick_world.buyer, order_id)
        assert done["state"] == "handed_over"
        assert [one["side"] for one in done["handovers"]] == ["seller", "buyer"]

    def test_papers_are_named_when_missing(self, quick_world: World) -> None:
        order_id = self._paid(quick_world)
        body = {"odometer_km": 42_100, "keys": 2, "documents": [one for one in PAPERS if one != "insurance_policy"]}
        refused = quick_world.api.post(f"{BASE}/orders/{order_id}/handover", json=body, headers=quick_world.dealer.headers)
        assert (refused.status_code, refused.json()["code"], refused.json()["missing"]) == (409, "papers_missing", ["insurance_policy"])
        assert refused.json()["rule"]["article"] == "二手车流通管理办法 第十九条"

    def test_acceptance_needs_the_handover_and_agrees_with_it(self, quick_world: World) -> None:
        order_id = self._paid(quick_world)
        body = {"odometer_km": 42_100, "keys": 2, "documents": PAPERS}
        path = f"{BASE}/orders/{order_id}/acceptance"
        early = quick_world.api.post(path, json=body, headers=quick_world.buyer.headers)
        assert early.json()["code"] == "handover_missing"
        post(quick_world.api, f"/orders/{order_id}/handover", quick_world.dealer, body)
        other = quick_world.api.post(path, json=body | {"odometer_km": 52_100, "keys": 1}, headers=quick_world.buyer.headers)
        assert (other.json()["code"], other.json()["differs"]) == ("acceptance_differs", ["odometer_km", "keys"])

    def test_the_buyer_does_not_hand_over_and_unpaid_nothing_is(self, quick_world: World) -> None:
        order = quick_world.order()
        body = {"odometer_km": 42_100, "keys": 2, "documents": PAPERS}
        path = f"{BASE}/orders/{order['id']}/handover"
        assert quick_world.api.post(path, json=body, headers=quick_world.buyer.headers).status_code == 404
        assert quick_world.api.post(path, json=body, headers=quick_world.dealer.headers).json()["code"] == "order_state_refused"


class TestRead:
    def test_each_side_sees_its_own(self, quick_world: World) -> None:
        order = quick_world.order()
        sign_both(quick_world.api, quick_world.dealer, quick_world.buyer, order["id"])
        seller_sees = get(quick_world.api, f"/orders/{order['id']}", quick_world.dealer)
        buyer_sees = get(quick_world.api, f"/orders/{order['id']}", quick_world.buyer)
        assert (seller_sees["payment"], seller_sees["proceeds_minor"]) == (None, ASK - 88_000)
        assert buyer_sees["proceeds_minor"] is None
        assert buyer_sees["payment"]["amount_minor"] == ASK
        assert [one["id"] for one in get(quick_world.api, "/orders?side=buyer", quick_world.buyer)["items"]] == [order["id"]]
        assert get(quick_world.api, "/orders?side=seller", quick_world.buyer)["items"] == []
        assert [one["side"] for one in get(quick_world.api, "/orders", quick_world.dealer)["items"]] == ["seller"]
        assert UUID(order["id"])

    def test_a_person_to_person_sale_needs_no_return_confirmation(self, quick_world: World) -> None:
        from marketplace.listings import api as listings
        from marketplace.listings.domain import Channel

        owner = sign_up(quick_world.api, "孙七")
        car = register_car(quick_world.api, owner)
        with quick_world.api.database.writing() as session:
            listing = listings.publish(
                session,
                principal=None,
                vehicle_id=UUID(car["id"]),
                seller_id=owner.id,
                channel=Channel.C2C_VIRTUAL,
                ask_minor=ASK,
                source_kind="consignment",
                source_id=UUID(car["id"]),
            )
        body = {"listing_id": str(listing.id), "buyer_city": "天津", "confirmations": ["condition_read"]}
        order = post(quick_world.api, "/orders", quick_world.buyer, body)
        assert order["contract_kind"] == "trade"


class TestConsignee:
    @pytest.mark.parametrize(("channel", "status"), [("c2c_consignment", 201), ("c2c_virtual", 404)])
    def test_signs_for_the_owner_only_where_he_sells_in_his_own_name(self, quick_world: World, channel: str, status: int) -> None:
        from marketplace.listings import api as listings

        owner, broker = sign_up(quick_world.api, "孙七"), organization(quick_world.api, "broker", by=quick_world.clerk)
        car = register_car(quick_world.api, owner)
        with quick_world.api.database.writing() as session:
            listing = listings.publish(
                session,
                principal=None,
                vehicle_id=UUID(car["id"]),
                seller_id=owner.id,
                channel=listings.Channel(channel),
                ask_minor=ASK,
                agent_id=broker.party_id,
                seller_fee_bps=300,
                source_kind="consignment",
                source_id=UUID(car["id"]),
            )
        order = buy(quick_world.api, quick_world.buyer, str(listing.id))
        path = f"{BASE}/orders/{order['id']}/signatures"
        answer = quick_world.api.post(path, json={"passphrase": broker.password}, headers=broker.headers)
        assert answer.status_code == status
        seen = get(quick_world.api, f"/orders/{order['id']}", broker)
        assert (seen["side"], seen["proceeds_minor"]) == ("seller", ASK - 264_000)
