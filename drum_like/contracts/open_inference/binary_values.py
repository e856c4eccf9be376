"""Tensors as bytes behind the JSON: little-endian, row by row, without gaps.

Texts have their length before them, in four bytes.
"""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.contracts.open_inference.datatypes import Datatype
from drum_like.errors import PayloadError
from drum_like.types.readers import objects

Values = NDArray[Any]

_LENGTH = struct.Struct("<I")


def read_binary(body: bytes, start: int, size: int, datatype: Datatype, n_values: int) -> Values:
    """Return the values of a tensor; numbers are a view of the body, not a copy.

    Args:
        body: The whole body.
        start: Where the tensor begins.
        size: Its bytes; they end within the body.
        datatype: Of the values.
        n_values: How many there have to be.

    Returns:
        (n_values,) values of the datatype.

    Raises:
        PayloadError: the bytes are no such values.
    """
    if datatype.is_text:
        return _read_texts(memoryview(body)[start : start + size], n_values)
    needed = n_values * datatype.dtype.itemsize
    if size != needed:
        raise PayloadError(
            f"its binary_data_size is {size}, and {n_values} values of {datatype.name} are "
            f"{needed} bytes"
        )
    if not n_values:
        return np.empty(0, datatype.dtype)
    if datatype.kind != "b":
        return np.frombuffer(body, datatype.dtype, n_values, start)
    truths = np.frombuffer(body, np.uint8, n_values, start)
    if truths.max() > 1:
        raise PayloadError("its bytes must be 0 or 1")
    return truths.view(np.bool_)


def _read_texts(part: memoryview, n_values: int) -> Values:
    if len(part) < _LENGTH.size * n_values:
        raise _cut(n_values)
    texts, at = [], 0
    for _ in range(n_values):
        end = at + _LENGTH.size
        if end > len(part):
            raise _cut(n_values)
        end, at = end + _LENGTH.unpack_from(part, at)[0], end
        if end > len(part):
            raise _cut(n_values)
        texts.append(bytes(part[at:end]))
        at = end
    if at != len(part):
        raise PayloadError(f"behind its {n_values} texts are {len(part) - at} more bytes")
    return objects(_decoded(texts))


def _decoded(texts: Sequence[bytes]) -> list[str]:
    try:
        return [text.decode() for text in texts]
    except UnicodeDecodeError as error:
        raise PayloadError("its texts must be UTF-8") from error


def _cut(n_values: int) -> PayloadError:
    return PayloadError(
        f"its bytes end before its {n_values} texts; each is its length in four bytes, and UTF-8"
    )


def binary_texts(texts: Sequence[str]) -> bytes:
    """Return texts as they are sent."""
    parts: list[bytes] = []
    for text in texts:
        content = text.encode(errors="replace")
        parts += (_LENGTH.pack(len(content)), content)
    return b"".join(parts)
