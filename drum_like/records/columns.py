"""Columns of JSON cells as typed arrays, in batches where all cells are plain."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.data_type import DataType
from drum_like.errors import ColumnsError
from drum_like.formats.csv_numbers import few_rows, plain_rows
from drum_like.frame import Matrix
from drum_like.records.cells import BITS, EXPECTED, PARSERS, is_boolean
from drum_like.schema import Column, Schema

Cells = Sequence[Any]
"""The cells of one column as they stand in the JSON body; bytes for the content of a file."""

_EXACT = 2.0**53
_NUMBERS = frozenset({float, int, bool, type(None)})
_OBJECTS = frozenset({DataType.STR, DataType.TIME64, DataType.BYTES})


def typed(schema: Schema, cells: Sequence[Cells]) -> list[NDArray[Any]]:
    """Return columns as arrays of their types.

    Whole numbers are int64, or float64 with NaN beside a missing cell; other numbers are float64;
    booleans bool, or float64; text, times and bytes are objects, None where missing.

    Args:
        schema: What the columns are.
        cells: One sequence a column, in the order of the schema.

    Raises:
        ColumnsError: a cell is not of its column's type, or is a category that training did not
            see; names the column and the row, from 0.
    """
    numeric = [at for at, column in enumerate(schema.columns) if _is_numeric(column)]
    matrix = _plain_numbers([cells[at] for at in numeric])
    plain = {} if matrix is None else dict(zip(numeric, matrix, strict=True))
    arrays = [_array(column, cells[at], plain.get(at)) for at, column in enumerate(schema.columns)]
    if not schema.unseen_is_missing:
        for column, values in zip(schema.columns, arrays, strict=True):
            if column.kind == "category":
                _refuse_unseen(column, values)
    return arrays


def inferred(cells: Cells) -> NDArray[Any]:
    """Return cells of a column whose type nobody tells, as pandas reads them in a CSV column.

    Numbers, or booleans, if all of them are, else text.
    """
    present = [cell for cell in cells if cell is not None and cell != ""]
    booleans = sum(map(is_boolean, present))
    if booleans and booleans == len(present):
        return _packed([PARSERS[DataType.BOOL](cell) for cell in cells], DataType.BOOL)
    candidates = () if booleans else (DataType.INT64, DataType.FLOAT64)
    for dtype in candidates:
        try:
            return _packed([PARSERS[dtype](cell) for cell in cells], dtype)
        except ValueError:
            continue
    return _packed([PARSERS[DataType.STR](cell) for cell in cells], DataType.STR)


def _is_numeric(column: Column) -> bool:
    return column.is_typed and (column.dtype.is_float or column.dtype.is_integer)


def _plain_numbers(columns: Sequence[Cells]) -> Matrix | None:
    """Return columns whose cells are all numbers, or all text of decimal numbers and gaps.

    Returns:
        (n_columns, n_rows) float64, None if a cell is anything else.
    """
    kinds = frozenset(map(type, chain.from_iterable(columns)))
    if kinds == {str}:
        return _plain_texts(columns)
    if not kinds or not kinds <= _NUMBERS:
        return None
    try:
        return np.array(columns, dtype=np.float64)
    except OverflowError:  # an integer beyond float64
        return None


def _plain_texts(columns: Sequence[Cells]) -> Matrix | None:
    """Return columns of text as numbers: as rows of a CSV, the text of one column each."""
    n_rows = len(columns[0])
    lines = [",".join(column) for column in columns]
    text = "\n".join(lines)
    ends = text.count(",") == len(columns) * (n_rows - 1) and text.count("\n") == len(columns) - 1
    if not text.isascii() or not ends:
        return None
    plain = plain_rows(text.encode(), n_rows)
    return few_rows([line.encode() for line in lines], n_rows, None) if plain is None else plain


def _array(column: Column, cells: Cells, numbers: NDArray[np.float64] | None) -> NDArray[Any]:
    if not column.is_typed:
        return inferred(cells)
    if numbers is not None and column.dtype.is_float:
        return numbers
    whole = None if numbers is None else _whole(numbers, column.dtype)
    return _parsed(column, cells) if whole is None else whole


def _whole(numbers: NDArray[np.float64], dtype: DataType) -> NDArray[Any] | None:
    """Return numbers as integers, None if they have to be read one by one."""
    gaps = np.isnan(numbers)
    good = (np.abs(numbers) < min(_EXACT, 2.0 ** (BITS[dtype] - 1))) & (
        numbers == np.trunc(numbers)
    )
    if not (good | gaps).all():
        return None
    return numbers if gaps.any() else numbers.astype(np.int64)


def _parsed(column: Column, cells: Cells) -> NDArray[Any]:
    parse = PARSERS[column.dtype]
    values = []
    for row, cell in enumerate(cells):
        try:
            values.append(parse(cell))
        except ValueError:
            raise ColumnsError(
                f"the field {column.name[:100]!r} takes {EXPECTED[column.dtype]}, but row {row} "
                "(counted from 0) holds something else"
            ) from None
    return _packed(values, column.dtype)


def _packed(values: list[Any], dtype: DataType) -> NDArray[Any]:
    if dtype in _OBJECTS:
        out = np.empty(len(values), dtype=object)
        out[:] = values
        return out
    if dtype.is_float or any(value is None for value in values):
        return np.array(values, dtype=np.float64)
    return np.array(values, dtype=np.bool_ if dtype is DataType.BOOL else np.int64)


def _refuse_unseen(column: Column, values: NDArray[Any]) -> None:
    known = set(column.categories)
    for row, value in enumerate(values.tolist()):
        missing = value is None or value != value  # noqa: PLR0124 - NaN differs from itself
        if not missing and value not in known:
            raise ColumnsError(
                f"the field {column.name[:100]!r} holds in row {row} (counted from 0) a category "
                f"that the model was not trained on (it knows {len(known)}); set "
                "unseen_categories: missing in model-metadata.yaml to treat such cells as missing"
            )
