"""Numbers of Arrow as numbers of numpy; pyarrow's own `to_numpy` imports pandas to give them."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def numbers_of(chunk: pa.Array) -> NDArray[Any]:
    """Return integers or floats as they are; where there are nulls as float64, a null being NaN.

    Returns:
        (n_values,), not to be written to.
    """
    if not chunk.null_count:
        values: NDArray[Any] = np.from_dlpack(chunk)
        return values
    valid, data = chunk.buffers()
    bare = pa.Array.from_buffers(chunk.type, len(chunk), [None, data], offset=chunk.offset)
    floats = np.from_dlpack(bare).astype(np.float64)
    bits = np.unpackbits(np.frombuffer(valid, dtype=np.uint8), bitorder="little")
    floats[bits[chunk.offset : chunk.offset + len(chunk)] == 0] = np.nan
    return floats
