"""Rows of several requests as one frame.

Each request's cells are read before, by the rules of its own format: an error in them is its own.
Frames are joined only where each column has one type in all of them, so that a cell is the same
value in the joined frame as it is alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from drum_like.system.lazy import cached, pd
from drum_like.types.frame import Frame, Matrix, NativeFrame, Positions
from drum_like.types.names import Names
from drum_like.types.schema import ConformedFrame

Form = tuple[Any, ...]
"""Names and column types; frames are joined only if theirs are equal."""


def read_form(frame: Frame) -> Form | None:
    """Read all cells of a frame, and return its form; None if it cannot be joined with others.

    Rows that no schema has conformed are what pandas reads.

    Raises:
        ColumnsError: a cell is not of its column's type; names column and row.
    """
    if not isinstance(frame, ConformedFrame):
        return (tuple(frame.pandas.columns), *frame.pandas.dtypes)
    if type(frame) is not ConformedFrame:
        return None
    names = None if frame.schema.named else frame.columns
    if frame.schema.all_numbers:
        frame.matrix()
        return (names,)
    return (names, *[values.dtype for values in frame.values])


def join(frames: Sequence[Frame]) -> Frame:
    """Return the rows of frames of one form, in their order."""
    conformed = [frame for frame in frames if isinstance(frame, ConformedFrame)]
    if conformed:
        return _JoinedFrame(conformed)
    return NativeFrame(pd.concat([frame.pandas for frame in frames], ignore_index=True))


class _JoinedFrame(ConformedFrame):
    """Rows of frames that one schema has conformed, and whose cells have been read."""

    def __init__(self, parts: Sequence[ConformedFrame]) -> None:
        super().__init__(parts[0], parts[0].schema, None)
        self._parts = parts
        self._n_rows = sum(part.n_rows for part in parts)

    @property
    def n_rows(self) -> int:
        """Number of rows of all parts."""
        return self._n_rows

    @property
    def columns(self) -> Names | None:
        """The names that all parts have."""
        return self._parts[0].columns

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        if not self.schema.all_numbers:
            return super()._to_matrix(chosen)
        whole = np.concatenate([part.matrix() for part in self._parts])
        return whole if chosen is None else whole.take(chosen, axis=1)

    @cached
    def values(self) -> Sequence[Any]:
        """The (n_rows,) columns of all parts."""
        if self.schema.all_numbers:
            return list(self.matrix().T)
        return [_column(values) for values in zip(*[p.values for p in self._parts], strict=True)]


def _column(values: Sequence[Any]) -> Any:
    """Return the cells of a column, of one type in all parts."""
    first = values[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(values)
    if isinstance(first, pd.Categorical):
        codes = np.concatenate([part.codes for part in values])
        return pd.Categorical.from_codes(codes, dtype=first.dtype)
    return pd.concat([pd.Series(part) for part in values], ignore_index=True)
