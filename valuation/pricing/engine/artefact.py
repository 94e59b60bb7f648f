"""The trained artefact: a folder of ``trees.npz``, ``tables.json`` and ``card.json`` with the hashes of both. Read-only at run time."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from valuation.pricing.engine.boosting import Floats, Forest, Tree
from valuation.pricing.engine.cars import Car
from valuation.pricing.engine.encoding import Hierarchy, load_hierarchy, round_hierarchy
from valuation.pricing.engine.features import COLUMNS, GROUPS, features_of, matrix_of, new_price_of

TREES, TABLES, CARD = "trees.npz", "tables.json", "card.json"


class BrokenArtefact(ValueError):
    """A file is missing or is not the one the card names."""


@dataclass(frozen=True, slots=True)
class Offsets:
    """Conformal quantiles of residual / size for one support group."""

    low: float
    high: float
    rows: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """Prices in 10,000 yuan at the neutral source's price level. ``factors`` multiply to ``price_w / new_price_w``."""

    price_w: float
    low_w: float
    high_w: float
    new_price_w: float
    group: str
    counts: tuple[float, ...]
    factors: tuple[tuple[str, float], ...]


@dataclass(slots=True)
class Model:
    """Everything a prediction needs."""

    new_prices: Hierarchy
    means: Hierarchy
    cities: Hierarchy
    point: Forest
    spread: Forest
    offsets: dict[str, Offsets]
    levels: dict[str, float]
    series_energy: dict[str, str]
    widening: float = 1.0

    def brands(self) -> frozenset[str]:
        """Every brand the training data hold."""
        return frozenset(key for key in self.means.counts if "|" not in key)

    def brand_cars(self, brand: str) -> float:
        return self.means.counts.get(brand, 0.0)

    def predict(self, car: Car) -> Prediction:
        """One car, with its factors."""
        row = self._row(car)
        base, parts = self.point.explain(row)
        log_new = new_price_of(car, self.new_prices)[0]
        middle = log_new + base + math.fsum(parts)
        counts = self.means.encode(car.path)[1]
        group = support_group(guide_known=car.new_price_w == car.new_price_w, counts=counts)
        offsets = self.offsets.get(group, self.offsets["all"])
        size = self.widening * math.exp(self.spread.predict_one(row))
        return Prediction(
            price_w=math.exp(middle),
            low_w=math.exp(middle + offsets.low * size),
            high_w=math.exp(middle + offsets.high * size),
            new_price_w=math.exp(log_new),
            group=group,
            counts=tuple(counts),
            factors=_factors(base, parts),
        )

    def predict_many(self, cars: Sequence[Car]) -> tuple[Floats, Floats, Floats]:
        """``(price, low, high)`` in 10,000 yuan, without the widening for what has passed since."""
        matrix = matrix_of([self._row(car) for car in cars])
        log_new = np.array([new_price_of(car, self.new_prices)[0] for car in cars])
        middle = log_new + self.point.predict(matrix)
        sizes = np.exp(self.spread.predict(matrix))
        found = [self.offsets.get(self.group_of(car), self.offsets["all"]) for car in cars]
        low, high = np.array([one.low for one in found]), np.array([one.high for one in found])
        return np.exp(middle), np.exp(middle + low * sizes), np.exp(middle + high * sizes)

    def group_of(self, car: Car) -> str:
        return support_group(guide_known=car.new_price_w == car.new_price_w, counts=self.means.encode(car.path)[1])

    def _row(self, car: Car) -> list[float]:
        return features_of(car, new_prices=self.new_prices, means=self.means, cities=self.cities)


def support_group(*, guide_known: bool, counts: Sequence[float]) -> str:
    """How well the training data know the car: what the interval is calibrated by."""
    if counts[3] >= 3:
        level = "trim"
    elif counts[2] >= 3:
        level = "series_year"
    elif counts[1] >= 1:
        level = "series"
    else:
        level = "brand"
    return f"{level}/{'guide' if guide_known else 'bare'}"


def _factors(base: float, parts: Sequence[float]) -> tuple[tuple[str, float], ...]:
    """Named factors, ``base`` first; their product is the share of the new price."""
    index = {name: number for number, name in enumerate(COLUMNS)}
    grouped = [(name, math.exp(math.fsum(parts[index[column]] for column in columns))) for name, columns in GROUPS.items()]
    return (("base", math.exp(base)), *grouped)


