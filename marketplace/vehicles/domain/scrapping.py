"""When a car must be scrapped: 机动车强制报废标准规定, years by use and class, from the first registration."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from marketplace.vehicles.domain.vocabulary import UseType, VehicleKind

_SIZES = {
    VehicleKind.PASSENGER_MICRO: "small",
    VehicleKind.PASSENGER_SMALL: "small",
    VehicleKind.PASSENGER_MEDIUM: "medium",
    VehicleKind.PASSENGER_LARGE: "large",
}
_COMMERCIAL = {
    UseType.TAXI: "taxi",
    UseType.TAXI_TO_PRIVATE: "taxi",
    UseType.RIDE_HAILING: "ride_hailing",
    UseType.RIDE_HAILING_TO_PRIVATE: "ride_hailing",
    UseType.RENTAL: "rental",
    UseType.DRIVING_SCHOOL: "driving_school",
    UseType.CITY_BUS: "city_bus",
    UseType.SCHOOL_BUS: "school_bus",
    UseType.COACH: "commercial",
    UseType.TOURIST: "commercial",
    UseType.FREIGHT: "commercial",
    UseType.COMMERCIAL_TO_PRIVATE: "commercial",
    UseType.DANGEROUS_GOODS: "commercial",
}


def class_of(kind: VehicleKind, use_type: UseType) -> str:
    """The row of the scrapping table: ``taxi_small``, ``non_commercial_large``, ``truck_heavy`` …"""
    if use_type is UseType.DANGEROUS_GOODS and kind.value.startswith("truck"):
        return "truck_dangerous_goods"
    if kind not in _SIZES:
        return kind.value
    return f"{_COMMERCIAL.get(use_type, 'non_commercial')}_{_SIZES[kind]}"


def add_years(day: date, years: int) -> date:
    """The same day years later; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def starts_on(first_registration_on: date, manufactured_on: date | None) -> date:
    """The registration day; the factory day when the car stood more than two years unregistered."""
    if manufactured_on is not None and add_years(manufactured_on, 2) < first_registration_on:
        return manufactured_on
    return first_registration_on


@dataclass(frozen=True, slots=True)
class Conversion:
    """A small private car gone into commercial use (annex of the rule): the private life its years were part of, and the most it gets."""

    original_life_years: int
    most_years: int


def converted_years(*, years_before: int, life_after: int, conversion: Conversion) -> int:
    """Whole years a small private car has that went commercial after ``years_before`` (begun ones count), cut to whole years."""
    life = conversion.original_life_years
    left = max(life - years_before, 0)
    return min((years_before * life + left * life_after) // life, conversion.most_years)


def scrapping_on(
    *,
    kind: VehicleKind,
    use_type: UseType,
    first_registration_on: date,
    manufactured_on: date | None,
    years: Mapping[str, int],
    former_use: UseType | None = None,
    use_changed_on: date | None = None,
    conversion: Conversion | None = None,
) -> date | None:
    """The first day on which the car has reached its term; None when its class has none. ``years``: term by class.

    A car that left commercial use keeps its commercial term, whatever use is stated now (营转非).
    """
    began = starts_on(first_registration_on, manufactured_on)
    term_years = years.get(class_of(kind, use_type))
    if term_years is not None and use_changed_on is not None and conversion is not None and _went_commercial(kind, use_type, former_use):
        before = _begun_years(began, use_changed_on)
        term_years = converted_years(years_before=before, life_after=term_years, conversion=conversion)
    elif former_use is not None and former_use in _COMMERCIAL and use_type not in _COMMERCIAL:
        term_years = years.get(class_of(kind, former_use))
    return add_years(began, term_years) if term_years is not None else None


def _went_commercial(kind: VehicleKind, use_type: UseType, former_use: UseType | None) -> bool:
    return _SIZES.get(kind) == "small" and former_use is UseType.NON_COMMERCIAL and use_type in _COMMERCIAL


def _begun_years(start: date, end: date) -> int:
    whole = end.year - start.year - ((end.month, end.day) < (start.month, start.day))
    return whole + (add_years(start, whole) < end)
