"""The listings' rule tables, by legal day."""

from datetime import date
from pathlib import Path

from marketplace.core.rules import load
from marketplace.listings.domain import ListingRules, WarrantyRules

_TABLES = Path(__file__).parent.parent / "tables"


def listing_rules(on: date) -> ListingRules:
    return ListingRules.from_values(load(_TABLES / "listings.toml", on=on).values)


def warranty_rules(on: date) -> WarrantyRules:
    return WarrantyRules.from_values(load(_TABLES / "warranty.toml", on=on).values)


def warranty_parts(on: date) -> list[str]:
    """The systems a dealer's warranty covers, Chinese."""
    return list(load(_TABLES / "warranty.toml", on=on).values["parts"])


def price_bounds(on: date) -> tuple[int, int]:
    """Lowest and highest price the market takes, fen."""
    rules = listing_rules(on)
    return rules.ask_min_minor, rules.ask_max_minor
