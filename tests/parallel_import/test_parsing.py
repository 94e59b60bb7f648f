"""Bytes of an inbound feed become rows or diagnostics: never anything else, and never more memory than a record."""

import gzip
import io
import json
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.parallel_import.domain import PaperKind
from marketplace.parallel_import.domain.inbound import FeedTooLarge, FeedUnreadable, SourceForm
from marketplace.parallel_import.service.inbound.opening import unpacked
from marketplace.parallel_import.service.inbound.parsing import records
from marketplace.parallel_import.service.inbound.rows import ReadRow, read_row

CAR: dict[str, Any] = {
    "ref": "PI-1",
    "vin": "JTMHX05J604123456",
    "brand": "丰田",
    "series": "兰德酷路泽",
    "model": "LC300 中东版",
    "model_year": 2025,
    "city": "天津",
    "import_version": "gcc",
    "state": "arrived",
    "arrived_on": "2026-10-08",
    "papers": [{"kind": "ccc_certificate", "number": "2026-1"}],
}


def pieces(content: bytes, size: int = 7) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def read(content: bytes, form: SourceForm, size: int = 7) -> list[ReadRow]:
    return [read_row(n, one) for n, one in enumerate(records(pieces(content, size), form), start=1)]


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


class TestForms:
    @pytest.mark.parametrize("size", [1, 7, 100_000])
    @pytest.mark.parametrize(
        "document", [[CAR, CAR], {"cars": [CAR, CAR]}, {"version": 1, "x": [1, {"a": 2}], "cars": [CAR, CAR], "z": None}]
    )
    def test_json_in_any_pieces(self, document: Any, size: int) -> None:
        rows = read(dumps(document), SourceForm.JSON, size)
        assert [row.ref for row in rows] == ["PI-1", "PI-1"]
        assert all(row.car is not None and row.car.papers[0].kind is PaperKind.CCC_CERTIFICATE for row in rows)
        assert rows[0].row_hash == rows[1].row_hash

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_a_table_with_english_headers(self, encoding: str, delimiter: str) -> None:
        header = "ref,vin,brand,series,model,model_year,city,import_version,state,paper_ccc_certificate,paper_ccc_certificate_on".split(",")
        row = 'PI-1,JTMHX05J604123456,丰田,兰德酷路泽,"LC300 中东版",2025,天津,gcc,arrived,2026-1,2026-09-01'.split(",")
        content = f"{delimiter.join(header)}\r\n{delimiter.join(row)}\r\n\r\n".encode(encoding)
        [found] = read(content, SourceForm.CSV, 100_000)
        assert found.car is not None, found.findings
        assert (found.car.brand, found.car.model, found.car.model_year) == ("丰田", "LC300 中东版", 2025)
        assert [(one.kind.value, one.number, str(one.issued_on)) for one in found.car.papers] == [
            ("ccc_certificate", "2026-1", "2026-09-01")
        ]

    def test_a_table_with_chinese_headers_and_words(self) -> None:
        content = (
            "编号,车架号,品牌,车系,车型,年款,城市,版别,状态,排放标准,燃料,关单号,内部备注\n"
            "PI-1,JTMHX05J604123456,丰田,兰德酷路泽,LC300,2025,天津,中东版,已清关,国六b,汽油,GD-1,x\n"
        ).encode()
        [found] = read(content, SourceForm.CSV)
        assert found.car is not None, found.findings
        assert (found.car.import_version.value, found.car.state.value, found.car.papers[0].number) == ("gcc", "cleared", "GD-1")
        assert found.car.emission_stage is not None
        assert found.car.emission_stage.value == "cn6b"
        assert found.unknown == {"内部备注"}

    def test_xml_with_papers_in_either_form(self) -> None:
        body = "".join(f"<{name}>{value}</{name}>" for name, value in CAR.items() if name != "papers")
        first = f"<car>{body}<papers><paper kind='ccc_certificate' number='1'/></papers></car>"
        second = f"<vehicle>{body}<papers><kind>ccc_certificate</kind><number>1</number></papers></vehicle>"
        rows = read(f"<feed version='1'><note>hi</note>{first}{second}</feed>".encode(), SourceForm.XML)
        assert [row.findings for row in rows] == [(), ()]
        assert {row.car.papers[0].number for row in rows if row.car} == {"1"}
        assert rows[0].row_hash == rows[1].row_hash


