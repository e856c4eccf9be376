"""Facts of an ONNX file that a session hides: classes, widths, thresholds, files beside it.

Tensors are stepped over, not read, but for the few that hold classes.

Source: onnx.proto, the messages named in _CHILDREN; ONNX operators, ai.onnx and ai.onnx.ml.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np

from drum_like.api import ArtifactError, Label

# Relative: type checkers know this package under its folder's name.
from . import bytes as wire
from .bytes import Fields
from .widths import (
    INPUT,
    OPERATOR,
    OUTPUT,
    SAME_WIDTH,
    TREES,
    Width,
    attribute_name,
    attributes_of,
    features_of,
    of_nodes,
)

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
_KEY, _VALUE, _LOCATION = 1, 2, b"location"
_CLASS_ATTRIBUTES = (b"classlabels_strings", b"classlabels_int64s", b"classlabels_ints")
_INTEGER_ATTRIBUTES = (b"cats_int64s", b"keys_int64s")
_WORD_ATTRIBUTES = (b"cats_strings", b"keys_strings", b"pool_strings")
_GRAPH, _NODE, _TENSOR = 7, 1, 5
_NAME, _TENSOR_OF_ATTRIBUTE, _INTS, _STRINGS = 1, 5, 8, 9
_OF_TREES = (b"nodes_", b"class_", b"target_", b"leaf_", b"tree_", b"membership_")
_OF_A_ROW = frozenset({b"Mul", b"ZipMap"})
_LOOK_UP = frozenset({b"ArrayFeatureExtractor", b"Gather"})
_MOST_CLASSES, _MOST_NODES = 10_000, 2_000


class Graph:
    """The graph of a file.

    Args:
        content: The file's.
        name: The file's, for messages.

    Raises:
        ArtifactError: by its methods: the file is cut off.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self._content = content
        self._name = name

    @cached_property
    def classes(self) -> tuple[tuple[Label, ...], ...]:
        """The lists of classes that the graph names, each once.

        Those of classifier nodes in the order of their scores, and those that labels are looked up
        in by position.
        """
        named = (_classes(found) for kind, found in self._messages() if kind == "attribute")
        return tuple(dict.fromkeys(chain(filter(None, named), self._looked_up())))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The categories that encoders of text know."""
        attributes = (found for kind, found in self._messages() if kind == "attribute")
        known = (a for a in attributes if wire.text(dict(a).get(_NAME)) in _WORD_ATTRIBUTES)
        words = chain.from_iterable(wire.messages(found, _STRINGS) for found in known)
        return tuple(dict.fromkeys(wire.text(word).decode(errors="replace") for word in words))

    @cached_property
    def integers(self) -> tuple[int, ...]:
        """The categories that encoders of whole numbers know."""
        attributes = (found for kind, found in self._messages() if kind == "attribute")
        known = (a for a in attributes if wire.text(dict(a).get(_NAME)) in _INTEGER_ATTRIBUTES)
        return tuple(chain.from_iterable(wire.integers(found, _INTS) for found in known))

    @cached_property
    def has_trees_only(self) -> bool:
        """Whether the graph is trees, and such nodes as converters put beside them."""
        operators = {wire.text(dict(node).get(OPERATOR)) for node in self._nodes}
        return not operators.isdisjoint(TREES) and operators <= TREES | SAME_WIDTH | _OF_A_ROW

    @cached_property
    def thresholds(self) -> dict[int, list[float]]:
        """The numbers that the first trees compare each column with, by the column's position."""
        found: dict[int, list[float]] = {}
        for node in self._nodes:
            if wire.text(dict(node).get(OPERATOR)) in TREES:
                attributes = attributes_of(node)
                columns = np.array(features_of(attributes, _MOST_NODES), np.int64)
                numbers = wire.floats(attributes.get(b"nodes_values", memoryview(b"")))
                numbers = numbers[: len(columns)]
                if len(columns) == len(numbers):
                    for column in np.unique(columns).tolist():
                        beside = np.unique(numbers[columns == column])
                        found.setdefault(column, []).extend(beside.tolist())
        return found

    def width_of(self, name: str) -> Width | None:
        """Return how many columns the linear models and trees of a graph read of an input.

        Looks through nodes that keep the width. None if the input goes elsewhere, or if two nodes
        read different numbers.
        """
        return of_nodes(self._nodes, name.encode(), self._tensors)

    def check_external_data(self, root: Path) -> None:
        """Refuse a model whose tensors lie outside the directory of the model file.

        onnxruntime checks that itself since 1.24; older versions read any file.

        Raises:
            ArtifactError: a tensor names such a file.
        """
        for kind, found in self._messages(trees=_LOCATION in self._content):
            entry = dict(found)
            if kind != "entry" or wire.text(entry.get(_KEY)) != _LOCATION:
                continue
            place = (root / wire.text(entry.get(_VALUE)).decode(errors="replace")).resolve()
            if not place.is_relative_to(root):
                raise ArtifactError(
                    f"{self._name} keeps tensors in a file outside the model directory; save the "
                    "model with its data beside it"
                )

    def _messages(self, *, trees: bool = False) -> Iterator[tuple[str, Fields]]:
        """Yield the messages of the file that can hold what is sought, outer ones first.

        Args:
            trees: Whether to look into attributes that list trees: 0.2 s for the numbers of 300.
        """
        try:
            yield from _below("model", memoryview(self._content), trees=trees)
        except (IndexError, ValueError) as error:
            raise ArtifactError(
                f"{self._name} is not a complete ONNX file; save it again"
            ) from error

    @cached_property
    def _top(self) -> Fields:
        """The fields of the graph itself."""
        graphs = (found for kind, found in self._messages() if kind == "graph")
        return next(graphs, [])

    @cached_property
    def _nodes(self) -> list[Fields]:
        """The nodes of the graph itself, in the order of their execution."""
        return [list(wire.fields(node)) for node in wire.messages(self._top, _NODE)]

    @cached_property
    def _tensors(self) -> dict[bytes, Fields]:
        """The constants of the graph itself by name."""
        tensors = (list(wire.fields(tensor)) for tensor in wire.messages(self._top, _TENSOR))
        found = {wire.tensor_name(tensor): tensor for tensor in tensors}
        for node in self._nodes:
            value = attributes_of(node).get(b"value")
            if value is not None and wire.text(dict(node).get(OPERATOR)) == b"Constant":
                for tensor in wire.messages(list(wire.fields(value)), _TENSOR_OF_ATTRIBUTE):
                    name = wire.text(dict(node).get(OUTPUT))
                    found[name] = list(wire.fields(tensor))
        return found

    def _looked_up(self) -> Iterator[tuple[Label, ...]]:
        """Yield the constants that some position is looked up in, if they may be classes."""
        for node in self._nodes:
            if wire.text(dict(node).get(OPERATOR)) not in _LOOK_UP:
                continue
            tensor = self._tensors.get(next(map(wire.text, wire.messages(node, INPUT)), b""))
            if tensor is not None and 1 < np.prod(wire.dimensions(tensor)) <= _MOST_CLASSES:
                known = wire.values(tensor)
                if len(set(known)) == len(known) > 1 and isinstance(known[0], (int, str)):
                    yield tuple(known)


def _below(kind: str, message: memoryview, *, trees: bool) -> Iterator[tuple[str, Fields]]:
    if kind == "attribute" and not trees and attribute_name(message).startswith(_OF_TREES):
        return
    found = list(wire.fields(message))
    yield kind, found
    for number, value in found:
        child = _CHILDREN[kind].get(number)
        if child and isinstance(value, memoryview):
            yield from _below(child, value, trees=trees)


def _classes(attribute: Fields) -> tuple[Label, ...]:
    if wire.text(dict(attribute).get(_NAME)) not in _CLASS_ATTRIBUTES:
        return ()
    words = map(wire.text, wire.messages(attribute, _STRINGS))
    return (
        *(word.decode(errors="replace") for word in words),
        *wire.integers(attribute, _INTS),
    )
