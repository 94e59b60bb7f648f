"""VIN, plates and catalogue: tables of cases, properties, and a naive twin of the check digit."""

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.vehicles.domain import (
    BadPlate,
    BadVin,
    BodyStyle,
    Capacity,
    EmissionStage,
    Fuel,
    Plate,
    PlateKind,
    Segment,
    Term,
    Vin,
    agrees_with_model_year,
    check_digit,
    complete_vin,
    model_years,
    parse_chassis,
    parse_plate,
    parse_term,
    parse_vin,
    term,
)
from marketplace.vehicles.domain.catalogue import Brand, Series, build_catalogue
from marketplace.vehicles.domain.vin import VALUES, normalize_vin
from marketplace.vehicles.service.tables import brands, catalogue, maker_of, resolve_brand, resolve_series, split_title

LETTERS = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
VINS = st.text(alphabet=LETTERS, min_size=17, max_size=17)


def naive_check_digit(number: str) -> str:
    """The standard's sum, written out."""
    total = 0
    for place in range(1, 18):
        weight = 10 if place == 8 else 0 if place == 9 else 9 - place if place < 8 else 19 - place
        letter = number[place - 1]
        if letter.isdigit():
            value = int(letter)
        elif letter <= "H":
            value = ord(letter) - ord("A") + 1
        elif letter <= "R":
            value = ord(letter) - ord("J") + 1
        else:
            value = ord(letter) - ord("S") + 2
        total += value * weight
    return "0123456789X"[total % 11]


