"""Path-dependent Shapley values of decision trees, for many rows and all trees at once.

A leaf of value v whose path tests the features 1 ... d gives feature j

    v (o_j - z_j) sum over subsets S of the others of |S|! (d - 1 - |S|)! / d! prod o_i prod z_i

with o_i whether the row passes the tests of feature i, and z_i the share of the training rows that
do. The weights are integrals of t^|S| (1 - t)^(d - 1 - |S|) over 0 ... 1, so that the sum is

    v (o_j - z_j) integral of prod over the others of (z_i (1 - t) + o_i t)

a polynomial, which Gauss-Legendre quadrature with d / 2 nodes integrates exactly. All factors are
positive, so that none of them is lost when one is divided out again.

Source: Lundberg, Erion and Lee 2018, arXiv 1802.03888, for the values; Yu, Xu, Lin and Yu 2022,
arXiv 2209.08192, for polynomials in place of subsets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Integers = NDArray[np.int64]

_NODES_AT_ONCE = 8192
"""Nodes of the trees that are divided together; a single tree may have more."""

_NUMBERS_AT_ONCE = 1_000_000
"""Numbers of one temporary array: rows x nodes x quadrature nodes."""


@dataclass(frozen=True, slots=True)
class Forest:
    """One tree, or trees side by side, their nodes in the order of their depth.

    Attributes:
        feature: The column that a node tests; that of its parent's test decides where a row goes.
        threshold: Rows with a value up to it go left.
        missing_left: Whether a missing value goes left.
        left: Position of the left child; -1 for a leaf.
        right: Position of the right child; -1 for a leaf.
        parent: Position of the parent; -1 for a root.
        share: Of the training rows at the parent, those that came here.
        value: Value of a leaf; 0 elsewhere.
    """

    feature: Integers
    threshold: Values
    missing_left: NDArray[np.bool_]
    left: Integers
    right: Integers
    parent: Integers
    share: Values
    value: Values


@dataclass(frozen=True, slots=True)
class _Paths:
    """Part of the computation that does not depend on rows.

    Attributes:
        forest: The trees.
        levels: The nodes of each depth below the roots, as a slice.
        above: For each node the nearest node above it that the same feature led to; -1 if none.
        shares: For each node the share of the training rows that pass all tests of its feature
            down to it.
        nodes: Of the quadrature, (n_quadrature,).
        weights: Of the quadrature, (n_quadrature,).
    """

    forest: Forest
    levels: Sequence[slice]
    above: Integers
    shares: Values
    nodes: Values
    weights: Values


class TreeContributions:
    """The Shapley values of the sum of some trees.

    Args:
        trees: The trees, each with the values of its leaves.
    """

    def __init__(self, trees: Sequence[Forest]) -> None:
        self._groups = [_paths(_side_by_side(part)) for part in _grouped(trees)]
        self.expected = sum(_expected(paths) for paths in self._groups)

    def __call__(self, rows: NDArray[np.float32]) -> Values:
        """Return (n_rows, n_columns + 1) shares, the bias last.

        Args:
            rows: (n_rows, n_columns), as scikit-learn compares them with thresholds.
        """
        out = np.zeros((len(rows), rows.shape[1] + 1))
        for paths in self._groups:
            most = max(1, _NUMBERS_AT_ONCE // (len(paths.above) * len(paths.nodes)))
            for start in range(0, len(rows), most):
                part = slice(start, start + most)
                out[part, :-1] += _shares(paths, rows[part])
        out[:, -1] = self.expected
        return out


def _grouped(trees: Sequence[Forest]) -> Iterator[list[Forest]]:
    """Yield trees that are divided together."""
    group: list[Forest] = []
    for tree in trees:
        if group and sum(len(one.left) for one in (*group, tree)) > _NODES_AT_ONCE:
            yield group
            group = []
        group.append(tree)
    yield group


def _side_by_side(parts: Sequence[Forest]) -> Forest:
    """Return all trees as one array of nodes, sorted by depth, each tree's root first."""
    offsets = np.cumsum([0, *(len(part.left) for part in parts)])[:-1]
    joined = {field.name: [getattr(part, field.name) for part in parts] for field in fields(Forest)}
    for name in ("left", "right", "parent"):
        pairs = zip(joined[name], offsets, strict=True)
        joined[name] = [np.where(found < 0, -1, found + start) for found, start in pairs]
    whole = {name: np.concatenate(found) for name, found in joined.items()}
    depth = _depths(whole["parent"])
    order = np.argsort(depth, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    for name in ("left", "right", "parent"):
        whole[name] = np.where(whole[name] < 0, -1, place[whole[name]])
    return Forest(**{name: found[order] for name, found in whole.items()})


def _depths(parent: Integers) -> Integers:
    """Return how far each node is from its root."""
    depth = np.zeros(len(parent), dtype=np.int64)
    ancestor = parent
    while (ancestor >= 0).any():
        depth += ancestor >= 0
        ancestor = np.where(ancestor < 0, -1, parent[ancestor])
    return depth


def _expected(paths: _Paths) -> float:
    """Return the average over the training rows: leaves by the shares of rows that reach them."""
    reached = paths.forest.share.copy()
    for level in paths.levels:
        reached[level] *= reached[paths.forest.parent[level]]
    return float((paths.forest.value * reached).sum())


def _paths(forest: Forest) -> _Paths:
    levels, above = tuple(_levels(forest)), _above(forest)
    shares = forest.share.copy()
    n_features = np.zeros(len(above), dtype=np.int64)
    for level in levels:
        repeated = level.start + np.flatnonzero(above[level] >= 0)
        shares[repeated] *= shares[above[repeated]]
        n_features[level] = n_features[forest.parent[level]] + (above[level] < 0)
    found, weights = np.polynomial.legendre.leggauss(max(1, (int(n_features.max()) + 1) // 2))
    return _Paths(forest, levels, above, shares, (found + 1) / 2, np.asarray(weights) / 2)


def _above(forest: Forest) -> Integers:
    """Return for each node the nearest one above it that the same feature led to, -1 if none."""
    parent = forest.parent
    led_by = np.where(parent < 0, -1, forest.feature[parent])
    above = np.full(len(parent), -1)
    ancestor = parent
    while (ancestor >= 0).any():
        new = (above < 0) & (ancestor >= 0) & (led_by >= 0) & (led_by[ancestor] == led_by)
        above[new] = ancestor[new]
        ancestor = np.where(ancestor < 0, -1, parent[ancestor])
    return above


def _levels(forest: Forest) -> Iterator[slice]:
    """Yield the nodes below the roots, depth by depth."""
    depth = _depths(forest.parent)
    for level in range(1, int(depth.max()) + 1):
        start, stop = np.searchsorted(depth, [level, level + 1])
        yield slice(int(start), int(stop))


def _shares(paths: _Paths, rows: NDArray[np.float32]) -> Values:
    """Return (n_rows, n_columns) shares.

    Down the trees each node gets the product of the factors of its path, up them the sum of the
    leaves below it. A node's feature gets its part of that sum without the feature's own factor,
    but for those leaves that have a test of the same feature further down.
    """
    forest, t = paths.forest, paths.nodes
    passed = _passed(paths, rows)
    factors = (paths.shares[:, None] * (1 - t))[:, None, :] + passed[:, :, None] * t
    products = np.ones_like(factors)
    for level in paths.levels:
        products[level] = products[forest.parent[level]] * factors[level]
        repeated = level.start + np.flatnonzero(paths.above[level] >= 0)
        products[repeated] /= factors[paths.above[repeated]]
    sums = products
    sums *= forest.value[:, None, None]
    for level in reversed(paths.levels):
        for child in (forest.left, forest.right):
            here = level.start + np.flatnonzero(child[forest.parent[level]] == _range(level))
            sums[forest.parent[here]] += sums[here]
    own = sums.copy()
    repeated = np.flatnonzero(paths.above >= 0)
    np.subtract.at(own, paths.above[repeated], sums[repeated])
    own /= factors
    gains = (passed - paths.shares[:, None]) * (own @ paths.weights)
    out = np.zeros((rows.shape[1], rows.shape[0]))
    below = forest.parent >= 0
    np.add.at(out, forest.feature[forest.parent[below]], gains[below])
    return out.T


def _range(level: slice) -> Integers:
    return np.arange(level.start, level.stop)


def _passed(paths: _Paths, rows: NDArray[np.float32]) -> Values:
    """Return (n_nodes, n_rows): 1 where a row passes all tests of the node's feature, else 0."""
    forest = paths.forest
    passed = np.ones((len(forest.parent), len(rows)))
    for level in paths.levels:
        parents = forest.parent[level]
        cells = rows[:, forest.feature[parents]].T
        left = cells <= forest.threshold[parents][:, None]
        left |= np.isnan(cells) & forest.missing_left[parents][:, None]
        is_left = forest.left[parents] == _range(level)
        passed[level] = left == is_left[:, None]
        repeated = level.start + np.flatnonzero(paths.above[level] >= 0)
        passed[repeated] *= passed[paths.above[repeated]]
    return passed
