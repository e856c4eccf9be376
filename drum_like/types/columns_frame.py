"""Frames whose columns have names, for contracts and codecs whose bodies name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import ColumnsError
from drum_like.system.lazy import pd
from drum_like.types.frame import Frame, Matrix, Positions
from drum_like.types.names import Names, width_error
from drum_like.types.readers import Cells, numbers


class NamedFrame(Frame):
    """Rows whose columns have names; a subclass sets `_names`."""

    _names: Names

    @property
    def columns(self) -> Names | None:
        """Names of the columns, unique."""
        return self._names

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self._names)


class NamedColumns(NamedFrame):
    """Rows as named columns of one length.

    Args:
        names: One name a column.
        columns: The (n_rows,) values of each.
    """

    def __init__(self, names: Names, columns: Sequence[Any]) -> None:
        self._names = names
        self._columns = columns

    @property
    def n_rows(self) -> int:
        """Number of rows, 0 without columns."""
        return len(self._columns[0]) if self._columns else 0


class ColumnsFrame(NamedColumns):
    """Typed columns, for contracts whose cells come with a type (JSON, tensors).

    Args:
        names: One name a column.
        columns: One (n_rows,) array a column; objects may be text, lists, bytes or None.
    """

    def __init__(self, names: Names, columns: Sequence[NDArray[Any]]) -> None:
        super().__init__(names, columns)

    def cells(self, position: int) -> Cells:
        """Return the cells of a column as Python values."""
        values: Cells = self._columns[position].tolist()
        return values

    def _to_pandas(self) -> pd.DataFrame:
        data = pd.DataFrame(dict(enumerate(self._columns)))
        data.columns = pd.Index(self._names)
        return data

    def _numbers_at(self, position: int) -> NDArray[np.float64]:
        values = self._columns[position]
        if values.dtype.kind in "biuf":
            return np.asarray(values, dtype=np.float64)
        return numbers(self.cells(position), self._names[position])

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        columns = self._columns if chosen is None else [self._columns[at] for at in chosen]
        if not all(column.dtype.kind in "biuf" for column in columns):
            return super()._to_matrix(chosen)
        matrix = np.empty((self.n_rows, len(columns)), dtype=np.float64)
        for at, column in enumerate(columns):
            matrix[:, at] = column
        return matrix


def named_by_position(frame: Frame, names: Names) -> Frame:
    """Return the rows of a frame without names with these names for its columns.

    Raises:
        ColumnsError: there are more or fewer names than columns.
    """
    if frame.n_columns != len(names):
        raise width_error(len(names), frame.n_columns)
    return _Named(frame, names)


class _Named(NamedFrame):
    """The rows of another frame, with names.

    Args:
        source: Those rows.
        names: One name a column.
    """

    def __init__(self, source: Frame, names: Names) -> None:
        self._source = source
        self._names = names
        self.has_words_for_missing = source.has_words_for_missing

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self._source.n_rows

    def cells(self, position: int) -> Cells:
        """Return the cells of a column."""
        return self._source.cells(position)

    def _numbers(self, chosen: Positions | None) -> Matrix:
        try:
            return self._source.numbers_of(chosen)
        except ColumnsError:
            return super()._numbers(chosen)  # which calls the column by its name

    def _to_pandas(self) -> pd.DataFrame:
        return self._source.pandas.set_axis(list(self._names), axis="columns")


def completed(frame: Frame, required: frozenset[str], optional: frozenset[str]) -> Frame:
    """Return rows with a column of missing cells for each optional one that was not sent.

    Rows without names, or without a required column, are returned as they are.
    """
    sent = frame.columns
    absent = () if sent is None else tuple(sorted(optional.difference(sent)))
    if sent is None or not absent or not required.issubset(sent):
        return frame
    return _Completed(frame, (*sent, *absent))


class _Completed(NamedFrame):
    """The rows of another frame with columns of missing cells behind them.

    Args:
        source: Those rows.
        names: Their names and those of the further columns.
    """

    def __init__(self, source: Frame, names: Names) -> None:
        self._source = source
        self._names = names
        self.has_words_for_missing = source.has_words_for_missing

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self._source.n_rows

    def cells(self, position: int) -> Cells:
        """Return the cells of a column."""
        sent = position < self._source.n_columns
        return self._source.cells(position) if sent else [None] * self.n_rows

    def _numbers_at(self, position: int) -> NDArray[np.float64]:
        if position < self._source.n_columns:
            return self._source.numbers_of([position])[:, 0]
        return np.full(self.n_rows, np.nan)

    def _to_pandas(self) -> pd.DataFrame:
        data = self._source.pandas
        empty = {at: np.full(self.n_rows, np.nan) for at in range(data.shape[1], self.n_columns)}
        extra = pd.DataFrame(empty, index=data.index)
        return pd.concat([data, extra], axis="columns").set_axis(list(self._names), axis="columns")
