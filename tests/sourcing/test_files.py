"""Reading a dealer's file: encodings, delimiters, headers, numbers, days, whole rows. No database."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marketplace.core.settings import Settings
from marketplace.sourcing.domain import FileUnreadable
from marketplace.sourcing.domain.columns import Column, map_header, split_header
from marketplace.sourcing.domain.csv_files import neutralize, open_csv, sniff_delimiter
from marketplace.sourcing.domain.findings import CODES
from marketplace.sourcing.domain.sources import Source, Table
from marketplace.sourcing.domain.values import Wrong, read_date, read_displacement_ml, read_km, read_money, read_number
from marketplace.sourcing.service.deciding import Reader
from marketplace.sourcing.service.importing import required_header
from marketplace.sourcing.service.opening import open_table
from marketplace.sourcing.service.rows import Duplicates, MarketBounds, ParsedRow, parse_row
from marketplace.vehicles.api import Colour, EmissionStage, Fuel, Gearbox
from tests.cars import vin
from tests.stock import HEADER, stock_file, stock_row

BOUNDS = MarketBounds(today=date(2026, 11, 24), ask_min_minor=100_000, ask_max_minor=5_000_000_000)


def table_of(content: bytes, *, rows_max: int = 10) -> tuple[Table, list[tuple[str, ...]]]:
    table = open_csv(Source.of(content), rows_max=rows_max)
    return table, [tuple(record) for record in table.records]


def open_with_records(content: bytes) -> list[Any]:
    table = open_table(Source.of(content), settings=Settings(stock_rows_max=100))
    try:
        return list(table.records)
    finally:
        table.close()


def rows_of(content: bytes) -> list[ParsedRow]:
    """A file of any kind, read as an import reads it."""
    table = open_table(Source.of(content), settings=Settings(stock_rows_max=1_000))
    try:
        header = required_header(table, {})
        seen = Duplicates.of(1_000)
        return [parse_row(header, cells, n=n, bounds=BOUNDS, seen=seen) for n, cells in enumerate(table.records, start=1)]
    finally:
        table.close()


def hash_of(row: dict[str, str], header: tuple[str, ...] = HEADER) -> str:
    reader = Reader(dealer_id=uuid4(), header=map_header(header), bounds=BOUNDS, rows_max=10)
    return reader.hash_of([row[name] for name in header])


def parsed(row: dict[str, str]) -> ParsedRow:
    [found] = rows_of(stock_file([row]))
    return found


def codes(row: ParsedRow, severity: str = "error") -> list[str]:
    return [finding.code for finding in row.findings if finding.severity == severity]


def wrong_code(reader: Any, text: str) -> str | None:
    try:
        reader(text)
    except Wrong as wrong:
        return wrong.code
    return None


class TestTable:
    @pytest.mark.parametrize(
        ("encoding", "seen"),
        [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("gbk", "gb18030"), ("gb18030", "gb18030"), ("utf-16", "utf-16")],
    )
    @pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
    def test_encodings_and_delimiters(self, encoding: str, seen: str, delimiter: str) -> None:
        table, records = table_of(stock_file([stock_row(1), stock_row(2)], encoding=encoding, delimiter=delimiter))
        assert (table.encoding, table.delimiter) == (seen, delimiter)
        assert table.header == HEADER
        assert [record[0] for record in records] == ["KC00001", "KC00002"]

    def test_blank_lines_are_no_records_and_quotes_hold_delimiters(self) -> None:
        _table, records = table_of(b'a,b\r\n\r\n"1,5","x ""y"""\r\n\n2,z\n')
        assert records == [("1,5", 'x "y"'), ("2", "z")]

    def test_a_quoted_header_does_not_fool_the_delimiter(self) -> None:
        assert sniff_delimiter('"a,b,c";d;e\n') == ";"
        assert sniff_delimiter("only\n") == ","

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\n\n",
            "车架号,品牌\n".encode(),
            b"PK\x03\x04rest",
            b"%PDF-1.7",
            b"[1, 2]",
            b'[{"a": 1}',
            b'{"a": ' + b"[" * 50_000,
            b"[]",
            b"a,b\n1,\x00\n",
            b"\xff\xff\xff\xff",
            b"\x81",
            b'a,b\n"' + b"x" * 20_000,
        ],
    )
    def test_refuses_what_is_no_table(self, content: bytes) -> None:
        with pytest.raises(FileUnreadable):
            open_with_records(content)

    def test_refuses_too_many_records(self) -> None:
        assert len(table_of(b"a\n" + b"1\n" * 10)[1]) == 10
        with pytest.raises(FileUnreadable):
            table_of(b"a\n" + b"1\n" * 11)

    @pytest.mark.parametrize("cell", ["=1+1", "+86", "-6.7", "@SUM(A1)", "\tx", "=cmd", "+1", "-1", "@x"])
    def test_formulas_are_neutralized(self, cell: str) -> None:
        assert neutralize(cell) == f"'{cell}"

    @given(st.text(max_size=20))
    def test_no_neutralized_cell_begins_a_formula(self, text: str) -> None:
        assert not neutralize(text).lstrip(" \u00a0\u3000").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


