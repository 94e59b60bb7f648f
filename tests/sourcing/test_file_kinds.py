"""JSON, spreadsheets, mappings, breaker and chunks of stock files."""

import io
import json
import tracemalloc
import zipfile
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it has no stubs
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from marketplace.core.settings import Settings
from marketplace.sourcing.domain import FileUnreadable, breaks_the_stock
from marketplace.sourcing.domain.columns import Column, How, header_key, map_header
from marketplace.sourcing.domain.findings import CODES, RowFinding
from marketplace.sourcing.domain.seen import Seen
from marketplace.sourcing.domain.sources import Source
from marketplace.sourcing.service.opening import open_table
from marketplace.sourcing.service.spreadsheets import MarkedRow, write_marked
from marketplace.sourcing.service.staging import chunks
from marketplace.vehicles.api import VehicleFacts
from tests.sourcing.test_files import open_with_records, rows_of
from tests.stock import HEADER, stock_row

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


class TestAnyBytes:
    @given(st.binary(max_size=400))
    @settings(max_examples=300)
    def test_any_bytes_are_read_or_refused(self, content: bytes) -> None:
        for soup in (
            content,
            ",".join(HEADER).encode() + b"\n" + content,
            ",".join(HEADER).encode("gb18030") + b"\n" + content,
            b"[" + content,
            b'[{"vin": "' + content,
        ):
            if soup.startswith(b"PK\x03\x04"):
                continue
            with suppress(FileUnreadable):
                assert [row.n for row in rows_of(soup)] == list(range(1, len(open_with_records(soup)) + 1))

    @given(JSON)
    @settings(max_examples=100)
    def test_any_json_is_read_or_refused(self, value: Any) -> None:
        for text in (json.dumps(value), json.dumps([value]), json.dumps([dict.fromkeys(HEADER, value)])):
            with suppress(FileUnreadable):
                rows_of(text.encode("utf-8", "surrogatepass"))


class TestJson:
    def test_numbers_are_the_texts_they_were_and_lists_of_addresses_one_cell(self) -> None:
        [record] = open_with_records(b'[{"a": 1.10, "b": ["x", "y"], "c": null, "d": true, "e": {"f": 1}, "g": 1e400}]')
        assert record == ["1.10", "x|y", "", "是", '{"f": "1"}', "1e400"]

    def test_a_key_that_comes_later_is_a_column_too(self) -> None:
        table = open_table(Source.of(b'{"a": 1}\n{"b": 2}\n'), settings=Settings())
        assert (table.header, [list(one) for one in table.records], table.progress.total) == (("a", "b"), [["1", ""], ["", "2"]], 2)

    def test_what_no_database_takes_is_taken_out(self) -> None:
        assert open_with_records(rb'[{"a": "x\u0000y\ud800"}]') == [["xy?"]]

    def test_a_large_file_costs_one_piece_of_memory(self) -> None:
        content = b"[" + b",".join(b'{"a": "%d", "b": "%s"}' % (n, b"x" * 200) for n in range(20_000)) + b"]"
        pieces = [content[start : start + 50_000] for start in range(0, len(content), 50_000)]
        table = open_table(Source(lambda: iter(pieces), len(content)), settings=Settings())
        tracemalloc.start()
        count = sum(1 for _record in table.records)
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == 20_000
        assert peak < 2_000_000


DAY = datetime(2021, 3, 18)  # noqa: DTZ001  # a sheet knows no zone


