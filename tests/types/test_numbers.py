"""Python values that are numbers."""

import math
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

from drum_like.types.numbers import text_to_number, to_number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, 1.0),
        (np.False_, 0.0),
        (3, 3.0),
        (np.int8(-3), -3.0),
        (np.float32(0.5), 0.5),
        (Fraction(1, 2), 0.5),
        (2**53 + 1, float(2**53)),
        (10**400, math.inf),
        (-(10**400), -math.inf),
    ],
)
def test_number_is_widened(value: Any, expected: float) -> None:
    assert to_number(value) == expected


@pytest.mark.parametrize("value", [None, pd.NA, pd.NaT, math.nan, np.float32("nan")])
def test_missing_value_is_nan(value: Any) -> None:
    number = to_number(value)

    assert number is not None
    assert math.isnan(number)


@pytest.mark.parametrize(
    "value", ["1", "", b"1", 1j, np.complex64(1), [1], {}, Decimal(1), np.datetime64("NaT")]
)
def test_anything_else_is_none(value: Any) -> None:
    assert to_number(value) is None


@pytest.mark.parametrize(
    "text", ["9" * 100_000 + "x", "." + "9" * 100_000 + "x", "1e" + "9" * 100_000 + "x"]
)
def test_digits_before_a_letter_are_no_number_at_once(text: str) -> None:
    """The fuzz of JSON found 12,000 digits that took a second."""
    started = time.process_time()

    assert text_to_number(text) is None

    assert time.process_time() - started < 5
