"""Many made-up rows for a fitted scikit-learn model, as close to its training data as it shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
)
from sklearn.ensemble._forest import BaseForest
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from sklearn.tree import BaseDecisionTree

from drum_like.api import Column, Schema

# Relative: type checkers know this package under its folder's name.
from .steps import find_parts, inner_model, reads_one_text
from .tracing import TracedStep, trace_steps

_TREES = (
    BaseForest,
    BaseDecisionTree,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
)
_CELLWISE = frozenset(
    {
        MaxAbsScaler,
        MinMaxScaler,
        OneHotEncoder,
        OrdinalEncoder,
        RobustScaler,
        SimpleImputer,
        StandardScaler,
    }
)

_USUAL = 0.6
"""How many of the rows are as training data may have been."""

_CENTRES = ("mean_", "center_", "statistics_", "data_min_")
_SPREADS = ("scale_", "data_range_")
_MOST_WORDS, _LONGEST = 2000, 16
"""Words that texts are made of, and words of a text, at most."""

_WORDS = ("good day", "bad day", "text", "no more words", "")


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where the numbers of each column lie."""

    centres: NDArray[np.float64]
    spreads: NDArray[np.float64]


def probe_rows(model: Any, schema: Schema | None, n_rows: int) -> Any:
    """Return rows as the model gets them: a DataFrame; an array, or texts, without names.

    Raises:
        ValueError: the type of a column is unknown.
    """
    if schema is None or not all(column.is_typed for column in schema.columns):
        raise ValueError("a column is of no known type")
    rng = np.random.default_rng(0)
    if reads_one_text(model):
        return _texts(model, n_rows, rng)
    scale = _scale_of(model, schema)
    # Near and far rows, too: where all are alike, many models say nearly the same of each.
    usual = rng.random((n_rows, 1)) < _USUAL
    reach = np.where(usual, 1.0, 10 ** rng.uniform(-1.5, 1.5, (n_rows, 1)))
    numbers = scale.centres + scale.spreads * reach * rng.normal(size=(n_rows, len(scale.centres)))
    if not schema.named and all(column.kind == "number" for column in schema.columns):
        return np.asfortranarray(numbers)
    cells = [_cells(column, numbers[:, at], rng) for at, column in enumerate(schema.columns)]
    if not schema.named:
        return pd.DataFrame(dict(enumerate(cells))).to_numpy(dtype=object)
    return pd.DataFrame(dict(zip(schema.names, cells, strict=True)))


def usual_numbers(model: Any, schema: Schema | None, width: int) -> NDArray[np.float64]:
    """Return a number for each column, inside the range of training where the model shows it.

    Args:
        model: The fitted estimator.
        schema: Its columns; None if they are unknown.
        width: How many they are.
    """
    if schema is None:
        return np.zeros(width)
    usual = _scale_of(model, schema).centres
    for traced, inside in _insides(model):
        for at, value in zip(_places(traced, schema), inside, strict=True):
            if at is not None:
                usual[at] = value
    return usual


def add_examples(model: Any, schema: Schema | None) -> Schema | None:
    """Give an example to each number that a step refuses outside of the range of training."""
    if schema is None:
        return None
    examples = {
        at: f"{value:.6g}"
        for traced, inside in _insides(model)
        if _refuses_outside(traced.step)
        for at, value in zip(_places(traced, schema), inside, strict=True)
        if at is not None and schema.columns[at].kind == "number"
    }
    columns = (
        replace(column, example=examples.get(at, column.example))
        for at, column in enumerate(schema.columns)
    )
    return replace(schema, columns=tuple(columns)) if examples else schema


def _insides(model: Any) -> Iterator[tuple[TracedStep, Any]]:
    """Yield the steps that show the range of training, each with a number of it for each column."""
    for traced in trace_steps(model):
        inside = _inside(traced.step)
        if inside is not None and len(inside) == len(traced.columns):
            yield traced, inside


