"""How many columns the nodes of an ONNX graph read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

# Relative: type checkers know this package under its folder's name.
from . import bytes as wire
from .bytes import Fields

INPUT, OUTPUT, OPERATOR, ATTRIBUTE = 1, 2, 4, 5
TREES = frozenset({b"TreeEnsemble", b"TreeEnsembleClassifier", b"TreeEnsembleRegressor"})
SAME_WIDTH = frozenset({b"Cast", b"Identity", b"Imputer", b"Normalizer", b"Scaler"})
_NAME, _INT, _INTS = 1, 3, 8
_CELL_BY_CELL = frozenset({b"Add", b"Div", b"Mul", b"Sub"})
_LISTS = {b"Imputer": b"imputed_value_floats", b"Scaler": b"offset"}
_SUPPORTS = frozenset({b"SVMClassifier", b"SVMRegressor"})

Attributes = Mapping[bytes, memoryview]
Tensors = Mapping[bytes, Fields]


@dataclass(frozen=True, slots=True)
class Width:
    """How many columns a graph reads of an input.

    Attributes:
        columns: Their number.
        exact: Whether there are no more; trees tell the last column that they look at.
    """

    columns: int
    exact: bool


def of_nodes(nodes: Sequence[Fields], name: bytes, tensors: Tensors) -> Width | None:
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
        inputs = list(map(wire.text, wire.messages(node, INPUT)))
        if not inputs or inputs[0] not in same:
            continue
        operator = wire.text(dict(node).get(OPERATOR))
        width = _of_constant(operator, inputs, node, tensors) or _of_attributes(operator, node)
        if operator in SAME_WIDTH or (operator in _CELL_BY_CELL and width):
            same.update(map(wire.text, wire.messages(node, OUTPUT)))
        if width:
            found.add(width)
    return _agreed(found)


def attributes_of(node: Fields) -> dict[bytes, memoryview]:
    """Return the attributes of a node by name."""
    return {attribute_name(value): value for value in wire.messages(node, ATTRIBUTE)}


def attribute_name(attribute: memoryview) -> bytes:
    """Return the name of an attribute."""
    found = (wire.text(value) for number, value in wire.fields(attribute) if number == _NAME)
    return next(found, b"")


def features_of(attributes: Attributes, most: int | None = None) -> list[int]:
    """Return the columns that the nodes of trees look at; of the first `most` nodes if set."""
    attribute = attributes.get(b"nodes_featureids", memoryview(b""))
    return list(islice(wire.integers(wire.fields(attribute), _INTS), most))


def _agreed(found: set[Width]) -> Width | None:
    exact = {width.columns for width in found if width.exact}
    if len(exact) == 1:
        return Width(exact.pop(), exact=True)
    if exact or not found:
        return None
    return Width(max(width.columns for width in found), exact=False)


def _of_constant(
    operator: bytes, inputs: Sequence[bytes], node: Fields, tensors: Tensors
) -> Width | None:
    """Return the columns by the sizes of the constant that they meet."""
    constant = tensors.get(inputs[1]) if len(inputs) > 1 else None
    sizes = () if constant is None else wire.dimensions(constant)
    if operator in _CELL_BY_CELL and sizes[:-1] in ((), (1,)):
        return _exact(sizes[-1] if sizes and sizes[-1] > 1 else 0)
    if len(sizes) != 2 or _whole(attributes_of(node), b"transA"):
        return None
    by_row = operator == b"CDist" or _whole(attributes_of(node), b"transB")
    if operator in (b"CDist", b"Gemm", b"MatMul"):
        return _exact(sizes[1 if by_row else 0])
    return None


def _of_attributes(operator: bytes, node: Fields) -> Width | None:
    """Return the columns by the lists of numbers that a node of ai.onnx.ml holds."""
    attributes = attributes_of(node)
    if operator in TREES:
        columns = features_of(attributes)
        return Width(max(columns) + 1, exact=False) if columns else None
    if operator in _LISTS:  # a single number holds for any columns
        n_columns = _n_floats(attributes, _LISTS[operator])
        return _exact(n_columns if n_columns > 1 else 0)
    if operator == b"LinearRegressor":
        return _shared(attributes, b"coefficients", _whole(attributes, b"targets") or 1)
    if operator == b"LinearClassifier":
        return _shared(attributes, b"coefficients", _n_floats(attributes, b"intercepts"))
    if operator in _SUPPORTS:
        found = attributes.get(b"vectors_per_class", memoryview(b""))
        n_vectors = sum(wire.integers(list(wire.fields(found)), _INTS))
        return _shared(
            attributes, b"support_vectors", n_vectors or _whole(attributes, b"n_supports")
        )
    return None


def _exact(columns: int) -> Width | None:
    return Width(columns, exact=True) if columns else None


def _shared(attributes: Attributes, name: bytes, among: int) -> Width | None:
    numbers = _n_floats(attributes, name)
    return _exact(numbers // among) if among and numbers % among == 0 else None


def _n_floats(attributes: Attributes, name: bytes) -> int:
    return len(wire.floats(attributes.get(name, memoryview(b""))))


def _whole(attributes: Attributes, name: bytes) -> int:
    value = dict(wire.fields(attributes.get(name, memoryview(b"")))).get(_INT, 0)
    return value if isinstance(value, int) else 0
