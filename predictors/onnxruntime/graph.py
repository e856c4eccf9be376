"""Facts of an ONNX graph that a session hides: its classes, categories, thresholds and widths.

Tensors are stepped over, not read, but for the few that hold classes.

Source: ONNX operators, ai.onnx and ai.onnx.ml.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

from drum_like.api import ArtifactError, Label

# Relative: type checkers know this package under its folder's name.
from . import protobuf
from .protobuf import Attributes, Fields

Tensors = Mapping[bytes, Fields]

_TREES = frozenset({b"TreeEnsemble", b"TreeEnsembleClassifier", b"TreeEnsembleRegressor"})
_SAME_WIDTH = frozenset({b"Cast", b"Identity", b"Imputer", b"Normalizer", b"Scaler"})
_ELEMENTWISE = frozenset({b"Add", b"Div", b"Mul", b"Sub"})
_LISTS = {b"Imputer": b"imputed_value_floats", b"Scaler": b"offset"}
_SUPPORT_VECTORS = frozenset({b"SVMClassifier", b"SVMRegressor"})
_KEY, _VALUE, _LOCATION = 1, 2, b"location"
_CLASS_ATTRIBUTES = (b"classlabels_strings", b"classlabels_int64s", b"classlabels_ints")
_INTEGER_ATTRIBUTES = (b"cats_int64s", b"keys_int64s")
_WORD_ATTRIBUTES = (b"cats_strings", b"keys_strings", b"pool_strings")
_ROW_OPERATORS = frozenset({b"Mul", b"ZipMap"})
_LOOKUPS = frozenset({b"ArrayFeatureExtractor", b"Gather"})
_MAX_CLASSES, _MAX_TREE_NODES = 10_000, 2_000
_NAME, _INTS = 1, 8


@dataclass(frozen=True, slots=True)
class Width:
    """How many columns a graph reads of an input.

    Attributes:
        columns: Their number.
        exact: Whether there are no more; trees tell the last column that they look at.
    """

    columns: int
    exact: bool


class Graph:
    """The graph of a file.

    Args:
        content: The content of the file.
        name: The name of the file, for messages.

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
        named = filter(None, self._listed(_CLASS_ATTRIBUTES))
        return tuple(dict.fromkeys(chain(named, self._lookup_tables())))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The categories that encoders of text know."""
        known = chain.from_iterable(self._listed(_WORD_ATTRIBUTES))
        return tuple(dict.fromkeys(word for word in known if isinstance(word, str)))

    @cached_property
    def integers(self) -> tuple[int, ...]:
        """The categories that encoders of whole numbers know."""
        known = chain.from_iterable(self._listed(_INTEGER_ATTRIBUTES))
        return tuple(number for number in known if isinstance(number, int))

    @cached_property
    def has_trees_only(self) -> bool:
        """Whether the graph is trees, and such nodes as converters put beside them."""
        operators = {protobuf.operator(node) for node in self._nodes}
        others = _SAME_WIDTH | _ROW_OPERATORS
        return not operators.isdisjoint(_TREES) and operators <= _TREES | others

    @cached_property
    def thresholds(self) -> dict[int, list[float]]:
        """The numbers that the first trees compare each column with, by the column's position."""
        found: dict[int, list[float]] = {}
        for node in self._nodes:
            if protobuf.operator(node) in _TREES:
                attributes = protobuf.attributes_of(node)
                columns, numbers = protobuf.tree_splits(attributes, _MAX_TREE_NODES)
                for column in np.unique(columns).tolist():
                    beside = np.unique(numbers[columns == column])
                    found.setdefault(column, []).extend(beside.tolist())
        return found

    def width_of(self, name: str) -> Width | None:
        """Return how many columns the linear models and trees of a graph read of an input.

        Looks through nodes that keep the width. None if the input goes elsewhere, or if two nodes
        read different numbers.
        """
        return _width_of_nodes(self._nodes, name.encode(), self._tensors)

    @cached_property
    def external_files(self) -> tuple[str, ...]:
        """The files that the model names for its tensors, relative to its own directory."""
        messages = self._messages(trees=_LOCATION in self._content)
        entries = (dict(found) for kind, found in messages if kind == "entry")
        values = (e.get(_VALUE) for e in entries if protobuf.text(e.get(_KEY)) == _LOCATION)
        return tuple(protobuf.text(value).decode(errors="replace") for value in values)

    def _listed(self, names: Collection[bytes]) -> Iterator[tuple[Label, ...]]:
        """Yield the words or whole numbers of each attribute that has one of these names."""
        attributes = (found for kind, found in self._messages() if kind == "attribute")
        named = (a for a in attributes if protobuf.text(dict(a).get(_NAME)) in names)
        yield from map(protobuf.listed_values, named)

    def _messages(self, *, trees: bool = False) -> Iterator[tuple[str, Fields]]:
        """Yield the messages of the file as `protobuf.walk`."""
        try:
            yield from protobuf.walk("model", memoryview(self._content), trees=trees)
        except (IndexError, ValueError) as error:
            raise ArtifactError(
                f"{self._name} is not a complete ONNX file; save it again"
            ) from error

    @cached_property
    def _top(self) -> Fields:
        """The fields of the graph itself."""
        return next((found for kind, found in self._messages() if kind == "graph"), [])

    @cached_property
    def _nodes(self) -> list[Fields]:
        """The nodes of the graph itself, in the order of their execution."""
        return [list(protobuf.fields(node)) for node in protobuf.messages(self._top, protobuf.NODE)]

    @cached_property
    def _tensors(self) -> dict[bytes, Fields]:
        """The constants of the graph itself by name."""
        return protobuf.tensors(self._top, self._nodes)

    def _lookup_tables(self) -> Iterator[tuple[Label, ...]]:
        """Yield the constants that some position is looked up in, if they may be classes."""
        for node in self._nodes:
            if protobuf.operator(node) not in _LOOKUPS:
                continue
            tensor = self._tensors.get(next(iter(protobuf.node_inputs(node)), b""))
            if tensor is not None and 1 < np.prod(protobuf.tensor_shape(tensor)) <= _MAX_CLASSES:
                known = protobuf.tensor_values(tensor)
                if len(set(known)) == len(known) > 1 and isinstance(known[0], (int, str)):
                    yield tuple(known)


