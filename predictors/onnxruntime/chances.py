"""Probabilities told from other numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.api import Scale

Values = NDArray[Any]

_SUMS = {2: 1e-3, 4: 1.001e-5, 8: 1.001e-5}
"""How far from 1 a row may add up, by the bytes of a number; for two bytes, for each column."""

_ROUNDED = 8
"""Units in the last place of 1 that a probability may lie beyond 0 and 1."""


def scale_of(values: Values, *, multilabel: bool = False) -> Scale | None:
    """Return what (n_rows, n_columns) numbers are; None where no row has numbers in all columns.

    One column is the probability of one of two classes.
    """
    rows = values.reshape(len(values), -1)
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return None
    beyond = _ROUNDED * np.finfo(rows.dtype).eps
    if rows.min() < -beyond or rows.max() > 1 + beyond:
        return Scale.MARGINS
    if multilabel or rows.shape[1] == 1:
        return Scale.CHANCES
    narrow = rows.dtype.itemsize == 2
    allowed = _SUMS[rows.dtype.itemsize] * (rows.shape[1] if narrow else 1)
    off = np.abs(rows.sum(axis=1, dtype=np.float64) - 1).max()
    return Scale.CHANCES if off <= allowed else Scale.CHANCES_EACH
