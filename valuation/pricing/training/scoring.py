"""How good the model is on cars it has not seen: by source, description, price band, support, width."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from valuation.pricing.engine.artefact import Model
from valuation.pricing.engine.boosting import Floats
from valuation.pricing.engine.cars import Car
from valuation.pricing.engine.features import less_known
from valuation.pricing.training.fitting import level_key
from valuation.pricing.training.listings import Sample

DESCRIPTIONS: dict[str, Callable[[Car], Car]] = {
    "with_new_price": lambda car: car,
    "without_new_price": lambda car: less_known(car, keep=1.0),
    "without_trim": lambda car: less_known(car, keep=0.0),
}
"""How a caller may describe a car, the best description first."""

BANDS = (5.0, 10.0, 20.0, 50.0)


@dataclass(frozen=True, slots=True)
class Scored:
    """Predictions beside asking prices, 10,000 yuan, each at its own source's price level."""

    price: Floats
    low: Floats
    high: Floats
    asked: Floats

    def pick(self, where: Sequence[int]) -> "Scored":
        index = np.array(where, dtype=np.int64)
        return Scored(self.price[index], self.low[index], self.high[index], self.asked[index])

    def metrics(self) -> dict[str, Any]:
        """Rows, MAPE, median error, share within ±10 %, coverage, median width, bias; all in percent."""
        error = self.price / self.asked - 1
        inside = (self.asked >= self.low) & (self.asked <= self.high)
        return {
            "rows": len(self.price),
            "mape": _percent(np.abs(error).mean()),
            "median_ape": _percent(np.median(np.abs(error))),
            "within_10": _percent((np.abs(error) <= 0.10).mean()),
            "coverage": _percent(inside.mean()),
            "width": _percent(np.median((self.high - self.low) / self.price)),
            "bias": _percent(np.median(error)),
        }


def _percent(value: Any) -> float:
    return round(float(value) * 100, 1)


def score(model: Model, samples: Sequence[Sample], describe: Callable[[Car], Car]) -> tuple[Scored, list[Car]]:
    """All samples as described. The price level of the sample's own source is applied, as the fit learned it."""
    cars = [describe(sample.car) for sample in samples]
    price, low, high = model.predict_many(cars)
    level = np.exp([model.levels.get(level_key(one.source, one.car.energy), 0.0) for one in samples])
    asked = np.array([sample.price_w for sample in samples])
    return Scored(price * level, low * level, high * level, asked), cars


def score_everything(model: Model, samples: Sequence[Sample]) -> dict[str, Any]:
    """The card's metrics."""
    named = [sample for sample in samples if sample.car.series]
    found: dict[str, Any] = {}
    for name, describe in DESCRIPTIONS.items():
        chosen = list(samples) if name == "with_new_price" else named
        scored, cars = score(model, chosen, describe)
        found[name] = {
            "by_source": _grouped(scored, [sample.source for sample in chosen]),
            "by_support": _grouped(scored, [model.group_of(car) for car in cars]),
            "by_energy": _grouped(scored, [sample.car.energy for sample in chosen]),
            "by_price_band": _grouped(scored, [_band(price) for price in scored.price]),
            "by_width_quartile": _grouped(scored, _quartiles((scored.high - scored.low) / scored.price)),
        }
    return found


def _grouped(scored: Scored, names: Iterable[str]) -> dict[str, Any]:
    where: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(names):
        where[name].append(number)
    return {name: scored.pick(rows).metrics() for name, rows in sorted(where.items()) if len(rows) >= 10}


def _band(price: float) -> str:
    edges = [0.0, *BANDS]
    index = sum(price >= edge for edge in BANDS)
    return f"{edges[index]:02.0f}-{BANDS[index]:02.0f}万" if index < len(BANDS) else f"{edges[-1]:02.0f}万+"


def _quartiles(width: Floats) -> list[str]:
    edges = np.quantile(width, [0.25, 0.5, 0.75])
    return [f"Q{1 + int(np.searchsorted(edges, one))}" for one in width]


def count_order_breaks(model: Model, samples: Sequence[Sample]) -> dict[str, int]:
    """Cars that get dearer when older or driven further: must be none."""
    cars = [sample.car for sample in samples[:1_500]]
    before = model.predict_many(cars)[0]
    older = model.predict_many([replace(car, age_months=car.age_months + 24) for car in cars])[0]
    further = model.predict_many([replace(car, mileage_wkm=car.mileage_wkm + 4) for car in cars])[0]
    return {"cars": len(cars), "older": int((older > before * 1.000001).sum()), "further": int((further > before * 1.000001).sum())}