class TestVin:
    @pytest.mark.parametrize(
        "number", ["1M8GDM9AXKP042788", "11111111111111111", "LSGPC54U2NH123456", "lsgpc54u2nh123456", "LSGPC54U2 NH123456"]
    )
    def test_accepts_the_vectors_of_the_standard(self, number: str) -> None:
        assert parse_vin(number).warnings == ()

    @pytest.mark.parametrize(
        ("number", "part"),
        [
            ("LVGBH42K4CG123456", "check_digit"),
            ("LSGPC54U2NH12345", "shape"),
            ("LSGPC54U2NH1234567", "shape"),
            ("LSGPC54U2NHI23456", "shape"),
            ("LSGPC54U2NHO23456", "shape"),
            ("LSGPC54U2NHQ23456", "shape"),
            ("", "shape"),
            ("一二三四五六七八九十一二三四五六七", "shape"),
        ],
    )
    def test_refuses(self, number: str, part: str) -> None:
        with pytest.raises(BadVin) as refused:
            parse_vin(number)
        reason, reason_zh = {
            "shape": ("17 characters without I, O, Q", "应为17位且不含I、O、Q"),
            "check_digit": ("the check digit does not match", "校验位不符"),
        }[part]
        assert refused.value.fields == {"reason": reason, "reason_zh": reason_zh, "part": part}

    @pytest.mark.parametrize(
        "text", ["ＬＳＧＰＣ５４Ｕ２ＮＨ１２３４５６", "LSG-PC54U2-NH123456", " LSGPC54U2NH123456\t", "LSGPC54U2NH123456"]
    )
    def test_is_stored_narrow_upper_and_whole(self, text: str) -> None:
        assert parse_vin(text) == Vin("LSGPC54U2NH123456")
        assert (parse_vin(text).wmi, parse_vin(text).is_chinese) == ("LSG", True)

    def test_full_width_is_all_that_is_narrowed(self) -> None:
        assert normalize_vin("\uff00！～\uff5f") == "\uff00!~\uff5f"

    def test_an_import_without_check_digit_is_kept_with_a_warning(self) -> None:
        number = "WBA00000000000000"
        assert check_digit(number) != number[8]
        assert parse_vin(number) == Vin(number, ("vin_check_digit_unused",))
        assert not parse_vin(number).is_chinese

    @pytest.mark.parametrize("first", "L12345")
    def test_these_regions_use_the_check_digit(self, first: str) -> None:
        good = complete_vin(first + "BA00000", "00000000")
        with pytest.raises(BadVin):
            parse_vin(good[:8] + ("1" if good[8] != "1" else "2") + good[9:])

    def test_a_number_of_another_length_has_no_check_digit(self) -> None:
        with pytest.raises(ValueError, match=r"zip\(\)"):
            check_digit("1" * 16)

    @given(VINS)
    def test_the_check_digit_is_the_naive_one(self, number: str) -> None:
        assert check_digit(number) == naive_check_digit(number)

    @given(VINS, st.integers(0, 16), st.sampled_from(LETTERS))
    def test_one_wrong_character_of_a_chinese_vin_is_noticed(self, number: str, place: int, letter: str) -> None:
        good = complete_vin("L" + number[1:8], number[9:])
        wrong = good[:place] + letter + good[place + 1 :]
        if place in {0, 8} or wrong == good or VALUES[letter] == VALUES[good[place]]:
            return
        with pytest.raises(BadVin):
            parse_vin(wrong)

    @given(VINS)
    def test_an_import_is_warned_of_never_refused(self, number: str) -> None:
        parsed = parse_vin("W" + number[1:])
        assert bool(parsed.warnings) == (check_digit(parsed.number) != parsed.number[8])

    @pytest.mark.parametrize(("code", "year"), [("9", 2009), ("A", 2010), ("H", 2017), ("J", 2018), ("N", 2022), ("T", 2026), ("Y", 2000)])
    def test_the_model_year(self, code: str, year: int) -> None:
        number = complete_vin("LSGPC54U", f"{code}H123456")
        assert model_years(number, latest=2027)[0] == year

    @pytest.mark.parametrize(
        ("code", "latest", "years"),
        [
            ("1", 2027, (2001,)),
            ("1", 2031, (2031, 2001)),
            ("1", 2030, (2001,)),
            ("A", 2026, (2010, 1980)),
            ("B", 2026, (2011, 1981)),
            ("9", 2026, (2009,)),
            ("Y", 2030, (2030, 2000)),
            ("V", 2027, (2027, 1997)),
            ("V", 2026, (1997,)),
            ("0", 2027, ()),
            ("Z", 2027, ()),
        ],
    )
    def test_every_year_a_code_may_mean(self, code: str, latest: int, years: tuple[int, ...]) -> None:
        assert model_years(complete_vin("LSGPC54U", f"{code}H123456"), latest=latest) == years

    def test_the_year_may_differ_by_one(self) -> None:
        vin = parse_vin(complete_vin("LSGPC54U", "NH123456"))
        assert [agrees_with_model_year(vin, year, latest=2027) for year in (2020, 2021, 2022, 2023, 2024)] == [
            False,
            True,
            True,
            True,
            False,
        ]
        assert agrees_with_model_year(parse_vin(complete_vin("LSGPC54U", "0H123456")), 2022, latest=2027) is None

    def test_a_chassis_number_is_no_vin(self) -> None:
        assert parse_chassis("bj212-00412") == "BJ212-00412"
        assert parse_chassis(" A2345 ") == "A2345"
        assert parse_chassis("X" * 20) == "X" * 20
        for text in ("LSGPC54U2NH123456", "A234", "x" * 21, "BJ 212"):
            with pytest.raises(BadVin) as refused:
                parse_chassis(text)
            assert refused.value.fields == {
                "reason": "a chassis number has 5 to 20 characters and is no VIN",
                "reason_zh": "底盘号格式有误",
                "part": "chassis",
            }

    @pytest.mark.parametrize(("first", "last"), [("LSGPC54", "NH123456"), ("LSGPC54U", "NH12345I")])
    def test_only_a_good_shape_is_completed(self, first: str, last: str) -> None:
        with pytest.raises(BadVin) as refused:
            complete_vin(first, last)
        assert refused.value.fields == {"reason": "17 characters without I, O, Q", "reason_zh": "应为17位且不含I、O、Q", "part": "shape"}


