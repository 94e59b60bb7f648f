"""Gradient-boosted regression trees on histograms, with monotone constraints: small, deterministic, one thread, numpy only.

Huber loss on a target in logarithms. Trees grow leaf by leaf, the best split first. A feature with constraint −1 can never raise
the prediction when it grows (+1: never lower it): a split that breaks the order is not taken, and both children are bounded by
the middle of their values, so the whole tree keeps the order. Missing values sit in bin 0 and go left.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_Lists: TypeAlias = tuple[list[int], list[float], list[int], list[int], list[float]]
MAX_BINS = 64
LEAF = -1
SHRINKAGE = 10.0


@dataclass(frozen=True, slots=True)
class Growth:
    """How trees are grown. ``huber`` is in units of the target; ``rows`` the share of rows each tree sees."""

    trees: int = 400
    leaves: int = 31
    rate: float = 0.07
    leaf_rows: int = 20
    huber: float = 0.15
    rows: float = 0.7
    columns: float = 0.8
    seed: int = 7


@dataclass(slots=True)
class Tree:
    """Nodes as parallel arrays. ``value`` is also set on inner nodes: the prediction had growth stopped there."""

    feature: npt.NDArray[np.int16]
    threshold: Floats
    left: npt.NDArray[np.int16]
    right: npt.NDArray[np.int16]
    value: Floats


@dataclass(slots=True)
class Forest:
    """The sum of its trees over ``base``."""

    base: float
    trees: list[Tree] = field(default_factory=list)
    lists: list[_Lists] = field(default_factory=list, repr=False, compare=False)

    def predict(self, matrix: Floats) -> Floats:
        """Predictions of many rows."""
        total = np.full(len(matrix), self.base)
        filled = np.nan_to_num(matrix, nan=-np.inf)
        for tree in self.trees:
            total += tree.value[_leaves_of(tree, filled)]
        return total

    def predict_one(self, row: Sequence[float]) -> float:
        base, parts = self.explain(row)
        return base + math.fsum(parts)

    def explain(self, row: Sequence[float]) -> tuple[float, list[float]]:
        """One row's prediction as ``(base, contribution of each feature)``: what each split on its path added. They sum to it."""
        parts = [0.0] * len(row)
        base = self.base
        values = [-math.inf if math.isnan(one) else one for one in row]
        for features, thresholds, lefts, rights, nodes in self._lists():
            node, value = 0, nodes[0]
            base += value
            while (feature := features[node]) != LEAF:
                node = lefts[node] if values[feature] <= thresholds[node] else rights[node]
                parts[feature] += nodes[node] - value
                value = nodes[node]
        return base, parts

    def _lists(self) -> list[_Lists]:
        """The trees as plain lists: reading one element of an array costs ten times as much."""
        if len(self.lists) != len(self.trees):
            self.lists = [
                (tree.feature.tolist(), tree.threshold.tolist(), tree.left.tolist(), tree.right.tolist(), tree.value.tolist())
                for tree in self.trees
            ]
        return self.lists


def _leaves_of(tree: Tree, matrix: Floats) -> Ints:
    node = np.zeros(len(matrix), dtype=np.int64)
    rows = np.arange(len(matrix))
    while True:
        feature = tree.feature[node].astype(np.int64)
        inner = feature != LEAF
        if not inner.any():
            return node
        below = matrix[rows, np.where(inner, feature, 0)] <= tree.threshold[node]
        node = np.where(inner, np.where(below, tree.left[node], tree.right[node]), node)


# --- growing -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Leaf:
    """A node that may still be split. ``rows`` index the sample; ``low`` and ``high`` bound its value."""

    node: int
    rows: Ints
    gradients: Floats
    counts: Floats
    low: float
    high: float
    gain: float = 0.0
    feature: int = LEAF
    bin: int = 0


