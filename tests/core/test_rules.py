"""Versioned rule tables: one version a day, each with its source."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from marketplace.core.rules import NoRuleTable, load, versions

TWO = """
name = "t"
[[version]]
number = 1
valid_from = 2020-01-01
valid_to = 2026-01-01
source = "old"
[version.values]
a = 1
[[version]]
number = 2
valid_from = 2026-01-01
source = "new"
certainty = "doubtful"
[version.values]
a = 2
"""


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "t.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_validity_is_half_open(tmp_path: Path) -> None:
    path = table(tmp_path, TWO)
    assert load(path, on=date(2025, 12, 31)).values == {"a": 1}
    newer = load(path, on=date(2026, 1, 1))
    assert (newer.number, newer.certainty, newer.source) == (2, "doubtful", "new")
    with pytest.raises(NoRuleTable):
        load(path, on=date(2019, 12, 31))


def test_overlap_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="overlap"):
        versions(table(tmp_path, TWO.replace("valid_to = 2026-01-01", "valid_to = 2026-01-02")))


def test_a_version_names_its_source(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="source"):
        versions(table(tmp_path, TWO.replace('source = "new"', 'source = ""')))


def test_every_table_in_the_product_loads() -> None:
    root = Path(__file__).parents[2]
    found = [path for name in ("marketplace", "auction", "valuation", "search") for path in (root / name).rglob("tables/*.toml")]
    tables = [path for path in found if "version" in tomllib.loads(path.read_text(encoding="utf-8"))]  # the rest are catalogues
    assert tables, "no rule tables found"
    for path in tables:
        assert versions(path)
