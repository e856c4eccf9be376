"""The columns that a model knows: names, order, types and categories, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from drum_like.system.lazy import cached, pd
from drum_like.types.column import Column, DataType, Kind, reader_of
from drum_like.types.frame import Frame, Matrix, NativeFrame, Positions, positions
from drum_like.types.names import Names, orderless_error, width_error
from drum_like.types.numbers import column_of, is_number_like
from drum_like.types.readers import Cells, NumberReader, Reader, numbers
from drum_like.types.table import table
from drum_like.types.target import Target

__all__ = ["Column", "Kind", "Schema", "output_columns"]


@dataclass(frozen=True, slots=True)
class Schema:
    """The inputs of a model in training order.

    Attributes:
        columns: One entry an input.
        named: Whether inputs are matched by name; otherwise by position, and the width must fit,
            unless a frame has all names that stand for the positions.
        unseen_is_missing: Treat a category that training did not see as missing, not as an error.
        absent_is_missing: Whether contracts that allow it fill columns that were not sent.
        names: The names of the columns in training order.
        known_names: The same without an order.
        readers: How the cells of each column are read, None for columns of no known type.
        all_numbers: Whether all columns are float64 numbers.
    """

    columns: tuple[Column, ...]
    named: bool = True
    unseen_is_missing: bool = False
    absent_is_missing: bool = False
    names: Names = field(init=False, repr=False, compare=False)
    known_names: frozenset[str] = field(init=False, repr=False, compare=False)
    readers: tuple[Reader | None, ...] = field(init=False, repr=False, compare=False)
    all_numbers: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Precompute the values that every request needs."""
        readers = tuple(reader_of(column, self.unseen_is_missing) for column in self.columns)
        object.__setattr__(self, "names", tuple(column.name for column in self.columns))
        object.__setattr__(self, "known_names", frozenset(self.names))
        object.__setattr__(self, "readers", readers)
        plain = all(isinstance(reader, NumberReader) for reader in readers)
        object.__setattr__(self, "all_numbers", plain)

    def as_known(self, names: Names) -> Names:
        """Return names of a payload as the model spells them; a model may forgive spellings."""
        return names

    def goes_by_name(self, sent: Names | None) -> bool:
        """Return whether the columns of a frame are matched by name.

        A model without names matches by name if the frame has all names that stand for the
        positions, as records of JSON do. Declared names stand for them even if the frame has only
        some of these: the others are missing then.

        Args:
            sent: The names of the frame, None if it has none.
        """
        if self.named or sent is None:
            return self.named
        found = len(self.known_names.intersection(self.as_known(sent)))
        if found == len(self.names):
            return True
        return found > 0 and self.names != tuple(map(str, range(len(self.names))))

    def conform(self, frame: Frame) -> Frame:
        """Return the frame's rows with exactly the model's columns, in the model's order.

        Extra columns are left out. Cells are read when a layout is asked for. A frame that this
        schema has conformed is returned itself; one of a codec has the types that pandas finds.

        Raises:
            ColumnsError: a column is missing, or the width of a nameless model does not fit.
        """
        if isinstance(frame, ConformedFrame) and frame.schema is self:
            return frame
        chosen, is_same = None, frame.columns == self.names or not self.goes_by_name(frame.columns)
        if not is_same:
            chosen = positions(frame, self.names, self.as_known)
        elif not self.named:
            self._check_positions(frame)
        kind = _ConformedNative if isinstance(frame, NativeFrame) else ConformedFrame
        conformed = kind(frame, self, chosen)
        if is_same and self.all_numbers:  # the matrix of the frame itself: nothing is to do
            conformed.matrix = frame.matrix  # type: ignore[method-assign]
        return conformed

    def _check_positions(self, frame: Frame) -> None:
        """Refuse rows of another width, or of no common order."""
        if frame.n_columns != len(self.columns):
            raise width_error(len(self.columns), frame.n_columns)
        if frame.columns not in (None, self.names) and not frame.has_one_order:
            raise orderless_error(self.names)


def output_columns(target: Target) -> tuple[Column, ...]:
    """Return the columns that contracts publish as a model's output."""
    number = target.type.is_classification or target.type.is_numeric
    stored = DataType.FLOAT64 if number else DataType.STR
    return tuple(Column(name, "any", stored=stored) for name in target.outputs)


