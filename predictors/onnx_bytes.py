"""What an ONNX file tells that a session does not: classes, widths, and files beside it.

Reads the protobuf wire format itself: onnxruntime gives no access to the graph, and the onnx
package is no dependency of it. Tensors are stepped over, not read.

Source: onnx.proto, the messages named in _CHILDREN; protobuf.dev, "Encoding".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drum_like.api import ArtifactError, Label

_Value = int | memoryview
_Fields = list[tuple[int, _Value]]

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
_NAME, _INTS, _STRINGS = 1, 8, 9
_KEY, _VALUE, _LOCATION = 1, 2, b"location"
_CLASS_ATTRIBUTES = (b"classlabels_strings", b"classlabels_int64s", b"classlabels_ints")
_FIXED_SIZES = {1: 8, 5: 4}
_GRAPH, _NODE, _ATTRIBUTE = 7, 1, 5
_INPUT, _OUTPUT, _OPERATOR = 1, 2, 4
_INT, _FLOATS = 3, 7
_SAME_WIDTH = frozenset({b"Cast", b"Identity", b"Imputer", b"Normalizer", b"Scaler"})
_TREES = frozenset({b"TreeEnsembleClassifier", b"TreeEnsembleRegressor"})
_OF_TREES = (b"nodes_", b"class_", b"target_")
_OF_A_ROW = frozenset({b"Mul", b"ZipMap"})


@dataclass(frozen=True, slots=True)
class Width:
    """How many columns a graph reads of an input.

    Attributes:
        columns: Their number.
        exact: Whether there are no more; trees tell the last column that they look at.
    """

    columns: int
    exact: bool


def classes_of(path: Path) -> tuple[Label, ...]:
    """Return the classes that the classifier nodes of a graph name, in the order of their scores.

    Empty if no node names classes, or if two nodes name different ones.

    Raises:
        ArtifactError: the file is cut off.
    """
    messages = _messages(path.read_bytes(), path, trees=False)
    found = {_classes(fields) for kind, fields in messages if kind == "attribute"} - {()}
    return next(iter(found)) if len(found) == 1 else ()


def width_of(path: Path, name: str) -> Width | None:
    """Return how many columns the linear models and trees of a graph read of an input.

    Looks through nodes that keep the width. None if the input goes elsewhere, or if two nodes read
    different numbers.

    Raises:
        ArtifactError: the file is cut off.
    """
    same = {name.encode()}
    found: set[Width] = set()
    for node in _top_nodes(path):
        inputs = [_bytes(value) for number, value in node if number == _INPUT]
        if not inputs or inputs[0] not in same:
            continue
        operator = _bytes(dict(node).get(_OPERATOR))
        if operator in _SAME_WIDTH:
            same.update(_bytes(value) for number, value in node if number == _OUTPUT)
        width = _width(operator, node)
        if width:
            found.add(width)
    return _agreed(found)


def has_trees_only(path: Path) -> bool:
    """Return whether a graph is trees, and such nodes as converters put beside them.

    Raises:
        ArtifactError: the file is cut off.
    """
    operators = {_bytes(dict(node).get(_OPERATOR)) for node in _top_nodes(path)}
    return not operators.isdisjoint(_TREES) and operators <= _TREES | _SAME_WIDTH | _OF_A_ROW


def check_external_data(path: Path) -> None:
    """Refuse a model whose tensors lie outside the directory of the model file.

    onnxruntime checks that itself since 1.24; older versions read any file.

    Raises:
        ArtifactError: a tensor names such a file, or the model file is cut off.
    """
    root, content = path.resolve().parent, path.read_bytes()
    for kind, fields in _messages(content, path, trees=_LOCATION in content):
        entry = dict(fields)
        if kind != "entry" or _bytes(entry.get(_KEY)) != _LOCATION:
            continue
        place = (root / _bytes(entry.get(_VALUE)).decode(errors="replace")).resolve()
        if not place.is_relative_to(root):
            raise ArtifactError(
                f"{path.name} keeps tensors in a file outside the model directory; save the model "
                "with its data beside it"
            )


def _messages(content: bytes, path: Path, *, trees: bool = True) -> Iterator[tuple[str, _Fields]]:
    """Yield the messages of a file that can hold what is sought, outer ones first.

    Args:
        content: The file's.
        path: Where it is, for messages.
        trees: Whether to look into attributes that list trees: 0.2 s for the numbers of 300.
    """
    try:
        yield from _below("model", memoryview(content), trees=trees)
    except (IndexError, ValueError) as error:
        raise ArtifactError(f"{path.name} is not a complete ONNX file; save it again") from error


def _top_nodes(path: Path) -> Iterator[_Fields]:
    """Yield the nodes of the graph itself, which stand in the order of their execution."""
    messages = _messages(path.read_bytes(), path)
    graphs = (fields for kind, fields in messages if kind == "graph")
    for number, value in next(graphs, []):
        if number == _NODE and isinstance(value, memoryview):
            yield list(_fields(value))


def _agreed(found: set[Width]) -> Width | None:
    exact = {width.columns for width in found if width.exact}
    if len(exact) == 1:
        return Width(exact.pop(), exact=True)
    if exact or not found:
        return None
    return Width(max(width.columns for width in found), exact=False)


def _width(operator: bytes, node: _Fields) -> Width | None:
    attributes = {
        _name(value): value
        for number, value in node
        if number == _ATTRIBUTE and isinstance(value, memoryview)
    }

    def attribute(name: bytes) -> _Fields:
        return list(_fields(attributes.get(name, memoryview(b""))))

    if operator in _TREES:
        features = list(_integers(attribute(b"nodes_featureids")))
        return Width(max(features) + 1, exact=False) if features else None
    if operator == b"LinearRegressor":
        targets = dict(attribute(b"targets")).get(_INT, 1)
        outputs = targets if isinstance(targets, int) else 1
    elif operator == b"LinearClassifier":
        outputs = _n_floats(attribute(b"intercepts"))
    else:
        return None
    coefficients = _n_floats(attribute(b"coefficients"))
    if not outputs or not coefficients or coefficients % outputs:
        return None
    return Width(coefficients // outputs, exact=True)


def _n_floats(attribute: _Fields) -> int:
    """Return how many floats an attribute lists, one a field or packed."""
    return sum(
        len(value) // _FIXED_SIZES[5]
        for number, value in attribute
        if number == _FLOATS and isinstance(value, memoryview)
    )


def _integers(attribute: _Fields) -> Iterator[int]:
    for number, value in attribute:
        if number == _INTS:
            yield from map(_signed, _numbers(value))


def _name(attribute: memoryview) -> bytes:
    return next((_bytes(value) for number, value in _fields(attribute) if number == _NAME), b"")


def _below(kind: str, message: memoryview, *, trees: bool) -> Iterator[tuple[str, _Fields]]:
    if kind == "attribute" and not trees and _name(message).startswith(_OF_TREES):
        return
    fields = list(_fields(message))
    yield kind, fields
    for number, value in fields:
        child = _CHILDREN[kind].get(number)
        if child and isinstance(value, memoryview):
            yield from _below(child, value, trees=trees)


def _fields(message: memoryview) -> Iterator[tuple[int, _Value]]:
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


def _classes(attribute: _Fields) -> tuple[Label, ...]:
    if _bytes(dict(attribute).get(_NAME)) not in _CLASS_ATTRIBUTES:
        return ()
    words = (_bytes(value) for number, value in attribute if number == _STRINGS)
    return (*(word.decode(errors="replace") for word in words), *_integers(attribute))


def _numbers(value: _Value) -> Iterator[int]:
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


def _bytes(value: _Value | None) -> bytes:
    return bytes(value) if isinstance(value, memoryview) else b""