class TestHeader:
    @pytest.mark.parametrize(
        ("text", "name", "unit"),
        [
            ("表显里程(万公里)", "表显里程", "万公里"),
            ("报价(元)", "报价", "元"),
            ("mileage_km", "mileage_km", "公里"),
            ("品牌", "品牌", None),
        ],
    )
    def test_units(self, text: str, name: str, unit: str | None) -> None:
        assert split_header(text) == (name, unit)

    def test_english_and_chinese_headers_mean_the_same(self) -> None:
        english = map_header(
            ["VIN", "Brand", "Model Name", "Model Year", "First_Registration", "Mileage (km)", "Price (yuan)", "City", "x"]
        )
        chinese = map_header(["车架号", "品牌", "车型名称", "年款", "上牌时间", "表显里程(公里)", "报价(元)", "所在城市", "x"])
        assert list(english.columns) == list(chinese.columns)
        assert (english.missing, english.unknown) == ((), ("x",))

    def test_missing_columns_are_named(self) -> None:
        assert map_header(["车架号", "品牌"]).missing == (
            Column.MODEL,
            Column.FIRST_REGISTRATION,
            Column.ODOMETER,
            Column.ASK,
            Column.CITY,
        )
        with pytest.raises(FileUnreadable) as refused:
            rows_of("车架号,品牌\nx,y\n".encode())
        assert refused.value.fields["reason_zh"] == "缺少列 model, first_registration_on, odometer, ask, city"


