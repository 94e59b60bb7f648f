"""The data files of vehicles, read once: catalogue, makers by WMI, rule tables."""

import tomllib
from datetime import date
from functools import lru_cache
from pathlib import Path

from marketplace.core import rules
from marketplace.vehicles.domain.catalogue import Brand, Catalogue, Series, build_catalogue

FOLDER = Path(__file__).parent.parent / "tables"


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    return build_catalogue(tomllib.loads((FOLDER / "brands.toml").read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def _makers() -> dict[str, str]:
    document = tomllib.loads((FOLDER / "wmi.toml").read_text(encoding="utf-8"))
    return {str(code): str(maker) for code, maker in document["maker"].items()}


def maker_of(wmi: str) -> str | None:
    """The maker's Chinese name, None for a WMI the table does not have."""
    return _makers().get(wmi)


def rule_table(name: str, *, on: date) -> rules.RuleTable:
    """One of this feature's tables as valid on a legal day."""
    return rules.load(FOLDER / f"{name}.toml", on=on)


def brands() -> tuple[Brand, ...]:
    """Every brand, in the catalogue's order."""
    return tuple(catalogue().brands)


def resolve_brand(text: str) -> Brand | None:
    """宝马, BMW, baoma, 华晨宝马, 宝马(进口) → 宝马."""
    return catalogue().resolve_brand(text)


def resolve_series(brand: Brand, text: str) -> Series | None:
    return catalogue().resolve_series(brand, text)


def split_title(brand: Brand, title: str) -> tuple[Series | None, str]:
    """Series and model of a dealer's title."""
    return catalogue().split_title(brand, title)
