"""Tables of Arrow: their columns as those that CSV would have given, and predictions as one.

A null is a missing CSV cell: NaN beside numbers, True and False, and text. Integers are int64
(uint64 stays), and so are decimals of no fraction; floats and other decimals are float64, but
whole numbers keep their digits where a model takes such. Dictionaries and run-ends are plain
values, extension types their storage. Dates, times and nested values reach hooks, and are no
numbers. The metadata that pandas writes (index, types) is ignored.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from drum_like.codecs.columnar.plain import plain, whole_decimals, without_decimals
from drum_like.codecs.like_pandas import unique
from drum_like.errors import PayloadError, TargetError
from drum_like.system.lazy import pd
from drum_like.types.columns_frame import NamedColumns
from drum_like.types.frame import Frame, Matrix, Positions
from drum_like.types.numbers import EXACT
from drum_like.types.prediction import Prediction
from drum_like.types.readers import Cells, numbers
from drum_like.types.target import Target

_UNREADABLE = (pa.ArrowException, ValueError, OverflowError, KeyError)
"""Errors for values beyond Python's; a KeyError is a type that pyarrow has no class for."""


def frame_of(table: pa.Table) -> Frame:
    """Return the rows of a table that is checked in full; equal names are told apart as in CSV.

    Raises:
        pa.ArrowException: a column cannot be made plain.
    """
    return _TableFrame(unique(table.column_names), list(map(plain_column, table.columns)))


def plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column without dictionaries, run-ends, views and extension types.

    Decimals of whole numbers become integers, if 64 bits hold them; others stay.
    """
    if pa.types.is_primitive(column.type) and column.num_chunks:
        return column
    chunks = column.chunks or [pa.array([], column.type)]
    return whole_decimals(pa.chunked_array([plain(chunk) for chunk in chunks]))


def fill(out: NDArray[np.float64], column: pa.ChunkedArray) -> None:
    """Write a column of numbers, booleans or nulls as float64; a null is NaN.

    Args:
        out: (n_rows,), written to.
        column: (n_rows,).
    """
    row = 0
    for chunk in column.chunks:
        out[row : row + len(chunk)] = _numbers_of(chunk)
        row += len(chunk)


def _numbers_of(chunk: pa.Array) -> NDArray[Any]:
    """Return integers and floats as they are, booleans as 0 and 1, nulls as NaN.

    Returns:
        (n_values,), of float64 where there are nulls; not to be written to.
    """
    if pa.types.is_null(chunk.type):
        return np.full(len(chunk), np.nan)
    if pa.types.is_boolean(chunk.type):
        chunk = chunk.cast(pa.uint8())
    if not chunk.null_count:
        values: NDArray[Any] = np.from_dlpack(chunk)
        return values
    valid, data = chunk.buffers()
    bare = pa.Array.from_buffers(chunk.type, len(chunk), [None, data], offset=chunk.offset)
    floats = np.from_dlpack(bare).astype(np.float64)
    bits = np.unpackbits(np.frombuffer(valid, dtype=np.uint8), bitorder="little")
    floats[bits[chunk.offset : chunk.offset + len(chunk)] == 0] = np.nan
    return floats


class _TableFrame(NamedColumns):
    """The rows of a table.

    Args:
        names: One a column, unique.
        columns: Validated, of plain types.
    """

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        columns = self._columns if chosen is None else [self._columns[at] for at in chosen]
        if not all(_is_number(column.type) for column in columns):
            return super()._to_matrix(chosen)
        matrix = np.empty((self.n_rows, len(columns)), dtype=np.float64)
        for at, column in enumerate(columns):
            fill(matrix[:, at], column)
        return matrix

    def _numbers_at(self, position: int) -> NDArray[np.float64]:
        column = without_decimals(self._columns[position])
        if not _is_number(column.type):
            return numbers(self.cells(position), self._names[position])
        out = np.empty(self.n_rows, dtype=np.float64)
        fill(out, column)
        return out

    def cells(self, position: int) -> Cells:
        """Return the values of a column; None for a null."""
        try:
            values: Cells = self._columns[position].to_pylist()
        except _UNREADABLE as error:
            raise _beyond(error) from error
        kind = self._columns[position].type
        if not pa.types.is_decimal(kind):
            return values
        return [value if value is None else _number_in(value, kind.scale) for value in values]

    def _to_pandas(self) -> pd.DataFrame:
        try:
            data = pd.DataFrame(dict(enumerate(map(_values, self._columns))))
        except _UNREADABLE as error:
            raise _beyond(error) from error
        data.columns = pd.Index(self._names)
        return data


def _beyond(error: Exception) -> PayloadError:
    kind = type(error).__name__
    return PayloadError(
        "the payload holds dates, times, intervals or text beyond what Python and pandas can "
        f"hold ({kind})"
    )


def _number_in(value: Decimal, scale: int) -> float:
    """Return a decimal as an integer if its type has no fraction or it is a large one.

    Other numbers are the nearest floats, which hold all their digits that CSV would show.
    """
    number = float(value)
    if scale > 0 and (abs(number) < EXACT or int(value) != value):
        return number
    return int(value)


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_null(kind)
    )


def _values(column: pa.ChunkedArray) -> Any:
    """Return a column as pandas would have read it from CSV."""
    column = without_decimals(column)
    kind = column.type
    if _is_number(kind) and not (pa.types.is_boolean(kind) and column.null_count):
        return _typed(column)
    values = column.to_pandas()
    if values.dtype != object:
        return values
    objects = values.to_numpy(copy=True)
    objects[column.is_null().to_numpy()] = np.nan
    return objects


def _typed(column: pa.ChunkedArray) -> Any:
    """Return a column of numbers, or of booleans without nulls, as an array of pandas' types."""
    kind = column.type
    if pa.types.is_boolean(kind):
        return column.to_numpy()
    if column.null_count or not pa.types.is_integer(kind):
        floats = np.empty(len(column), dtype=np.float64)
        fill(floats, column)
        return floats
    return column.to_numpy().astype(np.uint64 if kind == pa.uint64() else np.int64)


