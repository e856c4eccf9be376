"""One input of a model: its type, and how its cells are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache, partial
from typing import Any, Literal

import numpy as np

from drum_like.system.lazy import pd
from drum_like.types import cells
from drum_like.types.cells import NAN
from drum_like.types.readers import (
    CategoryReader,
    NumberReader,
    ParsedReader,
    Reader,
    ValueReader,
)
from drum_like.types.text_readers import TimeReader, object_reader, text_reader


class DataType(Enum):
    """Type of the cells of a column, by H2O MLOps's names."""

    BOOL = "Bool"
    INT32 = "Int32"
    INT64 = "Int64"
    FLOAT32 = "Float32"
    FLOAT64 = "Float64"
    STR = "Str"
    TIME64 = "Time64"
    BYTES = "Bytes"

    @property
    def is_integer(self) -> bool:
        """Whether values are whole numbers."""
        return self in (DataType.INT32, DataType.INT64)

    @property
    def is_float(self) -> bool:
        """Whether values are any numbers."""
        return self in (DataType.FLOAT32, DataType.FLOAT64)


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
        example: A value that the model takes, as text; None if none was given.
        missing: The value for a missing cell of text or of an encoder: NaN, None or pandas.NA.
        takes_missing: Whether a cell of text may be missing. Else words such as NA are text, and an
            empty cell is refused, unless `missing` is a text for it.
        exact: Whether whole numbers keep all their digits, as int64, instead of being float64.
        as_objects: Whether values like `categories` stay objects, which the encoder was fitted on.
        times: What the encoder was fitted on where `categories` are times as text: the dtype of
            numpy, such as "datetime64[ns]", or "date" or "object" for objects.
        width: The type of the floats that training had, by numpy's name, where it is narrower than
            float64 and cells are compared with those: "float32" or "float16".
        originals: The objects that the encoder was fitted on where `categories` are their texts.
        empty_is_text: Whether an empty cell of a format of text is the text "", which training had
            instead of missing cells.
    """

    name: str
    kind: Kind = "number"
    categories: tuple[Any, ...] = ()
    stored: DataType | None = None
    example: str | None = None
    missing: Any = NAN
    takes_missing: bool = True
    exact: bool = False
    as_objects: bool = False
    times: str = ""
    width: str = ""
    originals: tuple[Any, ...] = ()
    empty_is_text: bool = False

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
        """How cells are read, in a word for /info/: "unknown" if the type is not known."""
        if self.kind == "any" and self.stored is not None:
            return _WORDS.get(self.stored, "text")
        if self.times and not self.categories:
            return "time"
        return {"encoded": "category", "any": "unknown"}.get(self.kind, self.kind)

    def described(self) -> dict[str, Any]:
        """Return the column as JSON: `name` and `dataType`, as H2O MLOps writes them."""
        return {"name": self.name, "dataType": self.dtype.value}


def reader_of(column: Column, unseen_is_missing: bool) -> Reader | None:  # noqa: FBT001 - of a schema
    """Return the reader of a column, None for a column of no known type."""
    if column.kind == "number":
        return _number_reader(column)
    if column.kind == "text":
        return _text_reader(column)
    if column.kind == "any":
        return None if column.stored is None else _declared(column.name, column.stored)
    values = _values_reader(column)
    if column.kind == "encoded":
        return values
    codes = _codes(column.categories)
    dtype = cache(partial(_categorical, column.categories))
    return CategoryReader(column.name, values, codes, dtype, unseen_is_missing)


def _number_reader(column: Column) -> Reader:
    if column.exact:
        return ParsedReader(column.name, cells.to_exact, "numbers")
    if column.width:
        return ParsedReader(column.name, partial(cells.to_narrow, width=column.width), "numbers")
    return NumberReader(column.name)


def _text_reader(column: Column, known: Sequence[str] = ()) -> Reader:
    reader = text_reader(column.name, known, column.missing, takes_missing=column.takes_missing)
    return replace(reader, empty_is_text=column.empty_is_text)


def _categorical(categories: tuple[Any, ...]) -> Any:
    return pd.CategoricalDtype(list(categories))


def _codes(categories: Sequence[Any]) -> dict[Any, int]:
    """Return the codes of categories, also under the other forms in which cells show them.

    A number among texts is its text; a float32 is the float64 that is written like it: 0.1 is
    stored as 0.10000000149011612.
    """
    codes = {value: code for code, value in enumerate(categories)}
    kind = _type_of(categories)
    if kind is DataType.STR:
        return {**{str(value): code for value, code in codes.items()}, **codes}
    if kind is not DataType.FLOAT64:
        return codes
    with np.errstate(over="ignore"):
        narrow = np.array(categories, dtype=np.float32)
    if narrow.tolist() != list(categories):
        return codes
    return {**{float(str(value)): code for code, value in enumerate(narrow)}, **codes}


def _values_reader(column: Column) -> Reader:
    """Return the reader of values like the categories of a column."""
    if column.times:
        return TimeReader(column.name, column.times, column.missing)
    if column.originals:
        return object_reader(column.name, column.originals, column.missing)
    kind = _type_of(column.categories)
    if kind is DataType.BOOL:
        return ValueReader(cells.to_boolean, column.missing, column.as_objects)
    if kind is DataType.STR:
        known = [text for text in column.categories if isinstance(text, str)]
        return _text_reader(column, known)
    # Where training had a gap, whole numbers were float64 to the encoder.
    is_float = kind is DataType.FLOAT64 and column.kind == "encoded" and not column.as_objects
    parse = cells.to_real if is_float else cells.to_exact
    if column.width:
        parse = partial(cells.to_narrow, width=column.width)
    return ValueReader(parse, column.missing, column.as_objects)


_DECLARED: dict[DataType, tuple[Callable[[Any], Any], str, bool]] = {
    DataType.BOOL: (cells.to_boolean, "true or false", False),
    DataType.INT32: (partial(cells.to_integer, bits=32), "a whole number of 32 bits", False),
    DataType.INT64: (partial(cells.to_integer, bits=64), "a whole number of 64 bits", False),
    DataType.TIME64: (cells.to_time, "a date or a time in ISO 8601", True),
    DataType.BYTES: (cells.to_bytes, "text in base64", True),
}
"""How cells of a type are read, what they have to hold, and whether they stay objects."""


def _declared(name: str, stored: DataType | None) -> Reader | None:
    """Return the reader of a type that the artifact or the metadata names."""
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
