"""Rows of JSON that name their cells, `{"age": 35, "region": "metro"}`, filled for a model.

Source of the rules: ecosystem.ai's documentation. Rows may leave columns out, name further ones,
and hold lists: a list is itself to a hook, its length to a column of numbers, its parts with commas
between them to a column of text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.codecs.json.document import Document
from drum_like.codecs.json.frame import JsonFrame
from drum_like.errors import ColumnsError
from drum_like.types.cells import Literal
from drum_like.types.columns_frame import ColumnsFrame
from drum_like.types.frame import Frame
from drum_like.types.names import Names, listed
from drum_like.types.numbers import EXACT
from drum_like.types.readers import Cells
from drum_like.types.schema import Column, Schema

Row = Mapping[str, Any]
"""The cells of a row by the names of their columns, as they stand in the JSON body."""

_NUMBERS = frozenset({int, float})
_NESTED = frozenset({dict, list})


@dataclass(frozen=True, slots=True)
class Filled:
    """Rows for a model.

    Attributes:
        frame: The rows.
        absent: Columns of the model that no row names; they hold missing values.
    """

    frame: Frame
    absent: Names = ()


def untouched(document: Document) -> Filled:
    """Return all cells as they were sent, for a hook; cells that a row leaves out are missing.

    Args:
        document: A list of rows.
    """
    rows = _with_digits(document)
    names = tuple(dict.fromkeys(chain.from_iterable(rows)))
    return Filled(ColumnsFrame(names, [_untyped(_cells(rows, name)) for name in names]))


def known(document: Document, schema: Schema, *, also_others: bool = False) -> Filled:
    """Return the columns that a model knows, in its order and of its types.

    Args:
        document: A list of rows, at least one.
        schema: The columns of the model.
        also_others: Whether columns that it does not know come after them, as they were sent.

    Raises:
        ColumnsError: a cell is not of its column's type, a row names no column of the model but
            others, or the model has no names of its own and the rows do not name all positions.
    """
    rows: Sequence[Row] = document.tree
    sent = tuple(dict.fromkeys(chain.from_iterable(rows)))
    sources = dict(zip(schema.as_known(sent), sent, strict=True))
    absent = tuple(name for name in schema.names if name not in sources)
    _check_names(schema, sent, absent)
    wanted: list[Any] = [sources.get(name) for name in schema.names]  # no row names None

    def columns(rows: Sequence[Row]) -> Sequence[Cells]:
        flat: list[Cells] = list(zip(*[map(row.get, wanted) for row in rows], strict=True))
        if _NESTED.isdisjoint(map(type, chain.from_iterable(flat))):
            return flat
        return [_flat(cells, column) for cells, column in zip(flat, schema.columns, strict=True)]

    found = columns(rows)
    cells = JsonFrame(schema.names, lambda: found, lambda: columns(document.exactly()))
    frame = schema.conform(cells)
    if not also_others:
        return Filled(frame, absent)
    others = tuple(name for spelled, name in sources.items() if spelled not in schema.names)
    rows = _with_digits(document)
    every = [frame.pandas.iloc[:, at].to_numpy() for at in range(frame.n_columns)]
    every += [_untyped(_cells(rows, name)) for name in others]
    return Filled(ColumnsFrame((*schema.names, *others), every), absent)


def _with_digits(document: Document) -> Sequence[Row]:
    """Return rows whose integers have all of their digits."""
    rows: Sequence[Row] = document.tree
    cells = chain.from_iterable(row.values() for row in rows)
    if not any(type(cell) is list or _is_long(cell) for cell in cells):
        return rows
    return [{name: _plain(cell) for name, cell in row.items()} for row in document.exactly()]


def _is_long(cell: Any) -> bool:
    """Return whether a number may be an integer that float64 does not hold."""
    return type(cell) is float and abs(cell) >= EXACT


def _plain(cell: Any) -> Any:
    """Return a cell that was read with all digits, its fractions as float64."""
    if isinstance(cell, list):
        return [_plain(part) for part in cell]
    return float(cell) if isinstance(cell, Literal) else cell


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


def _flat(cells: Cells, column: Column) -> Cells:
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
