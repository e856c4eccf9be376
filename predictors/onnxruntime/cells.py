"""From cells to the types of an ONNX graph's inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drum_like.api import ColumnsError, NativeFrame

if TYPE_CHECKING:  # matrices of numbers need no pandas
    import pandas as pd

Values = NDArray[Any]

_FIRST_INEXACT = 2.0**53


def narrowed(numbers: Values, dtype: np.dtype[Any]) -> Values:
    """Return numbers in a float type of the model's; those beyond its range are infinite there."""
    if dtype == numbers.dtype:
        return numbers
    with np.errstate(over="ignore"):
        return numbers.astype(dtype)


def typed(data: pd.DataFrame, at: int, dtype: np.dtype[Any]) -> Values:
    """Return one column as the model's type, without a detour through float64.

    Raises:
        ColumnsError: a cell is none of that type; names its row and column.
    """
    if dtype.kind == "O":
        return _text(data.iloc[:, at])
    if dtype.kind in "iu":
        return _integers(data, at, dtype)
    numbers = NativeFrame(data.iloc[:, [at]]).matrix()[:, 0]
    if dtype.kind == "b":
        _refuse(~np.isin(numbers, (0, 1)), data, at, "true or false")
    return narrowed(numbers, dtype)


def _integers(data: pd.DataFrame, at: int, dtype: np.dtype[Any]) -> Values:
    column = data.iloc[:, at]
    bounds = np.iinfo(dtype)
    if column.dtype.kind in "iu" and not column.hasnans:
        values = column.to_numpy()
        outside = (values < bounds.min) | (values > bounds.max)
    else:
        values = NativeFrame(data.iloc[:, [at]]).matrix()[:, 0]
        # The upper bound itself may round up as a float, and is then outside.
        inside = (values >= bounds.min) & (values < float(bounds.max) + 1)
        # From 2**53 on a float may be another whole number than the one that was sent.
        exact = np.abs(values) < _FIRST_INEXACT
        outside = ~inside | ~exact | (values != np.trunc(values))
    _refuse(outside, data, at, f"whole numbers that fit {dtype.name}")
    return values.astype(dtype)


def _refuse(bad: Values, data: pd.DataFrame, at: int, expected: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise ColumnsError(
            f"column {str(data.columns[at])[:100]!r} takes {expected}, without gaps; row "
            f"{row + 1} holds something else",
            row,
        )


def _text(column: pd.Series[Any]) -> Values:
    """Return cells as text, a missing one as "", whole numbers without a decimal point."""
    cells = column.astype(object).where(column.notna(), "")
    return np.array([_as_text(cell) for cell in cells], dtype=object)


def _as_text(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
