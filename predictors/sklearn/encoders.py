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

from drum_like.api import Column, Schema

# Relative: type checkers know this package under its folder's name.
from .steps import (
    TEXT_VECTORIZERS,
    branches,
    changes_nothing,
    chosen_columns,
    is_framework_only,
    is_trusted,
    unfreeze,
)

CATEGORIES_TO_KEEP = 1_000_000
"""Categories of a column beyond which the column is left to the model."""

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Imputation:
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
        imputed: The imputer before it, or that it is, None without one.
        refuses_unknown: Whether a category that it does not know is an error.
        reads_text: Whether it reads text of any kind.
    """

    columns: Sequence[Any]
    categories: Sequence[NDArray[Any]] = ()
    imputed: Imputation | None = None
    refuses_unknown: bool = False
    reads_text: bool = False

    def takes_missing(self, at: int) -> bool:
        """Whether a missing cell of a column is something that the encoder knows."""
        known = self.categories[at]
        fills = () if self.imputed is None else self.imputed.fills
        is_filled = at < len(fills) and bool(np.isin(known, [fills[at]]).any())
        return is_filled or bool(pd.isna(known).any())


def add_types(model: Any, schema: Schema | None) -> Schema | None:
    """Return a schema whose encoded columns have the categories or the type they were fitted on."""
    if schema is None or all(column.kind == "number" for column in schema.columns):
        return schema
    names = getattr(model, "feature_names_in_", None)
    columns = range(len(schema.columns)) if names is None else list(names)
    known: dict[str, list[Column]] = {}
    for encoder in find_encoders(model, columns):
        for at, column in enumerate(encoder.columns):
            known.setdefault(str(column), []).append(_column(encoder, at))
    typed = (
        _join_columns(column, known[column.name])
        if column.kind == "any" and column.name in known
        else column
        for column in schema.columns
    )
    return replace(schema, columns=tuple(typed))


def _join_columns(column: Column, found: Sequence[Column]) -> Column:
    """Join the knowledge of several readers about a column; the strictest type counts."""
    encoded = [one for one in found if one.kind == "encoded"]
    texts = [one for one in found if one.kind == "text"]
    marks = [one.missing for one in found if not _is_nan(one.missing)]
    missing = marks[0] if marks else NAN
    column = replace(column, missing=missing, takes_missing=all(one.takes_missing for one in texts))
    if not encoded and not texts:
        is_number = any(one.kind == "number" for one in found)
        return replace(column, kind="number" if is_number else "any", takes_missing=True)
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
    imputed = encoder.imputed
    mark = NAN if imputed is None else imputed.missing
    if encoder.categories:
        known = np.asarray(encoder.categories[at])
        times = _time_column(known)
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
        return Column("", "text", missing=mark, takes_missing=imputed is not None)
    if imputed is not None and imputed.numbers:
        return Column("", "number", missing=mark)
    fills = () if imputed is None else imputed.fills
    is_text = at < len(fills) and isinstance(fills[at], str)
    return Column("", "text" if is_text else "any", missing=mark)


def _time_column(known: NDArray[Any]) -> Column | None:
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


def find_encoders(
    model: Any, columns: Sequence[Any], *, imputed: Imputation | None = None
) -> Iterator[Encoder]:
    """Yield the encoders that see columns of the request, at most imputed."""
    model = unfreeze(model)
    if isinstance(model, Pipeline):
        yield from _pipeline_encoders(model, columns, imputed)
    elif isinstance(model, ColumnTransformer | FeatureUnion):
        for step, part in branches(model, columns):
            yield from find_encoders(step, part, imputed=imputed)
    elif isinstance(model, TEXT_VECTORIZERS):
        yield Encoder(columns, imputed=imputed, reads_text=True)
    elif isinstance(model, SimpleImputer):
        yield Encoder(columns, imputed=imputation_of(model))
    elif is_trusted(model):
        yield from _estimator_encoders(model, columns, imputed)


def _estimator_encoders(
    model: Any, columns: Sequence[Any], imputed: Imputation | None
) -> Iterator[Encoder]:
    categories = getattr(model, "categories_", None)
    if isinstance(categories, list) and len(categories) >= len(columns) > 0:
        unknown = getattr(model, "handle_unknown", "")
        kept = categories[: len(columns)]  # behind them stand the marks of an imputer
        yield Encoder(columns, kept, imputed, refuses_unknown=unknown == "error")
        return
    for inner, places in chosen_columns(model):
        part = columns if places is None else [columns[at] for at in places]
        yield from find_encoders(inner, part, imputed=imputed)


def imputation_of(step: SimpleImputer) -> Imputation:
    """Return the missing mark and the fill values of a fitted imputer."""
    mark = step.missing_values
    known = mark is None or mark is pd.NA or _is_nan(mark)
    fills = np.asarray(step.statistics_, dtype=object).tolist()
    fitted = np.dtype(getattr(step, "_fit_dtype", object))
    numbers = fitted.kind in "iuf" and mark is not None and mark is not pd.NA
    return Imputation(mark if known else NAN, fills, numbers)


def _pipeline_encoders(
    model: Pipeline, columns: Sequence[Any], imputed: Imputation | None
) -> Iterator[Encoder]:
    for at, (_, step) in enumerate(model.steps):
        if isinstance(step, SimpleImputer):
            own = not all(map(_is_known, model.steps[at + 1 :]))
            found = replace(imputation_of(step), numbers=False) if own else imputation_of(step)
            yield Encoder(columns, imputed=found)
            imputed = imputed or found
            continue
        yield from find_encoders(step, columns, imputed=imputed)
        if not changes_nothing(step):
            return


def _is_known(named: tuple[str, Any]) -> bool:
    """Whether a step of a pipeline is code of known libraries, which takes 1.0 for 1."""
    return changes_nothing(named[1]) or is_framework_only(named[1])