class TestValues:
    @pytest.mark.parametrize(
        ("text", "unit", "fen", "guessed"),
        [
            ("12.98", "万元", 12_980_000, False),
            ("12.98万", None, 12_980_000, False),
            ("129,800元", "万元", 12_980_000, False),  # the cell's own unit comes first
            ("¥129800", "元", 12_980_000, False),
            ("12.98", None, 12_980_000, True),
            ("129800", None, 12_980_000, True),
            ("9.99999", "万元", 9_999_990, False),
            ("16.989999999999998", "万元", 16_990_000, False),
        ],
    )
    def test_money(self, text: str, unit: str | None, fen: int, guessed: bool) -> None:
        assert read_money(text, header_unit=unit, min_minor=100_000, max_minor=5_000_000_000) == (fen, guessed)

    @pytest.mark.parametrize(
        ("text", "unit", "code"),
        [
            ("553000.0", "万元", "price_unit"),
            ("12.98", "元", "price_unit"),
            ("面议", "万元", "free_text_in_number"),
            ("1e99", "元", "price_unit"),
        ],
    )
    def test_wrong_money(self, text: str, unit: str, code: str) -> None:
        with pytest.raises(Wrong) as wrong:
            read_money(text, header_unit=unit, min_minor=100_000, max_minor=5_000_000_000)
        assert wrong.value.code == code

    @pytest.mark.parametrize(
        ("text", "unit", "km", "guessed"),
        [
            ("4.2", "万公里", 42_000, False),
            ("42000", "公里", 42_000, False),
            ("4.2万公里", None, 42_000, False),
            ("42000", None, 42_000, True),
            ("4.2", None, 42_000, True),
            ("0", "万公里", 0, False),
        ],
    )
    def test_km(self, text: str, unit: str | None, km: int, guessed: bool) -> None:
        assert read_km(text, header_unit=unit, max_km=1_000_000) == (km, guessed)

    @pytest.mark.parametrize(("text", "code"), [("-6.7", "mileage_negative"), ("50000.0", "mileage_unit"), ("面议", "free_text_in_number")])
    def test_wrong_km(self, text: str, code: str) -> None:
        with pytest.raises(Wrong) as wrong:
            read_km(text, header_unit="万公里", max_km=1_000_000)
        assert wrong.value.code == code

    @pytest.mark.parametrize(
        ("text", "day"),
        [
            ("2021-03", date(2021, 3, 1)),
            ("2021-03-18", date(2021, 3, 18)),
            ("2021/3/18", date(2021, 3, 18)),
            ("2021年3月", date(2021, 3, 1)),
            ("2021年3月18日", date(2021, 3, 18)),
            ("2021.03", date(2021, 3, 1)),
            ("202103", date(2021, 3, 1)),
            ("20210318", date(2021, 3, 18)),
            ("2021-03-18 00:00:00", date(2021, 3, 18)),
            ("44273", date(2021, 3, 18)),
        ],
    )
    def test_days(self, text: str, day: date) -> None:
        assert read_date(text) == day

    @pytest.mark.parametrize("text", ["2021-13", "2021-02-30", "去年", "2021", "18/03/2021", "9999999"])
    def test_no_days(self, text: str) -> None:
        with pytest.raises(Wrong):
            read_date(text)

    def test_displacement(self) -> None:
        assert [read_displacement_ml(text, header_unit=None) for text in ("2.0T", "2.0L", "1984", "1.5")] == [2_000, 2_000, 1_984, 1_500]
        assert read_displacement_ml("1.5", header_unit="l") == 1_500

    @given(st.text(max_size=30))
    @example("1" * 30)
    @example("1e-9")
    def test_any_text_is_a_value_or_a_code(self, text: str) -> None:
        readers: list[Any] = [
            read_number,
            read_date,
            lambda t: read_km(t, header_unit=None, max_km=1_000_000),
            lambda t: read_money(t, header_unit=None, min_minor=1, max_minor=10**12),
            lambda t: read_displacement_ml(t, header_unit=None),
        ]
        for reader in readers:
            assert wrong_code(reader, text) in {None, *CODES}

    @given(st.decimals(min_value=Decimal("0.1"), max_value=5_000, places=4))
    def test_yuan_and_wan_agree(self, wan: Decimal) -> None:
        bounds = {"min_minor": 1, "max_minor": 10**12}
        by_wan, _ = read_money(str(wan), header_unit="万元", **bounds)
        by_yuan, _ = read_money(str(wan * 10_000), header_unit="元", **bounds)
        assert by_wan == by_yuan == int(wan * 1_000_000)


