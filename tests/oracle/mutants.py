"""Five ways to break a decoder, each of which the oracle has to notice."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tests.oracle.rows import Cell, Column, Columns, Row, Spelled, value_of

Mutant = Callable[[Columns, Sequence[Row]], list[Row]]
"""Returns rows as a server with a broken decoder would have read them."""


def _cellwise(change: Callable[[Column, Cell], Cell]) -> Mutant:
    def mutant(columns: Columns, rows: Sequence[Row]) -> list[Row]:
        return [
            tuple(change(column, cell) for column, cell in zip(columns.all, row, strict=True))
            for row in rows
        ]

    return mutant


def _swapped(columns: Columns, rows: Sequence[Row]) -> list[Row]:
    """Give the first two columns of one type each other's cells."""
    pairs = [
        (left, right)
        for left in range(len(columns.all))
        for right in range(left + 1, len(columns.all))
        if columns.all[left].dtype == columns.all[right].dtype
    ]
    if not pairs:
        return list(rows)
    left, right = pairs[0]
    return [_exchanged(row, left, right) for row in rows]


def _exchanged(row: Row, left: int, right: int) -> Row:
    cells = list(row)
    cells[left], cells[right] = cells[right], cells[left]
    return tuple(cells)


def _without_sign(column: Column, cell: Cell) -> Cell:
    value = value_of(cell)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return abs(value) if is_number and value < 0 and not column.is_category else cell


def _words_missing(column: Column, cell: Cell) -> Cell:
    words = {"NA", "None", "nan", "null", "NaN"}
    return None if isinstance(cell, str) and cell in words and column.takes_gaps else cell


def _narrow(column: Column, cell: Cell) -> Cell:
    value = value_of(cell)
    if not isinstance(value, float) or isinstance(cell, Spelled) or not column.is_float:
        return cell
    return float(np.float32(value))


def _next_category(column: Column, cell: Cell) -> Cell:
    known = _categories(column)
    if cell is None or cell not in known:
        return cell
    return known[(known.index(cell) + 1) % len(known)]


def _categories(column: Column) -> list[Any]:
    return column.dtype.categories.tolist() if column.is_category else []


MUTANTS: Mapping[str, Mutant] = {
    "columns-swapped": _swapped,
    "sign-dropped": _cellwise(_without_sign),
    "words-are-missing": _cellwise(_words_missing),
    "float32": _cellwise(_narrow),
    "next-category": _cellwise(_next_category),
}
