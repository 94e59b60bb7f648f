"""What every benchmark prints: JSON lines, first the setting, then one a figure."""

import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

BUSY_CLIENT = 0.60
"""A load generator above this share of a core may be what is measured: its line says so."""


def emit(name: str, value: float | None = None, unit: str | None = None, **more: Any) -> None:
    """One line. Numbers are rounded to what a reader can use."""
    line: dict[str, Any] = {"name": name}
    if unit is not None:
        line |= {"value": None if value is None else _short(value), "unit": unit}
    line |= {key: _short(one) if isinstance(one, float) else one for key, one in more.items()}
    sys.stdout.write(orjson.dumps(line).decode() + "\n")
    sys.stdout.flush()


def setting(*, database: str, synchronous_commit: str, **more: Any) -> None:
    """The first line."""
    emit("setting", database=database, synchronous_commit=synchronous_commit, cores=os.cpu_count(), **more)


def _short(value: float) -> float:
    return round(value, 1) if abs(value) >= 100 else round(value, 3)


@dataclass(slots=True)
class Sample:
    """One measurement of one round. CPU times are a single operation's."""

    rate: float
    server_cpu_us: float | None = None
    client_cpu_us: float | None = None
    client_share: float = 0.0
    more: dict[str, float] = field(default_factory=dict)


class Rounds:
    """Samples of interleaved rounds; a figure is the median, a ratio the median of the rounds' ratios."""

    def __init__(self) -> None:
        self._samples: dict[str, list[Sample]] = defaultdict(list)

    def add(self, name: str, sample: Sample) -> None:
        self._samples[name].append(sample)

    def rates(self, name: str) -> list[float]:
        return [sample.rate for sample in self._samples[name]]

    def median(self, name: str, figure: str | None = None) -> float:
        samples = self._samples[name]
        return statistics.median(sample.rate if figure is None else sample.more[figure] for sample in samples)

    def ratio(self, name: str, against: str) -> float:
        """Median over rounds of this round's pair: what slows the machine down slows both."""
        pairs = zip(self.rates(name), self.rates(against), strict=True)
        return statistics.median(one / other if other else 0.0 for one, other in pairs)

    def tell(self, name: str, unit: str, *, against: str | None = None, wanted: float | None = None, **more: Any) -> None:
        """The figure's line, with its ratio where it has one."""
        samples = self._samples[name]
        line: dict[str, Any] = {"rounds": len(samples)}
        for cpu in ("server_cpu_us", "client_cpu_us"):
            values = [value for sample in samples if (value := getattr(sample, cpu)) is not None]
            if values:
                line[cpu] = float(statistics.median(values))
        share = _median_or_zero([sample.client_share for sample in samples])
        if share > BUSY_CLIENT:
            line["load_generator_core_share"] = share
        if against is not None:
            line |= {"against": against, "ratio": self.ratio(name, against)}
        if wanted is not None:
            line["wanted"] = wanted
        emit(name, self.median(name), unit, **line, **more)


def _median_or_zero(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