class TestSpreadsheets:
    def test_a_good_one_with_a_title_above_its_header(self) -> None:
        row = stock_row(1)
        content = spreadsheet([["2026年库存"], [], list(HEADER), [row[name] for name in HEADER]])
        [found] = rows_of(content)
        assert found.findings == ()
        assert (found.stock_no, found.ask_minor) == ("KC00001", 12_980_000)

    def test_numbers_and_days_are_read_as_typed(self) -> None:
        content = spreadsheet([["a", "b", "c", "d"], [2021.0, 4.25, DAY, True]])
        assert open_with_records(content) == [["2021", "4.25", "2021-03-18", "是"]]

    @pytest.mark.parametrize("entry", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
    def test_a_zip_bomb_costs_its_reader_alone(self, entry: str) -> None:
        good = spreadsheet([["a", "b"], ["text", "text"]])
        content = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as bomb:
            for name in source.namelist():
                if name != entry:
                    bomb.writestr(name, source.read(name))
            with bomb.open(entry, "w") as out:
                out.write(b'<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>')
                for _ in range(400):
                    out.write(b"A" * 1_048_576)
        small = Settings(stock_spreadsheet_memory_mb=256, stock_spreadsheet_cpu_s=10)
        with pytest.raises(FileUnreadable):
            open_table(Source.of(content.getvalue()), settings=small)

    def test_two_cells_at_the_corners_of_the_largest_sheet_are_refused(self) -> None:
        out = io.BytesIO()
        with xlsxwriter.Workbook(out) as book:
            sheet = book.add_worksheet()
            sheet.write_string(0, 0, "a")
            sheet.write_string(1_048_575, 16_383, "b")
        with pytest.raises(FileUnreadable):
            open_with_records(out.getvalue())

    @given(st.binary(max_size=60), st.integers(0, 3_000))
    @settings(max_examples=15, deadline=None)
    def test_a_damaged_one_is_read_or_refused(self, damage: bytes, position: int) -> None:
        content = bytearray(spreadsheet([["a", "b"], ["1", "2"]]))
        content[4 + position : 4 + position + len(damage)] = damage
        with suppress(FileUnreadable):
            open_with_records(bytes(content))

    def test_its_reader_ends_with_the_reading(self) -> None:
        table = open_table(Source.of(spreadsheet([["a"], *[["x"]] * 50_000])), settings=Settings())
        next(iter(table.records))
        table.close()
        table.close()

    def test_no_written_cell_is_a_formula_a_link_or_a_number(self) -> None:
        cells = ["=1+1", "http://x.example", "-5", "12", "@SUM(A1)", "{=1}", " =1+1"]
        content = write_marked("t", ["=h", "b"], [MarkedRow(cells=cells, marks={0: "=note"}, is_bad=True)])
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
            assert "<f>" not in sheet
            assert "hyperlink" not in sheet
        rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
        assert rows[0][:2] == ["'=h", "b"]
        assert rows[1] == ["'=1+1", "http://x.example", "'-5", "12", "'@SUM(A1)", "{=1}", "' =1+1"]


def spreadsheet(rows: list[list[Any]]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return out.getvalue()


class TestSeen:
    @given(st.lists(st.text(max_size=4), max_size=60))
    def test_is_a_set(self, texts: list[str]) -> None:
        seen, known = Seen(len(texts)), set()
        for text in texts:
            assert seen.add(text) is (text not in known)
            known.add(text)

    @given(st.sets(st.integers(0, 2**128 - 1), max_size=50))
    def test_holds_numbers(self, numbers: set[int]) -> None:
        seen = Seen(len(numbers))
        for number in numbers:
            seen.add_number(number)
        assert all(seen.has_number(number) for number in numbers)


class TestOwnMapping:
    def test_the_dealers_words_come_first(self) -> None:
        saved: dict[str, dict[str, str | None]] = {
            header_key("我的 底价"): {"field": "ask", "unit": "元"},
            header_key("报价(万元)"): {"field": None, "unit": None},
        }
        found = map_header(["报价(万元)", "我的底价", "车架号"], saved=saved)
        assert (found.columns[Column.ASK].position, found.columns[Column.ASK].unit, found.columns[Column.ASK].how) == (1, "元", How.SAVED)
        assert found.unknown == ("报价(万元)",)
        assert found.columns[Column.VIN].how is How.AUTOMATIC


class TestBreaker:
    @pytest.mark.parametrize(
        ("standing", "removed", "breaks"), [(100, 30, False), (100, 31, True), (5, 3, False), (5, 4, True), (0, 0, False), (3, 3, False)]
    )
    def test_share_and_free_cars(self, standing: int, removed: int, breaks: bool) -> None:
        assert breaks_the_stock(standing=standing, removed=removed, share_percent=30, free=3) is breaks


class TestChunks:
    @given(st.integers(0, 200))
    def test_covers_everything_in_order(self, size: int) -> None:
        items = list(range(size))
        assert [item for piece in chunks(items, aim_ms=100) for item in piece] == items


def test_every_fact_a_file_can_hold_is_a_field_of_vehicles() -> None:
    assert {"vin", "brand", "series", "model", "city"} <= {field.name for field in fields(VehicleFacts)}
    assert all(isinstance(severity, str) for severity in CODES.values())
    assert RowFinding("a", "b", "error", "c", "d").as_plain()["column"] is None