def _inside(step: Any) -> Any:
    """Return numbers in the range of training that a step shows, None for any other."""
    if isinstance(step, SplineTransformer):
        return [spline.t[spline.k : len(spline.t) - spline.k].mean() for spline in step.bsplines_]
    if isinstance(step, IsotonicRegression):
        return [(step.X_min_ + step.X_max_) / 2]
    neighbours = getattr(step, "_fit_X", None)
    return neighbours[0] if isinstance(neighbours, np.ndarray) and neighbours.ndim == 2 else None


def _refuses_outside(step: Any) -> bool:
    refusals = (getattr(step, "extrapolation", None), getattr(step, "out_of_bounds", None))
    return refusals in {("error", None), (None, "raise")}


def _places(traced: TracedStep, schema: Schema) -> list[int | None]:
    """Return the place in the schema of each column of a step; None if it has none."""
    where = {name: at for at, name in enumerate(schema.names)}
    return [None if one is None else where.get(str(one.column)) for one in traced.columns]


def scores_rows_alone(model: Any) -> bool:
    """Whether a model is trees, behind steps that change each cell by itself: no row has others."""
    inner = inner_model(model)
    if inner is not None:
        return scores_rows_alone(inner)
    if isinstance(model, Pipeline):
        steps = [step for _, step in model.steps]
        return all(map(_is_cellwise, steps[:-1])) and _has_trees_only(steps[-1])
    return _has_trees_only(model)


def _has_trees_only(model: Any) -> bool:
    package = type(model).__module__
    boosted = package in ("sklearn.ensemble._gb", "xgboost.sklearn", "lightgbm.sklearn")
    return boosted or isinstance(model, _TREES)


def _is_cellwise(step: Any) -> bool:
    if isinstance(step, Pipeline):
        return all(_is_cellwise(part) for _, part in step.steps)
    if isinstance(step, ColumnTransformer):
        return all(_is_cellwise(part) for _, part, _ in getattr(step, "transformers_", ()))
    return step in (None, "passthrough", "drop") or type(step) in _CELLWISE


def _cells(column: Column, numbers: NDArray[np.float64], rng: np.random.Generator) -> Any:
    if column.categories:
        chosen = rng.integers(0, len(column.categories), len(numbers))
        values = [(column.originals or column.categories)[at] for at in chosen]
        if column.times.endswith("]"):
            times: Any = column.times
            return pd.Series(values).astype(times)
        known = column.categories if column.kind == "category" else None
        return pd.Series(values if known is None else pd.Categorical(values, categories=known))
    return numbers if column.kind == "number" else pd.Series(rng.choice(_WORDS, len(numbers)))


def _texts(model: Any, n_rows: int, rng: np.random.Generator) -> NDArray[Any]:
    """Return texts of words, of those that vectorizers know."""
    known = [getattr(part, "vocabulary_", None) or {} for part in find_parts(model)]
    words = sorted({str(word) for vocabulary in known for word in vocabulary} | set(_WORDS))
    few = rng.choice(words, min(len(words), _MOST_WORDS), replace=False)
    texts = [" ".join(rng.choice(few, int(rng.integers(1, _LONGEST)))) for _ in range(n_rows)]
    return np.array(texts, dtype=object)


def _scale_of(model: Any, schema: Schema) -> _Scale:
    width = len(schema.columns)
    scale = _Scale(np.zeros(width), np.ones(width))
    for traced in trace_steps(model):
        places = _places(traced, schema)
        _copy_scale(traced.step, _CENTRES, places, scale.centres)
        _copy_scale(traced.step, _SPREADS, places, scale.spreads)
    return scale


def _copy_scale(
    model: Any, attributes: Sequence[str], places: list[int | None], into: NDArray[np.float64]
) -> None:
    found = next((getattr(model, name, None) for name in attributes if hasattr(model, name)), None)
    if not isinstance(found, np.ndarray) or found.shape != (len(places),):
        return
    if found.dtype.kind != "f" or not np.isfinite(found).all():
        return
    for at, value in zip(places, found, strict=True):
        if at is not None:
            into[at] = value
