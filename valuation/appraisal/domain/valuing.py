"""Replacement-cost value (重置成本法): ``Decimal``, rounded half up as the national formula does, amounts in fen."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from marketplace.core.money import FEN_PER_YUAN, round_to_fen

RATIO_PLACES = Decimal("0.0001")
BPS = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class ReplacementCost:
    """Stored inputs of one valuation: enough to compute it again years later. Rates and ``alpha`` in basis points."""

    new_price_minor: int
    plate_fee_minor: int
    age_months: int
    life_months: int
    score_tenths: int
    alpha_bps: int
    vat_bps: int = 1_300
    purchase_tax_bps: int = 1_000


@dataclass(frozen=True, slots=True)
class ReplacementValue:
    """Every intermediate of the formula; ratios in basis points (four decimals)."""

    purchase_tax_minor: int
    replacement_cost_minor: int
    age_ratio_bps: int
    technical_ratio_bps: int
    combined_ratio_bps: int
    value_minor: int


def compute_replacement_value(inputs: ReplacementCost) -> ReplacementValue:
    """评估价值 = 更新重置成本 × 综合成新率. The combined ratio is rounded to four decimals before the product.

    Raises ``ValueError`` for a life of zero or a weight outside 0-1.
    """
    if inputs.life_months <= 0 or not 0 <= inputs.alpha_bps <= 10_000:
        raise ValueError("life must be positive and alpha between 0 and 10000")
    price = Decimal(inputs.new_price_minor) / FEN_PER_YUAN
    tax = _fen(price / (1 + inputs.vat_bps / BPS) * (inputs.purchase_tax_bps / BPS))
    cost = price + tax + Decimal(inputs.plate_fee_minor) / FEN_PER_YUAN
    age = _ratio(max(Decimal(0), 1 - Decimal(inputs.age_months) / inputs.life_months))
    technical = _ratio(Decimal(inputs.score_tenths) / 1_000)
    alpha = inputs.alpha_bps / BPS
    combined = _ratio(age * alpha + technical * (1 - alpha))
    return ReplacementValue(
        purchase_tax_minor=round_to_fen(tax),
        replacement_cost_minor=round_to_fen(cost),
        age_ratio_bps=int(age * BPS),
        technical_ratio_bps=int(technical * BPS),
        combined_ratio_bps=int(combined * BPS),
        value_minor=round_to_fen(cost * combined),
    )


def _ratio(value: Decimal) -> Decimal:
    return value.quantize(RATIO_PLACES, rounding=ROUND_HALF_UP)


def _fen(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def months_between(start: date, end: date) -> int:
    """Whole months from first registration to the base date; 0 when ``end`` is not after ``start``."""
    months = (end.year - start.year) * 12 + end.month - start.month - (1 if end.day < start.day else 0)
    return max(months, 0)


def service_life_months(life_years: int | None, age_months: int, *, private_years: int) -> int:
    """规定使用年限: the compulsory limit where there is one, else ``private_years``; an older car's own age."""
    return max((life_years or private_years) * 12, age_months)
