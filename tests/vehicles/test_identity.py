"""VIN, plates and catalogue: tables of cases, properties, and a naive twin of the check digit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.vehicles.domain import (
    BadPlate,
    BadVin,
    PlateKind,
    agrees_with_model_year,
    check_digit,
    complete_vin,
    model_years,
    parse_chassis,
    parse_plate,
    parse_vin,
)
from marketplace.vehicles.domain.vin import VALUES
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
        assert refused.value.fields["part"] == part

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
        for text in ("LSGPC54U2NH123456", "A1", "x" * 21):
            with pytest.raises(BadVin):
                parse_chassis(text)


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
