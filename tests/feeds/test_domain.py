"""How feeds are written: tables of cases and properties."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.crypto import canonical_json
from marketplace.feeds.domain import (
    SHAPES,
    FeedName,
    FeedPage,
    linked_car,
    neutralize,
    signed_text,
    write_csv,
    write_json,
    write_linked,
    write_xml,
    yuan_text,
)

SHAPE = SHAPES[FeedName.PARALLEL_IMPORT]
PAGE = FeedPage(market="河南路", since=None, cursor=7, has_more=False, count=1)
TEXT = st.text(st.characters(codec="utf-8"), max_size=60)


def as_csv(car: Mapping[str, Any]) -> list[list[str]]:
    text = b"".join(write_csv(SHAPE, [car], [])).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


class TestCells:
    @pytest.mark.parametrize("text", ["=1+1", "+86", "-2", "@x", "\t=1", "\r=1", " =1", "\uff1d1+1", "\uff0b1", "\n=1"])
    def test_a_formula_is_neutralized(self, text: str) -> None:
        assert neutralize(text) == f"'{text}"

    @given(st.text())
    def test_no_cell_begins_a_formula_and_nothing_is_lost(self, text: str) -> None:
        cell = neutralize(text)
        assert cell in {text, f"'{text}"}
        assert not cell.strip()[:1] or cell.lstrip()[0] not in "=+-@\uff1d\uff0b\uff0d\uff20"

    @given(st.integers(0, 10**12))
    def test_yuan(self, amount_minor: int) -> None:
        text = yuan_text(amount_minor)
        assert int(text.replace(".", "")) == amount_minor
        assert text[-3] == "."


class TestForms:
    @given(TEXT, TEXT)
    def test_any_text_survives_csv_and_gives_well_formed_xml(self, first: str, second: str) -> None:
        car = {"id": "1", "title": first, "differences": second, "papers": [], "photos": []}
        assert as_csv(car)[1][3] == neutralize(first)
        ET.fromstring(b"".join(write_xml(SHAPE, PAGE, [car], [])))

    def test_a_list_of_papers_is_the_kinds_that_are_there(self) -> None:
        papers = [{"kind": "ccc_certificate", "is_there": True}, {"kind": "energy_label", "is_there": False}]
        row = dict(zip(*as_csv({"id": "1", "papers": papers, "photos": ["a", "b"]}), strict=True))
        assert (row["papers"], row["photos"]) == ("ccc_certificate", "a | b")

    @given(st.lists(st.fixed_dictionaries({"id": TEXT, "n": st.integers(-(2**60), 2**60)}), max_size=4), st.none() | st.integers(0, 99))
    def test_json_piece_by_piece_is_the_canonical_document(self, cars: list[dict[str, Any]], since: int | None) -> None:
        page = FeedPage(market="河南路", since=since, cursor=9, has_more=True, count=len(cars))
        gone = [{"id": "x", "state": "removed", "feed_no": 9}]
        whole = {
            "feed": "parallel-import",
            "version": 1,
            "market": "河南路",
            "since": since,
            "cursor": 9,
            "has_more": True,
            "cars": cars,
            "removed": gone,
        }
        assert b"".join(write_json(SHAPE, page, cars, gone, canonical_json)) == canonical_json(whole)

    def test_linked_data_counts_and_names_its_cars(self) -> None:
        car = {
            "url": "https://m/1", "title": "丰田 LC300", "brand": "丰田", "series": "LC", "model": "300", "model_year": 2025,
            "colour": "white",
            "fuel": "petrol", "odometer_km": 60, "condition": "new", "photos": [], "price_minor": 79_800_000, "currency": "CNY",
            "importer": "甲", "availability": "reserved",
        }  # fmt: skip
        found = json.loads(b"".join(write_linked(SHAPE, PAGE, [car], canonical_json)))
        assert (found["@type"], found["numberOfItems"], found["name"]) == ("ItemList", 1, "河南路 平行进口")
        linked = linked_car(car)
        assert found["itemListElement"] == [{"@type": "ListItem", "position": 1, "item": linked}]
        assert linked["@type"] == "Car"
        assert linked["offers"] == {
            "@type": "Offer",
            "price": "798000.00",
            "priceCurrency": "CNY",
            "availability": "https://schema.org/LimitedAvailability",
            "url": "https://m/1",
            "seller": {"@type": "AutoDealer", "name": "甲"},
        }
        assert linked_car({**car, "condition": "used"})["itemCondition"] == "https://schema.org/UsedCondition"

    def test_what_is_signed(self) -> None:
        assert signed_text(17, "sha-256=:AA==:") == b"17 sha-256=:AA==:"
