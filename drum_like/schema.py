"""The columns that a model knows: names, order, types and categories, in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Literal

import numpy as np

from drum_like import cells
from drum_like.cached import cached
from drum_like.cells import NAN
from drum_like.data_type import DataType
from drum_like.frame import (
    Frame,
    Matrix,
    Names,
    NativeFrame,
    Positions,
    column_of,
    positions,
    width_error,
)
from drum_like.later import pd
from drum_like.numbers import is_number_like
from drum_like.readers import (
    CategoryReader,
    Cells,
    NumberReader,
    ParsedReader,
    Reader,
    ValueReader,
    numbers,
    text_reader,
)
from drum_like.target import Target

Kind = Literal["number", "category", "encoded", "text", "any"]


_WORDS = {
    DataType.BOOL: "boolean",
    DataType.INT32: "integer",
    DataType.INT64: "integer",
    DataType.FLOAT32: "number",
    DataType.FLOAT64: "number",
    DataType.TIME64: "time",
    DataType.BYTES: "bytes",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One input of a model.

    Attributes:
        name: As in the training data; a position in text for a model without names.
        kind: "number": float64, whatever narrower type is `stored`. "category": a pandas
            Categorical of exactly `categories`. "encoded": values like `categories`, which an
            encoder of the model reads; others stay for it to refuse or ignore. "text": as it was
            sent. "any": unknown, and read as pandas reads the whole column, unless `stored`
            declares a type.
        categories: The values that a category may have, of one type; empty for other kinds.
        stored: The type that the artifact or the metadata names, None where they do not.
        example: A value that the model takes, as text; None if nobody gave one.
        missing: What stands for a missing cell of text or of an encoder: NaN, None or pandas.NA.
        takes_missing: Whether a cell of text may be missing. Else words such as NA are text, and an
            empty cell is refused, unless `missing` is a text for it.
        exact: Whether whole numbers keep all their digits, as int64, instead of being float64.
    """

    name: str
    kind: Kind = "number"
    categories: tuple[Any, ...] = ()
    stored: DataType | None = None
    example: str | None = None
    missing: Any = NAN
    takes_missing: bool = True
    exact: bool = False

    @property
    def dtype(self) -> DataType:
        """The type to publish: the stored one, else that of the categories, else the kind's."""
        if self.stored is not None:
            return self.stored
        if self.categories:
            return _type_of(self.categories)
        return DataType.FLOAT64 if self.kind == "number" else DataType.STR

    @property
    def is_typed(self) -> bool:
        """Whether `dtype` is known, not a guess."""
        return self.kind != "any" or self.stored is not None

    @property
    def type(self) -> str:
        """How cells are read, in a word for /info/: "unknown" if nobody tells."""
        if self.kind == "any" and self.stored is not None:
            return _WORDS.get(self.stored, "text")
        return {"encoded": "category", "any": "unknown"}.get(self.kind, self.kind)

    def described(self) -> dict[str, Any]:
        """Return the column as JSON: `name` and `dataType`, as H2O MLOps writes them."""
        return {"name": self.name, "dataType": self.dtype.value}


@dataclass(frozen=True, slots=True)
class Schema:
    """The inputs of a model in training order.

    Attributes:
        columns: One entry an input.
        named: Whether inputs are matched by name; otherwise by position, and the width must fit.
        unseen_is_missing: Treat a category that training did not see as missing, not as an error.
        absent_is_missing: Whether contracts that allow it fill columns that were not sent.
        names: The names of the columns in training order.
        readers: How the cells of each column are read, None for columns of no known type.
        all_numbers: Whether every column is one of float64 numbers.
        takes_text: Whether a number may have to be text, as it was written.
    """

    columns: tuple[Column, ...]
    named: bool = True
    unseen_is_missing: bool = False
    absent_is_missing: bool = False
    names: Names = field(init=False, repr=False, compare=False)
    readers: tuple[Reader | None, ...] = field(init=False, repr=False, compare=False)
    all_numbers: bool = field(init=False, repr=False, compare=False)
    takes_text: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep what every request asks for."""
        readers = tuple(_reader(column, self.unseen_is_missing) for column in self.columns)
        object.__setattr__(self, "names", tuple(column.name for column in self.columns))
        object.__setattr__(self, "readers", readers)
        plain = all(isinstance(reader, NumberReader) for reader in readers)
        texts = any(not c.is_typed or c.dtype is DataType.STR for c in self.columns)
        object.__setattr__(self, "all_numbers", plain)
        object.__setattr__(self, "takes_text", texts)

    def as_known(self, names: Names) -> Names:
        """Return names of a payload as the model spells them; a model may forgive spellings."""
        return names

    def conform(self, frame: Frame) -> Frame:
        """Return the frame's rows with exactly the model's columns, in the model's order.

        Extra columns are left out. Cells are read when a layout is asked for.

        Raises:
            ColumnsError: a column is missing, or the width of a nameless model does not fit.
        """
        if isinstance(frame, _ConformedFrame) and frame.schema is self:
            return frame
        if self.named:
            chosen = positions(frame, self.names)
        elif frame.n_columns != len(self.columns):
            raise width_error(len(self.columns), frame.n_columns)
        else:
            chosen = None
        kind = _ConformedNative if isinstance(frame, NativeFrame) else _ConformedFrame
        return kind(frame, self, chosen)


def output_columns(target: Target) -> tuple[Column, ...]:
    """Return the columns that contracts publish as a model's output."""
    number = target.type.is_classification or target.type.is_numeric
    stored = DataType.FLOAT64 if number else DataType.STR
    return tuple(Column(name, "any", stored=stored) for name in target.outputs)


