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
from drum_like.types.numbers import is_not_numeric, to_number
from drum_like.types.readers import Cells, numbers

Names = tuple[str, ...]
Matrix = NDArray[np.float64]
Positions = list[int]

NAMES_TO_REMEMBER = 1000
"""Columns of a header whose positions are kept for the next request with the same header."""

NAMES_IN_MESSAGE = 10
"""Columns that a message names before it says how many more there are."""


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
        if _is_number(data.dtypes.iloc[position]):
            return column_of(data, position)
        return numbers(self.cells(position), str(data.columns[position]))

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

    @cached
    def _dense(self) -> Matrix:
        return self._numbers(None)

    def _numbers(self, chosen: Positions | None) -> Matrix:
        matrix = self._to_matrix(chosen)
        # Negative zero is zero: whether "-0" keeps its sign depends on the column's other cells.
        with np.errstate(invalid="ignore"):  # Arrow may bring signalling NaNs, which turn quiet
            matrix += 0.0
        return matrix

    def numbers_of(self, chosen: Sequence[int] | None) -> Matrix:
        """Return the columns at some positions, all for None, as `matrix` does by name."""
        return self._dense if chosen is None else self._numbers(list(chosen))

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
        if columns is None or self.columns == tuple(columns):
            return self._dense
        chosen = positions(self, tuple(columns))
        return self._dense if chosen is None else self._numbers(chosen)


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


class NamedColumns(Frame):
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

    @property
    def columns(self) -> Names | None:
        """The names given."""
        return self._names

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self._names)


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
    return list(_remembered(found, columns) if _is_short(found) else _where(found, columns))


def _is_short(names: Names) -> bool:
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


def width_error(expected: int, found: int) -> ColumnsError:
    """Say that data without usable names has the wrong number of columns."""
    return ColumnsError(
        f"the model takes {expected} columns by position, but the payload has {found}; "
        f"send exactly the {expected} columns that the model was trained on"
    )


def nameless_error() -> ColumnsError:
    """Say that a model knows its columns by names that the data do not have."""
    return ColumnsError(
        "the model knows its columns by name, but a matrix has none; send the names, one a line, "
        "as the file part X.colnames (or --sparse-column-file)"
    )


def missing_error(missing: Sequence[str], found: Sequence[str]) -> ColumnsError:
    """Say which columns the model needs and the payload lacks."""
    hint = ""
    if len(found) == 1 and any(mark in found[0] for mark in ";\t|"):
        hint = "; the header has no comma: is another separator in use?"
    return ColumnsError(
        f"missing columns: {listed(missing)}; the model needs them by name, "
        f"the payload has {len(found)} columns{hint}"
    )


def listed(names: Sequence[str]) -> str:
    """Return names for a message: quoted, the first ten of them, the count of the rest."""
    shown = ", ".join(repr(name[:100]) for name in names[:NAMES_IN_MESSAGE])
    rest = len(names) - NAMES_IN_MESSAGE
    return f"{shown} and {rest} more" if rest > 0 else shown


def matrix_of(data: pd.DataFrame) -> Matrix:
    """Return a DataFrame as numbers: the meaning of `NativeFrame.matrix`.

    Booleans are 1.0 and 0.0, missing values NaN, absent entries of a sparse column 0.0. Integers
    and narrower floats are widened to float64.

    Returns:
        (n_rows, n_columns) float64, a copy.

    Raises:
        ColumnsError: a cell is not a number; names the column and the row, counted from 1.
    """
    out = np.empty(data.shape, dtype=np.float64)
    if all(map(_is_number, data.dtypes)):  # column by column takes 70 µs each
        out[...] = data.to_numpy(dtype=np.float64)
        return out
    for position in range(data.shape[1]):
        out[:, position] = column_of(data, position)
    return out


def column_of(data: pd.DataFrame, position: int) -> NDArray[np.float64]:
    """Return one column of a DataFrame as numbers, as `matrix_of` does."""
    column = data.iloc[:, position]
    dtype = column.dtype
    if isinstance(dtype, pd.SparseDtype):
        return np.asarray(column.to_numpy(), dtype=np.float64)
    if _is_number(dtype):
        return column.to_numpy(dtype=np.float64)
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    name = data.columns[position]
    if pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype):
        return _objects(column.array, name)
    raise ColumnsError(f"column {str(name)[:100]!r} holds {dtype} values; the model takes numbers")


def _is_number(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind in "biuf"


def _objects(values: Any, name: Any) -> NDArray[np.float64]:
    out = np.empty(len(values), dtype=np.float64)
    for row, value in enumerate(values):
        number = to_number(value)
        if number is None:
            raise _not_a_number(values, row, name)
        out[row] = number
    return out


def _not_a_number(values: Any, row: int, name: Any) -> ColumnsError:
    """Name the bad cell: one word makes a column text, and its numbers with it."""
    culprits = (r for r in range(row, len(values)) if is_not_numeric(values[r]))
    row = next(culprits, row)
    return ColumnsError(
        f"column {str(name)[:100]!r} holds {_kind(values[row])} in row {row + 1}; "
        "the model takes numbers there",
        row,
    )


def _kind(value: Any) -> str:
    return "text" if isinstance(value, str) else type(value).__name__
