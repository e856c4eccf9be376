"""Which columns a fitted scikit-learn model takes, and which of them have to be numbers.

A column is known to be a number where scikit-learn itself, not code of others, takes a number and
refuses text. That is found out once, by trying both on one row made up here: text in a column that
an encoder reads, or that a function of the user's parses, is then left to the model.
"""

import warnings
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import BaseDecisionTree

from drum_like.api import Column, Schema

COLUMNS_TO_PROBE = 500
"""Columns of one estimator that are tried one by one; wider ones are left to the model."""

_TRUSTED = frozenset({"sklearn", "xgboost", "lightgbm"})
TEXT_READERS = (CountVectorizer, HashingVectorizer)
"""Estimators that read text, one cell a row, and take no missing cell."""

_INNER = ("best_estimator_", "regressor_")

Positions = frozenset[int]


def schema_of(model: Any) -> Schema | None:
    """Return the columns that a fitted model takes, None if they are unknown.

    A model fitted on an array knows their number only; code of others that does so may still want
    a DataFrame, and gets what was sent.
    """
    if reads_one_text(model):
        return Schema((Column("0", "text", takes_missing=False),), named=False)
    first = first_model(model)
    # A pipeline that begins with "passthrough" does not say what the step behind it takes.
    teller = model if _attribute(model, "n_features_in_") is not None else first
    names = _attribute(teller, "feature_names_in_")
    width = _attribute(teller, "n_features_in_") if names is None else len(names)
    if width is None or (names is None and not is_trusted(first)):
        return None
    columns = range(int(width)) if names is None else [str(name) for name in names]
    numbers = _numbers(model, _Row(columns if names is not None else None, int(width)))
    used = _used(model, names, int(width))
    return Schema(
        tuple(
            Column(str(columns[at]), "number" if at in numbers else "any") for at in sorted(used)
        ),
        named=names is not None,
    )


def _used(model: Any, names: Any, width: int) -> Positions:
    """Return the columns that some step reads; dropped ones need not be sent."""
    model = thawed(model)
    if isinstance(model, Pipeline):
        steps = [step for _, step in model.steps if isinstance(step, BaseEstimator)]
        return _used(steps[0], names, width) if steps else frozenset(range(width))
    if isinstance(model, ColumnTransformer):
        parts = [
            frozenset(positions_of(columns, names, width))
            for _, step, columns in model.transformers_
            if not (isinstance(step, str) and step == "drop")
        ]
        return frozenset[int]().union(*parts)
    return _used_inside(model, names, width)


def _used_inside(model: Any, names: Any, width: int) -> Positions:
    """Return the columns that any of the estimators in an estimator reads."""
    # A stack may hand its columns to its last estimator, too; bags choose some for each.
    all_used = getattr(model, "passthrough", False) or hasattr(model, "estimators_features_")
    inner = list(inner_models(model)) if is_trusted(model) and not all_used else []
    if not inner or hasattr(model, "is_categorical_"):
        return frozenset(range(width))
    return frozenset[int]().union(*(_used(one, names, width) for one in inner))


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
    model = thawed(model)
    if isinstance(model, Pipeline):
        return _of_pipeline(model, row)
    if isinstance(model, ColumnTransformer):
        return _of_column_transformer(model, row)
    if isinstance(model, FeatureUnion):
        branches = [step for _, step in model.transformer_list if isinstance(step, BaseEstimator)]
        return frozenset[int]().union(*(_numbers(branch, row) for branch in branches))
    if isinstance(model, FunctionTransformer):
        # Functions of numpy's own take numbers.
        return frozenset(range(row.width if isinstance(model.func, np.ufunc) else 0))
    return _of_known(model, row) if is_trusted(model) else frozenset()


def _of_known(model: Any, row: _Row) -> Positions:
    categorical = getattr(model, "is_categorical_", None)
    if categorical is not None:
        return frozenset(np.flatnonzero(~np.asarray(categorical)).tolist())
    inner = [one for one in inner_models(model) if _attribute(one, "n_features_in_") == row.width]
    if inner:
        return frozenset(range(row.width)).intersection(*(_numbers(one, row) for one in inner))
    return _of_estimator(model, row)


def _of_pipeline(model: Pipeline, row: _Row) -> Positions:
    steps = [thawed(step) for _, step in model.steps if isinstance(step, BaseEstimator)]
    if not steps:
        return frozenset()
    found = _numbers(steps[0], row)
    if len(steps) == 1 or not isinstance(steps[0], ColumnTransformer):
        return found
    width = _attribute(steps[1], "n_features_in_")
    names = _attribute(steps[1], "feature_names_in_")
    if width is None or len(_numbers(steps[1], _Row(names, int(width)))) != width:
        return found
    return found | passed_through(steps[0], row.names)


