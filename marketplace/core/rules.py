"""Versioned rule tables: numbers that law, standards or the market set, each with source and validity.

A table is a TOML file in a package's ``tables/`` folder, holding ``[[version]]`` entries::

    name = "scrapping"
    [[version]]
    number = 1
    valid_from = 2013-05-01
    source = "机动车强制报废标准规定 (2012年第12号令)"
    certainty = "found"            # found | doubtful | setting
    [version.values]
    taxi_small_years = 8

``load`` picks the version valid on a day. Versions may not overlap; validity is half-open ``[valid_from, valid_to)``.
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class RuleTable:
    """One version of one table. ``values`` is read-only by convention: it is shared."""

    name: str
    number: int
    valid_from: date
    valid_to: date | None
    source: str
    certainty: str
    values: dict[str, Any]


class NoRuleTable(LookupError):
    """No version of the table is valid on that day: a mistake of ours, never of the caller's."""


@lru_cache(maxsize=64)
def versions(path: Path) -> tuple[RuleTable, ...]:
    """All versions in a file, oldest first. Raises ``ValueError`` when two overlap or a source is missing."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    found = sorted((_version(document["name"], entry) for entry in document["version"]), key=lambda v: v.valid_from)
    for earlier, later in pairwise(found):
        if earlier.valid_to is None or earlier.valid_to > later.valid_from:
            raise ValueError(f"{path.name}: versions {earlier.number} and {later.number} overlap")
    return tuple(found)


def load(path: Path, *, on: date) -> RuleTable:
    """The version valid on a legal day; raises ``NoRuleTable``."""
    for version in versions(path):
        if version.valid_from <= on and (version.valid_to is None or on < version.valid_to):
            return version
    raise NoRuleTable(f"{path.name} has no version for {on}")


def _version(name: str, entry: dict[str, Any]) -> RuleTable:
    if not entry.get("source"):
        raise ValueError(f"{name}: a version without a source")
    return RuleTable(
        name=name,
        number=entry["number"],
        valid_from=entry["valid_from"],
        valid_to=entry.get("valid_to"),
        source=entry["source"],
        certainty=entry.get("certainty", "found"),
        values=entry["values"],
    )
