"""One cell of a JSON body as a value of a type.

Source of the rules: the scorer of H2O MLOps, observed. Numbers in text follow pandas' grammar.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Self

import numpy as np

from drum_like.data_type import DataType
from drum_like.formats.csv_numbers import MISSING
from drum_like.numbers import text_to_number

Parse = Callable[[Any], Any]
"""From a cell to its value, None for a missing one; raises ValueError for anything else."""

EXPECTED: Mapping[DataType, str] = {
    DataType.BOOL: "true or false",
    DataType.INT32: "a whole number of 32 bits",
    DataType.INT64: "a whole number of 64 bits",
    DataType.FLOAT32: "a number",
    DataType.FLOAT64: "a number",
    DataType.STR: "text",
    DataType.TIME64: "a date or a time in ISO 8601",
    DataType.BYTES: "text in base64",
}
"""For messages: what a cell has to hold."""

BITS = {DataType.INT32: 32, DataType.INT64: 64}
"""Width of the integer types."""

_GAPS = frozenset(word.decode() for word in MISSING)
_BOOLEANS = {"true": True, "false": False}
_INFINITY = re.compile(r"[ \t]*[+-]?inf(inity)?[ \t]*", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"[ \t]*[+-]?\d{1,19}[ \t]*", re.ASCII)
_BLANKS = re.compile(r"\s+")


class Literal(float):
    """A number of a JSON body that knows how it was written."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Return the number that a text means."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        """Return the text."""
        return self.text


def text_of(cell: Any) -> str | None:
    """Return a cell as the text that was sent, None for null."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return None if cell is None else str(cell)


def is_boolean(cell: Any) -> bool:
    """Return whether a cell is true or false, also as a word."""
    return isinstance(cell, bool) or (isinstance(cell, str) and cell.strip().lower() in _BOOLEANS)


def _float(cell: Any) -> float | None:
    if isinstance(cell, str):
        return _float_in(cell)
    if cell is None:
        return None
    try:
        return float(cell)
    except OverflowError:  # an integer beyond float64, as its decimal text would read
        return float("inf") if cell > 0 else float("-inf")


def _float_in(text: str) -> float | None:
    number = text_to_number(text)
    if number is not None:
        return number
    bare = text.strip()
    if bare in _GAPS:
        return None
    if bare.lower() in _BOOLEANS:
        return float(_BOOLEANS[bare.lower()])
    if _INFINITY.fullmatch(text):
        return float(text)
    raise ValueError


def _integer(cell: Any, dtype: DataType) -> int | None:
    number = _exact(cell)
    limit = 1 << (BITS[dtype] - 1)
    if number is not None and not -limit <= number < limit:
        raise ValueError
    return number


def _exact(cell: Any) -> int | None:
    """Return a whole number without a detour through float64."""
    if isinstance(cell, int):
        return int(cell)
    if isinstance(cell, str) and _WHOLE.fullmatch(cell):
        return int(cell)
    number = _float(cell)
    if number is None or np.isnan(number):
        return None
    if not number.is_integer():
        raise ValueError
    decimal = isinstance(cell, str) and not is_boolean(cell)
    return int(Decimal(cell.strip())) if decimal else int(number)


def _boolean(cell: Any) -> bool | None:
    number = _float(cell)
    if number is None or np.isnan(number):
        return None
    if number not in (0.0, 1.0):
        raise ValueError
    return bool(number)


def _text(cell: Any) -> str | None:
    if isinstance(cell, float) and np.isnan(cell):
        return None
    return text_of(cell) or None


def _time(cell: Any) -> str | None:
    text = _text(cell)
    if text is not None:
        datetime.fromisoformat(text.strip())
    return text


def _bytes(cell: Any) -> bytes | None:
    """Return what base64 stands for; line breaks and missing padding are forgiven."""
    if isinstance(cell, bytes):
        return cell
    bare = _BLANKS.sub("", _text(cell) or "").rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True) or None
    except binascii.Error as error:
        raise ValueError from error


PARSERS: Mapping[DataType, Parse] = {
    DataType.BOOL: _boolean,
    DataType.INT32: partial(_integer, dtype=DataType.INT32),
    DataType.INT64: partial(_integer, dtype=DataType.INT64),
    DataType.FLOAT32: _float,
    DataType.FLOAT64: _float,
    DataType.STR: _text,
    DataType.TIME64: _time,
    DataType.BYTES: _bytes,
}
"""How a cell of each type is read."""
