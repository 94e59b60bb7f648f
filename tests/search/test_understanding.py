"""What buyers write and what is understood of it; nothing is lost, nothing breaks it."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.documents.domain import Filters, fold
from search.query.domain import Understanding, understand
from search.query.domain.numbers import parse_number
from search.query.service import lexicon, suggestions

TODAY = date(2026, 11, 24)
NEW_ENERGY = ("bev", "phev", "erev", "fcev")
AUTOMATIC = ("at", "dct", "cvt", "amt", "single_speed")
YUAN = 100
WAN = 1_000_000


def read(text: str) -> Understanding:
    return understand(text, lexicon(), today=TODAY)


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("", {}, ""),
    ("宝马", {"brand": ("宝马",)}, ""),
    ("BMW", {"brand": ("宝马",)}, ""),
    ("baoma", {"brand": ("宝马",)}, ""),
    ("ＢＭＷ", {"brand": ("宝马",)}, ""),
    ("华晨宝马 3系", {"brand": ("宝马",), "series": ("3系",)}, ""),
    ("宝马3系 10万以下", {"brand": ("宝马",), "series": ("3系",), "price_max": 10 * WAN}, ""),
    ("3系", {"brand": ("宝马",), "series": ("3系",)}, ""),
    ("宝马525li", {"brand": ("宝马",)}, "525li"),
    ("Mercedes Benz C级", {"brand": ("奔驰",), "series": ("C级",)}, ""),
    ("mercedes-benz GLC 黑色", {"brand": ("奔驰",), "series": ("GLC级",), "colour": ("black",)}, ""),
    ("比亚迪汉", {"brand": ("比亚迪",), "series": ("汉",)}, ""),
    ("比亚迪 秦 PLUS", {"brand": ("比亚迪",), "series": ("秦PLUS",)}, ""),
    ("tesla model 3", {"brand": ("特斯拉",), "series": ("Model 3",)}, ""),
    ("卡罗拉", {"brand": ("丰田",), "series": ("卡罗拉",)}, ""),
    ("红旗 H5 红色", {"brand": ("红旗",), "series": ("H5",), "colour": ("red",)}, ""),
    ("宝马 奔驰", {"brand": ("宝马", "奔驰")}, ""),
    ("10-15万", {"price_min": 10 * WAN, "price_max": 15 * WAN}, ""),
    ("10万-15万", {"price_min": 10 * WAN, "price_max": 15 * WAN}, ""),
    ("10万到15万之间", {"price_min": 10 * WAN, "price_max": 15 * WAN}, ""),
    ("8至12.5万元", {"price_min": 8 * WAN, "price_max": 12_500_000}, ""),
    ("20万左右", {"price_min": 17 * WAN, "price_max": 23 * WAN}, ""),
    ("20万", {"price_min": 17 * WAN, "price_max": 23 * WAN}, ""),
    ("预算十五万", {"price_max": 15 * WAN}, ""),
    ("两万以内二手车", {"price_max": 2 * WAN}, ""),
    ("二十五万以上", {"price_min": 25 * WAN}, ""),
    ("10w以内", {"price_max": 10 * WAN}, ""),
    ("30万起", {"price_min": 30 * WAN}, ""),
    ("80000元以下", {"price_max": 80_000 * YUAN}, ""),
    ("不超过8万", {"price_max": 8 * WAN}, ""),
    ("15-10万", {"price_min": 8_500_000, "price_max": 11_500_000}, "15-"),
    ("2020年", {"year_min": 2020, "year_max": 2020}, ""),
    ("2020款", {"year_min": 2020, "year_max": 2020}, ""),
    ("2020", {"year_min": 2020, "year_max": 2020}, ""),
    ("18款", {"year_min": 2018, "year_max": 2018}, ""),
    ("2019年以后", {"year_min": 2019}, ""),
    ("2015年以前", {"year_max": 2015}, ""),
    ("2018-2020年", {"year_min": 2018, "year_max": 2020}, ""),
    ("2035年", {}, "2035年"),
    ("1234", {}, "1234"),
    ("3年内", {"registered_from": date(2023, 11, 24)}, ""),
    ("三年以内", {"registered_from": date(2023, 11, 24)}, ""),
    ("近5年", {"registered_from": date(2021, 11, 24)}, ""),
    ("5万公里以内", {"mileage_max": 50_000}, ""),
    ("里程不超过8000公里", {"mileage_max": 8_000}, ""),
    ("3万km", {"mileage_max": 30_000}, ""),
    ("五万公里以下", {"mileage_max": 50_000}, ""),
    ("10万以内 5万公里以内", {"price_max": 10 * WAN, "mileage_max": 50_000}, ""),
    ("新能源", {"fuel": NEW_ENERGY}, ""),
    ("纯电", {"fuel": ("bev",)}, ""),
    ("混动", {"fuel": ("hev", "phev", "erev")}, ""),
    ("柴油", {"fuel": ("diesel",)}, ""),
    ("自动挡", {"gearbox": AUTOMATIC}, ""),
    ("手动 轿车", {"gearbox": ("mt",), "body_style": ("sedan", "hatchback", "liftback")}, ""),
    ("suv", {"body_style": ("suv",)}, ""),
    ("国六", {"emission": ("cn6a", "cn6b")}, ""),
    ("国六b", {"emission": ("cn6b",)}, ""),
    ("四驱 皮卡", {"drivetrain": ("awd", "part_time_4wd"), "body_style": ("pickup",)}, ""),
    ("平行进口", {"channel": ("parallel_import",)}, ""),
    ("天津市", {"city": ("天津",)}, ""),
    ("北京 天津", {"city": ("北京", "天津")}, ""),
    ("北京现代 途胜", {"brand": ("现代",), "series": ("途胜",)}, ""),
    ("我想买一辆五万左右的车", {"price_min": 4_250_000, "price_max": 5_750_000}, ""),
    (
        "天津 2021年 大众 帕萨特 自动挡 15万以下 真皮座椅",
        {
            "city": ("天津",),
            "year_min": 2021,
            "year_max": 2021,
            "brand": ("大众",),
            "series": ("帕萨特",),
            "gearbox": AUTOMATIC,
            "price_max": 15 * WAN,
        },
        "真皮座椅",
    ),
    ("真皮座椅 全景天窗", {}, "真皮座椅 全景天窗"),
    ("BMWX", {}, "BMWX"),
]


@pytest.mark.parametrize(("text", "filters", "rest"), CASES)
def test_cases(text: str, filters: dict[str, Any], rest: str) -> None:
    found = read(text)
    assert found.filters == Filters(**filters)
    assert found.rest == rest


queries = st.text(
    st.one_of(
        st.sampled_from("宝马奔驰大众十二三两半万公里以内下上左右年款国六自动挡新能源天津北京 0123456789.-~到至wkmSUVbmw·()"),
        st.characters(),
    ),
    max_size=60,
) | st.lists(st.sampled_from([case[0] for case in CASES]), max_size=6).map("".join)


class TestProperties:
    @given(queries)
    def test_nothing_is_lost(self, text: str) -> None:
        """What is not recognised is the rest, character by character."""
        found = read(text)
        kept = list(text)
        for part in found.parts:
            assert text[part.start : part.end] == part.text
            assert part.text.strip()
            kept[part.start : part.end] = " " * (part.end - part.start)
        assert found.rest.split() == "".join(kept).split()

    @given(queries)
    def test_parts_do_not_overlap_and_come_in_order(self, text: str) -> None:
        places = [place for part in read(text).parts for place in range(part.start, part.end)]
        assert places == sorted(set(places))

    @given(queries)
    def test_bounds_make_sense(self, text: str) -> None:
        filters = read(text).filters
        for bound in (filters.price_min, filters.price_max, filters.mileage_max):
            assert bound is None or bound > 0
        for year in (filters.year_min, filters.year_max):
            assert year is None or 1980 <= year <= TODAY.year + 1
        assert filters.registered_from is None or filters.registered_from < TODAY

    @given(st.text())
    def test_folding_keeps_places(self, text: str) -> None:
        assert len(fold(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("12.5", "12.5"), ("十", "10"), ("十二", "12"), ("二十", "20"), ("二十五", "25"), ("一百", "100"), ("两", "2"), ("半", "0.5")],
)
def test_numbers(text: str, value: str) -> None:
    assert str(parse_number(text)) == value


@pytest.mark.parametrize("text", ["一二", "半三"])
def test_what_is_no_number(text: str) -> None:
    assert parse_number(text) is None


class TestChoosing:
    def test_what_was_chosen_wins_group_by_group(self) -> None:
        understood = Filters(brand=("宝马",), price_min=1, price_max=2, city=("天津",))
        both = understood.overridden_by(Filters(brand=("奔驰",), price_max=9))
        assert both == Filters(brand=("奔驰",), price_max=9, city=("天津",))
        assert understood.overridden_by(Filters()) == understood


class TestSuggestions:
    @pytest.mark.parametrize("typed", ["宝", "bm", "BMW", "baoma", "baom", "宝马"])
    def test_a_brand_by_any_beginning(self, typed: str) -> None:
        assert "宝马" in [one.text for one in suggestions(typed, limit=10)]

    @pytest.mark.parametrize(
        ("typed", "text"),
        [("帕萨", "大众 帕萨特"), ("pasate", "大众 帕萨特"), ("pst", "大众 帕萨特"), ("passat", "大众 帕萨特"), ("宝马3", "宝马 3系")],
    )
    def test_a_series_by_any_beginning(self, typed: str, text: str) -> None:
        assert text in [one.text for one in suggestions(typed, limit=10)]

    def test_whole_brands_come_first(self) -> None:
        assert suggestions("宝马", limit=3)[0].text == "宝马"

    @given(st.text(max_size=40))
    def test_never_raises(self, typed: str) -> None:
        assert len(suggestions(typed, limit=5)) <= 5
