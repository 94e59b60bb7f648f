"""One contract for both engines."""

import threading
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from search.documents.domain import Change, Filters, Hits, Question, Sort, query_words
from search.engines import SearchEngine
from tests.search.documents import document, gone, number_id, present


def ask(engine: SearchEngine, text: str = "", *, sort: Sort = Sort.RELEVANCE, limit: int = 50, **filters: Any) -> Hits:
    engine.refresh()
    return engine.search(Question(words=tuple(query_words(text)), filters=Filters(**filters), sort=sort, limit=limit))


def numbers(hits: Hits) -> list[int]:
    return [int(hit.document.listing_id.replace("-", ""), 16) for hit in hits.hits]


@pytest.fixture
def stocked(engine: SearchEngine) -> SearchEngine:
    """Six cars."""
    bmw: dict[str, Any] = {
        "brand": "宝马",
        "series": "3系",
        "title": "宝马 3系 2020款 325Li M运动套装",
        "head": "宝马 3系 2020款 325Li M运动套装 BMW 3 Series baoma",
    }
    engine.index(
        [
            present(1, **bmw, model_year=2020, ask_minor=19_800_000, mileage_km=30_000, colour="white"),
            present(2, **bmw, model_year=2018, ask_minor=14_500_000, mileage_km=80_000, city="北京"),
            present(3, ask_minor=8_800_000, mileage_km=60_000),
            present(4, ask_minor=9_900_000, mileage_km=10_000, fuel="bev", gearbox="single_speed", body="原版原漆 宝马车主置换"),
            present(5, ask_minor=9_900_000, mileage_km=20_000, channel="c2c_consignment", body="一手车 真皮座椅"),
            present(6, ask_minor=3_000_000, mileage_km=150_000, model_year=2012, first_registration_on=None, emission=None),
        ]
    )
    return engine


class TestWords:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("宝马", {1, 2, 4}),
            ("bmw", {1, 2}),
            ("BAOMA", {1, 2}),
            ("325li", {1, 2}),
            ("325", {1, 2}),
            ("m运动", {1, 2}),
            ("真皮座椅", {5}),
            ("皮", {5}),
            ("宝马 置换", {4}),
            ("马宝", set()),
            ("奔驰", set()),
        ],
    )
    def test_all_words_must_be_there(self, stocked: SearchEngine, text: str, found: set[int]) -> None:
        hits = ask(stocked, text)
        assert set(numbers(hits)) == found
        assert hits.total == len(found)

    def test_the_name_counts_more_than_the_text(self, stocked: SearchEngine) -> None:
        assert numbers(ask(stocked, "宝马"))[-1] == 4

    @pytest.mark.parametrize("text", ['"', "' OR 1=1 --", "*", "AND", "NEAR(a b)", "^x", "{}", "head:宝马", "\\", "(((", "-宝", "a" * 90])
    def test_no_text_breaks_it(self, stocked: SearchEngine, text: str) -> None:
        ask(stocked, text)

    def test_documents_come_back_whole(self, stocked: SearchEngine) -> None:
        (hit,) = ask(stocked, "一手车").hits
        expected = document(5, ask_minor=9_900_000, mileage_km=20_000, channel="c2c_consignment", head="")
        assert hit.document == expected


class TestFilters:
    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            ({"brand": ("宝马",)}, {1, 2}),
            ({"brand": ("宝马",), "city": ("天津",)}, {1}),
            ({"brand": ("宝马", "大众")}, {1, 2, 3, 4, 5, 6}),
            ({"price_max": 9_900_000}, {3, 4, 5, 6}),
            ({"price_min": 9_900_000, "price_max": 14_500_000}, {2, 4, 5}),
            ({"year_min": 2019}, {1, 3, 4, 5}),
            ({"year_max": 2018}, {2, 6}),
            ({"mileage_max": 20_000}, {4, 5}),
            ({"registered_from": date(2021, 3, 18)}, {1, 2, 3, 4, 5}),
            ({"registered_from": date(2021, 3, 19)}, set()),
            ({"fuel": ("bev",), "gearbox": ("single_speed",)}, {4}),
            ({"channel": ("c2c_consignment",)}, {5}),
            ({"emission": ("cn6a",)}, {1, 2, 3, 4, 5}),
            ({"brand": ("没有",)}, set()),
        ],
    )
    def test_fields_and_bounds(self, stocked: SearchEngine, filters: dict[str, Any], found: set[int]) -> None:
        hits = ask(stocked, **filters)
        assert set(numbers(hits)) == found
        assert hits.total == len(found)

    def test_words_and_filters_together(self, stocked: SearchEngine) -> None:
        assert numbers(ask(stocked, "宝马", price_max=15_000_000, fuel=("petrol",))) == [2]


class TestFacets:
    def test_counts_what_is_there(self, stocked: SearchEngine) -> None:
        facets = ask(stocked).facets
        assert dict(facets["brand"]) == {"大众": 4, "宝马": 2}
        assert list(facets["brand"]) == ["大众", "宝马"]
        assert dict(facets["year"]) == {"2021": 3, "2012": 1, "2018": 1, "2020": 1}
        assert dict(facets["price"]) == {"8000000": 3, "3000000": 1, "10000000": 1, "15000000": 1}
        assert dict(facets["emission"]) == {"cn6a": 5}

    def test_a_facet_ignores_its_own_filter_and_no_other(self, stocked: SearchEngine) -> None:
        facets = ask(stocked, brand=("宝马",), price_max=15_000_000).facets
        assert dict(facets["brand"]) == {"大众": 4, "宝马": 1}
        assert dict(facets["price"]) == {"10000000": 1, "15000000": 1}
        assert dict(facets["city"]) == {"北京": 1}

    def test_only_when_asked(self, stocked: SearchEngine) -> None:
        stocked.refresh()
        hits = stocked.search(Question(words=(), filters=Filters(brand=("宝马",)), sort=Sort.PRICE, limit=5, facets=False))
        assert (numbers(hits), hits.total, dict(hits.facets)) == ([2, 1], 2, {})


