"""Columns of cells between Arrow and numpy, and how numbers change their type without surprises.

A column of a request is an Arrow array without missing cells. Its cells are scalars, or lists that
may be nested: a model gets an array with the rows first. A schema is carried as one encapsulated
IPC message in base64.
"""

import base64
import binascii
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import ipc, types

from drum_like.codecs.columnar.plain import check_type
from drum_like.contracts.wallaroo.fields import JsonObject
from drum_like.errors import PayloadError

Values = NDArray[Any]
Cells = Sequence[Any] | Values
"""One entry a row."""


def is_list(kind: pa.DataType) -> bool:
    """Return whether the cells of a type are lists."""
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def refuse_nulls(column: pa.Array, name: str) -> None:
    """Refuse a column with a missing cell, at any depth.

    Raises:
        PayloadError: there is one.
    """
    while True:
        if column.null_count or (types.is_null(column.type) and len(column)):
            raise PayloadError(f"tensor values may not be null (column {name[:100]!r})")
        if not is_list(column.type):
            return
        column = column.flatten()


def values_of(column: pa.Array, name: str) -> Values:
    """Return a column as an array: (n_rows,) for scalars, (n_rows, ...) for lists.

    Numbers keep their width, text becomes objects.

    Raises:
        PayloadError: lists differ in length, or cells are neither numbers, truth values nor text.
    """
    shape = [len(column)]
    while is_list(column.type):
        inner = column.flatten()
        width = len(inner) // len(column) if len(column) else 0
        if not types.is_fixed_size_list(column.type):
            _check_lengths(column, width, name)
        shape.append(width)
        column = inner
    return _scalars(column, name).reshape(shape)


def _check_lengths(column: pa.Array, width: int, name: str) -> None:
    ends = np.asarray(column.offsets)
    if not (np.diff(ends) == width).all():
        raise PayloadError(f"the lists of column {name[:100]!r} must all be of the same length")


def _scalars(column: pa.Array, name: str) -> Values:
    kind = column.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    if types.is_string(kind) or types.is_large_string(kind):
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=object)
    if types.is_null(kind):
        return np.empty(0)
    raise PayloadError(
        f"column {name[:100]!r} holds {str(kind)[:100]}; models take numbers, truth values, text "
        "and lists of them"
    )


def cast(values: Values, dtype: np.dtype[Any], name: str) -> Values:
    """Return values as a model's type.

    Numbers are rounded to a narrower float, and are infinite beyond its range, as in every other
    contract; whole numbers must stay exact; 0 and 1 are truth values, and the other way round. Text
    and numbers never become each other.

    Raises:
        PayloadError: a value does not fit.
    """
    if values.dtype == dtype:
        return values
    if (dtype.kind == "O") != (values.dtype.kind == "O"):
        found = "text" if values.dtype.kind == "O" else values.dtype.name
        expected = "text" if dtype.kind == "O" else dtype.name
        raise PayloadError(f"column {name[:100]!r} holds {found}; the model takes {expected}")
    with np.errstate(over="ignore", invalid="ignore"):
        out = values.astype(dtype)
    if not _fits(values, out):
        raise PayloadError(f"column {name[:100]!r} holds values that do not fit {dtype.name}")
    return out


def _fits(values: Values, out: Values) -> bool:
    if out.dtype.kind == "f" or values.dtype.kind == "b":
        return True
    if out.dtype.kind == "b":
        return bool(np.isin(values, (0, 1)).all())
    if values.dtype.kind == "f":
        bounds = np.iinfo(out.dtype)
        inside = (values >= bounds.min) & (values < float(bounds.max) + 1)
        exact = np.abs(values) < 2.0**53
        return bool((inside & exact & (values == np.trunc(values))).all())
    bounds = np.iinfo(out.dtype)
    return not values.size or bounds.min <= int(values.min()) <= int(values.max()) <= bounds.max


def array_of(values: Values, kind: pa.DataType | None = None) -> pa.Array:
    """Return values as an Arrow column: scalars for (n_rows,), lists for (n_rows, width).

    Args:
        values: Numbers, truth values, or objects that are text.
        kind: Of the column; None takes the values' own.

    Raises:
        pa.ArrowException, ValueError, TypeError, OverflowError: they do not fit.
    """
    if values.ndim == 1:
        column = pa.array(values)
    else:
        flat = pa.array(np.ascontiguousarray(values).reshape(-1))
        offsets = np.arange(values.shape[0] + 1, dtype=np.int64) * values.shape[1]
        column = pa.LargeListArray.from_arrays(offsets, flat)
    if kind is None:
        return column
    found = column.cast(kind)
    if not keeps_truth(column, found):
        raise ValueError("only 0 and 1 are truth values")
    return found


def keeps_truth(column: pa.Array, cast: pa.Array) -> bool:
    """Return whether only 0 and 1 became truth values: Arrow takes any other number for true."""
    while is_list(cast.type):
        column, cast = column.flatten(), cast.flatten()
    is_number = types.is_integer(column.type) or types.is_floating(column.type)
    if not is_number or not types.is_boolean(cast.type):
        return True
    return bool(cast.cast(column.type).equals(column))


def cells_of(column: pa.Array) -> Cells:
    """Return the cells for the JSON writer: scalars and arrays of numpy, of the column's width."""
    kind = column.type
    if is_list(kind):
        inner = cells_of(column.flatten())
        return [inner[start:end] for start, end in _bounds(column)]
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    plain: list[Any] = column.to_pylist()
    return plain


def _bounds(column: pa.Array) -> list[tuple[int, int]]:
    """Return the start and the end of each list among the flattened values."""
    if types.is_fixed_size_list(column.type):
        width = column.type.list_size
        return [(at * width, (at + 1) * width) for at in range(len(column))]
    ends = np.asarray(column.offsets) - column.offsets[0].as_py()
    return list(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True))


_MOST_FIELDS = 10_000
_MOST_BYTES = 8 * 1024 * 1024


@lru_cache(maxsize=256)
def decode_schema(text: str) -> pa.Schema:
    """Return the schema that a text stands for.

    Raises:
        PayloadError: it is no base64, no schema, or has fields of types that are not read.
    """
    try:
        raw = base64.b64decode(text, validate=True)
        schema = ipc.read_schema(pa.BufferReader(raw))
        names = schema.names
    except (binascii.Error, pa.ArrowException, OSError, ValueError, struct.error) as error:
        raise PayloadError("the schema is not a base64 encoded Arrow schema") from error
    if not names or len(names) > _MOST_FIELDS or len(set(names)) < len(names):
        raise PayloadError(
            f"a schema must have 1 to {_MOST_FIELDS} fields, each with a name of its own"
        )
    for field in schema:
        check_type(field.type)
    return schema


def optional_schema(fields: JsonObject, name: str) -> str | None:
    """Return an encoded schema as it was sent, None if the field is left out or null.

    Raises:
        PayloadError: it is none; names the field.
    """
    text = fields.optional_text(name)
    if text is None:
        return None
    if len(text) > _MOST_BYTES:
        raise PayloadError(f"field `{name}` is longer than {_MOST_BYTES} characters")
    try:
        decode_schema(text)
    except PayloadError as error:
        raise PayloadError(f"field `{name}`: {error}") from error
    return text
