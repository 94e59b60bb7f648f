"""Shrunken means along brand → series → series and year → trim: an unknown trim falls back smoothly to what is known."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

DEPTH = 4


@dataclass(slots=True)
class Hierarchy:
    """Sums and counts by key. ``strength[level]`` is how many cars the parent's mean weighs as."""

    strength: tuple[float, ...]
    mean: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)

    def add(self, path: Sequence[str], value: float, weight: float = 1.0) -> None:
        """Count one car at every level its path names. A shallow path (brand only) counts at the brand alone."""
        for key in path:
            if key:
                self.sums[key] = self.sums.get(key, 0.0) + value * weight
                self.counts[key] = self.counts.get(key, 0.0) + weight

    def without(self, other: "Hierarchy") -> "Hierarchy":
        """The same less another's cars: what was known without them."""
        left = Hierarchy(self.strength, self.mean, dict(self.sums), dict(self.counts))
        for key, count in other.counts.items():
            left.sums[key] -= other.sums[key]
            left.counts[key] -= count
        return left

    def without_single_cars(self, cars_min: float) -> "Hierarchy":
        """Only keys that several cars stand behind: what ships states aggregates of prices asked, never one car's."""
        kept = {key for key, count in self.counts.items() if count >= cars_min}
        sums = {key: value for key, value in self.sums.items() if key in kept}
        return Hierarchy(self.strength, self.mean, sums, {key: count for key, count in self.counts.items() if key in kept})

    def encode(self, path: Sequence[str]) -> tuple[list[float], list[float]]:
        """``(means, counts)`` of the four levels; where a level is unknown, its parent's mean and 0."""
        mean, means, counts = self.mean, [], []
        for level, key in enumerate(path):
            count = max(self.counts.get(key, 0.0), 0.0) if key else 0.0
            if count > 1e-9:
                mean = (self.sums[key] + self.strength[level] * mean) / (count + self.strength[level])
            means.append(mean)
            counts.append(count)
        return means, counts


def fit_hierarchy(rows: Iterable[tuple[Sequence[str], float, float]], strength: tuple[float, ...]) -> Hierarchy:
    """From ``(path, value, weight)``."""
    found = list(rows)
    total = sum(weight for _, _, weight in found)
    hierarchy = Hierarchy(strength, mean=sum(value * weight for _, value, weight in found) / total if total else 0.0)
    for path, value, weight in found:
        hierarchy.add(path, value, weight)
    return hierarchy


def round_hierarchy(hierarchy: Hierarchy) -> dict[str, object]:
    """For the artefact: ``{"strength", "mean", "nodes": {key: [mean of its own cars, count]}}``, five decimals."""
    nodes = {
        key: [round(hierarchy.sums[key] / count, 5), round(count, 2)] for key, count in sorted(hierarchy.counts.items()) if count > 1e-9
    }
    return {"strength": list(hierarchy.strength), "mean": round(hierarchy.mean, 6), "nodes": nodes}


def load_hierarchy(stored: Mapping[str, object]) -> Hierarchy:
    """The inverse of ``round_hierarchy``."""
    strength, nodes, mean = stored["strength"], stored["nodes"], stored["mean"]
    assert isinstance(strength, list)
    assert isinstance(nodes, dict)
    assert isinstance(mean, float)
    loaded = Hierarchy(tuple(float(one) for one in strength), mean)
    for key, (value, count) in nodes.items():
        loaded.sums[key], loaded.counts[key] = value * count, count
    return loaded


def log_count(count: float) -> float:
    return math.log1p(count)
