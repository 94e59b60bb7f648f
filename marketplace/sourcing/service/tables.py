"""Sourcing's rule tables, by legal day."""

from datetime import date
from pathlib import Path

from marketplace.core.rules import RuleTable, load

_TABLES = Path(__file__).parent.parent / "tables"


def rule_table(name: str, *, on: date) -> RuleTable:
    return load(_TABLES / f"{name}.toml", on=on)
