"""Rows as one array of one type, for contracts that send tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.system.lazy import pd
from drum_like.types.frame import Frame, Matrix, Positions
from drum_like.types.names import Names
from drum_like.types.readers import Cells, numbers

_LARGEST = 2**63 - 1


class MatrixFrame(Frame):
    """Rows of an array, which is only read.

    Args:
        values: (n_rows, n_columns) numbers or truth values of any width; objects for text.
        names: One a column, None for columns by position.
    """

    def __init__(self, values: NDArray[Any], names: Names | None = None) -> None:
        self._values = values
        self._names = names

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self._values)

    @property
    def columns(self) -> Names | None:
        """The names, None without."""
        return self._names

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return int(self._values.shape[1])

    def cells(self, position: int) -> Cells:
        """Return the cells of a column as Python values; whole numbers keep all their digits."""
        values: Cells = self._values[:, position].tolist()
        return values

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        if self._values.dtype.kind == "O":
            return super()._to_matrix(chosen)
        values = self._values if chosen is None else self._values[:, chosen]
        return np.array(values, dtype=np.float64, order="C")

    def _numbers_at(self, position: int) -> NDArray[np.float64]:
        name = str(position) if self._names is None else self._names[position]
        return numbers(self.cells(position), name)

    def _to_pandas(self) -> pd.DataFrame:
        columns = None if self._names is None else pd.Index(self._names)
        return pd.DataFrame(as_read(self._values), columns=columns)


def as_read(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in the type in which pandas reads such cells: float64, int64, bool or text.

    Whole numbers beyond int64 are uint64.
    """
    if values.dtype.kind == "f":
        return np.asarray(values, dtype=np.float64)
    if values.dtype.kind == "u" and values.size and values.max() > _LARGEST:
        return np.asarray(values, dtype=np.uint64)
    return np.asarray(values, dtype=np.int64) if values.dtype.kind in "iu" else values
