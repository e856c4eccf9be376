"""The types of columns that a scikit-learn model was fitted on and that are no plain numbers.

They come from what was fitted: the categories of encoders and of boosters, the fill values and the
mark for missing cells of imputers, and readers of text. They are looked for in every step that gets
a column as it was sent.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import KBinsDiscretizer

from drum_like.api import Column, Schema

# Relative: type checkers know this package under its folder's name.
from ..estimators import EXACT
from .columns import boosted_columns
from .steps import TEXT_VECTORIZERS, is_trusted
from .tracing import Imputation, Passed, TracedStep, imputation_of, is_nan, trace_steps

CATEGORIES_TO_KEEP = 1_000_000
"""Categories of a column beyond which the column is left to the model."""

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Encoder:
    """A fitted step that reads a column which is no plain number.

    Attributes:
        column: The column of the model that it reads, by name, or by position without names.
        categories: Known categories; None for readers of text and for imputers.
        imputed: The imputer before it, or that it is, None without one.
        refuses_unknown: Whether a category that it does not know is an error.
        reads_text: Whether it reads text of any kind.
        reads_numbers: Whether it is an imputer that was fitted on numbers, which no code of others
            reads then.
        width: The type of the floats that it was fitted on, see Column.
    """

    column: Any
    categories: NDArray[Any] | None = None
    imputed: Imputation | None = None
    refuses_unknown: bool = False
    reads_text: bool = False
    reads_numbers: bool = False
    width: str = ""

    @property
    def takes_missing(self) -> bool:
        """Whether a missing cell is something that the encoder knows."""
        known = np.asarray(self.categories)
        is_filled = self.imputed is not None and bool(np.isin(known, [self.imputed.fill]).any())
        return is_filled or bool(pd.isna(known).any())


def add_types(model: Any, schema: Schema | None) -> Schema | None:
    """Return a schema whose columns have the types that the steps of a model were fitted on."""
    if schema is None:
        return schema
    traced = list(trace_steps(model))
    known: dict[str, list[Column]] = {}
    for encoder in _encoders_of(traced):
        known.setdefault(str(encoder.column), []).append(_column(encoder))
    boosted = boosted_columns(traced) if schema.named else {}
    columns = []
    for column in schema.columns:
        found = known.get(column.name, ())
        joined = _join_columns(column, found) if found else column
        passed = boosted.get(column.name)
        columns.append(joined if passed is None else replace(passed, name=column.name))
    return replace(schema, columns=tuple(columns))


def _join_columns(column: Column, found: Sequence[Column]) -> Column:
    """Join the knowledge of several readers about a column; the strictest type counts.

    Numbers are floats; they are the strictest type unless a category would lose digits as one.
    """
    if column.kind == "number" and not any(map(_has_long_numbers, found)):
        return replace(column, width=max(one.width for one in found))
    encoded = [one for one in found if one.kind == "encoded"]
    texts = [one for one in found if one.kind == "text"]
    marks = [one.missing for one in found if not is_nan(one.missing)]
    missing = marks[0] if marks else NAN
    takes_missing = all(one.takes_missing for one in found)
    column = replace(column, missing=missing, takes_missing=takes_missing)
    if not encoded and not texts:
        is_number = any(one.kind == "number" for one in found)
        return replace(column, kind="number" if is_number else "any", takes_missing=True)
    if not encoded:
        empty = all(one.empty_is_text for one in texts)
        return replace(column, kind="text", empty_is_text=empty)
    joined = _join_encoded(encoded)
    if joined is None:
        return column
    return replace(joined, name=column.name, missing=missing, takes_missing=takes_missing)


def _has_long_numbers(column: Column) -> bool:
    """Return whether a category is a whole number that a float may not hold."""
    return any(isinstance(one, int) and abs(one) > EXACT for one in column.categories)


def _join_encoded(encoded: Sequence[Column]) -> Column | None:
    """Return the column of several encoders, None if they were fitted on different types."""
    categories = tuple(dict.fromkeys(value for one in encoded for value in one.categories))
    originals = tuple(dict.fromkeys(value for one in encoded for value in one.originals))
    kinds = _families(originals or categories)
    alike = len({(one.times, one.width, bool(one.originals)) for one in encoded}) == 1
    if len(categories) > CATEGORIES_TO_KEEP or len(kinds) > 1 or not alike:
        return None
    return replace(
        encoded[0],
        categories=tuple(map(str, originals)) or categories,
        originals=originals,
        as_objects=any(one.as_objects for one in encoded),
        empty_is_text=all(one.empty_is_text for one in encoded),
    )


def _families(values: Sequence[Any]) -> set[str]:
    return {_family(value) for value in values}


def _family(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    return "number" if isinstance(value, bool | int | float) else type(value).__name__


def _column(encoder: Encoder) -> Column:
    imputed = encoder.imputed
    mark = NAN if imputed is None else imputed.mark
    # An imputer whose mark is text refuses missing cells.
    is_word = isinstance(mark, str)
    missing = NAN if is_word else mark
    if encoder.categories is not None:
        column = _encoded_column(np.asarray(encoder.categories), missing)
        if is_word:
            return _with_word(column, str(mark))
        return column if imputed is None else replace(column, empty_is_text=False)
    if encoder.reads_text:
        takes = imputed is not None and not is_word
        return Column("", "text", missing=missing, takes_missing=takes)
    if encoder.reads_numbers:
        return Column("", "number", missing=missing, width=encoder.width)
    is_text = imputed is not None and isinstance(imputed.fill, str)
    return Column(
        "",
        "text" if is_text else "any",
        missing=missing,
        takes_missing=not is_word,
        empty_is_text=mark == "",
    )


def _with_word(column: Column, word: str) -> Column:
    """Return a column whose gaps are a word."""
    known = column.categories
    if _families(column.originals or known) == {"text"} and word not in known:
        known = (*known, word)
    empty = column.empty_is_text or word == ""
    return replace(column, categories=known, takes_missing=False, empty_is_text=empty)


def _encoded_column(known: NDArray[Any], mark: Any) -> Column:
    """Return the column of an encoder by its categories."""
    times = _time_column(known)
    if times is not None:
        return replace(times, missing=None if known.dtype == object and None in known else mark)
    values = [_plain(value) for value in known.tolist()]
    if any(value is None for value in values):
        mark = None
    present = tuple(value for value in values if not _is_missing(value))
    if not present:
        return Column("", "any", missing=mark)
    kinds = _families(present)
    if kinds <= {"text", "number"}:
        return Column(
            "",
            "encoded",
            present,
            missing=mark,
            # Encoders that were fitted on objects fail on an array of numbers.
            as_objects=known.dtype == object and kinds == {"number"},
            width=_width(known),
            empty_is_text="" in present and len(present) == len(values),
        )
    originals = present if len(kinds) == 1 else ()
    return Column("", "encoded", tuple(map(str, present)), missing=mark, originals=originals)


def _plain(value: Any) -> Any:
    """Return a number of numpy as one of Python, anything else as it is."""
    return value.item() if isinstance(value, np.number | np.bool_) else value


def _width(known: NDArray[Any]) -> str:
    """Return numpy's name of the type of floats narrower than float64, empty for all others."""
    if known.dtype.kind == "f" and known.dtype.itemsize < 8:
        return known.dtype.name
    present = [value for value in known.tolist() if not _is_missing(value)]
    if not all(isinstance(value, float) for value in present):
        return ""
    # Beside other columns, floats lose their type: 0.1 of float32 is 0.10000000149011612 there.
    narrow = [np.float32(value) for value in present]
    exact = all(float(short) == value for short, value in zip(narrow, present, strict=True))
    shorter = any(float(str(short)) != float(short) for short in narrow)
    return "float32" if exact and shorter else ""


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


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or is_nan(value)


