"""Numbers of Arrow as numbers of numpy; pyarrow's own `to_numpy` imports pandas to give them."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


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
