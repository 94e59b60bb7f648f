"""A dealer's store from inside: reconditioning, margin, the board; over HTTP on both databases."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.sourcing.domain.store import StoreRules, WorkState, age_band, compute_margin, compute_vat
from marketplace.sourcing.service.tables import rule_table
from tests.cars import register_car
from tests.market import Market
from tests.people import Person, member, operator, payout_account, sign_up
from tests.purchases import get, money, post, purchase
from tests.stock import BASE, dealer, list_car, listed_car

LOOKED = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"}


class TestRules:
    def test_the_tax_inside_a_price(self) -> None:
        assert compute_vat(10_050_000, 50) == 50_000  # 100,500 yuan hold 500 yuan at 0.5 %
        assert compute_vat(0, 50) == 0

    @given(price=st.integers(1, 10**10), bps=st.integers(0, 1_300))
    def test_it_is_that_rate_of_the_rest(self, price: int, bps: int) -> None:
        vat = compute_vat(price, bps)
        assert 0 <= vat < price or price < 20
        assert abs((price - vat) * bps - vat * 10_000) <= (10_000 + bps)

    def test_margin(self) -> None:
        found = compute_margin(
            price_minor=10_050_000,
            is_sold=False,
            cost_minor=9_000_000,
            works=[(WorkState.DONE, 160_000), (WorkState.PLANNED, 40_000), (WorkState.DROPPED, 999_999)],
            fee_minor=100_500,
            vat_bps=50,
        )
        assert (found.spent_minor, found.planned_minor, found.vat_minor) == (160_000, 40_000, 50_000)
        assert found.margin_minor == 10_050_000 - 9_000_000 - 160_000 - 40_000 - 100_500 - 50_000
        assert found.margin_bps == 696

    def test_without_cost_there_is_no_margin(self) -> None:
        found = compute_margin(price_minor=1_000, is_sold=False, cost_minor=None, works=[], fee_minor=0, vat_bps=50)
        assert (found.margin_minor, found.margin_bps) == (None, None)

    def test_bands_begin_on_their_day(self) -> None:
        assert [age_band(days, (30, 60, 90)) for days in (0, 29, 30, 59, 60, 89, 90, 400)] == [0, 0, 1, 1, 2, 2, 3, 3]

    def test_the_tax_table_by_day(self) -> None:
        assert StoreRules.from_values(rule_table("store", on=date(2027, 12, 31)).values) == StoreRules(50, (30, 60, 90))
        assert rule_table("store", on=date(2028, 1, 1)).certainty == "doubtful"


def books(api: Market, who: Person, vehicle_id: Any) -> dict[str, Any]:
    return get(api, f"/stock/{vehicle_id}/books", who)


class TestReconditioning:
    def test_what_was_done_to_a_car_lowers_its_margin_and_is_the_dealers_secret(self, api: Market) -> None:
        clerk = operator(api)
        seller, rival = dealer(api, by=clerk), dealer(api, by=clerk)
        car = register_car(api, seller)
        path = f"/stock/{car['id']}"
        entered = api.put(f"{BASE}{path}", json={"ask_minor": 10_050_000, "cost_minor": 9_000_000}, headers=seller.headers)
        assert entered.status_code in {200, 201}, entered.text
        done = post(api, f"{path}/reconditioning", seller, {"kind": "tyres", "cost_minor": 160_000, "state": "done"})
        assert done["done_on"] is not None
        planned = post(api, f"{path}/reconditioning", seller, {"kind": "cleaning", "cost_minor": 40_000})
        assert books(api, seller, car["id"])["margin"] == {
            "price_minor": 10_050_000,
            "is_sold": False,
            "cost_minor": 9_000_000,
            "spent_minor": 160_000,
            "planned_minor": 40_000,
            "fee_minor": 100_500,
            "vat_minor": 50_000,
            "margin_minor": 699_500,
            "margin_bps": 696,
        }
        dropped = api.patch(f"{BASE}{path}/reconditioning/{planned['id']}", json={"state": "dropped"}, headers=seller.headers)
        assert (dropped.status_code, dropped.json()["state"]) == (200, "dropped")
        assert books(api, seller, car["id"])["margin"]["margin_minor"] == 739_500
        listing = list_car(api, seller, car["id"], ask_minor=10_050_000).json()
        assert "160000" not in api.get(f"{BASE}/listings/{listing['id']}").text
        for who in (rival, sign_up(api, "路人")):
            assert api.get(f"{BASE}{path}/books", headers=who.headers).status_code in {403, 404}
            change = api.patch(f"{BASE}{path}/reconditioning/{done['id']}", json={"cost_minor": 1}, headers=who.headers)
            assert change.status_code in {403, 404}
        assert books(api, seller, car["id"])["works"][0]["cost_minor"] == 160_000

    def test_a_sold_cars_books_show_what_it_really_brought(self, api: Market) -> None:
        clerk = operator(api)
        seller, buyer = dealer(api, by=clerk), sign_up(api, "王五")
        payout_account(api, seller)
        money(api, buyer, 20_000_000)
        listed = listed_car(api, seller, ask_minor=8_880_000)
        post(api, f"/stock/{listed.car_id}/reconditioning", seller, {"kind": "body_paint", "cost_minor": 50_000, "state": "done"})
        purchase(api, listing_id=str(listed.listing_id), seller=seller, buyer=buyer, clerk=clerk)
        api.relay()
        found = books(api, seller, listed.car_id)["margin"]
        assert (found["is_sold"], found["price_minor"], found["spent_minor"], found["fee_minor"]) == (True, 8_880_000, 50_000, 88_800)
        more = api.post(f"{BASE}/stock/{listed.car_id}/reconditioning", json={"kind": "other", "cost_minor": 1}, headers=seller.headers)
        assert (more.status_code, more.json()["code"]) == (404, "stock_car_not_found")


class TestBoard:
    def test_days_views_leads_and_margin_of_every_car(self, api: Market) -> None:
        clerk = operator(api)
        seller = dealer(api, by=clerk)
        sales = member(api, seller, "sales")
        first, second = listed_car(api, seller), listed_car(api, seller, ask_minor=9_900_000)
        visitor = sign_up(api, "王五")
        api.post(f"{BASE}/listings/{second.listing_id}/views", headers=LOOKED)
        post(api, f"/listings/{second.listing_id}/enquiries", visitor, {"text": "在吗"})
        api.advance(timedelta(days=31))
        sales.sign_in(api)
        lines = get(api, "/store-board", sales)["items"]
        assert [one["listing_id"] for one in lines] == [str(second.listing_id), str(first.listing_id)]
        top = lines[0]
        assert (top["days_in_stock"], top["age_band"], top["availability"]) == (31, 1, "available")
        assert (top["views_total"], top["views_recent"], top["leads_open"], top["leads_waiting"]) == (1, 0, 1, 1)
        assert top["margin"]["price_minor"] == 9_900_000
        found = get(api, "/store-board/summary", sales)
        assert (found["cars"], found["listed"], found["by_age_band"]) == (2, 2, [0, 2, 0, 0])
        assert (found["asked_minor"], found["margin_unknown"], found["leads_waiting"], found["is_capped"]) == (18_780_000, 2, 1, False)
        assert api.get(f"{BASE}/store-board", headers=visitor.headers).status_code == 403

    def test_pages_show_each_car_once(self, quick_api: Market) -> None:
        seller = dealer(quick_api)
        ids = {str(listed_car(quick_api, seller).car_id) for _ in range(3)}
        standing = register_car(quick_api, seller)
        quick_api.put(f"{BASE}/stock/{standing['id']}", json={"ask_minor": 9_000_000}, headers=seller.headers)
        ids.add(standing["id"])
        seen: list[str] = []
        cursor = ""
        while True:
            page = get(quick_api, f"/store-board?limit=2{cursor}", seller)
            seen += [one["vehicle_id"] for one in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert sorted(seen) == sorted(ids)


class TestRule10:
    @pytest.mark.parametrize(
        ("facts", "owed"),
        [
            ({"model_year": 2024, "first_registration_on": "2024-06-01", "odometer_km": 80_000}, True),
            ({"model_year": 2018, "first_registration_on": "2018-06-01", "odometer_km": 60_000}, True),
            ({"model_year": 2018, "first_registration_on": "2018-06-01", "odometer_km": 60_001}, False),
            ({"model_year": 2024, "first_registration_on": "2024-06-01", "odometer_km": 10_000, "use_type": "rental"}, False),
        ],
    )
    def test_rule_10_a_dealers_sale_carries_the_warranty_in_listing_contract_and_order(
        self, api: Market, facts: dict[str, Any], owed: bool
    ) -> None:
        clerk = operator(api)
        seller, buyer = dealer(api, by=clerk), sign_up(api, "王五")
        payout_account(api, seller)
        money(api, buyer, 20_000_000)
        car = register_car(api, seller, **facts)
        answer = list_car(api, seller, car["id"])
        assert answer.status_code == 201, answer.text
        listing = answer.json()
        shown = api.get(f"{BASE}/listings/{listing['id']}").json()
        parts = ["发动机系统", "转向系统", "传动系统", "制动系统", "悬挂系统"]
        codes = [one["code"] for one in shown["notices"]]
        done = purchase(api, listing_id=listing["id"], seller=seller, buyer=buyer, clerk=clerk)
        contract = get(api, f"/orders/{done['id']}/contract", buyer)["document"]
        if not owed:
            assert (shown["warranty"], contract["warranty"], done["warranty"]) == (None, None, None)
            assert "no_statutory_warranty" in codes
            assert "warranty" not in codes
            return
        assert (shown["warranty"]["months"], shown["warranty"]["km"], shown["warranty"]["parts"]) == (3, 5_000, parts)
        assert "warranty" in codes
        assert contract["warranty"] == {"months": 3, "km": 5_000, "parts": parts}
        taken = next(one["odometer_km"] for one in done["handovers"] if one["side"] == "buyer")
        assert (done["warranty"]["months"], done["warranty"]["ends_at_km"]) == (3, taken + 5_000)
        starts = date.fromisoformat(done["warranty"]["starts_on"])
        ends = date.fromisoformat(done["warranty"]["ends_on"])
        assert (ends.year * 12 + ends.month) - (starts.year * 12 + starts.month) == 3

    def test_rule_10_a_dealer_who_buys_is_no_end_user(self, api: Market) -> None:
        clerk = operator(api)
        seller, buyer = dealer(api, by=clerk), dealer(api, by=clerk)
        listed = listed_car(api, seller)
        body = {"listing_id": str(listed.listing_id), "confirmations": ["condition_read"]}
        order = api.post(f"{BASE}/orders", json=body, headers=buyer.headers)
        assert order.status_code == 201, order.text
        assert order.json()["warranty"] is None
