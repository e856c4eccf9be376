"""Which Python values are numbers to a model."""

import math
import re
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from drum_like.system.lazy import pd

_DECIMAL = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


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
