"""Rows as plain cells, and the frame that training would have had of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

Cell = Any
Row = tuple[Cell, ...]


class Spelled(NamedTuple):
    """A cell that a caller writes otherwise than training data in CSV would have it.

    The text is None where a format of texts means something else by it: a missing cell.
    """

    value: Cell
    text: str | None


def value_of(cell: Cell) -> Cell:
    """Return the value of a cell."""
    return cell.value if isinstance(cell, Spelled) else cell


@dataclass(frozen=True, slots=True)
class Column:
    """A column of training.

    Attributes:
        name: Its name.
        dtype: Its dtype in training.
        mark: What stood there for a missing cell: NaN, None or pandas.NA.
        takes_gaps: Whether a cell may be missing.
    """

    name: str
    dtype: Any
    mark: Any
    takes_gaps: bool

    @property
    def is_category(self) -> bool:
        """Whether it is a categorical column of pandas."""
        return isinstance(self.dtype, pd.CategoricalDtype)

    @property
    def is_text(self) -> bool:
        """Whether it holds text or objects, not as categories."""
        return not self.is_category and (
            types.is_string_dtype(self.dtype) or types.is_object_dtype(self.dtype)
        )

    @property
    def is_bool(self) -> bool:
        """Whether it holds truth values."""
        return bool(types.is_bool_dtype(self.dtype)) and not self.is_category

    @property
    def is_integer(self) -> bool:
        """Whether it holds whole numbers."""
        return bool(types.is_integer_dtype(self.dtype)) and not self.is_category

    @property
    def is_float(self) -> bool:
        """Whether it holds other numbers."""
        return bool(types.is_float_dtype(self.dtype)) and not self.is_category

    def series(self, cells: Sequence[Cell]) -> "pd.Series[Any]":
        """Return cells with the dtype of training, as near as missing ones allow."""
        lacking = any(cell is None for cell in cells)
        if self.is_integer and lacking and self.dtype == np.int64:
            return pd.Series(np.array([np.nan if c is None else c for c in cells], np.float64))
        marked = [self.mark if cell is None else cell for cell in cells]
        if types.is_object_dtype(self.dtype):
            held = np.empty(len(marked), dtype=object)
            held[:] = marked
            return pd.Series(held, dtype=object)
        made: pd.Series[Any] = pd.Series(marked, dtype=self.dtype)
        return made


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of training, in their order."""

    all: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [column.name for column in self.all]

    def frame(self, rows: Sequence[Row]) -> pd.DataFrame:
        """Return rows as the DataFrame that training would have had."""
        cells = [[value_of(row[place]) for row in rows] for place in range(len(self.all))]
        made = {c.name: c.series(held) for c, held in zip(self.all, cells, strict=True)}
        return pd.DataFrame(made, columns=pd.Index(self.names))


def columns_of(frame: pd.DataFrame, gaps: frozenset[str]) -> Columns:
    """Return the columns of a training frame."""
    return Columns(tuple(_column(frame[name], str(name) in gaps) for name in frame.columns))


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """Return the rows of a frame as plain cells; None is missing."""
    held = [[_plain(cell) for cell in frame[name]] for name in frame.columns]
    return list(zip(*held, strict=True))


def _column(series: "pd.Series[Any]", more_gaps: bool) -> Column:  # noqa: FBT001 - a private helper
    lacking = series[series.isna()]
    mark: Any = lacking.iloc[0] if len(lacking) else np.nan
    return Column(str(series.name), series.dtype, mark, more_gaps or bool(len(lacking)))


def _plain(cell: Any) -> Cell:
    if pd.isna(cell):
        return None
    return cell.item() if isinstance(cell, np.generic) else cell
