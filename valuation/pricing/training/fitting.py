"""Fitting the price model: price level of each source, hierarchy, trees, conformal interval. Same data and seed, same artefact.

1. Price levels. Sources differ in site and month. A small forest with the sources' levels held apart gives each source (and energy)
   one number against the neutral source; all prices are brought to the neutral level before the rest.
2. Hierarchy. Mean residuals over that forest along brand → series → year → trim, out of fold for the training rows.
3. Trees on log(price / new price), each car twice: with its new price, and as a caller might describe it.
4. Interval. Out-of-fold residuals; a forest for their size; quantiles of residual / size by group: residual conformal.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from valuation.pricing.engine.artefact import Model, Offsets, support_group
from valuation.pricing.engine.boosting import Floats, Growth, Ints, grow_forest
from valuation.pricing.engine.cars import ENERGIES, Car
from valuation.pricing.engine.encoding import Hierarchy, fit_hierarchy
from valuation.pricing.engine.features import (
    CITY_STRENGTH,
    COLUMNS,
    MEAN_STRENGTH,
    MONOTONE,
    NEW_PRICE_STRENGTH,
    features_of,
    less_known,
    matrix_of,
    new_price_of,
)
from valuation.pricing.training.listings import INDEX_TO, NEUTRAL, Sample

FOLDS = 3
TARGET_COVERAGE = 0.80
LEVEL_ROUNDS = 3
LEVEL_SHRINK = 25.0
SHALLOW_WEIGHT = 0.4
"""Weight of a row that names only its brand."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much work to do; tests train with less."""

    level: Growth = field(default_factory=lambda: Growth(trees=80, leaves=24, rate=0.12))
    point: Growth = field(default_factory=lambda: Growth(trees=420, leaves=40, rate=0.07))
    spread: Growth = field(default_factory=lambda: Growth(trees=80, leaves=12, rate=0.1, huber=2.0, leaf_rows=60))
    group_rows_min: int = 60
    cars_min: float = 2.0


def fold_of(group: str) -> int:
    """The fold of a physical car, by hash."""
    return hashlib.sha256(group.encode()).digest()[0] % FOLDS


def level_key(source: str, energy: str) -> str:
    """Price levels are kept for combustion and for plug-in cars apart."""
    return f"{source}|{'plug' if energy in {'electric', 'plug_in'} else 'fuel'}"


@dataclass(slots=True)
class _Tables:
    """Hierarchies with what each fold added, so that a row is never encoded by its own car."""

    new_prices: Hierarchy
    means: Hierarchy
    cities: Hierarchy


def fit_model(samples: Sequence[Sample], plan: Plan, say: Say = print) -> Model:
    """The whole model from training samples. Raises ``ValueError`` with none."""
    if not samples:
        raise ValueError("no training rows")
    folds = np.array([fold_of(sample.group) for sample in samples])
    levels, residuals = _fit_levels(samples, plan, say)
    whole = _fit_tables(samples, residuals, np.ones(len(samples), dtype=bool))
    outside = [_fit_tables(samples, residuals, folds != fold) for fold in range(FOLDS)]
    matrix, target, weights, owner, groups = _design(samples, levels, folds, outside)
    say(f"rows {len(matrix)}")
    row_folds = folds[owner]
    errors = _out_of_fold(matrix, target, weights, row_folds, plan, say)
    point = grow_forest(matrix, target, weights, monotone=MONOTONE, growth=plan.point)
    calm = np.zeros(len(COLUMNS), dtype=np.int8)
    spread_target = np.log(np.abs(errors) + 0.01)
    spread = grow_forest(matrix, spread_target, weights, monotone=calm, growth=plan.spread)
    sizes = np.exp(_out_of_fold_spread(matrix, spread_target, weights, row_folds, plan))
    ratios = errors / sizes
    newest = np.array([samples[number].source == INDEX_TO for number in owner])
    offsets = _fit_offsets(ratios, groups, plan)
    return Model(
        new_prices=whole.new_prices,
        means=whole.means.without_single_cars(plan.cars_min),
        cities=whole.cities.without_single_cars(plan.cars_min),
        point=point,
        spread=spread,
        offsets=offsets,
        levels=levels,
        series_energy=_series_energy(samples),
        widening=_fit_widening(ratios, newest, offsets["all"], plan),
    )


