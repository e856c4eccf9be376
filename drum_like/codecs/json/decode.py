"""JSON cells as frames: columns of them, and rows that name them, `{"age": 35, "region": "metro"}`.

Source of the rules for rows: ecosystem.ai's documentation. Rows may leave columns out, name further
ones, and hold lists: a list is itself to a hook, its length to a column of numbers, its parts with
commas between them to a column of text.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.codecs.like_pandas import few_rows, has_huge, plain_column, plain_rows, precision
from drum_like.errors import ColumnsError
from drum_like.system.lazy import pd
from drum_like.types.columns_frame import ColumnsFrame, NamedColumns
from drum_like.types.frame import Frame, Matrix, Names, Positions, listed
from drum_like.types.readers import Cells, numbers
from drum_like.types.schema import Column, Schema

Row = Mapping[str, Any]
"""The cells of a row by the names of their columns, as they stand in the JSON body."""

_NUMBERS = frozenset({int, float})
_TEXT_OR_MISSING = frozenset({str, type(None)})
_PLAIN = frozenset({float, int, bool, type(None)})


class JsonFrame(NamedColumns):
    """Rows of a JSON body, their cells as they were sent.

    Args:
        names: One name a column.
        columns: The cells of each: text, numbers, truth values, None; bytes for the content of a
            file.
    """

    def __init__(self, names: Names, columns: Sequence[Cells]) -> None:
        super().__init__(names, columns)

    def cells(self, position: int) -> Cells:
        """Return the cells of a column."""
        cells: Cells = self._columns[position]
        return cells

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        wanted = range(self.n_columns) if chosen is None else chosen
        columns = [self._columns[at] for at in wanted]
        plain = _plain_numbers(columns) if columns else None
        if plain is not None:
            return np.ascontiguousarray(plain.T)
        out = np.empty((self.n_rows, len(columns)), dtype=np.float64)
        for at, position in enumerate(wanted):
            out[:, at] = numbers(columns[at], self._names[position])
        return out

    def _to_pandas(self) -> pd.DataFrame:
        """Return columns of no known type as pandas reads such cells in CSV."""
        columns = {at: _certain_column(cells) for at, cells in enumerate(self._columns)}
        others = [at for at, column in columns.items() if column is None]
        if others:
            read = _read_by_pandas([self._columns[at] for at in others])
            columns.update((at, read[str(place)].array) for place, at in enumerate(others))
        data = pd.DataFrame(columns)
        data.columns = pd.Index(self._names)
        return data


def _certain_column(cells: Cells) -> Any:
    """Return usual numbers or truth values as pandas reads them; None for all else."""
    kinds = frozenset(map(type, cells))
    if str in kinds and kinds <= _TEXT_OR_MISSING:
        return plain_column([cell or "" for cell in cells])
    if kinds == {bool}:
        return np.array(cells, dtype=np.bool_)
    if kinds == {int}:
        return np.array(cells, np.int64) if -(2**63) <= min(cells) <= max(cells) < 2**63 else None
    if not kinds or not kinds <= _NUMBERS:
        return None
    column = np.array(cells, dtype=np.float64)
    return None if has_huge(column) else column


def _read_by_pandas(columns: Sequence[Cells]) -> pd.DataFrame:
    """Return columns, called 0, 1, ..., as pandas.read_csv reads their cells."""
    out = StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(range(len(columns)))
    writer.writerows(zip(*columns, strict=True))
    out.seek(0)
    return pd.read_csv(out, float_precision=precision(), low_memory=False)


def _plain_numbers(columns: Sequence[Cells]) -> Matrix | None:
    """Return columns whose cells are all numbers, or all text of decimal numbers and gaps.

    Returns:
        (n_columns, n_rows) float64, None if a cell is anything else.
    """
    kinds = frozenset(map(type, chain.from_iterable(columns)))
    if kinds == {str}:
        return _plain_texts(columns)
    if not kinds or not kinds <= _PLAIN:
        return None
    try:
        return np.array(columns, dtype=np.float64)
    except OverflowError:  # an integer beyond float64
        return None


def _plain_texts(columns: Sequence[Cells]) -> Matrix | None:
    """Return columns of text as numbers: all of their cells are one row of a CSV text."""
    shape = len(columns), len(columns[0])
    n_cells = shape[0] * shape[1]
    text = ",".join(chain.from_iterable(columns))
    if not text.isascii() or "\n" in text or text.count(",") != n_cells - 1:
        return None
    plain = plain_rows(text.encode(), n_cells)
    if plain is None:
        plain = few_rows([text.encode()], n_cells, None)
    return None if plain is None or plain.size != n_cells else plain.reshape(shape)


@dataclass(frozen=True, slots=True)
class Filled:
    """Rows for a model.

    Attributes:
        frame: The rows.
        absent: Columns of the model that no row names; they hold missing values.
    """

    frame: Frame
    absent: Names = ()


def untouched(rows: Sequence[Row]) -> Filled:
    """Return all cells as they were sent, for a hook; cells that a row leaves out are missing."""
    names = tuple(dict.fromkeys(chain.from_iterable(rows)))
    return Filled(ColumnsFrame(names, [_untyped(_cells(rows, name)) for name in names]))


def known(rows: Sequence[Row], schema: Schema, *, also_others: bool = False) -> Filled:
    """Return the columns that a model knows, in its order and of its types.

    Args:
        rows: At least one.
        schema: The columns of the model.
        also_others: Whether columns that it does not know come after them, as they were sent.

    Raises:
        ColumnsError: a cell is not of its column's type, a row names no column of the model but
            others, or the model has no names of its own and the rows do not name all positions.
    """
    sent = tuple(dict.fromkeys(chain.from_iterable(rows)))
    sources = dict(zip(schema.as_known(sent), sent, strict=True))
    absent = tuple(name for name in schema.names if name not in sources)
    _check_names(schema, sent, absent)
    nothing = (None,) * len(rows)
    cells = [
        _flat(_cells(rows, sources[column.name]), column) if column.name in sources else nothing
        for column in schema.columns
    ]
    frame = schema.conform(JsonFrame(schema.names, cells))
    if not also_others:
        return Filled(frame, absent)
    others = tuple(name for spelled, name in sources.items() if spelled not in schema.names)
    columns = [frame.pandas.iloc[:, at].to_numpy() for at in range(frame.n_columns)]
    columns += [_untyped(_cells(rows, name)) for name in others]
    return Filled(ColumnsFrame((*schema.names, *others), columns), absent)


def _check_names(schema: Schema, sent: Names, absent: Names) -> None:
    if not schema.named and absent:
        raise ColumnsError(
            f"the model has no names for its {len(schema.names)} columns, and knows them as "
            f"{listed(schema.names)}; use all of these names in the rows, or declare "
            "names as inputSchema in model-metadata.yaml"
        )
    if sent and len(absent) == len(schema.names):
        raise ColumnsError(
            f"no field of the rows is a column of the model; it has {listed(schema.names)}, and "
            f"the rows have {len(sent)} others"
        )


def _cells(rows: Sequence[Row], name: str) -> list[Any]:
    return [row.get(name) for row in rows]


def _flat(cells: list[Any], column: Column) -> Cells:
    """Return cells without lists.

    Raises:
        ColumnsError: a cell is an object.
    """
    kinds = frozenset(map(type, cells))
    if dict in kinds:
        row = next(at for at, cell in enumerate(cells) if isinstance(cell, dict))
        raise ColumnsError(
            f"the field {column.name[:100]!r} holds an object in row {row} (counted from 0); a "
            "cell is text, a number, true, false, null or a list of them"
        )
    if list not in kinds:
        return cells
    return [_joined(cell, column) if isinstance(cell, list) else cell for cell in cells]


def _joined(parts: list[Any], column: Column) -> Any:
    if column.dtype.is_float or column.dtype.is_integer:
        return len(parts)
    return ",".join(map(str, parts))


def _untyped(cells: list[Any]) -> NDArray[Any]:
    """Return cells as pandas holds such values: numbers as numbers, all else as it is."""
    kinds = frozenset(map(type, cells)) - {type(None)}
    whole = None not in cells
    if kinds == {bool} and whole:
        return np.array(cells, dtype=np.bool_)
    try:
        if kinds == {int} and whole:
            return np.array(cells, dtype=np.int64)
        if kinds and kinds <= _NUMBERS:
            return np.array(cells, dtype=np.float64)
    except OverflowError:  # an integer beyond 64 bits stays what it is
        pass
    out = np.empty(len(cells), dtype=object)
    out[:] = cells
    return out
