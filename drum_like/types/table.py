"""DataFrames made of whole columns: for one row pandas' own ways take ten times as long."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.system.lazy import pd
from drum_like.types.frame import is_short
from drum_like.types.names import Names

_PLAIN = "biufO"
"""Kinds of NumPy's types whose columns lie together in a DataFrame, as they are."""

Block = tuple[Any, NDArray[np.intp]]
"""Columns of one type, (n_columns, n_rows) or one of pandas' own types, and their places."""


def table(columns: Sequence[Any], names: Names | None, n_more: int = 0) -> pd.DataFrame:
    """Return columns as a DataFrame; each keeps its type, texts stay objects.

    The numbers of a column lie together, whatever the number of rows: sums of them round alike.

    Args:
        columns: (n_rows,) each: arrays of NumPy's or of pandas' types, or Series. They are copied.
        names: One a column; None to number them.
        n_more: How often the last row is repeated behind all others.
    """
    n_rows = (len(columns[0]) if len(columns) else 0) + n_more
    index = pd.RangeIndex(len(columns)) if names is None else _index(names)
    return _made_of(list(_blocks(columns, n_rows)), pd.RangeIndex(n_rows), index)


def _index(names: Names) -> pd.Index[Any]:
    # A view, so that nobody names the columns of others.
    return remembered(names)[:] if is_short(names) else pd.Index(names)


@lru_cache(maxsize=64)
def remembered(names: Names) -> pd.Index[Any]:
    """Return names as pandas keeps them, kept for further requests."""
    return pd.Index(names)


def _blocks(columns: Sequence[Any], n_rows: int) -> list[Block]:
    """Return the columns by their types; those of pandas' own types stand alone."""
    alone: list[Block] = []
    alike: dict[Any, list[tuple[int, NDArray[Any]]]] = {}
    for at, column in enumerate(columns):
        values = _array(column)
        if isinstance(values, np.ndarray):
            alike.setdefault(values.dtype, []).append((at, values))
        else:
            places = np.minimum(np.arange(n_rows), len(values) - 1)
            alone.append((values.take(places), np.array([at])))
    return [*(_stacked(dtype, found, n_rows) for dtype, found in alike.items()), *alone]


def _stacked(dtype: Any, found: Sequence[tuple[int, NDArray[Any]]], n_rows: int) -> Block:
    block = np.empty((len(found), n_rows), dtype)
    for row, (_, values) in zip(block, found, strict=True):
        row[: len(values)] = values
        row[len(values) :] = values[-1:]
    return block, np.array([at for at, _ in found])


def _array(column: Any) -> Any:
    """Return a column as an array of NumPy's if it has such a type, else of pandas'."""
    if isinstance(column, np.ndarray) and column.dtype.kind in _PLAIN:
        return column
    if not isinstance(column, pd.api.extensions.ExtensionArray):
        column = pd.Series(column).array
    return column.to_numpy() if isinstance(column, pd.arrays.NumpyExtensionArray) else column


def _made_of(blocks: Sequence[Block], index: Any, columns: Any) -> pd.DataFrame:
    if pd.__version__ >= "3":
        api: Any = pd.api  # pandas-stubs does not know all of it
        make = api.internals.create_dataframe_from_blocks
        made: pd.DataFrame = make(blocks, index=index, columns=columns)
        return made
    return _made_by_pandas_2(blocks, index, columns)


def _made_by_pandas_2(blocks: Sequence[Block], index: Any, columns: Any) -> pd.DataFrame:
    """Return the same where pandas has no function for it."""
    parts = {
        int(at): pd.Series(values, index, dtype=values.dtype)
        for block, places in blocks
        for at, values in zip(places, block if len(block.shape) > 1 else [block], strict=True)
    }
    return pd.DataFrame(dict(sorted(parts.items())), index).set_axis(columns, axis="columns")
