"""The columns the trees see. Order is part of the artefact: append, never reorder."""

import math
from dataclasses import replace

import numpy as np

from valuation.pricing.engine.boosting import Floats
from valuation.pricing.engine.cars import ENERGIES, Car
from valuation.pricing.engine.encoding import Hierarchy, log_count

COLUMNS = (
    "age_months",
    "mileage_wkm",
    "log_new",
    "new_is_known",
    "brand_mean",
    "series_mean",
    "year_mean",
    "trim_mean",
    "series_count",
    "year_count",
    "trim_count",
    "new_trim_count",
    "model_age",
    "energy",
    "is_manual",
    "displacement_l",
    "emission",
    "transfers",
    "city_mean",
    "city_count",
)
MONOTONE = np.array([{"age_months": -1, "mileage_wkm": -1, "model_age": -1}.get(name, 0) for name in COLUMNS], dtype=np.int8)

GROUPS = {
    "age": ("age_months", "model_age"),
    "mileage": ("mileage_wkm",),
    "brand_and_model": ("brand_mean", "series_mean", "year_mean", "trim_mean", "series_count", "year_count", "trim_count"),
    "new_price": ("log_new", "new_is_known", "new_trim_count"),
    "powertrain": ("energy", "is_manual", "displacement_l", "emission"),
    "transfers": ("transfers",),
    "city": ("city_mean", "city_count"),
}
"""Columns behind each factor an answer names."""

NEW_PRICE_STRENGTH = (4.0, 3.0, 1.0, 0.3)
MEAN_STRENGTH = (20.0, 12.0, 6.0, 4.0)
CITY_STRENGTH = (30.0,)


def new_price_of(car: Car, new_prices: Hierarchy) -> tuple[float, float]:
    """``(log of the new price in 10,000 yuan, cars of the same trim behind it)``: the stated one, else the catalogue's mean."""
    means, counts = new_prices.encode(car.path)
    if car.new_price_w == car.new_price_w:
        return math.log(car.new_price_w), counts[3]
    return means[3], counts[3]


def features_of(car: Car, *, new_prices: Hierarchy, means: Hierarchy, cities: Hierarchy) -> list[float]:
    """One row, in the order of ``COLUMNS``."""
    log_new, trim_prices = new_price_of(car, new_prices)
    levels, counts = means.encode(car.path)
    city_mean, city_count = cities.encode((car.city,))
    return [
        car.age_months,
        car.mileage_wkm,
        log_new,
        float(car.new_price_w == car.new_price_w),
        *levels,
        log_count(counts[1]),
        log_count(counts[2]),
        log_count(counts[3]),
        log_count(trim_prices),
        car.at_year - car.model_year,
        float(ENERGIES.index(car.energy)),
        car.is_manual,
        car.displacement_l,
        car.emission,
        car.transfers,
        city_mean[0],
        log_count(city_count[0]),
    ]


def matrix_of(rows: list[list[float]]) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(COLUMNS))


def less_known(car: Car, *, keep: float) -> Car:
    """The same car as a caller might describe it: without new price, and below ``keep`` without its details either."""
    if keep > 0.6:
        return replace(car, new_price_w=math.nan)
    nan = math.nan
    if keep > 0.25:
        return replace(car, new_price_w=nan, displacement_l=nan, emission=nan, transfers=nan, is_manual=nan)
    return replace(car, new_price_w=nan, trim="", displacement_l=nan, emission=nan, is_manual=nan)