# --- 1. price levels ----------------------------------------------------------------------------------------------------


def _plain(car: Car, log_new: float, means: Sequence[float]) -> list[float]:
    energy = float(ENERGIES.index(car.energy))
    return [car.age_months, car.mileage_wkm, log_new, energy, car.at_year - car.model_year, car.is_manual, *means]


def _fit_levels(samples: Sequence[Sample], plan: Plan, say: Say) -> tuple[dict[str, float], Floats]:
    """``(level by source and energy, residual of each row over a forest without brands)``, both in logarithms."""
    target = np.array([math.log(one.price_w / one.car.new_price_w) for one in samples])
    weights = _weights(samples)
    keys = [level_key(one.source, one.car.energy) for one in samples]
    levels = dict.fromkeys(sorted(set(keys)), 0.0)
    index = {key: np.flatnonzero(np.array([one == key for one in keys])) for key in levels}
    brands = Hierarchy(MEAN_STRENGTH)
    direction = np.array([-1, -1, 0, 0, -1, 0, 0, 0], dtype=np.int8)
    for _ in range(LEVEL_ROUNDS):
        shift = np.array([levels[key] for key in keys])
        rows = [_plain(one.car, math.log(one.car.new_price_w), brands.encode(one.car.path)[0][:2]) for one in samples]
        matrix = np.array(rows)
        fitted = grow_forest(matrix, target - shift, weights, monotone=direction, growth=plan.level).predict(matrix)
        left = target - shift - fitted
        for key, where in index.items():
            levels[key] += float(np.median(left[where])) * len(where) / (len(where) + LEVEL_SHRINK)
        for kind in ("fuel", "plug"):
            neutral = next((levels[key] for key in levels if key.startswith(NEUTRAL) and key.endswith(kind)), 0.0)
            levels |= {key: level - neutral for key, level in levels.items() if key.endswith(kind)}
        brands = fit_hierarchy(
            ((one.car.path, float(found), float(weight)) for one, found, weight in zip(samples, left, weights, strict=True)), MEAN_STRENGTH
        )
    say("levels " + ", ".join(f"{key} {level:+.3f}" for key, level in levels.items()))
    shift = np.array([levels[key] for key in keys])
    plain = np.array([_plain(one.car, math.log(one.car.new_price_w), (0.0, 0.0)) for one in samples])
    base = grow_forest(plain, target - shift, weights, monotone=direction, growth=plan.level).predict(plain)
    return {key: round(level, 6) for key, level in levels.items()}, target - shift - base


def _weights(samples: Sequence[Sample]) -> Floats:
    return np.array([1.0 if one.car.series else SHALLOW_WEIGHT for one in samples])


# --- 2. hierarchies -----------------------------------------------------------------------------------------------------


