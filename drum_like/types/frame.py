"""Rows in whichever layout the next step asks for.

Three layouts: the DataFrame that pandas, and so DRUM, makes of the payload, for hooks and columns
of unknown type; the cells of a column, for the readers of a schema; and the float64
matrix, an optimisation of reading every cell as a number. A format may give the matrix in another
way under one rule: give what the base class would give, or refuse and call it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import ColumnsError
from drum_like.system.lazy import cached, pd
from drum_like.types.names import Names, missing_error, nameless_error, width_error
from drum_like.types.numbers import column_of, is_number, matrix_of
from drum_like.types.readers import Cells, numbers

Matrix = NDArray[np.float64]
Positions = list[int]

NAMES_TO_REMEMBER = 1000
"""Columns of a header whose positions are kept for the next request with the same header."""


class Frame(ABC):
    """The rows of one payload; made for one request and used by one thread."""

    @property
    @abstractmethod
    def n_rows(self) -> int:
        """Number of rows."""

    @property
    @abstractmethod
    def columns(self) -> Names | None:
        """Column names in the order sent, None for data that has none."""

    @property
    @abstractmethod
    def n_columns(self) -> int:
        """Number of columns."""

    @abstractmethod
    def _to_pandas(self) -> pd.DataFrame:
        """Return the meaning of the rows; called once."""

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        """Return the chosen columns, all for None, as numbers in memory that may be written to.

        The other columns may hold anything. The base class takes what pandas knows to be numbers,
        and reads the cells of all other columns: one word makes a whole column text to pandas.
        """
        wanted = range(self.n_columns) if chosen is None else chosen
        out = np.empty((self.n_rows, len(wanted)), dtype=np.float64)
        for at, position in enumerate(wanted):
            out[:, at] = self._numbers_at(position)
        return out

    def _numbers_at(self, position: int) -> NDArray[np.float64]:
        data = self.pandas
        if is_number(data.dtypes.iloc[position]):
            return column_of(data, position)
        return numbers(self.cells(position), str(data.columns[position]))

    has_one_order: bool = True
    """Whether all rows name their cells in one order, so that names can stand for positions."""

    has_order: bool = True
    """Whether columns without names are in the order of the model, as their sender has agreed."""

    has_words_for_missing: bool = False
    """Whether a word such as NA stands for a missing cell: text formats have nothing else."""

    def cells(self, position: int) -> Cells:
        """Return the cells of a column as they were sent: Python values, None or NaN if missing."""
        values: Cells = self.pandas.iloc[:, position].tolist()
        return values

    @cached
    def pandas(self) -> pd.DataFrame:
        """The rows as a DataFrame with a RangeIndex, as DRUM's hooks get them."""
        return self._to_pandas()

    def filled(self, multiple: int) -> pd.DataFrame:  # noqa: ARG002 - of frames that can
        """Return the rows as a DataFrame, for models that compute in batches of a multiple of rows.

        A frame that makes the DataFrame itself repeats the last row until there are as many.
        """
        return self.pandas

    _dense: Matrix | None = None
    """All columns as numbers, once they have been asked for."""

    def _numbers(self, chosen: Positions | None) -> Matrix:
        matrix = self._to_matrix(chosen)
        # Negative zero is zero: whether "-0" keeps its sign depends on the column's other cells.
        with np.errstate(invalid="ignore"):  # Arrow may bring signalling NaNs, which turn quiet
            matrix += 0.0
        return matrix

    def numbers_of(self, chosen: Sequence[int] | None) -> Matrix:
        """Return the columns at some positions, all for None, as `matrix` does by name."""
        return self.matrix() if chosen is None else self._numbers(list(chosen))

    @property
    def native(self) -> Any:
        """The argument for a hook: the DataFrame, or the object that another hook made of it."""
        return self.pandas

    def matrix(self, columns: Sequence[str] | None = None) -> Matrix:
        """Return the rows as float64 numbers, missing cells as NaN.

        Args:
            columns: Names of the wanted columns in their order; None for all as sent. A frame
                without names is taken by position, if it has an order, and has to be as wide.

        Returns:
            (n_rows, n_columns) float64.

        Raises:
            ColumnsError: a column is missing, or a cell is not a number.
        """
        if columns is not None and self.columns != tuple(columns):
            chosen = positions(self, tuple(columns))
            if chosen is not None:
                return self._numbers(chosen)
        if self._dense is None:
            self._dense = self._numbers(None)
        return self._dense


class NativeFrame(Frame):
    """Rows that a hook returned; a DataFrame can go on to a framework, the rest only to hooks."""

    def __init__(self, data: Any) -> None:
        self._data = data

    @property
    def native(self) -> Any:
        """The object itself."""
        return self._data

    @property
    def n_rows(self) -> int:
        """Number of rows of the DataFrame."""
        return len(self.pandas)

    @property
    def columns(self) -> Names | None:
        """Names of the DataFrame as text, None where pandas numbered them."""
        labels: object = self.pandas.columns
        return None if isinstance(labels, pd.RangeIndex) else tuple(map(str, self.pandas.columns))

    @property
    def n_columns(self) -> int:
        """Number of columns of the DataFrame."""
        return self.pandas.shape[1]

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        return matrix_of(self.pandas if chosen is None else self.pandas.iloc[:, chosen])

    def _to_pandas(self) -> pd.DataFrame:
        if not isinstance(self._data, pd.DataFrame):
            raise ColumnsError(
                "a DataFrame is needed to score without a score hook, but the hooks before it "
                f"returned {type(self._data).__name__}"
            )
        return self._data


def positions(
    frame: Frame, columns: Names, as_known: Callable[[Names], Names] | None = None
) -> Positions | None:
    """Return where the wanted columns stand in a frame, None if they are all, in order.

    Args:
        frame: The rows.
        columns: The names of the wanted columns.
        as_known: From the names of the frame to the spellings of the wanted ones, if it forgives
            others.

    Raises:
        ColumnsError: columns are missing, or the frame has no names, and either another width or no
            order that the caller has agreed to.
    """
    found = frame.columns
    if found is None:
        if not frame.has_order:
            raise nameless_error()
        if frame.n_columns != len(columns):
            raise width_error(len(columns), frame.n_columns)
        return None
    if found == columns:
        return None
    found = found if as_known is None else as_known(found)
    return list(_remembered(found, columns) if is_short(found) else _where(found, columns))


def is_short(names: Names) -> bool:
    """Return whether names of a caller are few enough to be remembered after their request."""
    return len(names) <= NAMES_TO_REMEMBER and sum(map(len, names)) <= 64 * NAMES_TO_REMEMBER


def _where(found: Names, wanted: Names) -> tuple[int, ...]:
    """Return the first position of each wanted name."""
    where: dict[str, int] = {}
    for position, name in enumerate(found):
        where.setdefault(name, position)
    missing = [name for name in wanted if name not in where]
    if missing:
        raise missing_error(missing, found)
    return tuple(where[name] for name in wanted)


_remembered = lru_cache(maxsize=32)(_where)
