"""The wire format of ONNX files: messages, their fields, and the numbers and words in them.

onnxruntime gives no access to the graph, and the onnx package is no dependency of it.

Source: onnx.proto; protobuf.dev, "Encoding".
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Value = int | memoryview
Fields = list[tuple[int, Value]]

_FIXED_SIZES = {1: 8, 5: 4}
_DIMS, _DATA_TYPE, _FLOAT_DATA, _INT32_DATA, _STRING_DATA, _INT64_DATA = 1, 2, 4, 5, 6, 7
_TENSOR_NAME, _RAW, _DOUBLE_DATA = 8, 9, 10
_RAW_TYPES = {1: "<f4", 6: "<i4", 7: "<i8", 11: "<f8"}
_FLOATS = 7
_FLOAT_KEY = _FLOATS << 3 | 5  # a float of an attribute, in a field of its own
_STARTS = 64
"""Bytes that are looked at, at most, to find the first float of an attribute."""


def fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield the number and the value of each field.

    Raises:
        IndexError: the message is cut off.
        ValueError: a field is of a kind that ONNX does not use.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire_type = key & 7
        if wire_type == 0:
            number, at = _varint(message, at)
            yield key >> 3, number
            continue
        size = _FIXED_SIZES.get(wire_type)
        if size is None:
            if wire_type != 2:
                raise ValueError(wire_type)
            size, at = _varint(message, at)
        if at + size > len(message):
            raise IndexError(size)
        yield key >> 3, message[at : at + size]
        at += size


def messages(found: Fields, number: int) -> Iterator[memoryview]:
    """Yield the values of a repeated field that are messages, words or packed numbers."""
    for of, value in found:
        if of == number and isinstance(value, memoryview):
            yield value


def text(value: Value | None) -> bytes:
    """Return a field's bytes, none for an absent field."""
    return bytes(value) if isinstance(value, memoryview) else b""


def integers(found: Iterable[tuple[int, Value]], number: int) -> Iterator[int]:
    """Yield the values of a repeated integer field, one a field or packed."""
    for of, value in found:
        if of == number:
            yield from map(_signed, _numbers(value))


def floats(attribute: memoryview) -> NDArray[np.float32]:
    """Return the floats of an attribute, each in a field of its own or packed.

    Hundreds of thousands of them are common, so they are not read field by field.
    """
    content = np.frombuffer(attribute, np.uint8)
    for start in np.flatnonzero(content == _FLOAT_KEY)[:_STARTS]:
        records = content[start : start + (len(content) - start) // 5 * 5].reshape(-1, 5)
        others = np.flatnonzero(records[:, 0] != _FLOAT_KEY)
        run = records[: others[0]] if len(others) else records
        if _is_whole(attribute, int(start), len(run)):
            return np.ascontiguousarray(run[:, 1:]).view("<f4")[:, 0]
    packed = b"".join(messages(list(fields(attribute)), _FLOATS))
    return np.frombuffer(packed, "<f4")


def _is_whole(attribute: memoryview, start: int, number: int) -> bool:
    """Return whether the floats that were found are fields: what is around them reads as such."""
    try:
        around = [*fields(attribute[:start]), *fields(attribute[start + 5 * number :])]
    except (IndexError, ValueError):
        return False
    return all(of != _FLOATS for of, _ in around)


def tensor_name(found: Fields) -> bytes:
    """Return the name of a tensor."""
    return text(dict(found).get(_TENSOR_NAME))


def dimensions(found: Fields) -> tuple[int, ...]:
    """Return the sizes of a tensor."""
    return tuple(integers(found, _DIMS))


def values(found: Fields) -> list[Any]:
    """Return the words or numbers of a tensor; none for types that no label and index has."""
    kind = dict(found).get(_DATA_TYPE)
    raw = text(dict(found).get(_RAW))
    if raw:
        return np.frombuffer(raw, _RAW_TYPES[kind]).tolist() if kind in _RAW_TYPES else []
    words = [text(value).decode(errors="replace") for value in messages(found, _STRING_DATA)]
    return words or [*integers(found, _INT64_DATA), *integers(found, _INT32_DATA)]


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number and the place behind it."""
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _numbers(value: Value) -> Iterator[int]:
    """Yield a repeated integer: one of a field of its own, or all of a packed field."""
    if isinstance(value, int):
        yield value
        return
    at = 0
    while at < len(value):
        number, at = _varint(value, at)
        yield number


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number