class _Binned:
    """The matrix as bin numbers: codes[row, feature] = feature · MAX_BINS + bin."""

    def __init__(self, matrix: Floats) -> None:
        self.columns = matrix.shape[1]
        self.edges = [_edges(matrix[:, column]) for column in range(self.columns)]
        codes = np.empty(matrix.shape, dtype=np.int32)
        for column, edges in enumerate(self.edges):
            bins = np.searchsorted(edges, matrix[:, column], side="left") + 1
            bins[np.isnan(matrix[:, column])] = 0
            codes[:, column] = bins + column * MAX_BINS
        self.codes = codes

    def histogram(self, rows: Ints, gradients: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Sums of gradients and of weights by feature and bin."""
        codes = self.codes[rows].ravel()
        size = self.columns * MAX_BINS
        shape = (self.columns, MAX_BINS)
        sums = np.bincount(codes, np.repeat(gradients[rows] * weights[rows], self.columns), size)
        counts = np.bincount(codes, np.repeat(weights[rows], self.columns), size)
        return np.asarray(sums.reshape(shape), dtype=np.float64), np.asarray(counts.reshape(shape), dtype=np.float64)


def _edges(column: Floats) -> Floats:
    """Upper bounds of the bins: at most ``MAX_BINS - 2`` of them, at quantiles of the present values."""
    present = np.unique(column[~np.isnan(column)])
    if len(present) <= 1:
        return np.empty(0)
    if len(present) <= MAX_BINS - 2:
        return (present[:-1] + present[1:]) / 2
    ranks = np.linspace(0, 1, MAX_BINS - 1)[1:-1]
    return np.unique(np.quantile(column[~np.isnan(column)], ranks))


def grow_forest(matrix: Floats, target: Floats, weights: Floats, *, monotone: npt.NDArray[np.int8], growth: Growth) -> Forest:
    """A forest fitted to ``target``. ``monotone`` holds −1, 0 or +1 for each column."""
    binned = _Binned(matrix)
    chance = np.random.Generator(np.random.PCG64(growth.seed))
    forest = Forest(base=float(np.median(target)))
    fitted = np.full(len(target), forest.base)
    for _ in range(growth.trees):
        rows = np.flatnonzero(chance.random(len(target)) < growth.rows)
        allowed = np.less(chance.random(binned.columns), growth.columns)
        gradients = np.clip(target - fitted, -growth.huber, growth.huber)
        tree, tree_bins = _grow_tree(binned, rows, gradients, weights, monotone, allowed, growth)
        forest.trees.append(tree)
        fitted += tree.value[_leaves_by_bin(tree, tree_bins, binned)]
    return forest


def _leaves_by_bin(tree: Tree, bins: Ints, binned: _Binned) -> Ints:
    node = np.zeros(len(binned.codes), dtype=np.int64)
    rows = np.arange(len(node))
    while True:
        feature = tree.feature[node].astype(np.int64)
        inner = feature != LEAF
        if not inner.any():
            return node
        column = np.where(inner, feature, 0)
        below = binned.codes[rows, column] - column * MAX_BINS <= bins[node]
        node = np.where(inner, np.where(below, tree.left[node], tree.right[node]), node)


def _grow_tree(
    binned: _Binned,
    rows: Ints,
    gradients: Floats,
    weights: Floats,
    monotone: npt.NDArray[np.int8],
    allowed: npt.NDArray[np.bool_],
    growth: Growth,
) -> tuple[Tree, Ints]:
    size = 2 * growth.leaves - 1
    feature = np.full(size, LEAF, dtype=np.int16)
    bins = np.zeros(size, dtype=np.int64)
    threshold, value = np.zeros(size), np.zeros(size)
    left, right = np.zeros(size, dtype=np.int16), np.zeros(size, dtype=np.int16)
    root = _Leaf(0, rows, *binned.histogram(rows, gradients, weights), low=-np.inf, high=np.inf)
    value[0] = _value(root.gradients[0].sum(), root.counts[0].sum(), root)
    _find_split(root, monotone, allowed, growth)
    open_leaves, used = [root], 1
    while used + 2 <= size:
        best = max(open_leaves, key=lambda leaf: leaf.gain, default=None)
        if best is None or best.gain <= 1e-12:
            break
        open_leaves.remove(best)
        children = _split(best, binned, gradients, weights, monotone, used)
        feature[best.node], bins[best.node] = best.feature, best.bin
        threshold[best.node] = _threshold(binned.edges[best.feature], best.bin)
        left[best.node], right[best.node] = used, used + 1
        for child in children:
            value[child.node] = _value(child.gradients[0].sum(), child.counts[0].sum(), child)
            _find_split(child, monotone, allowed, growth)
        open_leaves += children
        used += 2
    scaled = np.round(value[:used] * growth.rate, 7)
    return Tree(feature[:used], threshold[:used], left[:used], right[:used], scaled), bins[:used]


def _threshold(edges: Floats, bin_number: int) -> float:
    """Values at or below it go left; bin 0 alone (missing) goes left of everything."""
    return float("-inf") if bin_number == 0 else float(edges[bin_number - 1])


def _value(gradient: float, count: float, leaf: _Leaf) -> float:
    return float(np.clip(gradient / (count + SHRINKAGE), leaf.low, leaf.high))


def _find_split(leaf: _Leaf, monotone: npt.NDArray[np.int8], allowed: npt.NDArray[np.bool_], growth: Growth) -> None:
    """The split with the largest gain that keeps every order, written into ``leaf``."""
    sums, counts = np.cumsum(leaf.gradients, axis=1), np.cumsum(leaf.counts, axis=1)
    total, count = sums[:, -1:], counts[:, -1:]
    rest, others = total - sums, count - counts
    low = np.clip(sums / (counts + SHRINKAGE), leaf.low, leaf.high)
    high = np.clip(rest / (others + SHRINKAGE), leaf.low, leaf.high)
    parent = np.clip(total / (count + SHRINKAGE), leaf.low, leaf.high)
    gain = _worth(low, sums, counts) + _worth(high, rest, others) - _worth(parent, total, count)
    enough = (counts >= growth.leaf_rows) & (others >= growth.leaf_rows) & allowed[:, None]
    ordered = (monotone[:, None] * (high - low)) >= 0
    gain = np.where(enough & ordered, gain, -np.inf)
    best = int(np.argmax(gain))
    leaf.gain = float(gain.flat[best])
    leaf.feature, leaf.bin = divmod(best, MAX_BINS)


def _worth(value: Floats, gradient: Floats, count: Floats) -> Floats:
    """Loss removed by giving ``count`` rows this value (second order, with the shrinkage as a prior)."""
    return 2 * value * gradient - value * value * (count + SHRINKAGE)


def _split(leaf: _Leaf, binned: _Binned, gradients: Floats, weights: Floats, monotone: npt.NDArray[np.int8], next_node: int) -> list[_Leaf]:
    below = binned.codes[leaf.rows, leaf.feature] - leaf.feature * MAX_BINS <= leaf.bin
    left_rows, right_rows = leaf.rows[below], leaf.rows[~below]
    if len(left_rows) <= len(right_rows):
        left = binned.histogram(left_rows, gradients, weights)
        right = (leaf.gradients - left[0], leaf.counts - left[1])
    else:
        right = binned.histogram(right_rows, gradients, weights)
        left = (leaf.gradients - right[0], leaf.counts - right[1])
    children = [
        _Leaf(next_node, left_rows, *left, low=leaf.low, high=leaf.high),
        _Leaf(next_node + 1, right_rows, *right, low=leaf.low, high=leaf.high),
    ]
    direction = int(monotone[leaf.feature])
    if direction:
        values = [_value(child.gradients[0].sum(), child.counts[0].sum(), child) for child in children]
        middle = sum(values) / 2
        smaller, larger = (children[0], children[1]) if direction > 0 else (children[1], children[0])
        smaller.high, larger.low = min(smaller.high, middle), max(larger.low, middle)
    return children
