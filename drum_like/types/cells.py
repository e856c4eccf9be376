"""The grammar of one cell: the meaning of a cell of any payload, independent of its neighbours.

A cell is a Python value: text of a CSV field, a value of JSON or of an Arrow column. One grammar
serves all of them, so that a row means the same through every format.

- **Numbers**: a decimal number in text, as pandas reads it in CSV, with blanks around it; `inf` and
  `infinity` with a sign; `true` and `false` in any case are 1 and 0.
- **Truth values**: `true` and `false` in any case, 1 and 0.
- **Missing**: None and NaN; in columns of numbers an empty text and pandas' words, such as `NA`,
  too.

Source of the rules: pandas.read_csv for numbers and words; H2O MLOps' scorer, observed, for base64
and times.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

import numpy as np

from drum_like.types.numbers import is_marked_missing, text_to_number

MISSING_WORDS = frozenset(
    (
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
        *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
"""pandas.read_csv, parameter na_values."""

NAN = float("nan")

_BOOLEANS = {"true": True, "false": False}
_INFINITY = re.compile(r"\s*[+-]?inf(inity)?\s*", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"\s*[+-]?\d{1,20}\s*", re.ASCII)
_SPACE = " \t\n\r\x0b\x0c"
_BLANKS = re.compile(r"\s+")


class Literal(float):
    """A number of a JSON body that knows how it was written."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Return the number that a text means."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        """Return the text."""
        return self.text


def is_missing(cell: Any) -> bool:
    """Return whether a cell holds nothing: None, NaN or a mark of pandas; text is never missing."""
    if cell is None:
        return True
    if isinstance(cell, float):
        return cell != cell  # noqa: PLR0124 - NaN differs from itself
    return is_marked_missing(cell)


def text_of(cell: Any) -> str | None:
    """Return a cell as the text that was sent in JSON, None for null."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return None if cell is None else str(cell)


def to_boolean_word(cell: Any) -> bool | None:
    """Return a truth value, or the word for one in any case, as a boolean; else None."""
    if isinstance(cell, bool):
        return cell
    return _BOOLEANS.get(cell.strip(_SPACE).lower()) if isinstance(cell, str) else None


def to_float(cell: Any) -> float:
    """Return a cell as the nearest float64, NaN for a missing one.

    Raises:
        ValueError: it is no number.
    """
    if isinstance(cell, str):
        return _float_in(cell)
    if is_missing(cell):
        return NAN
    try:
        return float(cell)
    except TypeError as error:
        raise ValueError from error
    except OverflowError:  # an integer beyond float64, as its decimal text would read
        return float("inf") if cell > 0 else float("-inf")


def _float_in(text: str) -> float:
    number = text_to_number(text)
    if number is not None:
        return number
    bare = text.strip(_SPACE)
    if bare in MISSING_WORDS:
        return NAN
    if bare.lower() in _BOOLEANS:
        return float(_BOOLEANS[bare.lower()])
    if _INFINITY.fullmatch(text):
        return float(text)
    raise ValueError


def to_real(cell: Any) -> float | None:
    """Return a cell as the nearest float64, None for a missing one.

    Raises:
        ValueError: it is no number.
    """
    number = to_float(cell)
    return number if number == number else None  # noqa: PLR0124 - NaN differs from itself


def to_narrow(cell: Any, width: str) -> float | None:
    """Return a cell as the nearest number of a narrower type of numpy, None for a missing one.

    Raises:
        ValueError: it is no number.
    """
    number = to_real(cell)
    with np.errstate(over="ignore"):
        return None if number is None else float(np.dtype(width).type(number))


def to_exact(cell: Any) -> int | float | None:
    """Return a cell as a number, whole ones without a detour through float64; None if missing.

    Raises:
        ValueError: it is no number.
    """
    if isinstance(cell, Literal):
        cell = cell.text
    if isinstance(cell, bool):
        return int(cell)
    if isinstance(cell, int):
        return cell
    if isinstance(cell, str) and _WHOLE.fullmatch(cell):
        return int(cell)
    number = to_float(cell)
    if number != number:  # noqa: PLR0124 - NaN differs from itself
        return None
    if not number.is_integer():
        return number
    decimal = isinstance(cell, str) and text_to_number(cell) is not None
    return int(Decimal(cell.strip())) if decimal else int(number)


def to_integer(cell: Any, bits: int) -> int | None:
    """Return a cell as a whole number of `bits` bits, None for a missing one.

    Raises:
        ValueError: it is none.
    """
    number = to_exact(cell)
    if number is None:
        return None
    limit = 1 << (bits - 1)
    if not isinstance(number, int) or not -limit <= number < limit:
        raise ValueError
    return number


def to_boolean(cell: Any) -> bool | None:
    """Return a cell as a truth value, None for a missing one.

    Raises:
        ValueError: it is none.
    """
    number = to_float(cell)
    if number != number:  # noqa: PLR0124 - NaN differs from itself
        return None
    if number not in (0.0, 1.0):
        raise ValueError
    return bool(number)


def to_time(cell: Any) -> str | None:
    """Return a date or a time of ISO 8601 as its text, None for a missing one.

    Raises:
        ValueError: it is none.
    """
    if cell == "" or is_missing(cell):
        return None
    text = str(text_of(cell))
    datetime.fromisoformat(text.strip())
    return text


def to_bytes(cell: Any) -> bytes | None:
    """Decode base64; line breaks and missing padding are forgiven.

    Raises:
        ValueError: it is no base64.
    """
    if isinstance(cell, bytes):
        return cell
    if is_missing(cell):
        return None
    bare = _BLANKS.sub("", str(text_of(cell))).rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True) or None
    except binascii.Error as error:
        raise ValueError from error