class TestRow:
    def test_a_good_row(self) -> None:
        number = vin()
        row = parsed(stock_row(7, 车架号=number))
        assert row.findings == ()
        assert (row.n, row.stock_no, row.vin, row.ask_minor) == (1, "KC00007", number, 12_980_000)
        assert row.facts is not None
        expected = {
            "brand": "大众",
            "series": "帕萨特",
            "model": "2021款 330TSI 豪华版",
            "model_year": 2021,
            "odometer_km": 42_000,
            "first_registration_on": date(2021, 3, 1),
            "city": "天津",
            "fuel": Fuel.PETROL,
            "gearbox": Gearbox.DCT,
            "emission_stage": EmissionStage.CN6A,
            "colour": Colour.BLACK,
            "msrp_minor": 23_990_000,
        }
        assert {name: getattr(row.facts, name) for name in expected} == expected

    @pytest.mark.parametrize(
        ("changes", "code", "field"),
        [
            ({"车架号": ""}, "vin_missing", "vin"),
            ({"车架号": "LSVCZ2A46MN00001"}, "vin_length", "vin"),
            ({"车架号": "LSVCZ2A4OMN000011"}, "vin_characters", "vin"),
            ({"品牌": "不存在牌"}, "brand_unknown", "brand"),
            ({"品牌": ""}, "value_missing", "brand"),
            ({"上牌时间": "2031-05"}, "first_registration_in_future", "first_registration_on"),
            ({"上牌时间": "1970-01"}, "first_registration_before_1980", "first_registration_on"),
            ({"上牌时间": "2009-03", "年款": "2009"}, "emission_contradicts_date", "emission_stage"),
            ({"上牌时间": "2018-03"}, "first_registration_before_model_year", "first_registration_on"),
            ({"上牌时间": "春天"}, "date_unreadable", "first_registration_on"),
            ({"表显里程": "50000.0"}, "mileage_unit", "odometer"),
            ({"表显里程": "-6.7"}, "mileage_negative", "odometer"),
            ({"表显里程": ""}, "mileage_missing", "odometer"),
            ({"表显里程": "面议"}, "free_text_in_number", "odometer"),
            ({"报价": ""}, "price_missing", "ask"),
            ({"报价": "553000.0"}, "price_unit", "ask"),
            ({"所在城市": ""}, "value_missing", "city"),
            ({"年款": "2017"}, "vin_model_year", "vin"),
        ],
    )
    def test_one_wrong_place_is_named_once(self, changes: dict[str, str], code: str, field: str) -> None:
        row = parsed(stock_row(1, **changes))
        errors = [finding for finding in row.findings if finding.severity == "error"]
        assert [(finding.code, finding.field) for finding in errors] == [(code, field)]
        assert errors[0].hint
        assert not row.is_good

    def test_a_wrong_check_digit(self) -> None:
        number = vin()
        wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
        assert codes(parsed(stock_row(1, 车架号=wrong))) == ["vin_check_digit"]

    def test_the_second_of_two_equal_vins_is_the_duplicate(self) -> None:
        number = vin()
        rows = [stock_row(1, 车架号=number), stock_row(2), stock_row(3, 车架号=number.lower())]
        found = rows_of(stock_file(rows))
        assert [codes(row) for row in found] == [[], [], ["vin_duplicate"]]
        assert found[2].vin == number  # a bad row's car is known all the same

    @pytest.mark.parametrize(
        ("changes", "warning"),
        [
            ({"排放": "京V"}, "emission_foreign"),
            ({"变速箱": "三离合电驱变速箱"}, "gearbox_unknown"),
            ({"颜色": "迷彩"}, "colour_unknown"),
            ({"报价": "25"}, "price_above_msrp"),
            ({"车型名称": "梦想家9 2021款 首发版"}, "series_unknown"),
        ],
    )
    def test_doubtful_places_only_warn(self, changes: dict[str, str], warning: str) -> None:
        row = parsed(stock_row(1, **changes))
        assert row.is_good
        assert codes(row, "warning") == [warning]

    @pytest.mark.parametrize(
        ("title", "fuel"),
        [
            ("秦PLUS 2021款 DM-i 55km", Fuel.PHEV),
            ("AION S 2021款 460km", Fuel.BEV),
            ("雷凌 2021款 双擎 1.8H", Fuel.HEV),
            ("途观L 2021款 PHEV", Fuel.PHEV),
        ],
    )
    def test_fuel_from_the_title(self, title: str, fuel: Fuel) -> None:
        row = parsed(stock_row(1, 车型名称=title, 变速箱="", 排放=""))
        assert row.facts is not None
        assert row.facts.fuel is fuel

    def test_an_unchanged_row_has_the_same_hash_and_a_changed_one_not(self) -> None:
        row = stock_row(1)
        assert hash_of(row) == hash_of(dict(row)) == hash_of(row, tuple(reversed(HEADER)))
        assert hash_of(row) != hash_of(row | {"报价(万元)": "12.97"})

    def test_no_finding_repeats_a_value(self) -> None:
        for finding in parsed(stock_row(1, 车架号="LSVCZ2A4OMN000011", 报价="面议", 表显里程="-1")).findings:
            assert "LSVCZ" not in str(finding.as_plain())

    @given(st.lists(st.text(max_size=12), min_size=len(HEADER), max_size=len(HEADER) + 2))
    @settings(max_examples=200)
    def test_any_cells_give_a_row(self, cells: list[str]) -> None:
        row = parse_row(map_header(HEADER), cells, n=1, bounds=BOUNDS, seen=Duplicates.of(1))
        assert not row.is_good or (row.facts is not None and row.ask_minor is not None)
        assert all(finding.code in CODES for finding in row.findings)