class TestPlate:
    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("津A12345", PlateKind.ORDINARY),
            ("津A·12345", PlateKind.ORDINARY),
            ("津a1234学", PlateKind.ORDINARY),
            ("津AD12345", PlateKind.NEW_ENERGY_SMALL),
            ("津AF12345", PlateKind.NEW_ENERGY_SMALL),
            ("津A12345D", PlateKind.NEW_ENERGY_LARGE),
            ("京Q1A2B3", PlateKind.ORDINARY),
        ],
    )
    def test_accepts(self, text: str, kind: PlateKind) -> None:
        assert parse_plate(text).kind is kind

    def test_is_stored_without_spaces_and_dots(self) -> None:
        assert parse_plate(" 津a·1 2-3.45 ") == Plate("津A12345", PlateKind.ORDINARY)
        assert (parse_plate("津AD12345").region, parse_plate("津AD12345").is_tianjin) == ("津A", True)
        assert not parse_plate("京Q1A2B3").is_tianjin

    @pytest.mark.parametrize("text", ["津O12345", "津AI2345", "津A1234", "津A123456", "台A12345", "A12345", "", "津AD1234X"])
    def test_refuses(self, text: str) -> None:
        with pytest.raises(BadPlate):
            parse_plate(text)

    @given(st.text(max_size=12))
    def test_any_text_is_a_plate_or_refused(self, text: str) -> None:
        try:
            found = parse_plate(text)
        except BadPlate:
            return
        assert 7 <= len(found.number) <= 8
        assert found.region == found.number[:2]


def bare_brand(letter: str) -> dict[str, object]:
    name = f"dongfeng{letter}"
    return {"name": f"东风{letter}", "en": name, "pinyin": name, "aliases": [], "wmi": [], "series": []}


DOCUMENT: dict[str, list[dict[str, object]]] = {
    "brand": [
        {
            "name": "大众",
            "en": "Volkswagen",
            "pinyin": "dazhong",
            "aliases": ["上汽大众", "大众进口"],
            "wmi": ["LSV", "WVW"],
            "series": [["途观", "Tiguan", "suv_a", []], ["途观L", "Tiguan L", "suv_b", ["tuguanl"]], ["高尔夫", "Golf", "a", ["golf7"]]],
        },
        {"name": "大通", "en": "Maxus", "pinyin": "datong", "aliases": ["大众"], "wmi": [], "series": [["G10", "G10", "mpv", []]]},
        *(bare_brand(letter) for letter in "abcd"),
    ]
}


class TestBuildCatalogue:
    def test_every_field_of_the_file_has_its_place(self) -> None:
        built = build_catalogue(DOCUMENT)
        assert built.brands[0] == Brand(
            name="大众",
            en="Volkswagen",
            pinyin="dazhong",
            aliases=("上汽大众", "大众进口"),
            wmi=("LSV", "WVW"),
            series=(
                Series("途观", "Tiguan", Segment.SUV_A),
                Series("途观L", "Tiguan L", Segment.SUV_B, ("tuguanl",)),
                Series("高尔夫", "Golf", Segment.A, ("golf7",)),
            ),
        )
        assert [brand.name for brand in built.brands] == ["大众", "大通", "东风a", "东风b", "东风c", "东风d"]
        assert [one.body for one in built.brands[0].series] == [BodyStyle.SUV, BodyStyle.SUV, BodyStyle.SEDAN]
        assert built.brands[1].series[0].body is BodyStyle.MPV
        assert build_catalogue({"brand": []}).brands == ()

    @pytest.mark.parametrize("field", ["aliases", "wmi", "series"])
    def test_a_text_in_place_of_a_list_is_refused(self, field: str) -> None:
        with pytest.raises(AssertionError):
            build_catalogue({"brand": [DOCUMENT["brand"][0] | {field: "abc"}]})

    @pytest.mark.parametrize("text", ["大众", "volkswagen", "DaZhong", "上汽-大众", "大众汽车", "大众(品牌)", "大众 · 进口"])
    def test_a_brand_is_found_by_each_text_and_the_first_owns_it(self, text: str) -> None:
        built = build_catalogue(DOCUMENT)
        assert built.resolve_brand(text) is built.brands[0]

    def test_at_most_three_near_brands_are_named(self) -> None:
        built = build_catalogue(DOCUMENT)
        assert built.suggest_brands("东风e") == ["东风d", "东风c", "东风b"]
        assert built.suggest_brands("dazhon") == ["大众", "大通"]
        assert built.suggest_brands("zzzzzz") == []

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("途观L", "途观L"),
            ("TUGUANL", "途观L"),
            ("tiguan l", "途观L"),
            ("大众途观", "途观"),
            ("上汽大众 途观", "途观"),
            ("大众进口高尔夫", "高尔夫"),
            ("大众", None),
            ("途", None),
        ],
    )
    def test_a_series_is_found_by_each_text_also_behind_its_brand(self, text: str, name: str | None) -> None:
        built = build_catalogue(DOCUMENT)
        found = built.resolve_series(built.brands[0], text)
        assert (found.name if found else None) == name

    @pytest.mark.parametrize(
        ("title", "series", "model"),
        [
            (" 大众途观L 2021款 330TSI 豪华 ", "途观L", "2021款 330TSI 豪华"),
            ("高尔夫  2020款", "高尔夫", "2020款"),
            ("高尔夫", "高尔夫", "高尔夫"),
            ("大众途观L330 2021款", "途观L", "大众途观L330 2021款"),
            ("途观2021款 两驱", "途观", "途观2021款 两驱"),
            ("大众 途观L 2021款", "途观L", "大众 途观L 2021款"),
            (" 朗逸 2021款 ", None, "朗逸 2021款"),
        ],
    )
    def test_a_title_is_series_and_rest(self, title: str, series: str | None, model: str) -> None:
        built = build_catalogue(DOCUMENT)
        found, rest = built.split_title(built.brands[0], title)
        assert ((found.name if found else None), rest) == (series, model)


