"""Rules of estimates: purposes, confidence, the domain of the data, rounding. Integers only; the model's floats stay in ``engine``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from marketplace.core.errors import Malformed, Refusal


class PricePurpose(StrEnum):
    """One car has many prices; the question comes first."""

    RETAIL_ASK = "retail_ask"  # what comparable cars are offered for
    TRADE_IN = "trade_in"  # what a dealer pays
    AUCTION_HAMMER = "auction_hammer"  # what an auction brings


class Confidence(StrEnum):
    """From the width of the interval: A is narrow, D asks for an appraiser."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class Level(StrEnum):
    """How closely the training data know the car."""

    TRIM = "trim"
    SERIES_YEAR = "series_year"
    SERIES = "series"
    BRAND = "brand"


class RefusalReason(StrEnum):
    """Why there is no estimate. Stable codes for partners."""

    UNKNOWN_BRAND = "unknown_brand"
    UNKNOWN_SERIES = "unknown_series"
    TOO_FEW_CARS_OF_BRAND = "too_few_cars_of_brand"
    TOO_OLD = "too_old"
    NOT_REGISTERED_YET = "not_registered_yet"
    MODEL_YEAR_CONTRADICTS_REGISTRATION = "model_year_contradicts_registration"
    MILEAGE_OUT_OF_RANGE = "mileage_out_of_range"
    PRICE_OUT_OF_RANGE = "price_out_of_range"
    INTERVAL_TOO_WIDE = "interval_too_wide"
    COMMERCIAL_USE = "commercial_use"
    DAMAGE_ON_RECORD = "damage_on_record"
    NOT_A_PASSENGER_CAR = "not_a_passenger_car"


@dataclass(frozen=True, slots=True)
class CarFacts:
    """What an estimate is made from. Only ``brand``, ``first_registration_on`` and ``mileage_km`` must be known.

    ``guide_price_minor`` is the maker's list price (厂商指导价), fen.
    """

    brand: str
    first_registration_on: date
    mileage_km: int
    series: str = ""
    model: str = ""
    model_year: int | None = None
    city: str = ""
    fuel: str = ""
    gearbox: str = ""
    displacement_ml: int | None = None
    emission_stage: str = ""
    transfer_count: int | None = None
    guide_price_minor: int | None = None
    use_type: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the training data end. Ages in months, prices in fen, widths in basis points of the price."""

    age_months_max: int
    mileage_km_max: int
    km_per_month_max: int
    price_minor_min: int
    price_minor_max: int
    brand_cars_min: int
    width_bps_max: int
    confidence_bps: tuple[int, int, int]


class OutsideModel(Refusal):
    """No estimate is better than a wrong one. ``reason`` is one of ``RefusalReason``."""

    status = 422
    zh = "车辆超出估价模型的数据范围({reason}),请申请人工鉴定评估"
    en = "The car lies outside the data of the pricing model ({reason}); ask for an appraisal."


class FactsIncomplete(Malformed):
    """The registered car lacks what an estimate needs."""

    zh = "车辆信息不足以估价:{missing}"
    en = "The car's facts do not suffice for an estimate: {missing}."


PRIVATE_USES = frozenset({"", "non_commercial"})
PASSENGER_KINDS = frozenset({"", "passenger_micro", "passenger_small", "passenger_medium"})


def age_months_between(start: date, end: date) -> int:
    """Whole months, 0 or more."""
    return max((end.year - start.year) * 12 + end.month - start.month - (1 if end.day < start.day else 0), 0)


def find_refusal(facts: CarFacts, *, on: date, bounds: Bounds) -> RefusalReason | None:
    """Why the facts alone put the car outside the data, None when they do not."""
    age = age_months_between(facts.first_registration_on, on)
    checks = (
        (facts.first_registration_on > on, RefusalReason.NOT_REGISTERED_YET),
        (age > bounds.age_months_max, RefusalReason.TOO_OLD),
        (facts.mileage_km > bounds.mileage_km_max, RefusalReason.MILEAGE_OUT_OF_RANGE),
        (facts.mileage_km > bounds.km_per_month_max * (age + 2), RefusalReason.MILEAGE_OUT_OF_RANGE),
        (_contradicts(facts), RefusalReason.MODEL_YEAR_CONTRADICTS_REGISTRATION),
        (facts.use_type not in PRIVATE_USES, RefusalReason.COMMERCIAL_USE),
        (facts.kind not in PASSENGER_KINDS, RefusalReason.NOT_A_PASSENGER_CAR),
    )
    return next((reason for failed, reason in checks if failed), None)


def _contradicts(facts: CarFacts) -> bool:
    """A model year is sold from the year before it; a car seldom waits five years for its first plate."""
    if facts.model_year is None:
        return False
    return not facts.model_year - 1 <= facts.first_registration_on.year <= facts.model_year + 5


def confidence_of(width_bps: int, bounds: Bounds) -> Confidence:
    """A-D by the width of the interval in basis points of the price."""
    for grade, limit in zip((Confidence.A, Confidence.B, Confidence.C), bounds.confidence_bps, strict=True):
        if width_bps <= limit:
            return grade
    return Confidence.D


def round_price(amount_minor: int) -> int:
    """To whole hundreds of yuan: more digits would be a lie."""
    step = 10_000
    return max((amount_minor + step // 2) // step * step, step)


@dataclass(frozen=True, slots=True)
class PurposeRatio:
    """How a purpose's price stands to the retail asking price: ``median_bps`` of it, between ``low_bps`` and ``high_bps``.

    ``coverage_known`` is False where the ratio was taken from elsewhere and not measured on this market's sales.
    """

    median_bps: int
    low_bps: int
    high_bps: int
    coverage_known: bool
    source: str


def compute_purpose_ratio(purpose: PricePurpose, retail_minor: int, table: Mapping[str, Any]) -> PurposeRatio:
    """The ratio for a retail price by a rule table: bands ``{up_to_minor, median_bps, low_bps, high_bps}``, the last one open."""
    found = table[purpose.value]
    band = next(one for one in found["bands"] if retail_minor <= one.get("up_to_minor", retail_minor))
    return PurposeRatio(band["median_bps"], band["low_bps"], band["high_bps"], found["coverage_known"], found["source"])