class TestRows:
    def test_every_bad_member_is_named_with_a_hint(self) -> None:
        row = read_row(3, {**CAR, "model_year": "x", "import_version": "moon", "city": None, "odometer_km": -1})
        assert row.car is None
        assert {(one.field, one.code) for one in row.findings} == {
            ("model_year", "int_parsing"),
            ("import_version", "enum"),
            ("city", "missing"),
            ("odometer_km", "greater_than_equal"),
        }
        assert all(one.zh and one.hint for one in row.findings)
        assert row.ref == "PI-1"

    @pytest.mark.parametrize("text", ["a\0b", "\ud800", "\x1b[2J"])
    def test_a_text_the_market_cannot_keep_is_named(self, text: str) -> None:
        row = read_row(1, {**CAR, "differences": text})
        assert [(one.field, one.code) for one in row.findings] == [("differences", "bad_character")]

    def test_on_sale_wants_a_price(self) -> None:
        assert [one.code for one in read_row(1, {**CAR, "state": "on_sale"}).findings] == ["price_missing"]

    def test_cleared_before_it_arrived(self) -> None:
        assert [one.field for one in read_row(1, {**CAR, "cleared_on": "2026-10-01"}).findings] == ["cleared_on"]

    def test_of_two_papers_of_a_kind_the_last_counts(self) -> None:
        papers = [{"kind": "ccc_certificate", "number": "1"}, {"kind": "ccc_certificate", "number": "2"}]
        car = read_row(1, {**CAR, "papers": papers}).car
        assert car is not None
        assert [one.number for one in car.papers] == ["2"]

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda part: st.lists(part) | st.dictionaries(st.text(), part),
        )
    )
    def test_any_value_is_a_row_or_named(self, value: Any) -> None:
        row = read_row(1, value)
        assert (row.car is None) == bool(row.findings)

    @given(
        st.sampled_from(sorted(CAR)),
        st.recursive(st.none() | st.integers() | st.floats() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)),
    )
    def test_any_member_may_be_anything(self, name: str, value: Any) -> None:
        row = read_row(1, {**CAR, name: value})
        assert (row.car is None) == bool(row.findings)


ENTITIES = b'<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
BOMB = b'<?xml version="1.0"?><!DOCTYPE lolz [' + ENTITIES + b"]><feed><car><ref>&b;</ref></car></feed>"
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]><feed><car><ref>&x;</ref></car></feed>'


