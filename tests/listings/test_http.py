"""The shop window over HTTP, on both databases."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import col, select

from marketplace.core import audit
from marketplace.core.ids import new_id
from marketplace.core.outbox import OutboxEvent
from marketplace.listings import api as listings
from marketplace.listings.api import ClaimKind
from tests.cars import add_photo, register_car, restrict
from tests.market import Market
from tests.people import licence, operator, organization, sign_up
from tests.stock import BASE, Listed, dealer, list_car, listed_car


def events(api: Market, *names: str) -> list[tuple[str, dict[str, Any]]]:
    with api.database.reading() as session:
        rows = session.exec(select(OutboxEvent).where(col(OutboxEvent.name).in_(names)).order_by(col(OutboxEvent.id))).all()
    return [(row.name.removeprefix("listings."), row.payload) for row in rows]


def shown(api: Market, listing_id: UUID | str, **options: Any) -> dict[str, Any]:
    answer = api.get(f"{BASE}/listings/{listing_id}", **options)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def hold(api: Market, listed: Listed, kind: ClaimKind) -> UUID:
    holder = new_id()
    with api.database.writing() as session:
        listings.take_claim(session, vehicle_id=listed.car_id, kind=kind, holder_id=holder)
    return holder


class TestPublish:
    def test_a_dealer_lists_a_stock_car_and_everybody_sees_it(self, api: Market) -> None:
        seller = dealer(api, name="津门名车有限公司")
        car = register_car(api, seller)
        add_photo(api, seller, car["id"])
        answer = list_car(api, seller, car["id"], ask_minor=8_880_000, description="一手车")
        assert answer.status_code == 201, answer.text
        mine = answer.json()
        assert (mine["state"], mine["availability"], mine["ask_minor"], mine["version"]) == ("live", "available", 8_880_000, 1)
        body = shown(api, mine["id"])
        assert body["title"] == "大众 帕萨特 2021款 330TSI 豪华版"
        assert (body["price_minor"], body["price_text"], body["fees_included"]) == (8_880_000, "8.88万", True)
        assert body["car"]["vin_masked"] == car["vin_masked"]
        assert "*" in body["car"]["vin_masked"]
        assert len(body["car"]["photos"]) == 1
        assert [price["price_minor"] for price in body["prices"]] == [8_880_000]
        assert body["seller"] == {
            "id": str(seller.party_id),
            "kind": "organization",
            "organization_kind": "dealer",
            "name": "津门名车有限公司",
        }
        assert body["warranty"]["text"] == "质量保证:3个月或5,000公里(以先到者为准)"
        assert body["warranty"]["article"] == "二手车交易规范 第十六条"
        assert body["findings"] == []
        [card] = api.get(f"{BASE}/store").json()["items"]
        assert (card["id"], card["price_minor"], card["seller_name"]) == (mine["id"], 8_880_000, "津门名车有限公司")
        [(name, event)] = events(api, "listings.listing_published")
        assert name == "listing_published"
        assert event == {
            "listing_id": mine["id"],
            "vehicle_id": car["id"],
            "channel": "b2c_store",
            "seller_id": str(seller.party_id),
            "state": "live",
            "availability": "available",
            "ask_minor": 8_880_000,
            "brand": "大众",
            "city": "天津",
            "title": "大众 帕萨特 2021款 330TSI 豪华版",
            "facts_version": event["facts_version"],
            "listing_version": 1,
        }
        with api.database.reading() as session:
            [entry] = audit.list_entries(session, object_kind="listing", object_id=UUID(mine["id"]))
        assert (entry.act, entry.facts) == (
            "listing.publish",
            {"vehicle_id": car["id"], "channel": "b2c_store", "ask_minor": 8_880_000},
        )

    def test_the_same_key_gives_the_same_listing(self, api: Market) -> None:
        seller = dealer(api)
        car = register_car(api, seller)
        body = {"vehicle_id": car["id"], "ask_minor": 8_880_000}
        headers = seller.headers | {"Idempotency-Key": "publish-1"}
        first = api.post(f"{BASE}/listings", json=body, headers=headers)
        again = api.post(f"{BASE}/listings", json=body, headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert len(events(api, "listings.listing_published")) == 1

    def test_refuses_a_second_listing_of_the_car(self, api: Market) -> None:
        listed = listed_car(api)
        answer = list_car(api, listed.seller, listed.car_id)
        assert (answer.status_code, answer.json()["code"], answer.json()["listing_id"]) == (
            409,
            "already_listed",
            str(listed.listing_id),
        )

    def test_rule_1_a_sealed_car_is_not_listed(self, api: Market) -> None:
        clerk = operator(api)
        seller = dealer(api, by=clerk)
        car = register_car(api, seller)
        restrict(api, clerk, car["id"], "seal")
        answer = list_car(api, seller, car["id"])
        assert (answer.status_code, answer.json()["code"]) == (409, "not_eligible")
        assert [finding["code"] for finding in answer.json()["findings"]] == ["sealed"]
        assert answer.json()["rule"]["article"] == "二手车流通管理办法 第二十条"

    def test_wants_a_checked_filing_that_has_not_lapsed(self, api: Market) -> None:
        clerk = operator(api)
        seller = dealer(api, by=clerk, licences=("business_licence",))
        car = register_car(api, seller)
        missing = list_car(api, seller, car["id"])
        assert (missing.status_code, missing.json()["code"], missing.json()["kind"]) == (403, "licence_missing", "dealer_filing")
        today = api.get(f"{BASE}/store").headers  # any answer: the market is up
        assert today
        with api.database.reading() as session:
            from marketplace.core import clock

            day = clock.shanghai_day(clock.now(session))
        licence(api, seller, "dealer_filing", by=clerk, valid_to=day + timedelta(days=1))
        assert list_car(api, seller, car["id"]).status_code == 201
        api.advance(timedelta(days=3))
        other = register_car(api, seller.sign_in(api))
        lapsed = list_car(api, seller, other["id"])
        assert (lapsed.status_code, lapsed.json()["code"]) == (403, "licence_lapsed")

    def test_a_broker_does_not_sell_from_the_store(self, api: Market) -> None:
        seller = organization(api, "broker")
        car = register_car(api, seller)
        answer = list_car(api, seller, car["id"])
        assert (answer.status_code, answer.json()["code"]) == (403, "seller_kind_not_allowed")

    def test_an_owner_has_no_store(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner)
        answer = list_car(api, owner, car["id"])
        assert (answer.status_code, answer.json()["code"]) == (403, "capability_missing")

    def test_another_dealers_car_is_not_found(self, api: Market) -> None:
        clerk = operator(api)
        listed = listed_car(api, dealer(api, by=clerk))
        answer = list_car(api, dealer(api, by=clerk), listed.car_id)
        assert (answer.status_code, answer.json()["code"]) == (404, "vehicle_not_found")
        assert list_car(api, listed.seller, uuid4()).status_code == 404

    def test_other_channels_are_opened_by_their_contract(self, quick_api: Market) -> None:
        seller = dealer(quick_api)
        car = register_car(quick_api, seller)
        for channel, by in (("c2c_virtual", "consignments"), ("auction", "auction lots"), ("parallel_import", "parallel-import dossiers")):
            body = {"vehicle_id": car["id"], "ask_minor": 8_880_000, "channel": channel}
            answer = quick_api.post(f"{BASE}/listings", json=body, headers=seller.headers)
            assert (answer.status_code, answer.json()["code"], answer.json()["opened_by"]) == (409, "channel_not_open", by)

    def test_price_bounds(self, quick_api: Market) -> None:
        seller = dealer(quick_api)
        car = register_car(quick_api, seller)
        answer = list_car(quick_api, seller, car["id"], ask_minor=99_999)
        assert (answer.status_code, answer.json()["code"], answer.json()["min_minor"]) == (422, "price_out_of_bounds", 100_000)
        assert list_car(quick_api, seller, car["id"], ask_minor=100_000).status_code == 201


class TestChange:
    def test_a_reduction_is_marked_and_compared_truly(self, api: Market) -> None:
        listed = listed_car(api, ask_minor=8_880_000)
        api.advance(timedelta(days=10))
        seller = listed.seller.sign_in(api)
        answer = api.patch(f"{BASE}/listings/{listed.listing_id}", json={"ask_minor": 8_580_000}, headers=seller.headers)
        assert (answer.status_code, answer.json()["ask_minor"], answer.json()["version"]) == (200, 8_580_000, 2)
        body = shown(api, listed.listing_id)
        assert [price["price_minor"] for price in body["prices"]] == [8_880_000, 8_580_000]
        assert (body["price_minor"], body["comparison_minor"], body["days_listed"]) == (8_580_000, 8_880_000, 10)
        [(_, event)] = events(api, "listings.listing_changed")
        assert (event["ask_minor"], event["listing_version"]) == (8_580_000, 2)

    def test_paused_is_hidden_from_all_but_its_seller(self, api: Market) -> None:
        listed = listed_car(api)
        path = f"{BASE}/listings/{listed.listing_id}"
        assert api.patch(path, json={"paused": True}, headers=listed.seller.headers).json()["state"] == "paused"
        assert api.get(path).status_code == 404
        assert shown(api, listed.listing_id, headers=listed.seller.headers)["availability"] == "paused"
        assert api.get(f"{BASE}/store").json()["items"] == []
        assert api.patch(path, json={"paused": False}, headers=listed.seller.headers).json()["state"] == "live"
        assert api.get(path).status_code == 200

    def test_only_its_seller_changes_it(self, api: Market) -> None:
        clerk = operator(api)
        listed = listed_car(api, dealer(api, by=clerk))
        rival = dealer(api, by=clerk)
        path = f"{BASE}/listings/{listed.listing_id}"
        assert api.patch(path, json={"ask_minor": 1_000_000}, headers=rival.headers).status_code == 404
        assert api.post(f"{path}/withdrawal", json={"reason": "x"}, headers=rival.headers).status_code == 404
        assert api.post(f"{path}/takedown", json={"reason": "x"}, headers=rival.headers).status_code == 403
        assert shown(api, listed.listing_id)["price_minor"] == 8_880_000


class TestEnds:
    def test_withdrawn_by_its_seller(self, api: Market) -> None:
        listed = listed_car(api)
        path = f"{BASE}/listings/{listed.listing_id}"
        answer = api.post(f"{path}/withdrawal", json={"reason": "已在店外售出"}, headers=listed.seller.headers)
        assert (answer.status_code, answer.json()["state"], answer.json()["end_reason"]) == (200, "withdrawn", "seller")
        assert api.get(path).status_code == 404
        again = api.post(f"{path}/withdrawal", json={"reason": "再来"}, headers=listed.seller.headers)
        assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "listing_not_open", "withdrawn")
        [(_, event)] = events(api, "listings.listing_withdrawn")
        assert (event["reason"], event["codes"], event["state"]) == ("seller", [], "withdrawn")
        assert list_car(api, listed.seller, listed.car_id).status_code == 201  # and the car may come back

    def test_taken_down_by_the_market(self, api: Market) -> None:
        clerk = operator(api)
        listed = listed_car(api, dealer(api, by=clerk))
        answer = api.post(f"{BASE}/listings/{listed.listing_id}/takedown", json={"reason": "图片不实"}, headers=clerk.headers)
        assert (answer.status_code, answer.json()["end_reason"]) == (200, "moderated")

    def test_a_new_bar_pulls_the_listing_with_its_reason(self, api: Market) -> None:
        clerk = operator(api)
        listed = listed_car(api, dealer(api, by=clerk))
        restrict(api, clerk, listed.car_id, "seal")
        api.relay()
        mine = api.get(f"{BASE}/listings", headers=listed.seller.headers).json()["items"]
        assert [(one["state"], one["end_reason"]) for one in mine] == [("withdrawn", "not_eligible")]
        [(_, event)] = events(api, "listings.listing_withdrawn")
        assert (event["reason"], event["codes"]) == ("not_eligible", ["sealed"])

    def test_a_changed_fact_is_taken_over(self, api: Market) -> None:
        listed = listed_car(api)
        path = f"/marketplace/v1/vehicles/{listed.car_id}"
        changed = api.patch(path, json={"model": "2021款 380TSI 尊贵版"}, headers=listed.seller.headers)
        assert changed.status_code == 200, changed.text
        api.relay()
        assert shown(api, listed.listing_id)["title"] == "大众 帕萨特 2021款 380TSI 尊贵版"
        [(_, event)] = events(api, "listings.listing_changed")
        assert (event["title"], event["listing_version"]) == ("大众 帕萨特 2021款 380TSI 尊贵版", 2)


class TestClaimed:
    def test_an_order_reserves_and_a_lot_says_in_auction(self, api: Market) -> None:
        listed = listed_car(api)
        order = hold(api, listed, ClaimKind.ORDER)
        assert shown(api, listed.listing_id)["availability"] == "reserved"
        [card] = api.get(f"{BASE}/store").json()["items"]
        assert card["availability"] == "reserved"
        with api.database.writing() as session:
            listings.release_claim(session, vehicle_id=listed.car_id, holder_id=order)
        assert shown(api, listed.listing_id)["availability"] == "available"
        hold(api, listed, ClaimKind.LOT)
        assert shown(api, listed.listing_id)["availability"] == "in_auction"
        told = [event["availability"] for _, event in events(api, "listings.listing_changed")]
        assert told == ["reserved", "available", "in_auction"]

    def test_a_car_under_an_order_is_not_listed_anew(self, api: Market) -> None:
        seller = dealer(api)
        car = register_car(api, seller)
        with api.database.writing() as session:
            listings.take_claim(session, vehicle_id=UUID(car["id"]), kind=ClaimKind.ORDER, holder_id=new_id())
        answer = list_car(api, seller, car["id"])
        assert (answer.status_code, answer.json()["code"], answer.json()["held_by"]) == (409, "vehicle_claimed", "order")

    def test_sold_ends_every_listing_and_frees_the_claim(self, api: Market) -> None:
        listed = listed_car(api)
        order = hold(api, listed, ClaimKind.ORDER)
        api.advance(timedelta(days=12))
        with api.database.writing() as session:
            [sold] = listings.mark_sold(session, vehicle_id=listed.car_id, holder_id=order, price_minor=8_700_000, price_kind="negotiated")
        assert (sold.id, sold.state) == (listed.listing_id, listings.ListingState.SOLD)
        with api.database.writing() as session:  # twice is once
            again = listings.mark_sold(session, vehicle_id=listed.car_id, holder_id=order, price_minor=8_700_000, price_kind="negotiated")
            assert again == []
            assert listings.find_claim(session, vehicle_id=listed.car_id) is None
        assert shown(api, listed.listing_id)["availability"] == "sold"
        assert api.get(f"{BASE}/store").json()["items"] == []
        [(_, event)] = events(api, "listings.listing_sold")
        assert (event["price_minor"], event["price_kind"], event["days_in_stock"], event["state"]) == (8_700_000, "negotiated", 12, "sold")
        [(_, released)] = events(api, "listings.claim_released")
        assert (released["sold"], released["fence"], released["kind"]) == (True, 2, "order")


class TestStore:
    def test_pages_and_filters(self, api: Market) -> None:
        seller = dealer(api)
        cheap = listed_car(api, seller, ask_minor=5_000_000)
        dear = listed_car(api, seller, ask_minor=15_000_000, city="北京")
        first = api.get(f"{BASE}/store", params={"limit": 1}).json()
        assert [card["id"] for card in first["items"]] == [str(dear.listing_id)]
        second = api.get(f"{BASE}/store", params={"limit": 1, "cursor": first["next"]}).json()
        assert ([card["id"] for card in second["items"]], second["next"]) == ([str(cheap.listing_id)], None)
        for params, expected in (
            ({"price_max_minor": 5_000_000}, [cheap]),
            ({"price_min_minor": 5_000_001}, [dear]),
            ({"city": "北京"}, [dear]),
            ({"brand": "宝马"}, []),
            ({"channel": "c2c_virtual"}, []),
            ({"seller_id": str(seller.party_id)}, [dear, cheap]),
        ):
            found = api.get(f"{BASE}/store", params=params).json()["items"]
            assert [card["id"] for card in found] == [str(one.listing_id) for one in expected], params
