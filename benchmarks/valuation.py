"""The price model in one process, no HTTP: ``python -m benchmarks.valuation [--quick]``. One estimate with its factors, and many at once.

Cars are invented around the artefact's own series. Each figure is the median of the rounds; the two ways are interleaved.
"""

import argparse
import itertools
import random
import sys
import time
from collections.abc import Sequence

from benchmarks.lines import Rounds, Sample, emit, percentile, setting
from valuation.pricing.engine.artefact import Model
from valuation.pricing.engine.cars import Car
from valuation.pricing.service import load_artefact

CARS = 1_000


def invented_cars(model: Model, count: int) -> list[Car]:
    """Cars of known series, ages and mileages as they come."""
    chance = random.Random(5)
    series = sorted(key for key in model.means.counts if key.count("|") == 1)
    cars = []
    for number in range(count):
        brand, name = chance.choice(series).split("|")
        age = chance.uniform(6, 150)
        year = 2026 - int(age / 12)
        trim = f"trim {number % 7}"
        cars.append(Car(brand, name, float(year), trim, age, age / 12 * chance.uniform(0.5, 2), "天津", transfers=1.0, at_year=2026.9))
    return cars


def one_by_one(model: Model, cars: Sequence[Car]) -> Sample:
    """Each car alone, with its factors, as a request asks."""
    times = []
    began = time.perf_counter()
    for car in cars:
        start = time.perf_counter()
        model.predict(car)
        times.append((time.perf_counter() - start) * 1_000)
    seconds = time.perf_counter() - began
    more = {"p50_ms": percentile(times, 0.50), "p95_ms": percentile(times, 0.95), "p99_ms": percentile(times, 0.99)}
    return Sample(rate=len(cars) / seconds, more=more)


def all_at_once(model: Model, cars: Sequence[Car]) -> Sample:
    """The same cars as one matrix, without factors."""
    began = time.perf_counter()
    model.predict_many(cars)
    return Sample(rate=len(cars) / (time.perf_counter() - began))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.valuation", description="Speed of the price model.")
    parser.add_argument("--quick", action="store_true", help="five rounds instead of fifteen")
    chosen = parser.parse_args(arguments)
    began = time.perf_counter()
    model, card = load_artefact()
    loaded_ms = (time.perf_counter() - began) * 1_000
    setting(database="none", synchronous_commit="none", model=card["version"])
    emit("artefact_load", loaded_ms, "ms")
    cars = invented_cars(model, CARS)
    rounds = Rounds()
    one_by_one(model, cars[:50])
    for _ in itertools.repeat(None, 5 if chosen.quick else 15):
        rounds.add("estimates_at_once", all_at_once(model, cars))
        rounds.add("estimates_one_by_one", one_by_one(model, cars))
    rounds.tell("estimates_at_once", "cars/s")
    rounds.tell("estimates_one_by_one", "cars/s", against="estimates_at_once")
    for figure in ("p50_ms", "p95_ms", "p99_ms"):
        emit(f"estimate_{figure}", rounds.median("estimates_one_by_one", figure), "ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
