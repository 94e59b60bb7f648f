"""The listings' rule tables, by legal day."""

from datetime import date
from pathlib import Path
from typing import Any

from marketplace.core.rules import load
from marketplace.listings.domain import ListingRules, WarrantyRules
from marketplace.listings.domain.viewings import ViewingRules

_TABLES = Path(__file__).parent.parent / "tables"


def listing_rules(on: date) -> ListingRules:
    return ListingRules.from_values(load(_TABLES / "listings.toml", on=on).values)


def warranty_rules(on: date) -> WarrantyRules:
    return WarrantyRules.from_values(load(_TABLES / "warranty.toml", on=on).values)


def viewing_rules(on: date) -> ViewingRules:
    return ViewingRules.from_values(load(_TABLES / "viewings.toml", on=on).values)


def notice_lines(on: date) -> list[dict[str, Any]]:
    """Lines that may stand beside an offer."""
    return list(load(_TABLES / "notices.toml", on=on).values["lines"])


def warranty_parts(on: date) -> list[str]:
    """The systems a dealer's warranty covers, Chinese."""
    return list(load(_TABLES / "warranty.toml", on=on).values["parts"])


def price_bounds(on: date) -> tuple[int, int]:
    """Lowest and highest price the market takes, fen."""
    rules = listing_rules(on)
    return rules.ask_min_minor, rules.ask_max_minor