class ConformedFrame(Frame):
    """A frame seen through a schema: every column as the model was trained on it."""

    def __init__(self, source: Frame, schema: Schema, chosen: Sequence[int] | None) -> None:
        self._source = source
        self.schema = schema
        self._chosen = chosen

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self._source.n_rows

    @property
    def columns(self) -> Names | None:
        """The model's names; those of the source where the model has none."""
        sent = self._source.columns
        if self.schema.named or sent is None or self._chosen is None:
            return self.schema.names if self.schema.named else sent
        return tuple(sent[at] for at in self._chosen)

    @property
    def n_columns(self) -> int:
        """Number of columns that the model takes."""
        return len(self.schema.columns)

    def cells(self, position: int) -> Cells:
        """Return the values of a column, as the model was trained on them."""
        values: Cells = self.values[position].tolist()
        return values

    def _numbers(self, chosen: Positions | None) -> Matrix:
        # The source has seen to negative zeros.
        return self._to_matrix(chosen)

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        if not self.schema.all_numbers:
            return self._read_numbers(range(self.n_columns) if chosen is None else chosen)
        if chosen is None:
            return self._source.numbers_of(self._chosen)
        return self._source.numbers_of([self._place(at) for at in chosen])

    def _read_numbers(self, wanted: Sequence[int]) -> Matrix:
        """Return columns that are not all plain numbers as numbers.

        Raises:
            ColumnsError: a column holds text.
        """
        out = np.empty((self.n_rows, len(wanted)))
        for at, position in enumerate(wanted):
            values, name = self.values[position], self.schema.names[position]
            plain = isinstance(values, np.ndarray) and values.dtype.kind in "biuf"
            out[:, at] = values if plain else numbers(values.tolist(), name)
        return out

    def _to_pandas(self) -> pd.DataFrame:
        return self.filled(1)

    def filled(self, multiple: int) -> pd.DataFrame:
        """Return the rows as a DataFrame, the last one repeated up to a multiple of rows."""
        values = list(self.matrix().T) if self.schema.all_numbers else self.values
        return table(values, self.columns, -self.n_rows % multiple)

    @cached
    def values(self) -> Sequence[Any]:
        """The (n_rows,) columns, each read by its reader; numbers together, which is faster."""
        readers = self.schema.readers
        numeric = [at for at, one in enumerate(readers) if isinstance(one, NumberReader)]
        matrix = self._source_numbers(numeric)
        read = {at: matrix[:, place] for place, at in enumerate(numeric)}
        return [read[at] if at in read else self._read(at, one) for at, one in enumerate(readers)]

    def _source_numbers(self, numeric: Positions) -> Matrix:
        if not numeric:
            return np.empty((self.n_rows, 0))
        return self._source.numbers_of([self._place(at) for at in numeric])

    def _place(self, position: int) -> int:
        return position if self._chosen is None else self._chosen[position]

    def _read(self, position: int, reader: Reader | None) -> Any:
        place = self._place(position)
        if reader is None:
            return self._source.pandas.iloc[:, place]
        words = self._source.has_words_for_missing
        return reader.read(self._source.cells(place), words=words)


class _ConformedNative(ConformedFrame):
    """A DataFrame of a hook seen through a schema: the types of its columns are the hook's own."""

    def _to_pandas(self) -> pd.DataFrame:
        data = self._source.pandas
        data = data if self._chosen is None else data.iloc[:, list(self._chosen)]
        if self.schema.named and not data.columns.equals(pd.Index(self.schema.names)):
            data = data.set_axis(list(self.schema.names), axis="columns")
        casts: dict[int, Any] = {}
        for position, column in enumerate(self.schema.columns):
            if column.kind == "category":
                casts[position] = self._read(position, self.schema.readers[position])
            elif column.kind == "number":
                _check_numbers(data, position)
        return _replaced(data, casts) if casts else data

    def filled(self, multiple: int) -> pd.DataFrame:
        del multiple  # types of pandas' own, and an index, take longer
        return self.pandas

    @cached
    def values(self) -> Sequence[Any]:
        return [self.pandas.iloc[:, at] for at in range(self.n_columns)]


def _check_numbers(data: pd.DataFrame, position: int) -> None:
    """Refuse a column that is not numbers; a hook's own may also be text or Decimals of them.

    Raises:
        ColumnsError: a cell is no number; names it.
    """
    if pd.api.types.is_numeric_dtype(data.dtypes.iloc[position]):
        return
    column = data.iloc[:, position].astype(object)
    if not all(is_number_like(cell) for cell in column):
        column_of(data, position)


def _replaced(data: pd.DataFrame, casts: dict[int, Any]) -> pd.DataFrame:
    """Return a DataFrame with some columns replaced, by their positions."""
    parts = {
        at: pd.Series(casts[at], index=data.index) if at in casts else data.iloc[:, at]
        for at in range(data.shape[1])
    }
    return pd.DataFrame(parts, index=data.index).set_axis(data.columns, axis="columns")
