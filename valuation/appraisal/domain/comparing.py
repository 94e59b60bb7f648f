"""Market comparison (现行市价法): ``V = P × k_time × k_region × k_score × k_mileage``, averaged over three comparables or more.

``Decimal``, rounded half up to fen for each comparable and for the mean. Factors are basis points (10,000 is 1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from valuation.appraisal.domain.procedure import FactorMissing, TooFewComparables

FACTORS = ("time", "region", "score", "mileage")
NEEDED = 3
_ONE = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Subject:
    """The car appraised, as far as the factors need it. ``score_tenths`` None for an accident car: its score says nothing."""

    age_months: int
    odometer_km: int
    score_tenths: int | None


@dataclass(frozen=True, slots=True)
class Reference:
    """A comparable sale as found. ``age_months`` at its sale. ``stated`` are factors the appraiser sets himself, basis points."""

    source: str
    price_minor: int
    sold_on: str
    city: str = ""
    age_months: int | None = None
    odometer_km: int | None = None
    score_tenths: int | None = None
    stated: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Basis points for each month of age, ten thousand kilometres and point of score; a factor stays within the bounds."""

    age_month_bps: int
    mileage_10k_km_bps: int
    score_point_bps: int
    factor_min_bps: int
    factor_max_bps: int


@dataclass(frozen=True, slots=True)
class Comparable:
    """What is stored and computed from: a price and its four factors."""

    source: str
    price_minor: int
    time_bps: int
    region_bps: int
    score_bps: int
    mileage_bps: int


@dataclass(frozen=True, slots=True)
class MarketValue:
    """Each comparable's adjusted price and their mean, fen."""

    adjusted_minor: tuple[int, ...]
    value_minor: int


def decide_factors(subject: Subject, reference: Reference, coefficients: Coefficients) -> Comparable:
    """A comparable's four factors: those stated, else by the table. The region is 1 unless stated.

    Raises ``FactorMissing`` for a factor that is neither stated nor computable from the facts.
    """
    computed = {
        "time": _linear(reference.age_months, subject.age_months, coefficients.age_month_bps, 1),
        "region": 10_000,
        "score": _linear(reference.score_tenths, subject.score_tenths, coefficients.score_point_bps, 10),
        "mileage": _linear(reference.odometer_km, subject.odometer_km, coefficients.mileage_10k_km_bps, 10_000),
    }
    factors = {name: (reference.stated or {}).get(name, computed[name]) for name in FACTORS}
    missing = [name for name in FACTORS if factors[name] is None]
    if missing:
        raise FactorMissing(factors=missing)
    bounded = {name: min(max(factors[name] or 0, coefficients.factor_min_bps), coefficients.factor_max_bps) for name in FACTORS}
    return Comparable(
        source=reference.source,
        price_minor=reference.price_minor,
        time_bps=bounded["time"],
        region_bps=bounded["region"],
        score_bps=bounded["score"],
        mileage_bps=bounded["mileage"],
    )


def _linear(theirs: int | None, ours: int | None, bps: int, unit: int) -> int | None:
    """1 plus ``bps`` for every ``unit`` that our car has more than the comparable, half up."""
    if theirs is None or ours is None:
        return None
    return 10_000 + int((Decimal(ours - theirs) * bps / unit).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def compute_market_value(comparables: Sequence[Comparable]) -> MarketValue:
    """The mean of the adjusted prices. Raises ``TooFewComparables`` for fewer than three."""
    if len(comparables) < NEEDED:
        raise TooFewComparables(needed=NEEDED, found=len(comparables))
    adjusted = tuple(_adjust(one) for one in comparables)
    mean = Decimal(sum(adjusted)) / len(adjusted)
    return MarketValue(adjusted_minor=adjusted, value_minor=_fen(mean))


def _adjust(one: Comparable) -> int:
    product = Decimal(one.price_minor)
    for bps in (one.time_bps, one.region_bps, one.score_bps, one.mileage_bps):
        product = product * bps / _ONE
    return _fen(product)


def _fen(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))
