"""From the cells of a column to the values that a model was trained on.

A reader is made once, when the model loads, of what the model says about the column. It looks at
one cell at a time, so a row means the same alone and beside any other row, and it is the same one
for every payload format and every contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import ColumnsError
from drum_like.system.lazy import pd
from drum_like.types import cells
from drum_like.types.cells import NAN, is_missing
from drum_like.types.numbers import EXACT

Cells = Sequence[Any]
"""The cells of a column as they were sent: text, numbers, truth values, bytes, None or NaN."""


class Reader(Protocol):
    """Reads the columns of one name."""

    def read(self, column: Cells, *, words: bool) -> Any:
        """Return (n_rows,) values: an array, or a pandas Categorical.

        Args:
            column: The cells.
            words: Whether words stand for missing cells, as in CSV, where the format has no other
                way to write them than an empty cell.

        Raises:
            ColumnsError: a cell is not what the column holds; names column and row.
        """


def refused(name: str, row: int, found: str, expected: str) -> ColumnsError:
    """Return the error for a cell that does not fit its column; `found` never holds its value."""
    return ColumnsError(
        f"column {name[:100]!r} holds {found} in row {row + 1}; the model takes {expected} there",
        row,
        name,
    )


def kind_of(cell: Any) -> str:
    """Return a word for the kind of a cell's value."""
    return "text" if isinstance(cell, str) else type(cell).__name__


def numbers(column: Cells, name: str) -> NDArray[np.float64]:
    """Return cells as float64, NaN for missing ones.

    Raises:
        ColumnsError: a cell is no number; names column and row.
    """
    out = np.empty(len(column), dtype=np.float64)
    for row, cell in enumerate(column):
        try:
            out[row] = cells.to_float(cell)
        except ValueError:
            raise refused(name, row, kind_of(cell), "numbers") from None
    return out


@dataclass(frozen=True, slots=True)
class NumberReader:
    """Reads numbers of any size as float64."""

    name: str

    def read(self, column: Cells, *, words: bool) -> NDArray[np.float64]:
        """Return float64, NaN for missing cells."""
        del words  # they are missing numbers in every format
        return numbers(column, self.name)


@dataclass(frozen=True, slots=True)
class ParsedReader:
    """Reads cells of a declared type one by one.

    Attributes:
        name: Of the column.
        parse: From a cell to its value, None for a missing one; raises ValueError for others.
        expected: The expected content of a cell, for messages.
        is_object: Whether values stay objects, None where missing; else they are numbers.
    """

    name: str
    parse: Callable[[Any], Any]
    expected: str
    is_object: bool = False

    def read(self, column: Cells, *, words: bool) -> NDArray[Any]:
        """Return the values: objects, bool, int64, or float64 beside missing cells."""
        del words
        values = [self._value(row, cell) for row, cell in enumerate(column)]
        return objects(values) if self.is_object else packed(values, NAN)

    def _value(self, row: int, cell: Any) -> Any:
        try:
            return self.parse(cell)
        except ValueError:
            raise refused(self.name, row, "something else", self.expected) from None


@dataclass(frozen=True, slots=True)
class ValueReader:
    """Reads what an encoder was fitted on where that is not text: numbers, or truth values.

    A cell that is neither stays what it is: whether that is an error is the encoder's to say.

    Attributes:
        parse: From a cell to its value, None for a missing one; raises ValueError for others.
        missing: The value for a missing cell.
        as_objects: Whether values stay objects, whatever they are.
    """

    parse: Callable[[Any], Any]
    missing: Any
    as_objects: bool = False

    def read(self, column: Cells, *, words: bool) -> NDArray[Any]:
        """Return bool, int64 or float64 where all cells are such; else objects."""
        del words  # they are missing values beside numbers in every format
        values = [self._value(cell) for cell in column]
        if self.as_objects:
            return objects([self.missing if value is None else value for value in values])
        return packed(values, self.missing)

    def _value(self, cell: Any) -> Any:
        try:
            return self.parse(cell)
        except ValueError:
            return cell


@dataclass(frozen=True, slots=True)
class CategoryReader:
    """Reads cells as a pandas Categorical of exactly the model's categories.

    Attributes:
        name: Of the column.
        values: Reads cells as values like the categories.
        codes: The place of each category.
        dtype: That of the Categorical; made when first needed, for it imports pandas.
        unseen_is_missing: Whether a category that training did not see is missing, not an error; an
            empty text, which is none by mistake, always is.
    """

    name: str
    values: Reader
    codes: Mapping[Any, int]
    dtype: Callable[[], Any]
    unseen_is_missing: bool

    def read(self, column: Cells, *, words: bool) -> pd.Categorical:
        """Return a Categorical; missing cells have the code -1."""
        values = self.values.read(column, words=words).tolist()
        codes = [self._code(row, value) for row, value in enumerate(values)]
        return pd.Categorical.from_codes(np.array(codes, dtype=np.int64), dtype=self.dtype())

    def _code(self, row: int, value: Any) -> int:
        if is_missing(value):
            return -1
        code = self.codes.get(value, -1)
        if code < 0 and value != "" and not self.unseen_is_missing:
            raise self._unseen(row)
        return code

    def _unseen(self, row: int) -> ColumnsError:
        return ColumnsError(
            f"column {self.name[:100]!r} holds in row {row + 1} a category that the model was not "
            f"trained on (it knows {len(self.codes)}); set unseen_categories: missing in "
            "model-metadata.yaml to treat such cells as missing",
            row,
            self.name,
        )


def objects(values: Sequence[Any]) -> NDArray[Any]:
    """Return values as an array of objects, whatever they are."""
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def packed(values: Sequence[Any], missing: Any) -> NDArray[Any]:
    """Return values in the narrowest array that loses nothing; `missing` stands for None.

    bool or int64 where all are, float64 for numbers whose whole ones keep their digits in it,
    objects otherwise.
    """
    kinds = frozenset(map(type, values))
    if kinds == {bool}:
        return np.array(values, dtype=np.bool_)
    whole = [value for value in values if type(value) is int]
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in whole):
        return np.array(values, dtype=np.int64)
    floats = isinstance(missing, float) and kinds <= {int, float, type(None)}
    if floats and all(-EXACT <= value <= EXACT for value in whole):
        return np.array(values, dtype=np.float64)
    return objects([missing if value is None else value for value in values])