def _width_of_nodes(nodes: Sequence[Fields], name: bytes, tensors: Tensors) -> Width | None:
    """Return the number of columns that nodes read of an input, or of values of the same width.

    None if it goes elsewhere, or if two nodes read different numbers.

    Args:
        nodes: In the order of their execution.
        name: The input's.
        tensors: The constants.
    """
    same = {name}
    found: set[Width] = set()
    for node in nodes:
        inputs = protobuf.node_inputs(node)
        if not inputs or inputs[0] not in same:
            continue
        operator = protobuf.operator(node)
        width = _width_of_constant(operator, inputs, node, tensors) or _width_of_attributes(
            operator, node
        )
        if operator in _SAME_WIDTH or (operator in _ELEMENTWISE and width):
            same.update(map(protobuf.text, protobuf.messages(node, protobuf.OUTPUT)))
        if width:
            found.add(width)
    return _agreed_width(found)


def _agreed_width(found: set[Width]) -> Width | None:
    exact = {width.columns for width in found if width.exact}
    if len(exact) == 1:
        return Width(exact.pop(), exact=True)
    if exact or not found:
        return None
    return Width(max(width.columns for width in found), exact=False)


def _width_of_constant(
    operator: bytes, inputs: Sequence[bytes], node: Fields, tensors: Tensors
) -> Width | None:
    """Return the columns by the sizes of the constant that they meet."""
    constant = tensors.get(inputs[1]) if len(inputs) > 1 else None
    sizes = () if constant is None else protobuf.tensor_shape(constant)
    if operator in _ELEMENTWISE and sizes[:-1] in ((), (1,)):
        return _exact_width(sizes[-1] if sizes and sizes[-1] > 1 else 0)
    if len(sizes) != 2 or protobuf.integer(protobuf.attributes_of(node), b"transA"):
        return None
    by_row = operator == b"CDist" or protobuf.integer(protobuf.attributes_of(node), b"transB")
    if operator in (b"CDist", b"Gemm", b"MatMul"):
        return _exact_width(sizes[1 if by_row else 0])
    return None


def _width_of_attributes(operator: bytes, node: Fields) -> Width | None:
    """Return the columns by the lists of numbers that a node of ai.onnx.ml holds."""
    attributes = protobuf.attributes_of(node)
    if operator in _TREES:
        columns = protobuf.tree_features(attributes)
        return Width(max(columns) + 1, exact=False) if columns else None
    if operator in _LISTS:  # a single number holds for any columns
        n_columns = protobuf.count_floats(attributes, _LISTS[operator])
        return _exact_width(n_columns if n_columns > 1 else 0)
    if operator == b"LinearRegressor":
        return _width_of_list(
            attributes, b"coefficients", protobuf.integer(attributes, b"targets") or 1
        )
    if operator == b"LinearClassifier":
        return _width_of_list(
            attributes, b"coefficients", protobuf.count_floats(attributes, b"intercepts")
        )
    if operator in _SUPPORT_VECTORS:
        found = attributes.get(b"vectors_per_class", memoryview(b""))
        n_vectors = sum(protobuf.integers(list(protobuf.fields(found)), _INTS))
        return _width_of_list(
            attributes, b"support_vectors", n_vectors or protobuf.integer(attributes, b"n_supports")
        )
    return None


def _exact_width(columns: int) -> Width | None:
    return Width(columns, exact=True) if columns else None


def _width_of_list(attributes: Attributes, name: bytes, among: int) -> Width | None:
    numbers = protobuf.count_floats(attributes, name)
    return _exact_width(numbers // among) if among and numbers % among == 0 else None
