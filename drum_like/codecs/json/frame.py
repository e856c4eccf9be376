"""Cells of JSON as a frame."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from io import StringIO
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from drum_like.codecs.like_pandas import certain_column, few_rows, has_huge, plain_rows, precision
from drum_like.errors import ColumnsError, PayloadError
from drum_like.system.lazy import cached, pd
from drum_like.types.frame import Frame, Matrix, Positions
from drum_like.types.names import Names
from drum_like.types.readers import Cells, numbers
from drum_like.types.table import table

_NUMBERS = frozenset({int, float})
_TEXT_OR_MISSING = frozenset({str, type(None)})
_PLAIN: frozenset[type] = frozenset({float, int, bool, type(None)})


class JsonFrame(Frame):
    """Rows of a JSON body, their cells as they were sent.

    Args:
        names: One name a column; None for rows that are lists.
        columns: Returns the cells of each: text, numbers, truth values, None; bytes for the content
            of a file. Not called where `plain` is enough.
        exactly: Returns the columns again, with all digits of fractions and of integers beyond 64
            bits; None if `columns` have them.
        has_one_order: Whether all rows name their cells in one order.
        plain: (n_rows, n_columns) float64, all cells, where all are known to be numbers or missing.
    """

    def __init__(
        self,
        names: Names | None,
        columns: Callable[[], Sequence[Cells]],
        exactly: Callable[[], Sequence[Cells]] | None = None,
        *,
        has_one_order: bool = True,
        plain: Matrix | None = None,
    ) -> None:
        self._names = names
        self._read = columns
        self._exactly = exactly
        self.has_one_order = has_one_order
        self._plain = plain

    @property
    def columns(self) -> Names | None:
        """Names of the columns, unique; None for rows that are lists."""
        return self._names

    def named(self, names: Names | None) -> JsonFrame:
        """Return the rows with names that were sent beside them; their own count before these.

        Raises:
            ColumnsError: another number of names than of columns, or the same one twice.
        """
        if names is None or self._names is not None:
            return self
        if len(set(names)) != self.n_columns or len(names) != self.n_columns:
            raise ColumnsError(
                f"there are {len(names)} names, {len(set(names))} of them different, but the rows "
                f"have {self.n_columns} cells; X.colnames needs a name of its own for each"
            )
        return JsonFrame(names, self._read, self._exactly, plain=self._plain)

    @cached
    def _columns(self) -> Sequence[Cells]:
        return self._read()

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self._columns) if self._plain is None else self._plain.shape[1]

    @property
    def n_rows(self) -> int:
        """Number of rows, 0 without columns."""
        if self._plain is not None:
            return len(self._plain)
        return len(self._columns[0]) if self._columns else 0

    def cells(self, position: int) -> Cells:
        """Return the cells of a column, with all of their digits."""
        cells: Cells = self._columns[position]
        if self._exactly is None or float not in set(map(type, cells)):
            return cells
        return self._exact[position]

    @cached
    def _exact(self) -> Sequence[Cells]:
        return self._columns if self._exactly is None else self._exactly()

    @cached
    def kinds(self) -> frozenset[type]:
        """The types of all cells, or of more."""
        return _kinds(self._columns) if self._plain is None else _PLAIN

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        if self._plain is not None:
            return self._plain.copy() if chosen is None else self._plain.take(chosen, axis=1)
        wanted = range(self.n_columns) if chosen is None else chosen
        columns = [self._columns[at] for at in wanted]
        plain = _plain_numbers(columns, self.kinds) if columns else None
        if plain is not None:
            return np.ascontiguousarray(plain.T)
        out = np.empty((self.n_rows, len(columns)), dtype=np.float64)
        for at, position in enumerate(wanted):
            out[:, at] = numbers(columns[at], self._name(position))
        return out

    def _name(self, position: int) -> str:
        return str(position) if self._names is None else self._names[position]

    def _to_pandas(self) -> pd.DataFrame:
        """Return columns of no known type as pandas reads such cells in CSV."""
        columns = {at: _certain_column(cells) for at, cells in enumerate(self._columns)}
        others = [at for at, column in columns.items() if column is None]
        if others:
            read = _read_by_pandas([self.cells(at) for at in others])
            columns.update((at, read[str(place)].array) for place, at in enumerate(others))
        return table(list(columns.values()), self._names)


def _certain_column(cells: Cells) -> Any:
    """Return usual numbers or truth values as pandas reads them; None for all else."""
    kinds = frozenset(map(type, cells))
    if bytes in kinds:  # the content of files is no text
        column = np.empty(len(cells), dtype=object)
        column[:] = cells
        return column
    if str in kinds and kinds <= _TEXT_OR_MISSING:
        return certain_column([cell or "" for cell in cells])
    if kinds == {bool}:
        return np.array(cells, dtype=np.bool_)
    if kinds == {int}:
        return np.array(cells, np.int64) if -(2**63) <= min(cells) <= max(cells) < 2**63 else None
    if not kinds or not kinds <= _NUMBERS:
        return None
    column = np.array(cells, dtype=np.float64)
    return None if has_huge(column) else column


def _read_by_pandas(columns: Sequence[Cells]) -> pd.DataFrame:
    """Return columns, called 0, 1, ..., as pandas.read_csv reads their cells.

    Raises:
        PayloadError: pandas cannot read them.
    """
    out = StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(range(len(columns)))
    writer.writerows(zip(*columns, strict=True))
    out.seek(0)
    try:
        return pd.read_csv(out, float_precision=precision(), low_memory=False)
    except (OverflowError, ValueError) as error:
        raise PayloadError(
            "a column of the rows is neither numbers nor text that pandas reads"
        ) from error


def numbers_in(cells: Iterable[Any]) -> NDArray[np.float64] | None:
    """Return cells as numbers, null as NaN; None if one is no number, or loses digits.

    Returns:
        (n_cells,) float64.
    """
    try:
        # Reads in one walk what takes NumPy a walk for the types and one for the numbers.
        return pa.array(cells, pa.float64()).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return None


def _kinds(columns: Sequence[Cells]) -> frozenset[type]:
    return frozenset(map(type, chain.from_iterable(columns)))


def _plain_numbers(columns: Sequence[Cells], kinds: frozenset[type]) -> Matrix | None:
    """Return columns whose cells are all numbers, or all text of decimal numbers and gaps.

    Args:
        columns: The cells of each.
        kinds: The types of these cells, and of others.

    Returns:
        (n_columns, n_rows) float64, None if a cell is anything else.
    """
    kinds = kinds if kinds <= _PLAIN else _kinds(columns)
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