def find_encoders(model: Any) -> Iterator[Encoder]:
    """Yield the encoders that see columns of the request, at most imputed."""
    return _encoders_of(trace_steps(model))


def _encoders_of(traced: Iterable[TracedStep]) -> Iterator[Encoder]:
    for reading in traced:
        for at, passed in enumerate(reading.columns):
            encoder = None if passed is None else _encoder_of(reading, at, passed)
            if encoder is not None:
                yield encoder


def _encoder_of(reading: TracedStep, at: int, passed: Passed) -> Encoder | None:
    """Return the encoder that a step is to one of its columns, None if it is none."""
    step, column, imputed = reading.step, passed.column, passed.imputed
    if isinstance(step, TEXT_VECTORIZERS):
        return Encoder(column, imputed=imputed, reads_text=True)
    if isinstance(step, SimpleImputer):
        own = imputation_of(step, at)
        numbers = _fitted_on_numbers(step) and not reading.has_own_code_behind
        return Encoder(column, imputed=imputed or own, reads_numbers=numbers)
    if isinstance(step, KBinsDiscretizer):
        # A cell that is the edge of a bin has to compare as it did in training.
        return Encoder(column, reads_numbers=True, width=_width(step.bin_edges_[at]))
    categories = getattr(step, "categories_", None)
    # Behind the categories of the columns stand the marks of an imputer.
    if not is_trusted(step) or not isinstance(categories, list) or at >= len(categories):
        return None
    refuses = getattr(step, "handle_unknown", "") == "error"
    return Encoder(column, np.asarray(categories[at]), imputed, refuses_unknown=refuses)


def _fitted_on_numbers(step: SimpleImputer) -> bool:
    mark = step.missing_values
    fitted = np.dtype(getattr(step, "_fit_dtype", object))
    return fitted.kind in "iuf" and mark is not None and mark is not pd.NA