# --- writing and reading ------------------------------------------------------------------------------------------------


def write_model(model: Model, folder: Path, card: dict[str, Any]) -> str:
    """Write the artefact and return its version, which is the hash of its content."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / TREES).open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **_arrays("point", model.point), **_arrays("spread", model.spread))
    tables = {
        "columns": list(COLUMNS),
        "new_prices": round_hierarchy(model.new_prices),
        "means": round_hierarchy(model.means),
        "cities": round_hierarchy(model.cities),
        "offsets": {name: asdict(found) for name, found in model.offsets.items()},
        "levels": model.levels,
        "series_energy": model.series_energy,
        "widening": model.widening,
    }
    text = json.dumps(tables, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    (folder / TABLES).write_text(text.replace('],"', '],\n"') + "\n", encoding="utf-8")
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (TREES, TABLES)}
    version = f"{card['name']}-{hashlib.sha256(''.join(hashes.values()).encode()).hexdigest()[:12]}"
    content = card | {"version": version, "sha256": hashes}
    (folder / CARD).write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return version


def _arrays(name: str, forest: Forest) -> dict[str, Any]:
    sizes = np.array([len(tree.feature) for tree in forest.trees], dtype=np.int16)
    joined = {part: np.concatenate([getattr(tree, part) for tree in forest.trees]) for part in ("feature", "left", "right")}
    return {
        f"{name}_base": np.array([forest.base]),
        f"{name}_sizes": sizes,
        f"{name}_feature": joined["feature"].astype(np.int8),
        f"{name}_left": joined["left"].astype(np.int16),
        f"{name}_right": joined["right"].astype(np.int16),
        f"{name}_threshold": np.concatenate([tree.threshold for tree in forest.trees]).astype(np.float32),
        f"{name}_value": np.round(np.concatenate([tree.value for tree in forest.trees]) * 1e7).astype(np.int32),
    }


def read_card(folder: Path) -> dict[str, Any]:
    """The model card; raises ``BrokenArtefact``."""
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BrokenArtefact(f"{folder}: no readable {CARD}") from error
    return card


def read_model(folder: Path) -> tuple[Model, dict[str, Any]]:
    """``(model, card)``; raises ``BrokenArtefact`` when a file is not the one the card was written for."""
    card = read_card(folder)
    for name, wanted in card["sha256"].items():
        path = folder / name
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            raise BrokenArtefact(f"{path} is not the file the card names")
    tables = json.loads((folder / TABLES).read_text(encoding="utf-8"))
    if tables["columns"] != list(COLUMNS):
        raise BrokenArtefact("the artefact was trained on other columns")
    with np.load(folder / TREES, allow_pickle=False) as arrays:
        point, spread = _forest("point", arrays), _forest("spread", arrays)
    model = Model(
        new_prices=load_hierarchy(tables["new_prices"]),
        means=load_hierarchy(tables["means"]),
        cities=load_hierarchy(tables["cities"]),
        point=point,
        spread=spread,
        offsets={name: Offsets(**found) for name, found in tables["offsets"].items()},
        levels=tables["levels"],
        series_energy=tables["series_energy"],
        widening=tables["widening"],
    )
    return model, card


def _forest(name: str, arrays: Any) -> Forest:
    names = ("feature", "threshold", "left", "right", "value")
    parts = {part: arrays[f"{name}_{part}"] for part in names}  # each look-up unpacks the whole array
    ends = np.cumsum(arrays[f"{name}_sizes"].astype(np.int64)).tolist()
    trees = [
        Tree(
            feature=parts["feature"][start:end].astype(np.int16),
            threshold=parts["threshold"][start:end].astype(np.float64),
            left=parts["left"][start:end],
            right=parts["right"][start:end],
            value=parts["value"][start:end] / 1e7,
        )
        for start, end in pairwise([0, *ends])
    ]
    return Forest(base=float(arrays[f"{name}_base"][0]), trees=trees)


def with_energy(car: Car, model: Model, *, stated: bool) -> Car:
    """The series' usual energy where the caller did not say."""
    return car if stated else replace(car, energy=model.series_energy.get(car.path[1], car.energy))
