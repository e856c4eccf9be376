"""From the cells of a column to the dates and times that an encoder was fitted on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.system.lazy import pd
from drum_like.types.cells import MISSING_WORDS, is_missing
from drum_like.types.readers import Cells, objects, refused

_TIME = re.compile(r"\s*\d{4}-\d{2}-\d{2}([T ].*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class TimeReader:
    """Reads times of ISO 8601, or the times of Arrow, as an encoder compares them.

    Attributes:
        name: Of the column.
        dtype: That of the encoder's categories: "datetime64[ns]", "timedelta64[s]" and the like;
            "date" or "object" where they are objects.
        missing: The value for a missing cell among objects.
    """

    name: str
    dtype: str
    missing: Any

    def read(self, column: Cells, *, words: bool) -> NDArray[Any]:
        """Return the values: NaT where they are missing, or the mark among objects.

        Raises:
            ColumnsError: a cell is no time; names column and row.
        """
        del words  # no word for a missing cell is a time
        values = [self._value(row, cell) for row, cell in enumerate(column)]
        if self.dtype in ("date", "object"):
            return objects([self.missing if value is None else value for value in values])
        found: NDArray[Any] = np.array(pd.Series(values, dtype=self.dtype))
        return found

    def _value(self, row: int, cell: Any) -> Any:
        if is_missing(cell) or (isinstance(cell, str) and cell in MISSING_WORDS):
            return None
        try:
            return self._time(cell)
        except (TypeError, ValueError):
            expected = "a date or a time in ISO 8601"
            raise refused(self.name, row, "something else", expected) from None

    def _time(self, cell: Any) -> Any:
        if self.dtype.startswith("timedelta64"):
            return pd.Timedelta(cell)
        if isinstance(cell, (bool, int, float)) or (
            isinstance(cell, str) and not _TIME.fullmatch(cell)
        ):
            raise ValueError
        time = pd.Timestamp(cell)
        if self.dtype == "date":
            return time.date()
        # Beside times without a zone, one with a zone would be another moment.
        if self.dtype != "object" and time.tz is not None:
            raise ValueError
        return time
