"""Rows of numbers as text, many at once: one text of all numbers, its commas replaced by rule."""

import numpy as np
import orjson
from numpy.typing import NDArray


def numbers(values: NDArray[np.floating]) -> bytes:
    """Return numbers with commas between them, each the shortest text that reads back exactly.

    Args:
        values: float32 or float64 of any shape, row by row; NaN and infinities are `null`.
    """
    return orjson.dumps(values.ravel(), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]


def separated(text: bytes, separators: bytes) -> bytes:
    """Return a text whose commas are replaced by the separators, in turn.

    Args:
        text: Cells without commas, and commas between them.
        separators: A byte for each comma in turn, and from the first again.
    """
    codes = np.frombuffer(bytearray(text), np.uint8)
    commas = np.flatnonzero(codes == ord(","))
    for at, separator in enumerate(separators):
        codes[commas[at :: len(separators)]] = separator
    return codes.tobytes()