def _of_column_transformer(model: ColumnTransformer, row: _Row) -> Positions:
    found: set[int] = set()
    for _, step, columns in model.transformers_:
        # A single name or place hands over a Series, which is what readers of text want.
        if not isinstance(step, BaseEstimator) or np.isscalar(columns):
            continue
        positions = list(positions_of(columns, row.names, row.width))
        part = row.take(positions)
        found.update(positions[at] for at in _numbers(step, part))
    return frozenset(found)


def passed_through(model: ColumnTransformer, names: Any) -> Positions:
    """Return the columns that reach the next step as they are."""
    found: set[int] = set()
    for _, step, columns in model.transformers_:
        positions = positions_of(columns, names, model.n_features_in_)
        if isinstance(step, ColumnTransformer):
            within = None if names is None else [names[at] for at in positions]
            found.update(positions[at] for at in passed_through(step, within))
        elif step == "passthrough" or _is_identity(step):
            found.update(positions)
    return frozenset(found)


def positions_of(columns: Any, names: Any, width: int) -> tuple[int, ...]:
    """Return the positions that a column list of a fitted ColumnTransformer names, in its order."""
    keys = [columns] if isinstance(columns, str) else columns
    by_name = isinstance(keys, slice) and isinstance(keys.start or keys.stop, str)
    if not isinstance(keys, slice):
        by_name = any(isinstance(key, str) for key in keys) if np.ndim(keys) else False
    if by_name:
        return tuple(pd.Series(range(width), index=list(names)).loc[keys].tolist())
    if isinstance(keys, list) and not keys:
        return ()
    return tuple(np.atleast_1d(np.arange(width)[keys]).tolist())


def _of_estimator(model: Any, row: _Row) -> Positions:
    everything = frozenset(range(row.width))
    method = getattr(model, "transform", None) or getattr(model, "predict", None)
    if method is None or not row.width or not all(map(is_trusted, _parts(model))):
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
    return not encodes and len(list(_parts(model))) == 1


def _parts(model: Any) -> Iterator[Any]:
    """Yield an estimator and the estimators among its parameters."""
    yield model
    for value in _parameters(model).values():
        if isinstance(value, BaseEstimator):
            yield value


def thawed(model: Any) -> Any:
    """Return the estimator inside a frozen one, any other estimator itself."""
    # By name: scikit-learn has it since 1.6.
    is_frozen = type(model).__name__ == "FrozenEstimator" and is_trusted(model)
    return thawed(model.estimator) if is_frozen else model


def is_trusted(model: Any) -> bool:
    """Return whether an object is of a library whose behaviour on text is known."""
    package = type(model).__module__.partition(".")[0]
    return package in _TRUSTED and not isinstance(model, FunctionTransformer)


def inner_models(model: Any) -> Iterator[Any]:
    """Yield the fitted estimators that an estimator of a library hands its columns to as they are.

    Those that are fitted on some of the columns only are left out, and so are trees.
    """
    for name in (*_INNER, "_preprocessor", "estimator_", "estimators_", "calibrated_classifiers_"):
        found = getattr(model, name, None)
        for one in found if isinstance(found, list) else [found]:
            inner = getattr(one, "estimator", one) if name == "calibrated_classifiers_" else one
            if isinstance(inner, BaseEstimator) and not isinstance(inner, BaseDecisionTree):
                yield inner


def is_framework_only(model: Any) -> bool:
    """Return whether a model is of known libraries alone, without functions of a user's own."""
    own = [part for part in _parts(model) if not is_trusted(part) and not _is_identity(part)]
    return not own and not any(isinstance(v, FunctionType) for v in _parameters(model).values())


def _parameters(model: Any) -> dict[str, Any]:
    return dict(model.get_params(deep=True)) if hasattr(model, "get_params") else {}


def _is_identity(model: Any) -> bool:
    return isinstance(model, FunctionTransformer) and model.func is None


def inner_model(model: Any) -> Any:
    """Return the estimator that a search or a wrapper of the target hands its columns to."""
    if not is_trusted(model):
        return None
    return next((getattr(model, name) for name in _INNER if hasattr(model, name)), None)


def first_model(model: Any) -> Any:
    """Return the estimator that sees the columns first."""
    model = thawed(model)
    if isinstance(model, Pipeline):
        steps = [step for _, step in model.steps if isinstance(step, BaseEstimator)]
        return first_model(steps[0]) if steps else model
    inner = next(inner_models(model), None) if is_trusted(model) else None
    return model if inner is None or hasattr(model, "is_categorical_") else first_model(inner)


def reads_one_text(model: Any) -> bool:
    """Return whether a model takes the cells of one column of text, not a table."""
    first = first_model(model)
    if isinstance(first, FeatureUnion):
        return all(reads_one_text(step) for _, step in first.transformer_list)
    return isinstance(first, TEXT_READERS)


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
