"""Whole numbers of a Matrix Market body that float64 rounds: ids beyond 2^53 keep their digits.

A `real` matrix is read as float64, and there 9007199254740993 is another id. Columns of whole
numbers, or of categories of them, in the model's schema get the exact numbers of the body.
"""

import re
from collections.abc import Iterator, Mapping

_EXACT = 2**53
"""Up to here a float64 distinguishes each integer from the next."""

_WHOLE = rb"([+-]?\d{16,20})(?:\.0*+)?[ \t]*\r?$"
_ENTRY = re.compile(rb"^[ \t]*(\d{1,19})[ \t]+(\d{1,19})[ \t]+" + _WHOLE, re.MULTILINE)
_LINE = re.compile(rb"[ \t]*" + _WHOLE)

Digits = Mapping[int, Mapping[int, int]]
"""Numbers by the place of their column, then by that of their row."""


def long_integers(body: bytes, start: int, n_rows: int | None) -> Digits:
    """Return the entries that are whole numbers beyond 2^53, as they are written.

    Args:
        body: Of a matrix that has been read without an error.
        start: Where its entries start.
        n_rows: Of a dense matrix, whose entries are written column by column; None for others.
    """
    found: dict[int, dict[int, int]] = {}
    entries = _coordinates(body, start) if n_rows is None else _dense(body, start, n_rows)
    for row, column, number in entries:
        if abs(number) > _EXACT:
            found.setdefault(column, {})[row] = number
    return found


def _coordinates(body: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    for match in _ENTRY.finditer(body, start):
        yield int(match[1]) - 1, int(match[2]) - 1, int(match[3])


def _dense(body: bytes, start: int, n_rows: int) -> Iterator[tuple[int, int, int]]:
    lines = (line for line in body[start:].split(b"\n") if line.strip())  # scipy skips empty ones
    for at, line in enumerate(lines):
        if match := _LINE.match(line):
            yield at % n_rows, at // n_rows, int(match[1])
