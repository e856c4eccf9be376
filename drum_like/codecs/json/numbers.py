"""Predictions of a numeric target as float64, as DRUM casts them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import TargetError
from drum_like.types.numbers import is_marked_missing


def floats(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return values as float64: booleans 1.0 and 0.0, numbers in text read, missing ones NaN.

    Args:
        values: (n_rows,) or (n_rows, n_outputs) of any dtype.

    Raises:
        TargetError: a value is not a number; names the row, counted from 1.
    """
    if values.dtype.kind in "biuf":
        return np.ascontiguousarray(values, dtype=np.float64)
    out = np.empty(values.shape, dtype=np.float64)
    for position, value in np.ndenumerate(values):
        out[position] = _float(value, position[0] + 1)
    return out


def _float(value: Any, row: int) -> float:
    if value is None or is_marked_missing(value):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf
    except ValueError:
        raise TargetError(
            f"could not convert string to float: row {row} of the model's output is not a number"
        ) from None
    except TypeError:
        raise TargetError(
            f"row {row} of the model's output is of type {type(value).__name__}, not a number"
        ) from None
