"""Arrow's indirect types as plain values, and the cost of the conversion in advance."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute, types

from drum_like.errors import PayloadError

_DIGITS = {32: 9, 64: 18, 128: 38, 256: 76}
"""Digits of decimals by their bits; Arrow cannot write those of a larger scale as text."""

_DEEPEST = 32
"""Levels of nested types; Arrow's own limit is where its recursion ends."""


@contextmanager
def reading(form: str) -> Iterator[None]:
    """Turn the exceptions of Arrow, and of readers of headers, into errors of the caller.

    Args:
        form: The name of the format.

    Raises:
        PayloadError: the body cannot be read.
    """
    try:
        yield
    except (
        pa.ArrowException,
        OSError,
        AttributeError,
        TypeError,
        ValueError,
        LookupError,
        struct.error,
        OverflowError,
    ) as error:
        kind = type(error).__name__
        raise PayloadError(
            f"the {form} body is broken or holds types that are not read ({kind}); "
            "send flat columns"
        ) from error


def check_type(kind: pa.DataType, depth: int = 1) -> None:
    """Refuse types that are nested too deep, unions, and indirect types inside of others.

    Raises:
        PayloadError: such a type.
    """
    if types.is_primitive(kind):
        return
    if depth > _DEEPEST:
        raise PayloadError(f"an Arrow type is nested deeper than {_DEEPEST} levels")
    if _is_strange(kind) or (depth > 1 and _is_indirect(kind)):
        raise PayloadError(f"Arrow values of type {str(kind)[:100]} are not read here")
    if isinstance(kind, pa.BaseExtensionType):
        check_type(kind.storage_type, depth)
    elif types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        if types.is_nested(kind.value_type) or _is_indirect(kind.value_type, views=False):
            raise PayloadError(f"Arrow values of type {str(kind)[:100]} are not read")
    else:
        for index in range(kind.num_fields):
            check_type(kind.field(index).type, depth + 1)


def _is_strange(kind: pa.DataType) -> bool:
    if types.is_decimal(kind):
        return bool(abs(kind.scale) > _DIGITS[kind.bit_width])
    return bool(types.is_union(kind) or types.is_list_view(kind) or types.is_large_list_view(kind))


def _is_indirect(kind: pa.DataType, *, views: bool = True) -> bool:
    return bool(
        isinstance(kind, pa.BaseExtensionType)
        or types.is_dictionary(kind)
        or types.is_run_end_encoded(kind)
        or (views and _is_view(kind))
    )


def _is_view(kind: pa.DataType) -> bool:
    return bool(types.is_string_view(kind) or types.is_binary_view(kind))


def is_text(kind: pa.DataType) -> bool:
    """Return whether a type has texts that stand in no dictionary, or may have some."""
    if types.is_nested(kind):
        return any(is_text(kind.field(at).type) for at in range(kind.num_fields))
    is_usual = types.is_string(kind) or types.is_binary(kind) or types.is_string_view(kind)
    is_large = types.is_large_string(kind) or types.is_large_binary(kind)
    is_odd = types.is_binary_view(kind) or isinstance(kind, pa.BaseExtensionType)
    return bool(is_usual or is_large or is_odd)


def expanded_size(table: pa.Table) -> int:
    """Return the bytes that the columns take when each value is written out.

    Columns of eight bytes a row or fewer are left out; the number of cells limits them.
    """
    return sum(
        _size(chunk)
        for column in table.columns
        if not types.is_primitive(column.type)
        for chunk in column.chunks
    )


def _size(array: pa.Array) -> int:
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _size(array.storage)
    if types.is_dictionary(kind):
        return int(_lengths(array.dictionary)[_indices(array)].sum())
    if types.is_run_end_encoded(kind):
        return int(_lengths(array.values)[_run_of_rows(array)].sum())
    if _is_view(kind):
        return int(_lengths(array).sum())
    return int(array.nbytes) + 8 * _nested_cells(array)


def _lengths(values: pa.Array) -> NDArray[np.int64]:
    """Return the bytes that each value takes."""
    kind = values.type
    if _is_view(kind):
        # A view is 16 bytes, the first four its length; the buffer is left out for no rows.
        views = np.frombuffer(values.buffers()[1] or b"", dtype="<i4").reshape(-1, 4)
        return views[values.offset : values.offset + len(values), 0].astype(np.int64).clip(0)
    if types.is_large_string(kind) or types.is_large_binary(kind):
        return _binary_lengths(values)
    if types.is_string(kind) or types.is_binary(kind):
        return _binary_lengths(values)
    width = 0 if types.is_null(kind) else kind.bit_width // 8
    return np.full(len(values), width, dtype=np.int64)


def _binary_lengths(values: pa.Array) -> NDArray[np.int64]:
    lengths: NDArray[np.int64] = (
        compute.binary_length(values).cast(pa.int64()).fill_null(0).to_numpy()
    )
    return lengths


def _indices(array: pa.DictionaryArray) -> NDArray[np.int64]:
    """Return the positions in the dictionary of the rows that are not null."""
    indices: NDArray[np.int64] = array.indices.drop_null().to_numpy().astype(np.int64)
    return indices


def _run_of_rows(array: pa.RunEndEncodedArray) -> NDArray[np.int64]:
    """Return for each row the position of its run."""
    rows = np.arange(array.offset, array.offset + len(array))
    runs: NDArray[np.int64] = np.searchsorted(array.run_ends.to_numpy(), rows, side="right")
    return runs


def _nested_cells(array: pa.Array) -> int:
    """Return the number of values below the rows: a list of nulls has no bytes, but values."""
    return sum(len(child) + _nested_cells(child) for child in _children(array))


def _children(array: pa.Array) -> list[pa.Array]:
    kind = array.type
    if types.is_struct(kind):
        return [array.field(index) for index in range(kind.num_fields)]
    return [array.values] if types.is_nested(kind) else []


def dictionaries_written_out(array: pa.Array) -> int:
    """Return the bytes of all values of dictionaries, also of those inside of nested values."""
    if types.is_dictionary(array.type):
        return int(_lengths(array.dictionary)[_indices(array)].sum())
    return sum(map(dictionaries_written_out, _children(array)))


def plain(array: pa.Array) -> pa.Array:
    """Return an array of the values that an indirect one stands for."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(array.storage)
    if types.is_dictionary(kind):
        return plain(array.dictionary).take(array.indices)
    if types.is_run_end_encoded(kind):
        return plain(array.values).take(pa.array(_run_of_rows(array)))
    if types.is_string_view(kind):
        return array.cast(pa.large_string())
    return array.cast(pa.large_binary()) if types.is_binary_view(kind) else array


def without_decimals(column: Any) -> Any:
    """Return an array or a chunked one with decimals as float64."""
    if not types.is_decimal(column.type):
        return column
    # By way of text: Arrow's direct cast is not always the nearest float64.
    return column.cast(pa.string()).cast(pa.float64())


def whole_decimals(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with decimals without a fraction as integers, if 64 bits hold them."""
    if not types.is_decimal(column.type) or column.type.scale:
        return column
    digits = column.cast(pa.string())  # of decimal32, Arrow's direct cast refuses small numbers
    for kind in (pa.int64(), pa.uint64()):
        try:
            return digits.cast(kind)
        except pa.ArrowInvalid:
            continue
    return column
