"""Made-up rows to try a model on before the first request for predictions."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from drum_like.types.column import DataType
from drum_like.types.columns_frame import ColumnsFrame
from drum_like.types.frame import Frame
from drum_like.types.schema import Column, Schema

_FILLS = (0.0, 1.0, -1.0, 3.5, 50.0, 1000.0, float("nan"))  # the last one is the gap
_FILES = frozenset({DataType.BYTES, DataType.TIME64})
_GUESSES = ("text", "2024-01-15", "1")
"""Cells of columns of unknown type, once numbers have failed."""


def probe_rows(schema: Schema, *, gaps: bool = True) -> Iterator[Frame]:
    """Yield one-row frames: numbers of several sizes, categories in turn, a missing value.

    Yields nothing if a column holds files or times: no valid value can be made up.

    Args:
        schema: The columns.
        gaps: Whether one of the rows has missing numbers.
    """
    if any(column.dtype in _FILES for column in schema.columns):
        return
    fills = _FILLS if gaps else _FILLS[:-1]
    rows = [tuple([fill] * len(schema.columns)) for fill in fills]
    # Neighbours differ, or a mix-up of columns would not show.
    rows += [tuple(shift + at % 7 for at in range(len(schema.columns))) for shift in (0.25, -4)]
    for turn, row in enumerate(rows):
        cells = [_cell(column, row[at], turn) for at, column in enumerate(schema.columns)]
        yield ColumnsFrame(schema.names, cells)


def example_rows(schema: Schema | None) -> Iterator[Frame]:
    """Yield the one row of examples, if there are any; other columns get a made-up cell."""
    if schema is None or all(column.example is None for column in schema.columns):
        return
    cells = [
        _cell(column, 0.0, 0) if column.example is None else _one(column.example)
        for column in schema.columns
    ]
    yield ColumnsFrame(schema.names, cells)


def guessed_rows(schema: Schema | None) -> Iterator[Frame]:
    """Yield one-row frames for a model with untyped columns, which get words.

    A single column is made up where none is known.
    """
    if schema is None:
        yield ColumnsFrame(("0",), [np.zeros(1)])
        return
    if all(column.is_typed for column in schema.columns):
        return
    for guess in _GUESSES:
        cells = [
            _cell(column, 1.0, 0) if column.is_typed else _one(guess) for column in schema.columns
        ]
        yield ColumnsFrame(schema.names, cells)


def _cell(column: Column, number: float, turn: int) -> Any:
    if column.categories:
        return _one(column.categories[turn % len(column.categories)])
    if column.kind == "text" or (column.is_typed and column.dtype is DataType.STR):
        return _one(column.example or "text")
    if column.dtype.is_integer and number == number:  # noqa: PLR0124 - NaN differs from itself
        return np.array([int(number)])
    return np.array([number])


def _one(value: Any) -> Any:
    if isinstance(value, str):
        cells = np.empty(1, dtype=object)
        cells[0] = value
        return cells
    return np.array([value])
