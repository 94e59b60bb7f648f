"""Reads the training sets: Chinese listings of six sources, amounts in 10,000 yuan.

Columns that exist only after a seller has priced (days listed, "great value" tags) are left alone: they would leak the answer.
"""

import csv
import gzip
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from valuation.pricing.engine.cars import (
    GUIDE_TO_TAXED,
    Car,
    emission_of,
    energy_of,
    find_brand,
    fold,
    fold_brand,
    fold_city,
    fold_series,
    fold_trim,
    is_brand_name,
)

Row = Mapping[str, str]
SOURCES = {
    "cn_che168_nation": "2024-06",
    "cn_che168_fujian": "2023-12",
    "cn_dongchedi": "2026-04",
    "cn_guazi_2021": "2021-01",
    "cn_guazi_ev_2022": "2022-01",
    "cn_renrenche": "2022-06",
}
"""Set → month of its prices. dongchedi also holds cars of 2024-06."""

NEUTRAL = "cn_che168_nation"
"""The source whose price level is the model's."""


INDEX_FROM, INDEX_TO = "cn_dongchedi@2024-06", "cn_dongchedi@2026-04"
"""One site at two moments: the difference of its price levels is the index from the one to the other."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One car with its asking price. ``group`` names the physical car: all its rows fall into one fold."""

    car: Car
    price_w: float
    source: str
    group: str


def read_samples(folder: Path, split: str, brands: "BrandIndex") -> list[Sample]:
    """All usable rows of a split. Rows without price, new price or age are left out."""
    samples = []
    for source in SOURCES:
        path = folder / source / f"{split}.csv.gz"
        if path.exists():
            samples += [found for row in _rows(path) if (found := _sample(source, row, brands)) is not None]
    return samples


def _rows(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


@dataclass(frozen=True, slots=True)
class BrandIndex:
    """Brand names seen in the sets that state them, and each series' brand."""

    brands: frozenset[str]
    of_series: Mapping[str, str]

    def brand_of(self, row: Row) -> str:
        stated = fold_brand(row.get("brand", ""))
        if stated in self.brands:
            return stated
        series = fold(row.get("series", ""))
        return self.of_series.get(series) or find_brand([row.get("title", ""), row.get("maker", ""), stated], self.brands)


def index_brands(folder: Path, split: str = "train") -> BrandIndex:
    """From the sets with a clean brand column."""
    brands: set[str] = set()
    of_series: dict[str, Counter[str]] = defaultdict(Counter)
    for source in ("cn_che168_fujian", "cn_dongchedi", "cn_guazi_ev_2022", "cn_renrenche"):
        path = folder / source / f"{split}.csv.gz"
        for row in _rows(path) if path.exists() else ():
            brand = fold_brand(row["brand"])
            brands.add(brand)
            if row.get("series") and is_brand_name(brand):
                of_series[fold(row["series"])][brand] += 1
    return BrandIndex(
        frozenset(brand for brand in brands if is_brand_name(brand)),
        {series: found.most_common(1)[0][0] for series, found in of_series.items()},
    )


def _number(row: Row, column: str) -> float:
    text = row.get(column, "")
    try:
        return float(text) if text else math.nan
    except ValueError:
        return math.nan


def _sample(source: str, row: Row, brands: BrandIndex) -> Sample | None:
    brand = brands.brand_of(row)
    price, new_price = _number(row, "price_w"), _number(row, "new_price_w")
    age = _AGES.get(source, _age)(row)
    if source == "cn_dongchedi":
        new_price *= GUIDE_TO_TAXED
    if not (brand and price > 0 and new_price > 0 and 0 <= age <= 360 and 0.02 < price / new_price < 1.6):
        return None
    series = fold_series(row.get("series", ""), brand) if row.get("series") else ""
    when = row["crawl"] if source == "cn_dongchedi" else SOURCES[source]
    car = Car(
        brand=brand,
        series=series,
        model_year=_number(row, "model_year"),
        trim=fold_trim(row.get("trim", ""), brand=brand, series=series),
        age_months=age,
        mileage_wkm=_number(row, "mileage_wkm"),
        city=fold_city(row.get("city") or row.get("plate_city", "")),
        energy=_energy(source, row),
        is_manual=_manual(row),
        displacement_l=_displacement(row),
        emission=emission_of(row.get("emission", "")),
        transfers=_number(row, "transfer_count"),
        new_price_w=new_price,
        at_year=year_of(when),
    )
    return Sample(car, price, f"{source}@{when}", row.get("car_key") or row["row_id"])


def year_of(month: str) -> float:
    """``2024-06`` → 2024.458, the middle of the month."""
    year, number = month.split("-")
    return int(year) + (int(number) - 0.5) / 12


def _age(row: Row) -> float:
    return max(_number(row, "age_months"), 0.0) if row.get("age_months") else math.nan


def _age_by_model_year(row: Row) -> float:
    """dongchedi states no registration month: seven and a half months into the model year, the median of the sets that state both."""
    year, month = row["crawl"].split("-")
    return max((int(year) - _number(row, "model_year")) * 12 + int(month) - 7.5, 1.0)


_AGES: Mapping[str, Callable[[Row], float]] = {"cn_dongchedi": _age_by_model_year}


def _energy(source: str, row: Row) -> str:
    if source == "cn_guazi_ev_2022":
        return "electric"
    for text in (row.get("power_type", ""), row.get("emission", ""), row.get("fuel", "")):
        if (energy := energy_of(text)) != "ice":
            return energy
    if row.get("ev_range_km") and not row.get("displacement_l"):
        return "electric"
    return energy_of(
        " ".join((row.get("title", ""), row.get("trim", ""))).replace("电动", "") if "纯电" not in row.get("title", "") else "纯电"
    )


def _manual(row: Row) -> float:
    if row.get("automatic"):
        return 1.0 - _number(row, "automatic")
    text = row.get("gearbox", "")
    if not text:
        return math.nan
    return float("手动" in text and "手自" not in text)


def _displacement(row: Row) -> float:
    millilitres = _number(row, "displacement_ml")
    return _number(row, "displacement_l") if math.isnan(millilitres) else millilitres / 1_000
