"""Rules of a dealer's store: what a car cost to make ready 整备, what is left of its price, how long it has stood. Pure; amounts in fen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from marketplace.core.errors import NotFound

BPS = 10_000


class WorkKind(StrEnum):
    """What is done to a car before it is shown."""

    INSPECTION = "inspection"
    MECHANICAL = "mechanical"
    BODY_PAINT = "body_paint"
    TYRES = "tyres"
    INTERIOR = "interior"
    CLEANING = "cleaning"
    BATTERY = "battery"
    PARTS = "parts"
    PAPERS = "papers"
    TRANSPORT = "transport"
    OTHER = "other"


class WorkState(StrEnum):
    """``planned`` counts as expected cost, ``done`` as spent, ``dropped`` not at all."""

    PLANNED = "planned"
    DONE = "done"
    DROPPED = "dropped"


class WorkNotFound(NotFound):
    zh = "未找到该整备项目"
    en = "No such work on a car of yours."


@dataclass(frozen=True, slots=True)
class StoreRules:
    """Numbers of ``tables/store.toml``."""

    vat_bps: int
    aging_days: tuple[int, ...]

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "StoreRules":
        return cls(values["vat_bps"], tuple(values["aging_days"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What is left of a price. ``margin_minor`` is None while it is unknown what the car cost; ``is_sold``: the price was really got."""

    price_minor: int | None
    is_sold: bool
    cost_minor: int | None
    spent_minor: int
    planned_minor: int
    fee_minor: int
    vat_minor: int
    margin_minor: int | None
    margin_bps: int | None


def compute_vat(price_minor: int, vat_bps: int) -> int:
    """Tax inside a price that includes it, half a fen up."""
    return (2 * price_minor * vat_bps + BPS + vat_bps) // (2 * (BPS + vat_bps))


def compute_margin(
    *,
    price_minor: int | None,
    is_sold: bool,
    cost_minor: int | None,
    works: Sequence[tuple[WorkState, int]],
    fee_minor: int,
    vat_bps: int,
) -> Margin:
    """Price less cost, reconditioning done and planned, the market's fee, and the tax inside the price."""
    spent = sum(amount for state, amount in works if state is WorkState.DONE)
    planned = sum(amount for state, amount in works if state is WorkState.PLANNED)
    vat = compute_vat(price_minor, vat_bps) if price_minor is not None else 0
    left = None if price_minor is None or cost_minor is None else price_minor - cost_minor - spent - planned - fee_minor - vat
    return Margin(
        price_minor=price_minor,
        is_sold=is_sold,
        cost_minor=cost_minor,
        spent_minor=spent,
        planned_minor=planned,
        fee_minor=fee_minor,
        vat_minor=vat,
        margin_minor=left,
        margin_bps=None if left is None or not price_minor else left * BPS // price_minor,
    )


def age_band(days: int, limits: Sequence[int]) -> int:
    """0 for a fresh car, one more for each limit it has passed."""
    return sum(days >= limit for limit in limits)
