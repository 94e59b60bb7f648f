"""Train the price model: ``python -m valuation.pricing.train --data DIR --out valuation/pricing/artefact``.

``DIR`` holds one folder a set with ``train.csv.gz`` and ``validation.csv.gz``. Training sees only the first; the second is for the
figures in the card and in docs/valuation.md. One thread, under two minutes; the same data give the same artefact.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from valuation.pricing.engine.artefact import Model, read_model, write_model
from valuation.pricing.training.fitting import TARGET_COVERAGE, Plan, fit_model
from valuation.pricing.training.listings import INDEX_FROM, INDEX_TO, NEUTRAL, SOURCES, Sample, index_brands, read_samples
from valuation.pricing.training.report import write_report
from valuation.pricing.training.scoring import count_order_breaks, score_everything

INDEX_ROWS_MIN = 50


def train(data: Path, out: Path, *, plan: Plan | None = None, report: Path | None = None) -> str:
    """Train, write the artefact, return its version. Raises ``ValueError`` when there is no training row."""
    brands = index_brands(data)
    samples = read_samples(data, "train", brands)
    model = fit_model(samples, plan or Plan(), say)
    validation = read_samples(data, "validation", brands)
    version = write_model(model, out, _card(model, samples, validation))
    loaded, card = read_model(out)
    if report is not None:
        write_report(report, card)
    say(f"{version}: {len(loaded.point.trees)} trees, {sum(path.stat().st_size for path in out.iterdir())} bytes")
    return version


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _card(model: Model, samples: Sequence[Sample], validation: Sequence[Sample]) -> dict[str, Any]:
    ages = np.array([sample.car.age_months for sample in samples])
    prices = np.array([sample.price_w for sample in samples])
    mileages = np.array([sample.car.mileage_wkm for sample in samples if sample.car.mileage_wkm == sample.car.mileage_wkm])
    return {
        "name": "retail-ask-cn-1",
        "target": "asking price of Chinese used-car listings, yuan, tax included",
        "neutral_source": NEUTRAL,
        "level_as_of": SOURCES[NEUTRAL],
        "index": _index(model, samples),
        "training_rows": dict(sorted(Counter(sample.source for sample in samples).items())),
        "brands": len(model.brands()),
        "target_coverage_bps": round(TARGET_COVERAGE * 10_000),
        "domain": {
            "age_months_p999": round(float(np.quantile(ages, 0.999))),
            "mileage_km_p999": round(float(np.quantile(mileages, 0.999)) * 10_000),
            "price_yuan_p0005": round(float(np.quantile(prices, 0.0005)) * 10_000),
            "price_yuan_p999": round(float(np.quantile(prices, 0.999)) * 10_000),
        },
        "validation": score_everything(model, validation) if validation else {},
        "order_breaks": count_order_breaks(model, validation) if validation else {},
    }


def _index(model: Model, samples: Sequence[Sample]) -> dict[str, Any]:
    """From the neutral level's month to the newest one, by one site seen twice. An energy with too few cars takes the whole's."""
    rows = Counter((sample.source, "plug" if sample.car.energy in {"electric", "plug_in"} else "fuel") for sample in samples)
    found: dict[str, Any] = {"from": SOURCES[NEUTRAL], "to": SOURCES[NEUTRAL], "log": {"fuel": 0.0, "plug": 0.0}, "measured": []}
    if not rows[INDEX_TO, "fuel"] or not rows[INDEX_FROM, "fuel"]:
        return found
    log = {kind: model.levels.get(f"{INDEX_TO}|{kind}", 0.0) - model.levels.get(f"{INDEX_FROM}|{kind}", 0.0) for kind in ("fuel", "plug")}
    measured = [kind for kind in log if min(rows[INDEX_TO, kind], rows[INDEX_FROM, kind]) >= INDEX_ROWS_MIN]
    log = {kind: round(log[kind] if kind in measured else log["fuel"], 6) for kind in log}
    return found | {"to": INDEX_TO.split("@")[1], "log": log, "measured": measured}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exits 1 when the folder holds no training data."""
    parser = argparse.ArgumentParser(prog="python -m valuation.pricing.train", description="Train the price model.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--out", type=Path, default=Path("valuation/pricing/artefact"), help="folder of the artefact")
    parser.add_argument("--report", type=Path, help="Markdown file whose figures are renewed, e.g. docs/valuation.md")
    chosen = parser.parse_args(arguments)
    try:
        train(chosen.data, chosen.out, report=chosen.report)
    except ValueError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
