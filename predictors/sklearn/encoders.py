"""Encoders of a scikit-learn model that see columns of the request, and their categories.

The types of columns come from what was fitted: the categories of encoders, the fill values and the
mark for missing cells of imputers, and readers of text. They are looked for through pipelines,
column transformers, unions, searches and estimators of estimators.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from drum_like.api import Column, Schema

from . import (
    columns as sklearn_columns,  # relative: type checkers know this package under its folder's name
)

CATEGORIES_TO_KEEP = 1_000_000
"""Categories of a column beyond which the column is left to the model."""

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Filled:
    """An imputer that columns pass on their way to an encoder.

    Attributes:
        missing: Its mark for a missing cell.
        fills: Fill values, one a column.
        numbers: Whether it was fitted on columns of numbers, which no code of others reads then.
    """

    missing: Any
    fills: Sequence[Any]
    numbers: bool = False


@dataclass(frozen=True, slots=True)
class Encoder:
    """A fitted step that reads columns which are no plain numbers.

    Attributes:
        columns: The columns of the model that it reads, by name, or by position without names.
        categories: Known categories of each; empty for readers of text and for imputers.
        filled: The imputer before it, or that it is, None without one.
        refuses_unknown: Whether a category that it does not know is an error.
        reads_text: Whether it reads text of any kind.
    """

    columns: Sequence[Any]
    categories: Sequence[NDArray[Any]] = ()
    filled: Filled | None = None
    refuses_unknown: bool = False
    reads_text: bool = False

    def takes_missing(self, at: int) -> bool:
        """Whether a missing cell of a column is something that the encoder knows."""
        known = self.categories[at]
        fills = () if self.filled is None else self.filled.fills
        is_filled = at < len(fills) and bool(np.isin(known, [fills[at]]).any())
        return is_filled or bool(pd.isna(known).any())


def with_types(model: Any, schema: Schema | None) -> Schema | None:
    """Return a schema whose encoded columns have the categories or the type they were fitted on."""
    if schema is None or all(column.kind == "number" for column in schema.columns):
        return schema
    names = getattr(model, "feature_names_in_", None)
    columns = range(len(schema.columns)) if names is None else list(names)
    known: dict[str, list[Column]] = {}
    for encoder in encoders(model, columns):
        for at, column in enumerate(encoder.columns):
            known.setdefault(str(column), []).append(_column(encoder, at))
    typed = (
        _joined(column, known[column.name])
        if column.kind == "any" and column.name in known
        else column
        for column in schema.columns
    )
    return replace(schema, columns=tuple(typed))


def _joined(column: Column, found: Sequence[Column]) -> Column:
    """Join the knowledge of several readers about a column; the strictest type counts."""
    encoded = [one for one in found if one.kind == "encoded"]
    texts = [one for one in found if one.kind == "text"]
    marks = [one.missing for one in found if not _is_nan(one.missing)]
    missing = marks[0] if marks else NAN
    column = replace(column, missing=missing, takes_missing=all(one.takes_missing for one in texts))
    if not encoded and not texts:
        filled = any(one.kind == "number" for one in found)
        return replace(column, kind="number" if filled else "any", takes_missing=True)
    if not encoded:
        return replace(column, kind="text")
    categories = tuple(dict.fromkeys(value for one in encoded for value in one.categories))
    if len(categories) > CATEGORIES_TO_KEEP or len(_families(categories)) > 1:
        return column
    times = {one.times for one in encoded}
    if len(times) > 1:
        return column
    as_objects = any(one.as_objects for one in encoded)
    return replace(
        column, kind="encoded", categories=categories, as_objects=as_objects, times=times.pop()
    )


def _families(values: Sequence[Any]) -> set[str]:
    return {"text" if isinstance(value, str) else "number" for value in values}


def _column(encoder: Encoder, at: int) -> Column:
    filled = encoder.filled
    mark = NAN if filled is None else filled.missing
    if encoder.categories:
        known = np.asarray(encoder.categories[at])
        times = _times(known)
        if times is not None:
            return replace(times, missing=None if known.dtype == object and None in known else mark)
        values = known.tolist()
        if any(value is None for value in values):
            mark = None
        present = tuple(value for value in values if not _is_missing(value))
        # Encoders that were fitted on objects fail on an array of numbers.
        as_objects = known.dtype == object and _families(present) == {"number"}
        return Column(
            "",
            "encoded" if present else "any",
            present,
            missing=mark,
            as_objects=as_objects,
        )
    if encoder.reads_text:
        return Column("", "text", missing=mark, takes_missing=filled is not None)
    if filled is not None and filled.numbers:
        return Column("", "number", missing=mark)
    fills = () if filled is None else filled.fills
    is_text = at < len(fills) and isinstance(fills[at], str)
    return Column("", "text" if is_text else "any", missing=mark)


def _times(known: NDArray[Any]) -> Column | None:
    """Return the column of an encoder of dates and times, which are text in requests, else None."""
    if known.dtype == object:
        held = [value for value in known.tolist() if not _is_missing(value)]
        if not held or not all(isinstance(one, date) for one in held):
            return None
        dtype = "object" if all(isinstance(one, datetime) for one in held) else "date"
        return Column("", "encoded", tuple(map(str, held)), times=dtype)
    if known.dtype.kind not in "mM":
        return None
    texts = [str(one) for one in pd.Series(known).dropna()]
    return Column("", "encoded", tuple(texts), times=known.dtype.name) if texts else None


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value  # noqa: PLR0124 - NaN differs from itself


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or _is_nan(value)


def encoders(
    model: Any, columns: Sequence[Any], *, filled: Filled | None = None
) -> Iterator[Encoder]:
    """Yield the encoders that see columns of the request, at most imputed."""
    model = sklearn_columns.thawed(model)
    if isinstance(model, Pipeline):
        yield from _in_pipeline(model, columns, filled)
    elif isinstance(model, ColumnTransformer | FeatureUnion):
        for step, part in _branches(model, columns):
            yield from encoders(step, part, filled=filled)
    elif isinstance(model, sklearn_columns.TEXT_READERS):
        yield Encoder(columns, filled=filled, reads_text=True)
    elif isinstance(model, SimpleImputer):
        yield Encoder(columns, filled=filled_by(model))
    elif sklearn_columns.is_trusted(model):
        yield from _in_estimator(model, columns, filled)


def _in_estimator(model: Any, columns: Sequence[Any], filled: Filled | None) -> Iterator[Encoder]:
    categories = getattr(model, "categories_", None)
    if isinstance(categories, list) and len(categories) >= len(columns) > 0:
        unknown = getattr(model, "handle_unknown", "")
        kept = categories[: len(columns)]  # behind them stand the marks of an imputer
        yield Encoder(columns, kept, filled, refuses_unknown=unknown == "error")
        return
    for inner, places in _inside(model):
        part = columns if places is None else [columns[at] for at in places]
        yield from encoders(inner, part, filled=filled)


def _inside(model: Any) -> Iterator[tuple[Any, Sequence[int] | None]]:
    """Yield the estimators in an estimator, with the places of their columns if not all."""
    chosen = getattr(model, "estimators_features_", None)
    if chosen is None:
        yield from ((inner, None) for inner in sklearn_columns.inner_models(model))
    else:
        yield from zip(model.estimators_, chosen, strict=True)


def filled_by(step: SimpleImputer) -> Filled:
    """Return the missing mark and the fill values of a fitted imputer."""
    mark = step.missing_values
    known = mark is None or mark is pd.NA or _is_nan(mark)
    fills = np.asarray(step.statistics_, dtype=object).tolist()
    fitted = np.dtype(getattr(step, "_fit_dtype", object))
    numbers = fitted.kind in "iuf" and mark is not None and mark is not pd.NA
    return Filled(mark if known else NAN, fills, numbers)


def _branches(model: Any, columns: Sequence[Any]) -> Iterator[tuple[Any, Sequence[Any]]]:
    """Yield the steps that stand side by side, each with the columns that it reads."""
    if isinstance(model, FeatureUnion):
        yield from ((branch, columns) for _, branch in model.transformer_list)
        return
    for _, step, chosen in model.transformers_:
        part = sklearn_columns.positions_of(chosen, columns, len(columns))
        yield step, [columns[at] for at in part]


def _in_pipeline(
    model: Pipeline, columns: Sequence[Any], filled: Filled | None
) -> Iterator[Encoder]:
    for at, (_, step) in enumerate(model.steps):
        if isinstance(step, SimpleImputer):
            own = not all(map(_is_known, model.steps[at + 1 :]))
            found = replace(filled_by(step), numbers=False) if own else filled_by(step)
            yield Encoder(columns, filled=found)
            filled = filled or found
            continue
        yield from encoders(step, columns, filled=filled)
        if not _changes_nothing(step):
            return


def _is_known(named: tuple[str, Any]) -> bool:
    """Whether a step of a pipeline is code of known libraries, which takes 1.0 for 1."""
    return _changes_nothing(named[1]) or sklearn_columns.is_framework_only(named[1])


def _changes_nothing(step: Any) -> bool:
    if step is None or isinstance(step, str):
        return True
    return isinstance(step, FunctionTransformer) and step.func is None
