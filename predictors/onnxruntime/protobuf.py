"""ONNX files as protobuf messages: their fields, and the attributes, tensors and numbers in them.

onnxruntime gives no access to the graph, and the onnx package is no dependency of it.

Source: onnx.proto, the messages named in _CHILDREN; protobuf.dev, "Encoding".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

Value = int | memoryview
Fields = list[tuple[int, Value]]
Attributes = Mapping[bytes, memoryview]

NODE = 1
INPUT, OUTPUT, OPERATOR, ATTRIBUTE = 1, 2, 4, 5
_CHILDREN = {
    "model": {7: "graph", 25: "function"},
    "function": {7: "node"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse tensor",
        23: "sparse tensor",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
    "entry": {},
}
_TREE_LISTS = (b"nodes_", b"class_", b"target_", b"leaf_", b"tree_", b"membership_")
_FIXED_SIZES = {1: 8, 5: 4}
_DIMS, _DATA_TYPE, _FLOAT_DATA, _INT32_DATA, _STRING_DATA, _INT64_DATA = 1, 2, 4, 5, 6, 7
_TENSOR_NAME, _RAW, _DOUBLE_DATA = 8, 9, 10
_RAW_TYPES = {1: "<f4", 6: "<i4", 7: "<i8", 11: "<f8"}
_NAME, _INT, _TENSOR, _TENSOR_OF_ATTRIBUTE, _FLOATS, _INTS, _STRINGS = 1, 3, 5, 5, 7, 8, 9
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
    """Return whether the floats that were found are fields: the bytes around them read as such."""
    try:
        around = [*fields(attribute[:start]), *fields(attribute[start + 5 * number :])]
    except (IndexError, ValueError):
        return False
    return all(of != _FLOATS for of, _ in around)


def operator(node: Fields) -> bytes:
    """Return the name of a node's operator."""
    return text(dict(node).get(OPERATOR))


def node_inputs(node: Fields) -> list[bytes]:
    """Return the names of the values that a node takes."""
    return list(map(text, messages(node, INPUT)))


def attributes_of(node: Fields) -> dict[bytes, memoryview]:
    """Return the attributes of a node by name."""
    return {attribute_name(value): value for value in messages(node, ATTRIBUTE)}


def attribute_name(attribute: memoryview) -> bytes:
    """Return the name of an attribute."""
    found = (text(value) for number, value in fields(attribute) if number == _NAME)
    return next(found, b"")


def tree_features(attributes: Attributes, most: int | None = None) -> list[int]:
    """Return the columns that the nodes of trees look at; of the first `most` nodes if set."""
    attribute = attributes.get(b"nodes_featureids", memoryview(b""))
    return list(islice(integers(fields(attribute), _INTS), most))


def listed_values(attribute: Fields) -> tuple[str | int, ...]:
    """Return the words and the whole numbers of an attribute."""
    words = map(text, messages(attribute, _STRINGS))
    return (*(word.decode(errors="replace") for word in words), *integers(attribute, _INTS))


def tree_splits(attributes: Attributes, most: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the columns and thresholds of the first `most` nodes of trees.

    Both are empty where some nodes have no threshold.
    """
    columns = np.array(tree_features(attributes, most), np.int64)
    numbers = floats(attributes.get(b"nodes_values", memoryview(b"")))[: len(columns)]
    n_nodes = len(columns) if len(columns) == len(numbers) else 0
    return columns[:n_nodes], numbers[:n_nodes]


def integer(attributes: Attributes, name: bytes) -> int:
    """Return the whole number of an attribute, 0 for an absent one."""
    value = dict(fields(attributes.get(name, memoryview(b"")))).get(_INT, 0)
    return value if isinstance(value, int) else 0


def count_floats(attributes: Attributes, name: bytes) -> int:
    """Return how many floats an attribute holds, 0 for an absent one."""
    return len(floats(attributes.get(name, memoryview(b""))))


def tensors(graph: Fields, nodes: Sequence[Fields]) -> dict[bytes, Fields]:
    """Return the constants of a graph by name: its own tensors, and those of its nodes."""
    own = (list(fields(tensor)) for tensor in messages(graph, _TENSOR))
    found = {text(dict(tensor).get(_TENSOR_NAME)): tensor for tensor in own}
    for node in nodes:
        value = attributes_of(node).get(b"value")
        if value is not None and operator(node) == b"Constant":
            for tensor in messages(list(fields(value)), _TENSOR_OF_ATTRIBUTE):
                found[text(dict(node).get(OUTPUT))] = list(fields(tensor))
    return found


def tensor_shape(found: Fields) -> tuple[int, ...]:
    """Return the sizes of a tensor."""
    return tuple(integers(found, _DIMS))


def tensor_values(found: Fields) -> list[Any]:
    """Return the words or numbers of a tensor; none for types that no label and index has."""
    kind = dict(found).get(_DATA_TYPE)
    raw = text(dict(found).get(_RAW))
    if raw:
        return np.frombuffer(raw, _RAW_TYPES[kind]).tolist() if kind in _RAW_TYPES else []
    words = [text(value).decode(errors="replace") for value in messages(found, _STRING_DATA)]
    return words or [*integers(found, _INT64_DATA), *integers(found, _INT32_DATA)]


def walk(kind: str, message: memoryview, *, trees: bool) -> Iterator[tuple[str, Fields]]:
    """Yield a message and those in it that lead to attributes or tensors, outer ones first.

    Args:
        kind: The message's, as in _CHILDREN.
        message: Its bytes.
        trees: Whether to look into attributes that list trees: 0.2 s for the numbers of 300.
    """
    if kind == "attribute" and not trees and attribute_name(message).startswith(_TREE_LISTS):
        return
    found = list(fields(message))
    yield kind, found
    for number, value in found:
        child = _CHILDREN[kind].get(number)
        if child and isinstance(value, memoryview):
            yield from walk(child, value, trees=trees)


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