def batch_of(prediction: Prediction, target: Target) -> pa.RecordBatch:
    """Return `Predictions`, or one column a label, and the extra columns after.

    The columns of the JSON answer, in the model's own types. NaN stays NaN in predictions; a
    missing value of an extra column is null.

    Raises:
        TargetError: a column mixes types that Arrow cannot hold together.
    """
    names, columns = _predictions(prediction, target)
    if prediction.extra is not None:
        names += [str(name) for name in prediction.extra.columns]
        columns += [_extra(prediction.extra, at) for at in range(prediction.extra.shape[1])]
    if len({len(column) for column in columns}) > 1:
        raise TargetError("the extra columns of the model's output have another number of rows")
    return pa.record_batch(columns, names=names)


def _predictions(prediction: Prediction, target: Target) -> tuple[list[str], list[pa.Array]]:
    if target.type.is_classification and prediction.labels is not None:
        columns = [_column(values) for values in prediction.values.T]
        return [str(label) for label in prediction.labels], columns
    return ["Predictions"], [_column(prediction.column)]


def _column(values: NDArray[Any]) -> pa.Array:
    values = np.ascontiguousarray(values)
    if values.dtype.kind == "f":  # `array` imports pandas
        kind = pa.from_numpy_dtype(values.dtype)
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
    try:
        return pa.array(values)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise TargetError("the model's output mixes types that Arrow cannot hold") from error


def _extra(extra: pd.DataFrame, at: int) -> pa.Array:
    try:
        return pa.Array.from_pandas(extra.iloc[:, at])
    except (pa.ArrowException, ValueError, OverflowError) as error:
        name = str(extra.columns[at])[:100]
        raise TargetError(
            f"the extra column {name!r} mixes types that Arrow cannot hold"
        ) from error
