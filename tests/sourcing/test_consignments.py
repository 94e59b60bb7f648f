"""Consignment over HTTP, on both databases; its rules as a table."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core import clock
from marketplace.core.ids import new_id
from marketplace.core.outbox import use_database
from marketplace.listings import api as listings
from marketplace.listings.api import ClaimKind
from marketplace.sourcing import tasks
from marketplace.sourcing.domain import (
    ConsentMissing,
    ConsignmentKind,
    ConsignmentRules,
    FloorAboveAsk,
    Side,
    Terms,
    TermsOutOfBounds,
    check_price_change,
    check_terms,
    compute_commission,
    compute_last_day,
)
from marketplace.sourcing.service import ending
from marketplace.vehicles import api as vehicles
from tests.cars import register_car, restrict
from tests.market import Market
from tests.people import Person, operator, sign_up
from tests.stock import BASE, Listed, broker, consigned_car, custody_request, dealer, offer_consignment, sign_consignment, take_custody

RULES = ConsignmentRules(
    commission_bps=300,
    commission_max_bps=1_000,
    term_min_days=7,
    term_max_days=180,
    withdrawal_fee_max_bps=100,
    price_steps_max=10,
    price_step_gap_days=3,
)
GOOD = Terms(kind=ConsignmentKind.VIRTUAL, floor_minor=8_000_000, ask_minor=8_880_000, term_days=60, commission_bps=300)


class TestRules:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"term_days": 6}, "term_days"),
            ({"term_days": 181}, "term_days"),
            ({"commission_bps": 1_001}, "commission_bps"),
            ({"withdrawal_fee_minor": 80_001}, "withdrawal_fee_minor"),
        ],
    )
    def test_bounds(self, changes: dict[str, Any], field: str) -> None:
        check_terms(GOOD, RULES)
        with pytest.raises(TermsOutOfBounds) as refused:
            check_terms(replace(GOOD, **changes), RULES)
        assert refused.value.fields["field"] == field

    def test_floor_may_equal_the_ask_and_not_exceed_it(self) -> None:
        check_terms(replace(GOOD, floor_minor=8_880_000), RULES)
        with pytest.raises(FloorAboveAsk):
            check_terms(replace(GOOD, floor_minor=8_880_001), RULES)

    def test_the_day_of_signing_is_not_counted(self) -> None:
        assert compute_last_day(date(2026, 11, 24), 60) == date(2027, 1, 23)

    def test_the_agent_never_marks_up(self) -> None:
        check_price_change(Side.CONSIGNOR, ask_minor=9_999_999, agreed_ask_minor=8_880_000)
        check_price_change(Side.AGENT, ask_minor=8_880_000, agreed_ask_minor=8_880_000)
        with pytest.raises(ConsentMissing):
            check_price_change(Side.AGENT, ask_minor=8_880_001, agreed_ask_minor=8_880_000)

    @given(price=st.integers(1, 10**10), bps=st.integers(0, 10_000))
    def test_commission_never_exceeds_the_price(self, price: int, bps: int) -> None:
        assert 0 <= compute_commission(price, bps) <= price


def consignment(api: Market, who: Person, consignment_id: Any) -> dict[str, Any]:
    answer = api.get(f"{BASE}/consignments/{consignment_id}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def act(api: Market, who: Person, listed: Listed, verb: str, body: dict[str, Any]) -> Any:
    assert listed.consignment is not None
    return api.post(f"{BASE}/consignments/{listed.consignment['id']}/{verb}", json=body, headers=who.headers)


class TestOfferAndSign:
    def test_two_signatures_put_a_virtual_one_into_the_window(self, api: Market) -> None:
        owner, agent = sign_up(api, "李四"), operator(api)
        car = register_car(api, owner)
        offered = offer_consignment(api, owner, car["id"])  # the market itself is the agent
        assert offered.status_code == 201, offered.text
        made = offered.json()
        assert (made["state"], made["agent_id"], made["commission_bps"], made["listing_id"]) == ("offered", str(agent.party_id), 300, None)
        first = sign_consignment(api, owner, made["id"])
        assert (first.status_code, first.json()["signed_sides"], first.json()["state"]) == (200, ["consignor"], "offered")
        again = sign_consignment(api, owner, made["id"])
        assert (again.status_code, again.json()["code"]) == (409, "already_signed")
        second = sign_consignment(api, agent, made["id"]).json()
        assert (second["state"], second["signed_sides"]) == ("active", ["agent", "consignor"])
        with api.database.reading() as session:
            signed_on = clock.shanghai_day(clock.now(session))
            holding = vehicles.require_holding(session, vehicle_id=UUID(car["id"]), party_id=agent.party_id)
            private = listings.get_listing(session, listing_id=UUID(second["listing_id"]))
        assert second["ends_at"] == clock.end_of_day(signed_on + timedelta(days=60)).isoformat().replace("+00:00", "Z")
        assert (holding.capacity, holding.proof) == (vehicles.Capacity.CONSIGNEE, f"consignment:{made['id']}")
        assert (private.floor_minor, private.seller_fee_bps, private.agent_id) == (8_000_000, 300, agent.party_id)
        shown = api.get(f"{BASE}/listings/{second['listing_id']}").json()
        assert (shown["channel"], shown["price_minor"], shown["seller"]["name"]) == ("c2c_virtual", 8_880_000, "李*")
        assert shown["agent"]["name"] == "河南路二手车市场"
        assert shown["warranty"] is None
        assert "8000000" not in str(shown)  # the floor is nobody's business

    def test_the_contract_verifies_and_is_for_its_parties_only(self, api: Market) -> None:
        listed = consigned_car(api)
        assert listed.consignment is not None
        path = f"{BASE}/consignments/{listed.consignment['id']}"
        body = api.get(f"{path}/contract", headers=listed.seller.headers).json()
        assert body["is_intact"]
        assert [signature["is_valid"] for signature in body["signatures"]] == [True, True]
        document = body["document"]
        assert (document["title"], document["consignor"]["name"]) == ("委托出售合同(虚拟寄售)", "李四")
        assert document["terms"] == {
            "kind": "virtual",
            "currency": "CNY",
            "floor_minor": 8_000_000,
            "ask_minor": 8_880_000,
            "term_days": 60,
            "commission_bps": 300,
            "commission_payer": "consignor",
            "withdrawal_fee_minor": 0,
            "ask_changed_by": "consignor freely; agent between floor and the price the consignor agreed to",
            "price_steps": [],
            "custody": "consignor",
            "storage": None,
            "settlement": "转让登记完成后由监管账户支付",
        }
        assert document["vehicle"]["vin"] == listed.car["vin_masked"]
        stranger = sign_up(api, "王五")
        for url in (path, f"{path}/contract"):
            assert api.get(url, headers=stranger.headers).status_code == 404
        answer = api.post(f"{path}/signatures", json={"passphrase": stranger.password}, headers=stranger.headers)
        assert answer.status_code == 404

    def test_a_physical_one_needs_custody_and_a_bay_of_its_own(self, api: Market) -> None:
        agent = operator(api)
        owner = sign_up(api, "李四")
        car = register_car(api, owner)
        made = offer_consignment(api, owner, car["id"], kind="physical").json()
        sign_consignment(api, owner, made["id"])
        refused = sign_consignment(api, agent, made["id"])
        assert (refused.status_code, refused.json()["code"]) == (409, "custody_missing")
        assert refused.json()["rule"]["article"] == "民法典 第九百五十三条"
        take_custody(api, agent, made["id"], bay="A-001")
        active = sign_consignment(api, agent, made["id"]).json()
        assert (active["state"], active["bay_number"], active["custody_key_count"]) == ("active", "A-001", 2)
        assert active["custody_receipt"].startswith("JS20")
        assert api.get(f"{BASE}/listings/{active['listing_id']}").json()["channel"] == "c2c_consignment"
        second = register_car(api, owner)
        other = offer_consignment(api, owner, second["id"], kind="physical").json()
        body = custody_request(agent, "A-001")
        taken = api.post(f"{BASE}/consignments/{other['id']}/custody", json=body, headers=agent.headers)
        assert (taken.status_code, taken.json()["code"]) == (409, "bay_taken")

    def test_a_changed_document_or_a_wrong_password_signs_nothing(self, api: Market) -> None:
        operator(api)
        owner = sign_up(api, "李四")
        made = offer_consignment(api, owner, register_car(api, owner)["id"]).json()
        path = f"{BASE}/consignments/{made['id']}/signatures"
        changed = api.post(path, json={"passphrase": owner.password, "content_hash": "0" * 64}, headers=owner.headers)
        assert (changed.status_code, changed.json()["code"]) == (409, "document_changed")
        wrong = api.post(path, json={"passphrase": "not my password"}, headers=owner.headers)
        assert wrong.json()["code"] == "wrong_passphrase"
        assert consignment(api, owner, made["id"])["signed_sides"] == []

    def test_who_may_be_agent_and_who_may_offer(self, api: Market) -> None:
        clerk = operator(api)
        owner, seller = sign_up(api, "李四"), dealer(api, by=clerk)
        car = register_car(api, owner)
        refused = offer_consignment(api, owner, car["id"], agent_id=str(seller.party_id))
        assert (refused.status_code, refused.json()["code"]) == (409, "not_an_agent")
        unfiled = broker(api, by=clerk, licences=("business_licence",))
        refused = offer_consignment(api, owner, car["id"], agent_id=str(unfiled.party_id))
        assert (refused.status_code, refused.json()["code"]) == (403, "licence_missing")
        stranger = sign_up(api, "王五")
        assert offer_consignment(api, stranger, car["id"]).status_code == 404
        filed = broker(api, by=clerk)
        assert offer_consignment(api, owner, car["id"], agent_id=str(filed.party_id), commission_bps=250).status_code == 201
        twice = offer_consignment(api, owner, car["id"])
        assert (twice.status_code, twice.json()["code"]) == (409, "already_consigned")

    def test_rule_1_a_sealed_car_is_not_consigned(self, api: Market) -> None:
        clerk = operator(api)
        owner = sign_up(api, "李四")
        car = register_car(api, owner)
        made = offer_consignment(api, owner, car["id"]).json()
        sign_consignment(api, owner, made["id"])
        restrict(api, clerk, car["id"], "seal")
        refused = sign_consignment(api, clerk, made["id"])  # eligible when offered, no more when signed
        assert (refused.status_code, refused.json()["code"]) == (409, "not_eligible")
        assert consignment(api, owner, made["id"])["state"] == "offered"


class TestPrices:
    def test_the_agent_moves_between_floor_and_the_agreed_price(self, api: Market) -> None:
        listed = consigned_car(api)
        owner, agent = listed.seller, listed.agent
        assert agent is not None
        lowered = act(api, agent, listed, "price", {"ask_minor": 8_500_000})
        assert (lowered.status_code, lowered.json()["ask_minor"]) == (200, 8_500_000)
        assert act(api, agent, listed, "price", {"ask_minor": 8_880_000}).status_code == 200
        up = act(api, agent, listed, "price", {"ask_minor": 8_880_001})
        assert (up.status_code, up.json()["code"], up.json()["rule"]["article"]) == (409, "consent_missing", "二手车交易规范 第二十三条")
        below = act(api, agent, listed, "price", {"ask_minor": 7_999_999})
        assert (below.status_code, below.json()["code"], below.json()["rule"]["article"]) == (409, "below_floor", "民法典 第九百五十五条")
        assert act(api, owner, listed, "price", {"ask_minor": 9_500_000}).status_code == 200
        assert act(api, agent, listed, "price", {"ask_minor": 9_400_000}).status_code == 200
        prices = [price["price_minor"] for price in api.get(f"{BASE}/listings/{listed.listing_id}").json()["prices"]]
        assert prices == [8_880_000, 8_500_000, 8_880_000, 9_500_000, 9_400_000]

    def test_below_the_floor_only_with_the_owners_signed_consent(self, api: Market) -> None:
        listed = consigned_car(api)
        owner, agent = listed.seller, listed.agent
        assert agent is not None
        body = {"floor_minor": 7_500_000, "passphrase": agent.password}
        assert act(api, agent, listed, "floor", body).status_code == 404  # not his to give
        given = act(api, owner, listed, "floor", {"floor_minor": 7_500_000, "passphrase": owner.password})
        assert (given.status_code, given.json()["floor_minor"]) == (200, 7_500_000)
        assert act(api, agent, listed, "price", {"ask_minor": 7_600_000}).status_code == 200
        with api.database.reading() as session:
            private = listings.get_listing(session, listing_id=listed.listing_id)
        assert (private.ask_minor, private.floor_minor) == (7_600_000, 7_500_000)

    def test_the_listing_is_not_changed_past_its_contract(self, api: Market) -> None:
        listed = consigned_car(api)
        path = f"{BASE}/listings/{listed.listing_id}"
        changed = api.patch(path, json={"ask_minor": 1_000_000}, headers=listed.seller.headers)
        assert (changed.status_code, changed.json()["code"]) == (409, "listing_of_contract")
        gone = api.post(f"{path}/withdrawal", json={"reason": "x"}, headers=listed.seller.headers)
        assert (gone.status_code, gone.json()["code"]) == (409, "listing_of_contract")


class TestEnds:
    def test_the_owner_ends_it_early_for_the_agreed_costs(self, api: Market) -> None:
        listed = consigned_car(api, withdrawal_fee_minor=80_000)
        assert listed.agent is not None
        refused = act(api, listed.agent, listed, "withdrawal", {"reason": "不想卖了"})
        assert (refused.status_code, refused.json()["code"]) == (409, "consignment_state_refused")
        ended = act(api, listed.seller, listed, "withdrawal", {"reason": "车主自用"})
        assert (ended.status_code, ended.json()["state"], ended.json()["withdrawal_fee_minor"]) == (200, "withdrawn", 80_000)
        assert api.get(f"{BASE}/listings/{listed.listing_id}").status_code == 404
        with api.database.reading() as session, pytest.raises(vehicles.VehicleNotFound):
            vehicles.require_holding(session, vehicle_id=listed.car_id, party_id=listed.agent.party_id)
        owing = offer_consignment(api, listed.seller, listed.car_id)  # not to the same agent before the fee is paid
        assert (owing.status_code, owing.json()["code"], owing.json()["due_minor"]) == (409, "dues_unpaid", 80_000)
        other = broker(api)
        assert offer_consignment(api, listed.seller, listed.car_id, agent_id=str(other.party_id)).status_code == 201

    def test_not_while_an_order_holds_the_car(self, api: Market) -> None:
        listed = consigned_car(api)
        with api.database.writing() as session:
            listings.take_claim(session, vehicle_id=listed.car_id, kind=ClaimKind.ORDER, holder_id=new_id())
        refused = act(api, listed.seller, listed, "withdrawal", {"reason": "反悔"})
        assert (refused.status_code, refused.json()["code"]) == (409, "vehicle_claimed")

    def test_either_side_calls_an_unsigned_one_off(self, api: Market) -> None:
        agent = operator(api)
        owner = sign_up(api, "李四")
        made = offer_consignment(api, owner, register_car(api, owner)["id"]).json()
        ended = api.post(f"{BASE}/consignments/{made['id']}/withdrawal", json={"reason": "车况不符"}, headers=agent.headers)
        assert (ended.status_code, ended.json()["state"], ended.json()["end_reason"]) == (200, "cancelled", "agent")

    def test_it_expires_exactly_at_the_end_of_its_last_day(self, api: Market) -> None:
        listed = consigned_car(api, term_days=7)
        assert listed.consignment is not None
        with api.database.reading() as session:
            now = clock.now(session)
        ends_at = clock.end_of_day(clock.shanghai_day(now) + timedelta(days=7))
        api.advance(ends_at - now - timedelta(minutes=5))
        with use_database(api.database):
            tasks.expire_consignments()
        owner = listed.seller.sign_in(api)
        assert consignment(api, owner, listed.consignment["id"])["state"] == "active"
        api.advance(timedelta(minutes=5))
        with use_database(api.database):
            tasks.expire_consignments()
        assert consignment(api, owner, listed.consignment["id"])["state"] == "expired"
        assert api.get(f"{BASE}/listings/{listed.listing_id}").status_code == 404

    def test_a_sale_in_its_channel_earns_the_commission_once(self, api: Market) -> None:
        listed = consigned_car(api)
        assert listed.consignment is not None
        order = new_id()
        for _ in range(2):  # a handler may run twice
            with api.database.writing() as session:
                ending.close_sold(session, vehicle_id=listed.car_id, order_id=order, channel="c2c_virtual", price_minor=8_650_050)
        found = consignment(api, listed.seller, listed.consignment["id"])
        assert (found["state"], found["order_id"], found["price_minor"], found["commission_minor"]) == (
            "sold",
            str(order),
            8_650_050,
            259_502,  # 3 % of 86,500.50 yuan, half a fen up
        )

    def test_a_sale_elsewhere_ends_it_without_commission(self, api: Market) -> None:
        listed = consigned_car(api)
        assert listed.consignment is not None
        with api.database.writing() as session:
            ending.close_sold(session, vehicle_id=listed.car_id, order_id=new_id(), channel="c2b_auction", price_minor=8_000_000)
        found = consignment(api, listed.seller, listed.consignment["id"])
        assert (found["state"], found["end_reason"], found["commission_minor"]) == ("cancelled", "sold_elsewhere", None)

    def test_a_pulled_listing_comes_back_when_the_bar_is_cleared(self, api: Market) -> None:
        clerk = operator(api)
        listed = consigned_car(api, agent=clerk)
        assert listed.consignment is not None
        seal = restrict(api, clerk, listed.car_id, "seal")
        api.relay()
        assert api.get(f"{BASE}/listings/{listed.listing_id}").status_code == 404
        refused = act(api, clerk, listed, "relisting", {})
        assert (refused.status_code, refused.json()["code"]) == (409, "not_eligible")
        path = f"{BASE}/vehicles/{listed.car_id}/restrictions/{seal['id']}/decision"
        released = api.post(path, json={"state": "released", "reference": "(2026)津0116执1号之一"}, headers=clerk.headers)
        assert released.status_code in {200, 201}, released.text
        again = act(api, clerk, listed, "relisting", {})
        assert again.status_code == 200, again.text
        assert api.get(f"{BASE}/listings/{again.json()['listing_id']}").json()["availability"] == "available"