def _fit_tables(samples: Sequence[Sample], residuals: Floats, chosen: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> _Tables:
    weights = _weights(samples)
    picked = [(samples[i], float(residuals[i]), float(weights[i])) for i in np.flatnonzero(chosen).tolist()]
    new_prices = fit_hierarchy(((one.car.path, math.log(one.car.new_price_w), weight) for one, _, weight in picked), NEW_PRICE_STRENGTH)
    means = fit_hierarchy(((one.car.path, residual, weight) for one, residual, weight in picked), MEAN_STRENGTH)
    rest = (((one.car.city,), residual - means.encode(one.car.path)[0][3], weight) for one, residual, weight in picked)
    return _Tables(new_prices, means, fit_hierarchy(rest, CITY_STRENGTH))


# --- 3. trees -----------------------------------------------------------------------------------------------------------


def _chance(sample: Sample) -> float:
    return int.from_bytes(hashlib.sha256(f"{sample.group}|{sample.source}".encode()).digest()[1:5]) / 2**32


def _design(
    samples: Sequence[Sample], levels: dict[str, float], folds: Ints, outside: Sequence[_Tables]
) -> tuple[Floats, Floats, Floats, Ints, list[str]]:
    """Feature rows, targets, weights, the sample each row came from, its support group."""
    rows, target, weights, owner, groups = [], [], [], [], []
    for number, sample in enumerate(samples):
        tables = outside[folds[number]]
        level = levels[level_key(sample.source, sample.car.energy)]
        seen = [sample.car, less_known(sample.car, keep=_chance(sample))] if sample.car.series else [sample.car]
        for car in seen:
            rows.append(features_of(car, new_prices=tables.new_prices, means=tables.means, cities=tables.cities))
            target.append(math.log(sample.price_w) - level - new_price_of(car, tables.new_prices)[0])
            weights.append(1.0 if car.series else SHALLOW_WEIGHT)
            owner.append(number)
            guide_known = car.new_price_w == car.new_price_w
            groups.append(support_group(guide_known=guide_known, counts=tables.means.encode(car.path)[1]))
    return matrix_of(rows), np.array(target), np.array(weights), np.array(owner), groups


def _out_of_fold(matrix: Floats, target: Floats, weights: Floats, folds: Ints, plan: Plan, say: Say) -> Floats:
    """Each row's error by a forest that has not seen its car."""
    errors = np.zeros(len(target))
    for fold in range(FOLDS):
        rest, held = folds != fold, folds == fold
        if held.any() and rest.any():
            forest = grow_forest(matrix[rest], target[rest], weights[rest], monotone=MONOTONE, growth=plan.point)
            errors[held] = target[held] - forest.predict(matrix[held])
            say(f"fold {fold}: median absolute error {np.median(np.abs(np.expm1(errors[held]))):.4f}")
    return errors


# --- 4. interval --------------------------------------------------------------------------------------------------------


def _out_of_fold_spread(matrix: Floats, target: Floats, weights: Floats, folds: Ints, plan: Plan) -> Floats:
    sizes = np.zeros(len(target))
    calm = np.zeros(len(COLUMNS), dtype=np.int8)
    for fold in range(FOLDS):
        rest, held = folds != fold, folds == fold
        if held.any() and rest.any():
            sizes[held] = grow_forest(matrix[rest], target[rest], weights[rest], monotone=calm, growth=plan.spread).predict(matrix[held])
    return sizes


def _fit_offsets(ratios: Floats, groups: Sequence[str], plan: Plan) -> dict[str, Offsets]:
    """Quantiles by support group; a small group takes those of everything. Low is at most 0, high at least 0."""
    tail = (1 - TARGET_COVERAGE) / 2
    names = np.array(groups)
    found = {"all": _quantiles(ratios, tail)}
    for name in sorted(set(groups)):
        where = names == name
        if int(where.sum()) >= plan.group_rows_min:
            found[name] = _quantiles(ratios[where], tail)
    return found


def _fit_widening(ratios: Floats, newest: "np.ndarray[tuple[int], np.dtype[np.bool_]]", usual: Offsets, plan: Plan) -> float:
    """How much wider the interval must be at the newest price level, where data are few: at least 1."""
    if int(newest.sum()) < plan.group_rows_min:
        return 1.0
    tail = (1 - TARGET_COVERAGE) / 2
    found = _quantiles(ratios[newest], tail)
    return round(max((found.high - found.low) / (usual.high - usual.low), 1.0), 4)


def _quantiles(ratios: Floats, tail: float) -> Offsets:
    low, high = (float(one) for one in np.quantile(ratios, [tail, 1 - tail]))
    return Offsets(round(min(low, 0.0), 5), round(max(high, 0.0), 5), len(ratios))


def _series_energy(samples: Sequence[Sample]) -> dict[str, str]:
    """The usual energy of each series that is not sold with a combustion engine: for callers who do not say."""
    found: dict[str, dict[str, int]] = {}
    for sample in samples:
        if sample.car.series:
            counts = found.setdefault(sample.car.path[1], {})
            counts[sample.car.energy] = counts.get(sample.car.energy, 0) + 1
    usual = {key: max(sorted(counts), key=lambda energy: counts[energy]) for key, counts in found.items()}
    return {key: energy for key, energy in sorted(usual.items()) if energy != "ice"}
