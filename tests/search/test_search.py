"""Searching a real market over HTTP, with each engine: publish, find, narrow, change, withdraw, rebuild."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from marketplace.core import outbox
from marketplace.core.db import Database
from marketplace.core.outbox import OutboxDelivery, OutboxEvent
from search.documents import service, tasks
from search.engines import EmbeddedEngine, SearchEngine
from tests.market import Market
from tests.people import Person
from tests.stock import Listed, dealer, list_car, listed_car

PATH = "/search/v1/vehicles"


def find(market: Market, q: str = "", **parameters: Any) -> dict[str, Any]:
    market.relay()
    market.engine.refresh()
    answer = market.get(PATH, params={"q": q, **parameters})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def ids(body: dict[str, Any]) -> list[str]:
    return [one["listing_id"] for one in body["items"]]


BMW: dict[str, Any] = {
    "brand": "宝马",
    "series": "3系",
    "model": "2020款 325Li M运动套装",
    "model_year": 2020,
    "wmi": "LBV",
    "gearbox": "at",
}


@pytest.fixture
def seller(market: Market) -> Person:
    return dealer(market)


@pytest.fixture
def cars(market: Market, seller: Person) -> list[Listed]:
    """A white BMW, an ordinary Volkswagen, an electric BYD of Beijing."""
    electric: dict[str, Any] = {
        "brand": "比亚迪",
        "series": "汉",
        "model": "2022款 EV",
        "model_year": 2022,
        "wmi": "LGX",
        "fuel": "bev",
        "gearbox": "single_speed",
    }
    return [
        listed_car(market, seller, ask_minor=19_800_000, colour="white", **BMW),
        listed_car(market, seller, ask_minor=8_880_000),
        listed_car(market, seller, ask_minor=15_500_000, city="北京", emission_stage=None, displacement_ml=None, **electric),
    ]


class TestFinding:
    @pytest.mark.parametrize("q", ["宝马", "bmw", "baoma", "宝马3系", "BMW 325li", "m运动套装"])
    def test_by_chinese_english_pinyin_and_words(self, market: Market, cars: list[Listed], q: str) -> None:
        body = find(market, q)
        assert ids(body) == [str(cars[0].listing_id)]
        assert body["total"] == 1

    def test_what_is_shown(self, market: Market, cars: list[Listed]) -> None:
        body = find(market, "宝马")
        (shown,) = body["items"]
        assert shown["title"] == "宝马 3系 2020款 325Li M运动套装"
        assert (shown["ask_minor"], shown["colour"], shown["city"], shown["availability"]) == (19_800_000, "white", "天津", "available")
        assert "****" in shown["vin_masked"]

    def test_why_it_was_found(self, market: Market, cars: list[Listed]) -> None:
        understood = find(market, "宝马 20万以下 天窗")["understood"]
        assert [(part["kind"], part["text"], part["start"], part["end"]) for part in understood["parts"]] == [
            ("brand", "宝马", 0, 2),
            ("price", "20万以下", 3, 8),
        ]
        assert understood["words"] == "天窗"

    def test_understood_and_chosen_filters(self, market: Market, cars: list[Listed]) -> None:
        assert ids(find(market, "10万以下")) == [str(cars[1].listing_id)]
        assert ids(find(market, "新能源 北京")) == [str(cars[2].listing_id)]
        assert ids(find(market, brand="BMW")) == [str(cars[0].listing_id)]
        assert ids(find(market, "10万以下", price_max=20_000_000, brand="宝马")) == [str(cars[0].listing_id)]
        assert ids(find(market, brand=["BMW", "byd"], city="北京")) == [str(cars[2].listing_id)]

    def test_facets_ignore_their_own_filter(self, market: Market, cars: list[Listed]) -> None:
        facets = find(market, brand="宝马", price_min=10_000_000)["facets"]
        assert {one["value"]: one["count"] for one in facets["brand"]} == {"宝马": 1, "比亚迪": 1}
        assert [(one["label"], one["count"]) for one in facets["price"]] == [("15万–20万", 1)]
        assert [(one["value"], one["label"]) for one in facets["gearbox"]] == [("at", "自动")]
        assert [(one["value"], one["label"]) for one in facets["channel"]] == [("b2c_store", "卖场")]

    def test_orders_and_pages(self, market: Market, cars: list[Listed]) -> None:
        by_price = [str(cars[place].listing_id) for place in (1, 2, 0)]
        assert ids(find(market, sort="price")) == by_price
        assert ids(find(market, sort="-price")) == by_price[::-1]
        first = find(market, sort="price", limit=2)
        second = find(market, sort="price", limit=2, cursor=first["next"])
        assert ids(first) + ids(second) == by_price
        assert second["next"] is None
        assert first["total"] == second["total"] == 3
        other = market.get(PATH, params={"sort": "newest", "cursor": first["next"]})
        assert (other.status_code, other.json()["code"]) == (422, "bad_cursor")

    def test_no_place_is_for_sale(self, market: Market, cars: list[Listed]) -> None:
        assert find(market)["ranking"] == {"sort": "relevance", "applied": "newest", "paid_places": 0, "rule": "电子商务法 第四十条"}

    @pytest.mark.parametrize(
        "parameters",
        [{"sort": "paid"}, {"price_max": -1}, {"q": "x" * 101}, {"limit": 0}, {"fuel": "steam"}, {"year_min": 3000}, {"cursor": "x"}],
    )
    def test_malformed_questions(self, market: Market, parameters: dict[str, Any]) -> None:
        assert market.get(PATH, params=parameters).status_code == 422


class TestKeepingUp:
    def test_a_price_change_moves_the_car(self, market: Market, cars: list[Listed], seller: Person) -> None:
        before = find(market, sort="price")
        assert ids(before)[0] == str(cars[1].listing_id)
        path = f"/marketplace/v1/listings/{cars[0].listing_id}"
        answer = market.patch(path, json={"ask_minor": 8_000_000}, headers=seller.headers)
        assert answer.status_code == 200, answer.text
        after = find(market, sort="price")
        assert ids(after)[0] == str(cars[0].listing_id)
        assert after["items"][0]["ask_minor"] == 8_000_000

    def test_a_withdrawn_car_disappears(self, market: Market, cars: list[Listed], seller: Person) -> None:
        find(market)
        path = f"/marketplace/v1/listings/{cars[0].listing_id}/withdrawal"
        answer = market.post(path, json={"reason": "不卖了"}, headers=seller.headers)
        assert answer.status_code in {200, 201}, answer.text
        body = find(market)
        assert str(cars[0].listing_id) not in ids(body)
        assert body["total"] == 2

    def test_late_and_repeated_events_do_no_harm(self, market: Market, cars: list[Listed], seller: Person) -> None:
        path = f"/marketplace/v1/listings/{cars[0].listing_id}/withdrawal"
        find(market)
        market.post(path, json={"reason": "不卖了"}, headers=seller.headers)
        find(market)
        with market.database.writing() as session:  # every delivery runs once more, the oldest last
            deliveries = session.exec(select(OutboxDelivery).where(OutboxDelivery.subscriber == "search.index_listing")).all()
            deliveries = sorted(deliveries, key=lambda one: one.key_seq, reverse=True)
            for delivery in deliveries:
                delivery.state = outbox.writing.DeliveryState.OPEN
                session.add(delivery)
        with outbox.use_database(market.database):
            for delivery in deliveries:
                tasks.index_listing(str(delivery.id))
        assert find(market)["total"] == 2

    def test_a_sellers_phone_and_vin_are_not_indexed(self, market: Market, seller: Person) -> None:
        listed = listed_car(market, seller)
        car = listed.car
        market.patch(
            f"/marketplace/v1/listings/{listed.listing_id}",
            json={"description": "电话 13812345678 车架 LSVCZ2A41MN000001 天窗"},
            headers=seller.headers,
        )
        assert find(market, "天窗")["total"] == 1
        for secret in ("13812345678", "LSVCZ2A41MN000001", car.get("vin", "LSVCZ2A41MN000001")):
            assert find(market, secret)["total"] == 0


class TestRebuild:
    def test_from_nothing(self, market: Market, cars: list[Listed]) -> None:
        find(market)
        fresh = market.engine.begin_rebuild()  # an index that lost everything
        fresh.finish()
        assert find(market)["total"] == 0
        report = service.rebuild(market.database, engine=market.engine)
        assert (report.indexed, report.followed) == (3, 0)
        assert find(market, "宝马")["total"] == 1

    def test_versions_go_on_behind_it(self, market: Market, cars: list[Listed], seller: Person) -> None:
        find(market)
        service.rebuild(market.database, engine=market.engine)
        market.patch(f"/marketplace/v1/listings/{cars[0].listing_id}", json={"ask_minor": 8_000_000}, headers=seller.headers)
        assert find(market, "宝马")["items"][0]["ask_minor"] == 8_000_000

    def test_what_changes_meanwhile_is_not_lost(
        self, market: Market, cars: list[Listed], seller: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        find(market)
        copy = service._copy

        def copy_then_withdraw(database: Database, index: Any, listing_ids: Any) -> int:
            done = copy(database, index, listing_ids)
            market.post(f"/marketplace/v1/listings/{cars[0].listing_id}/withdrawal", json={"reason": "不卖了"}, headers=seller.headers)
            market.relay()  # goes to the index in use, not to the new one
            return done

        monkeypatch.setattr(service, "_copy", copy_then_withdraw)
        report = service.rebuild(market.database, engine=market.engine)
        assert (report.indexed, report.followed) == (3, 1)
        assert str(cars[0].listing_id) not in ids(find(market))

    def test_a_rebuild_that_fails_leaves_the_index(self, market: Market, cars: list[Listed], monkeypatch: pytest.MonkeyPatch) -> None:
        find(market)

        def fail(*_: object) -> int:
            raise RuntimeError

        monkeypatch.setattr(service, "_copy", fail)
        with pytest.raises(RuntimeError):
            service.rebuild(market.database, engine=market.engine)
        assert find(market)["total"] == 3


def test_events_of_a_listing_stand_under_its_key(market: Market, seller: Person) -> None:
    listed = listed_car(market, seller)
    with market.database.reading() as session:
        keys = set(session.exec(select(OutboxEvent.key).where(OutboxEvent.name == "listings.listing_published")))
    assert keys == {service._key(UUID(str(listed.listing_id)))}


class TestSuggest:
    def test_beginnings(self, quick_api: Market) -> None:
        body = quick_api.get("/search/v1/suggest", params={"q": "bm"}).json()
        assert body["items"][0] == {"text": "宝马", "kind": "brand", "brand": "宝马", "series": None}

    @pytest.mark.parametrize("q", ["", "x" * 41])
    def test_bounds(self, quick_api: Market, q: str) -> None:
        assert quick_api.get("/search/v1/suggest", params={"q": q}).status_code == 422


class TestBesideEitherDatabase:
    def test_found_after_publishing(self, api: Market) -> None:
        listed = listed_car(api, **BMW)
        assert ids(find(api, "宝马")) == [str(listed.listing_id)]
        assert list_car(api, listed.seller, listed.car_id).status_code == 409


@pytest.fixture
def silent() -> Iterator[SearchEngine]:
    """An engine whose file cannot be opened."""
    engine = EmbeddedEngine("/proc/nowhere/search.db")
    yield engine
    engine.close()


def test_an_engine_that_does_not_answer_is_503_and_its_events_wait(sqlite: Database, silent: SearchEngine) -> None:
    with Market(sqlite, engine=silent) as market:
        answer = market.get(PATH)
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "search_unavailable", "1")
        listed_car(market)
        market.relay()
        with sqlite.reading() as session:
            waiting = session.exec(select(OutboxDelivery).where(OutboxDelivery.subscriber == "search.index_listing")).all()
        assert [(one.state, one.attempts, one.last_error) for one in waiting] == [("open", 1, "SearchUnavailable")]