class TestHostile:
    @given(st.binary(max_size=400), st.sampled_from(SourceForm))
    def test_any_byte_soup_gives_rows_or_one_diagnostic(self, content: bytes, form: SourceForm) -> None:
        with suppress(FeedUnreadable, FeedTooLarge):
            for one in records(unpacked(io.BytesIO(content), limit_bytes=100_000), form):
                row = read_row(1, one)
                assert (row.car is None) == bool(row.findings)

    @given(st.integers(0, 600), st.binary(min_size=1, max_size=6), st.sampled_from(SourceForm))
    def test_a_good_feed_with_a_wound_gives_rows_or_one_diagnostic(self, at: int, wound: bytes, form: SourceForm) -> None:
        body = "".join(f"<{name}>{value}</{name}>" for name, value in CAR.items() if name != "papers")
        plain = {k: str(v) for k, v in CAR.items() if k != "papers"}
        good = {
            SourceForm.JSON: dumps({"cars": [CAR]}),
            SourceForm.XML: f"<feed><car>{body}</car></feed>".encode(),
            SourceForm.CSV: f"{','.join(plain)}\n{','.join(plain.values())}\n".encode(),
        }[form]
        with suppress(FeedUnreadable):
            read(good[:at] + wound + good[at:], form)

    @pytest.mark.parametrize("content", [BOMB, OUTSIDE, b"<!DOCTYPE x><feed/>"])
    def test_xml_entities_are_refused(self, content: bytes) -> None:
        with pytest.raises(FeedUnreadable) as refused:
            read(content, SourceForm.XML)
        assert refused.value.fields["reason_zh"] == "不接受文档类型或实体声明"

    @pytest.mark.parametrize(
        ("content", "form"),
        [
            (b"<feed>" + b"<a>" * 50_000, SourceForm.XML),
            (b"<feed><car><ref>" + b"x" * 3_000_000, SourceForm.XML),
            (b"<feed a='" + b"x" * 3_000_000, SourceForm.XML),
            (b"[" * 100_000, SourceForm.JSON),
            (b'[{"a":' * 100_000, SourceForm.JSON),
            (b'[{"a":"' + b"x" * 3_000_000, SourceForm.JSON),
            (b"[" + b"9" * 3_000_000, SourceForm.JSON),
            (b"[NaN]", SourceForm.JSON),
            (b'{"cars":[]} x', SourceForm.JSON),
            (b"{}", SourceForm.JSON),
            (b"", SourceForm.JSON),
            (b"", SourceForm.CSV),
            (b"", SourceForm.XML),
            (b"a,a\n1,2\n", SourceForm.CSV),
            (b'a,b\n"' + b"x" * 3_000_000, SourceForm.CSV),
            (b'a,b\n"1"2,3\n', SourceForm.CSV),
            (b"\xff\xfe\x00\x00" * 10, SourceForm.CSV),
        ],
    )
    def test_broken_deep_or_endless_is_refused(self, content: bytes, form: SourceForm) -> None:
        with pytest.raises(FeedUnreadable):
            read(content, form, 65_536)

    def test_twenty_thousand_cars_take_the_memory_of_a_few(self) -> None:
        def endless() -> Iterator[bytes]:
            yield b'{"cars":['
            for n in range(20_000):
                yield dumps({**CAR, "ref": f"PI-{n}"}) + (b"," if n < 19_999 else b"]}")

        tracemalloc.start()
        count = sum(1 for _ in records(endless(), SourceForm.JSON))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == 20_000
        assert peak < 4_000_000


def packed_zip(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


class TestUnpacking:
    def open(self, content: bytes, limit_bytes: int = 10_000_000) -> bytes:
        return b"".join(unpacked(io.BytesIO(content), limit_bytes=limit_bytes))

    def test_plain_gzip_and_a_zip_of_one(self) -> None:
        text = dumps([CAR]) * 50
        assert [self.open(one) for one in (text, gzip.compress(text), packed_zip(("a.json", text)))] == [text] * 3

    def test_a_gzip_bomb_ends_early(self) -> None:
        bomb = gzip.compress(b"\0" * 200_000_000, 9)
        tracemalloc.start()
        with pytest.raises(FeedUnreadable, match="feed_unreadable"):
            self.open(bomb, 10**9)
        assert tracemalloc.get_traced_memory()[1] < 16_000_000
        tracemalloc.stop()

    def test_a_zip_bomb_ends_early(self) -> None:
        with pytest.raises(FeedUnreadable):
            self.open(packed_zip(("a.json", b"\0" * 50_000_000)), 10**9)

    def test_a_zip_that_lies_about_its_size_ends_at_the_limit(self) -> None:
        honest = packed_zip(("a.json", bytes(range(256)) * 40_000))
        size = (256 * 40_000).to_bytes(4, "little")
        lying = honest.replace(size, (1_000).to_bytes(4, "little"))
        with pytest.raises((FeedUnreadable, FeedTooLarge)):
            self.open(lying, 100_000)

    def test_the_limit_is_of_the_unpacked(self) -> None:
        text = bytes(range(256)) * 1_000
        with pytest.raises(FeedTooLarge):
            self.open(gzip.compress(text), 100_000)
        with pytest.raises(FeedTooLarge):
            self.open(text, 100_000)

    @pytest.mark.parametrize(
        "content",
        [
            gzip.compress(b"x" * 1_000)[:-5],
            gzip.compress(b"x") + b"more",
            b"\x1f\x8bnonsense",
            b"PK\x03\x04nonsense",
            packed_zip(("a", b"1"), ("b", b"2")),
            packed_zip(),
        ],
        ids=["cut off", "more behind", "no gzip", "no zip", "two files", "no file"],
    )
    def test_broken_packages_are_refused(self, content: bytes) -> None:
        with pytest.raises(FeedUnreadable):
            self.open(content)

    def test_bytes_that_were_never_packed_are_left_alone(self) -> None:
        assert self.open(zlib.compress(b"x")) == zlib.compress(b"x")
