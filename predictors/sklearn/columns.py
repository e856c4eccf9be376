"""Which columns a fitted scikit-learn model takes, and which of them have to be numbers.

A column is known to be a number where scikit-learn itself, not code of others, takes a number and
refuses text. That is found out once, by trying both on one row made up here: text in a column that
an encoder reads, or that a function of the user's parses, is then left to the model.

Searches, votes and pipelines without preprocessing pass all columns on to XGBoost or LightGBM, a
column transformer some: what the booster knows of a column, its categories above all, then holds
for what is sent.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.isotonic import IsotonicRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from drum_like.api import Column, Schema

# Relative: type checkers know this package under its folder's name.
from .steps import (
    Positions,
    booster_predictor,
    chosen_columns,
    find_parts,
    first_model,
    input_teller,
    is_booster,
    is_framework_only,
    is_gap,
    is_trusted,
    positions_of,
    reads_one_text,
    unfreeze,
    used_columns,
)
from .tracing import Passed, TracedStep, steps_of

COLUMNS_TO_PROBE = 500
"""Columns of one estimator that are tried one by one; wider ones are left to the model."""


def schema_of(model: Any) -> Schema | None:
    """Return the columns that a fitted model takes, None if they are unknown.

    A model fitted on an array knows their number only; code of others that does so may still want
    a DataFrame, and gets what was sent.
    """
    if reads_one_text(model):
        return Schema((Column("0", "text", takes_missing=False),), named=False)
    first = first_model(model)
    if isinstance(first, IsotonicRegression):
        # Takes one column, and does not tell it.
        return Schema((Column("0"),), named=False)
    teller = input_teller(model)
    names = _attribute(teller, "feature_names_in_")
    width = _attribute(teller, "n_features_in_") if names is None else len(names)
    if width is None or (names is None and not is_trusted(first)):
        return None
    columns = range(int(width)) if names is None else [str(name) for name in names]
    numbers = _numbers(model, _Row(columns if names is not None else None, int(width)))
    # Rows without names are matched by position: those that no step reads stand there, too.
    used = range(int(width)) if names is None else sorted(used_columns(model, names, int(width)))
    return Schema(
        tuple(Column(str(columns[at]), "number" if at in numbers else "any") for at in used),
        named=names is not None,
    )


def add_booster_schema(model: Any, schema: Schema | None) -> Schema | None:
    """Return the schema of the booster that gets all columns of a model as they are, if one does.

    Like the booster itself, it may forgive other spellings of names.
    """
    first = first_model(model)
    if schema is None or not schema.named or not is_booster(first):
        return schema
    known: Schema | None = booster_predictor(first).schema
    if known is None or not known.named or len(known.columns) != len(schema.columns):
        return schema
    pairs = zip(schema.columns, known.columns, strict=True)
    return replace(known, columns=tuple(replace(new, name=old.name) for old, new in pairs))


def boosted_columns(traced: Sequence[TracedStep]) -> dict[str, Column]:
    """Return the columns that XGBoost or LightGBM get, as they know them: their categories."""
    found: dict[str, Column] = {}
    for reading in traced:
        known = booster_predictor(reading.step).schema if is_booster(reading.step) else None
        if known is None or len(known.columns) != len(reading.columns):
            continue
        for passed, column in zip(reading.columns, known.columns, strict=True):
            if passed is not None and passed.imputed is None:
                other = found.get(str(passed.column))
                if other is None or other.kind != "category":
                    found[str(passed.column)] = column
    return found


class _Row:
    """Makes rows of numbers with text in some columns."""

    def __init__(self, names: Any, width: int) -> None:
        self._names = names
        self.width = width

    def take(self, positions: list[int]) -> "_Row":
        """Return the maker of rows with these columns only."""
        names = None if self._names is None else [self._names[at] for at in positions]
        return _Row(names, len(positions))

    def filled(self, number: float, text: Positions = frozenset()) -> Any:
        """Return a DataFrame, or an array for a model without names."""
        cells = ["text" if at in text else number for at in range(self.width)]
        if self._names is None:
            return np.array([cells], dtype=object if text else np.float64)
        return pd.DataFrame({name: [cell] for name, cell in zip(self._names, cells, strict=True)})

    @property
    def names(self) -> Any:
        """Names of the columns, None without."""
        return self._names


def _numbers(model: Any, row: _Row) -> Positions:
    """Return the columns that have to be numbers."""
    model = unfreeze(model)
    if isinstance(model, Pipeline):
        return _numbers_of_pipeline(model, row)
    if isinstance(model, ColumnTransformer):
        return _numbers_of_columns(model, row)
    if isinstance(model, FeatureUnion):
        branches = [step for _, step in model.transformer_list if isinstance(step, BaseEstimator)]
        return frozenset[int]().union(*(_numbers(branch, row) for branch in branches))
    if isinstance(model, FunctionTransformer):
        # Functions of numpy's own take numbers.
        return frozenset(range(row.width if isinstance(model.func, np.ufunc) else 0))
    return _numbers_of_trusted(model, row) if is_trusted(model) else frozenset()


def _numbers_of_trusted(model: Any, row: _Row) -> Positions:
    categorical = getattr(model, "is_categorical_", None)
    if categorical is not None:
        return frozenset(np.flatnonzero(~np.asarray(categorical)).tolist())
    found = list(_numbers_inside(model, row))
    if found:
        # Code of others may tell 1 from 1.0, and no column that such code reads is a number here.
        if is_framework_only(model):
            return frozenset[int]().union(*found)
        return frozenset(range(row.width)).intersection(*found)
    return _numbers_by_trial(model, row)


def _numbers_inside(model: Any, row: _Row) -> Iterator[Positions]:
    for inner, places in chosen_columns(model):
        # Bags hand over arrays, some columns several times.
        part = row if places is None else _Row(None, len(places))
        if _attribute(inner, "n_features_in_") == part.width:
            numbers = _numbers(inner, part)
            yield numbers if places is None else frozenset(int(places[at]) for at in numbers)


def _numbers_of_pipeline(model: Pipeline, row: _Row) -> Positions:
    """Return the columns that the first steps that get them as they are take as numbers."""
    found: set[int] = set()
    is_first = True
    for step, columns in steps_of(model, [Passed(at) for at in range(row.width)]):
        if is_gap(step):
            continue
        own = row.names if is_first else _attribute(unfreeze(step), "feature_names_in_")
        numbers = _numbers(step, _Row(own, len(columns)))
        passed = [columns[at] for at in numbers]
        found.update(one.column for one in passed if one is not None and _may_be_number(one))
        is_first = False
    return frozenset(found)


def _may_be_number(passed: Passed) -> bool:
    """Whether NaN is the mark for a missing cell, as it is among numbers."""
    return passed.imputed is None or isinstance(passed.imputed.mark, float)


def _numbers_of_columns(model: ColumnTransformer, row: _Row) -> Positions:
    found: set[int] = set()
    for _, step, columns in model.transformers_:
        # A single name or place hands over a Series, which is what readers of text want.
        if not isinstance(step, BaseEstimator) or np.isscalar(columns):
            continue
        positions = list(positions_of(columns, row.names, row.width))
        part = row.take(positions)
        found.update(positions[at] for at in _numbers(step, part))
    return frozenset(found)


def _numbers_by_trial(model: Any, row: _Row) -> Positions:
    everything = frozenset(range(row.width))
    method = getattr(model, "transform", None) or getattr(model, "predict", None)
    if method is None or not row.width or not all(map(is_trusted, find_parts(model))):
        return frozenset()
    number = next((fill for fill in (0.0, 1.0) if _works(method, row.filled(fill))), None)
    if number is None or _works(method, row.filled(number, everything)):
        return frozenset()
    if _treats_columns_alike(model):
        return everything
    if row.width > COLUMNS_TO_PROBE:
        return frozenset()
    return frozenset(
        at for at in everything if not _works(method, row.filled(number, frozenset({at})))
    )


def _treats_columns_alike(model: Any) -> bool:
    """Whether all columns become one array of numbers, so that text is refused in any of them."""
    encodes = hasattr(model, "categories_") or hasattr(model, "categorical_features")
    return not encodes and len(list(find_parts(model))) == 1


def _works(method: Any, rows: Any) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            method(rows)
    except (TypeError, ValueError):
        return False
    return True


def _attribute(model: Any, name: str) -> Any:
    """Return a fitted attribute, None if the model, or its first step, has none."""
    return getattr(model, name, None)