class TestVocabulary:
    @pytest.mark.parametrize(
        ("kind", "text", "value"),
        [
            (Fuel, "纯电动", Fuel.BEV),
            (Fuel, " EV ", Fuel.BEV),
            (Fuel, "ｂｅｖ", Fuel.BEV),
            (Fuel, "Battery Electric", Fuel.BEV),
            (Fuel, "插混", Fuel.PHEV),
            (EmissionStage, "国ＶＩ", EmissionStage.CN6A),
            (EmissionStage, "国六b", EmissionStage.CN6B),
            (EmissionStage, "电动", EmissionStage.NONE),
            (Fuel, "煤", None),
            (Fuel, "", None),
        ],
    )
    def test_a_value_by_any_of_its_names(self, kind: type[StrEnum], text: str, value: StrEnum | None) -> None:
        assert parse_term(kind, text) is value

    def test_a_value_has_its_names(self) -> None:
        assert term(Fuel.CNG) == Term("天然气", "natural gas", ("油气混合",))
        assert term(Capacity.OWNER) == Term("所有人", "owner")

    def test_stages_are_ordered_by_strictness(self) -> None:
        assert [stage.rank for stage in EmissionStage] == [1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 9]


class TestCatalogue:
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("宝马", "宝马"),
            ("BMW", "宝马"),
            ("baoma", "宝马"),
            ("华晨宝马", "宝马"),
            ("宝马(进口)", "宝马"),
            ("宝马（进口）", "宝马"),
            ("mercedes-benz", "奔驰"),
            ("一汽-大众", "大众"),
            ("AITO 问界", "问界"),
            ("吉利汽车", "吉利"),
        ],
    )
    def test_a_brand_has_many_names(self, text: str, name: str) -> None:
        brand = resolve_brand(text)
        assert brand is not None
        assert brand.name == name

    def test_what_is_no_brand_is_none(self) -> None:
        assert resolve_brand("不存在牌") is None
        assert resolve_brand("") is None
        assert catalogue().suggest_brands("保时婕") == ["保时捷"]

    @pytest.mark.parametrize(
        ("brand", "title", "series"),
        [
            ("红旗", "红旗HS5 2022款 2.0T 智联旗享版", "HS5"),
            ("奔驰", "奔驰C级 2020款 C 260 L", "C级"),
            ("大众", "帕萨特 2021款", "帕萨特"),
            ("大众", "途观L 2021款", "途观L"),
        ],
    )
    def test_a_title_splits_into_series_and_model(self, brand: str, title: str, series: str) -> None:
        found = resolve_brand(brand)
        assert found is not None
        split, model = split_title(found, title)
        assert split is not None
        assert split.name == series
        assert model

    def test_names_are_unique_within_the_market(self) -> None:
        names = [brand.name for brand in brands()]
        assert len(names) == len(set(names)) >= 40
        assert sum(len(brand.series) for brand in brands()) >= 200
        for brand in brands():
            assert resolve_brand(brand.name) is brand
            assert resolve_brand(brand.pinyin) is not None
            for series in brand.series:
                assert resolve_series(brand, series.name) is series

    def test_makers(self) -> None:
        assert maker_of("LSV") == "上汽大众"
        assert maker_of("ZZZ") is None
