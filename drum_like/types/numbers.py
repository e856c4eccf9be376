"""Numbers to a model: which Python values, and which columns of a DataFrame.

The cells of a payload have a grammar of their own, in `cells`.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import ColumnsError
from drum_like.system.lazy import pd

EXACT = 2**53
"""Up to here a float64 distinguishes each integer from the next."""

# Possessive: a million digits before a letter would be tried a million times over.
_DECIMAL = re.compile(r"\s*+[+-]?(\d++\.?\d*+|\.\d++)([eE][+-]?\d++)?\s*+", re.ASCII)


def to_number(value: Any) -> float | None:
    """Return a cell of an object column as float64, None if it is not a number.

    pandas has parsed the text by then: text that is left over is text, also where Python's float()
    would read it ("1_000", digits of other scripts). True and False are 1.0 and 0.0, a missing
    value is NaN.
    """
    if isinstance(value, (bool, np.bool_)):
        return float(value)
    if isinstance(value, (Real, np.number)) and not isinstance(value, np.complexfloating):
        return _widened(value)
    return math.nan if value is None or is_marked_missing(value) else None


def is_marked_missing(value: Any) -> bool:
    """Return whether a value is one of pandas' marks for a missing one, NaN aside."""
    return value is pd.NA or value is pd.NaT


def text_to_number(text: str) -> float | None:
    """Parse a decimal number; None for other text."""
    return float(text) if _DECIMAL.fullmatch(text) else None


def is_number_like(value: Any) -> bool:
    """Return whether frameworks can take a cell for a number: also decimal text, and Decimal."""
    if isinstance(value, str):
        return text_to_number(value) is not None
    return isinstance(value, Decimal) or to_number(value) is not None


def is_not_numeric(value: Any) -> bool:
    """Return whether a cell is neither a number nor text that reads as one."""
    if isinstance(value, str):
        return text_to_number(value) is None
    return to_number(value) is None


def _widened(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond float64, as its decimal text would read
        return math.inf if value > 0 else -math.inf


def matrix_of(data: pd.DataFrame) -> NDArray[np.float64]:
    """Return a DataFrame as numbers: as `NativeFrame.matrix` does.

    Booleans are 1.0 and 0.0, missing values NaN, absent entries of a sparse column 0.0. Integers
    and narrower floats are widened to float64.

    Returns:
        (n_rows, n_columns) float64, a copy.

    Raises:
        ColumnsError: a cell is not a number; names the column and the row, counted from 1.
    """
    out = np.empty(data.shape, dtype=np.float64)
    if all(map(is_number, data.dtypes)):  # column by column takes 70 µs each
        out[...] = data.to_numpy(dtype=np.float64)
        return out
    for position in range(data.shape[1]):
        out[:, position] = column_of(data, position)
    return out


def column_of(data: pd.DataFrame, position: int) -> NDArray[np.float64]:
    """Return one column of a DataFrame as numbers, as `matrix_of` does."""
    column = data.iloc[:, position]
    dtype = column.dtype
    if isinstance(dtype, pd.SparseDtype):
        return np.asarray(column.to_numpy(), dtype=np.float64)
    if is_number(dtype):
        return column.to_numpy(dtype=np.float64)
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    name = data.columns[position]
    if pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype):
        return _objects(column.array, name)
    raise ColumnsError(f"column {str(name)[:100]!r} holds {dtype} values; the model takes numbers")


def is_number(dtype: Any) -> bool:
    """Return whether a column of a dtype holds numbers of NumPy's, booleans included."""
    return isinstance(dtype, np.dtype) and dtype.kind in "biuf"


def _objects(values: Any, name: Any) -> NDArray[np.float64]:
    out = np.empty(len(values), dtype=np.float64)
    for row, value in enumerate(values):
        number = to_number(value)
        if number is None:
            raise _not_a_number(values, row, name)
        out[row] = number
    return out


def _not_a_number(values: Any, row: int, name: Any) -> ColumnsError:
    """Name the bad cell: one word makes a column text, and its numbers with it."""
    culprits = (r for r in range(row, len(values)) if is_not_numeric(values[r]))
    row = next(culprits, row)
    return ColumnsError(
        f"column {str(name)[:100]!r} holds {_kind(values[row])} in row {row + 1}; "
        "the model takes numbers there",
        row,
        str(name),
    )


def _kind(value: Any) -> str:
    return "text" if isinstance(value, str) else type(value).__name__