class _ConformedFrame(Frame):
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
        return self.schema.names if self.schema.named else self._source.columns

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
        if self.schema.all_numbers:
            data = pd.DataFrame(self.matrix())
        else:
            # Series: of an array of objects pandas 3 would make a type of its own.
            data = pd.DataFrame({at: _series(one) for at, one in enumerate(self.values)})
        names = self.columns
        if names is not None:
            data.columns = pd.Index(names)
        return data

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


class _ConformedNative(_ConformedFrame):
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


def _series(values: Any) -> pd.Series[Any]:
    dtype = object if isinstance(values, np.ndarray) and values.dtype == object else None
    return pd.Series(values, dtype=dtype)


def _reader(column: Column, unseen_is_missing: bool) -> Reader | None:  # noqa: FBT001 - of a schema
    """Return what reads the cells of a column, None for one of no known type."""
    if column.kind == "number" and column.exact:
        return ParsedReader(column.name, cells.to_exact, "numbers")
    if column.kind == "number":
        return NumberReader(column.name)
    if column.kind == "text":
        return _text_reader(column)
    if column.kind == "any":
        return None if column.stored is None else _declared(column.name, column.stored)
    values = _values_reader(column)
    if column.kind == "encoded":
        return values
    codes = {value: code for code, value in enumerate(column.categories)}
    dtype = cache(partial(_categorical, column.categories))
    return CategoryReader(column.name, values, codes, dtype, unseen_is_missing)


def _text_reader(column: Column, known: Sequence[str] = ()) -> Reader:
    return text_reader(column.name, known, column.missing, takes_missing=column.takes_missing)


def _categorical(categories: tuple[Any, ...]) -> Any:
    return pd.CategoricalDtype(list(categories))


def _values_reader(column: Column) -> Reader:
    """Return what reads cells as values like the categories."""
    kind = _type_of(column.categories)
    if kind is DataType.BOOL:
        return ValueReader(cells.to_boolean, column.missing)
    if kind is DataType.STR:
        known = [text for text in column.categories if isinstance(text, str)]
        return _text_reader(column, known)
    return ValueReader(cells.to_exact, column.missing)


_DECLARED: dict[DataType, tuple[Callable[[Any], Any], str, bool]] = {
    DataType.BOOL: (cells.to_boolean, "true or false", False),
    DataType.INT32: (partial(cells.to_integer, bits=32), "a whole number of 32 bits", False),
    DataType.INT64: (partial(cells.to_integer, bits=64), "a whole number of 64 bits", False),
    DataType.TIME64: (cells.to_time, "a date or a time in ISO 8601", True),
    DataType.BYTES: (cells.to_bytes, "text in base64", True),
}
"""How cells of a type are read, what they have to hold, and whether they stay objects."""


def _declared(name: str, stored: DataType | None) -> Reader | None:
    """Return what reads cells of a type that the artifact or the metadata names."""
    if stored is None:
        return None
    if stored in _DECLARED:
        return ParsedReader(name, *_DECLARED[stored])
    return text_reader(name) if stored is DataType.STR else NumberReader(name)


def _type_of(values: Sequence[Any]) -> DataType:
    """Return the type of a column that holds one of these values; missing ones do not count."""
    kinds = {type(value) for value in values if value is not None and value == value}  # noqa: PLR0124 - NaN differs from itself
    if kinds == {bool}:
        return DataType.BOOL
    if kinds == {int}:
        return DataType.INT64
    return DataType.FLOAT64 if kinds and kinds <= {int, float} else DataType.STR