class TestOrder:
    @pytest.mark.parametrize(
        ("sort", "order"),
        [
            (Sort.PRICE, [6, 3, 4, 5, 2, 1]),
            (Sort.PRICE_DOWN, [1, 2, 5, 4, 3, 6]),
            (Sort.MILEAGE, [4, 5, 1, 3, 2, 6]),
            (Sort.NEWEST, [6, 5, 4, 3, 2, 1]),
            (Sort.RELEVANCE, [6, 5, 4, 3, 2, 1]),
        ],
    )
    def test_each(self, stocked: SearchEngine, sort: Sort, order: list[int]) -> None:
        assert numbers(ask(stocked, sort=sort)) == order

    @pytest.mark.parametrize("sort", list(Sort))
    @pytest.mark.parametrize("text", ["", "大众"])
    def test_pages_meet_without_gap_or_repeat(self, stocked: SearchEngine, sort: Sort, text: str) -> None:
        whole = numbers(ask(stocked, text, sort=sort))
        seen: list[int] = []
        after: tuple[int | str, str] | None = None
        while True:
            question = Question(words=tuple(query_words(text)), filters=Filters(), sort=sort, limit=1, after=after)
            hits = stocked.search(question)
            assert hits.total == len(whole)
            if not hits.hits:
                break
            seen += numbers(Hits(hits.hits[:1], 0, {}))
            after = (hits.hits[0].key, hits.hits[0].document.listing_id)
        assert seen == whole


class TestChanges:
    def test_a_newer_version_replaces(self, engine: SearchEngine) -> None:
        assert engine.index([present(1, version=1)]) == 1
        assert engine.index([present(1, version=2, ask_minor=5_000_000, head="奥迪")]) == 1
        assert numbers(ask(engine, "奥迪", price_max=5_000_000)) == [1]
        assert numbers(ask(engine, "大众")) == []

    def test_late_and_repeated_deliveries_do_no_harm(self, engine: SearchEngine) -> None:
        engine.index([present(1, version=3, ask_minor=5_000_000)])
        assert engine.index([present(1, version=3), present(1, version=1), gone(1, version=2)]) == 0
        assert [hit.document.ask_minor for hit in ask(engine).hits] == [5_000_000]

    def test_a_late_event_does_not_revive_what_is_gone(self, engine: SearchEngine) -> None:
        engine.index([present(1, version=1), gone(1, version=3)])
        assert engine.index([present(1, version=2)]) == 0
        hits = ask(engine)
        assert (numbers(hits), hits.total, dict(hits.facets["brand"])) == ([], 0, {})
        assert engine.index([present(1, version=4)]) == 1
        assert numbers(ask(engine)) == [1]

    def test_a_tombstone_may_come_first(self, engine: SearchEngine) -> None:
        engine.index([gone(1, version=2)])
        engine.index([present(1, version=1)])
        assert numbers(ask(engine)) == []

    def test_many_writers_end_with_the_newest(self, engine: SearchEngine) -> None:
        engine.prepare()
        failures: list[BaseException] = []

        def work(versions: list[int]) -> None:
            try:
                for version in versions:
                    engine.index([present(1, version=version, ask_minor=version * 100)])
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(list(range(start, 41, 4)),)) for start in (4, 3, 2, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert [hit.document.ask_minor for hit in ask(engine).hits] == [4_000]

    def test_nothing_is_no_change(self, engine: SearchEngine) -> None:
        assert engine.index([]) == 0


class TestRebuild:
    def test_becomes_visible_all_at_once(self, stocked: SearchEngine) -> None:
        fresh = stocked.begin_rebuild()
        fresh.index([present(1), present(9)])
        assert len(numbers(ask(stocked))) == 6
        fresh.finish()
        assert numbers(ask(stocked)) == [9, 1]
        assert stocked.index([gone(9, version=2)]) == 1
        assert numbers(ask(stocked)) == [1]

    def test_may_be_given_up(self, stocked: SearchEngine) -> None:
        fresh = stocked.begin_rebuild()
        fresh.index([present(9)])
        fresh.abandon()
        assert len(numbers(ask(stocked))) == 6

    def test_again_and_again(self, stocked: SearchEngine) -> None:
        names = []
        for number in (11, 12, 13):
            fresh = stocked.begin_rebuild()
            names.append(fresh.name)
            fresh.index([present(number)])
            fresh.finish()
            assert numbers(ask(stocked)) == [number]
        assert all(earlier < later for earlier, later in pairwise(names))

    def test_searches_go_on_meanwhile(self, stocked: SearchEngine) -> None:
        stop, answers = threading.Event(), set()

        def look() -> None:
            while not stop.is_set():
                answers.add(stocked.search(Question(words=(), filters=Filters(), sort=Sort.NEWEST, limit=50)).total)

        ask(stocked)
        thread = threading.Thread(target=look)
        thread.start()
        for _ in range(3):
            fresh = stocked.begin_rebuild()
            fresh.index([Change(number_id(number), 1, document(number)) for number in range(1, 7)])
            fresh.finish()
        stop.set()
        thread.join()
        assert answers == {6}


def test_check_answers(engine: SearchEngine) -> None:
    engine.prepare()
    engine.prepare()
    engine.check()
