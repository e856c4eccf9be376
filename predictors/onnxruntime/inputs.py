"""The inputs of an ONNX graph: one matrix, or one input a column; and how rows are fed to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from drum_like.api import Column, ColumnsError, DataType, Frame, LoadError, Schema, Tensor

# Relative: type checkers know this package under its folder's name.
from .cells import narrowed, typed
from .column import OneColumn
from .graph import Graph
from .widths import Width

Values = NDArray[Any]
Feed = Callable[[Frame], dict[str, Values]]

_DTYPES = {
    **{f"tensor({name})": np.dtype(name) for name in ("float16", "double", "bool")},
    **{f"tensor(int{bits})": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"tensor(uint{bits})": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
    "tensor(float)": np.dtype(np.float32),
    "tensor(string)": np.dtype(object),
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs of a graph.

    Attributes:
        nodes: The inputs in the graph's order.
        schema: The columns, None for a matrix of unknown width.
        width: Known from the graph where the input leaves the width of a matrix open.
    """

    nodes: tuple[ort.NodeArg, ...]
    schema: Schema | None
    width: Width | None

    @staticmethod
    def of(nodes: Sequence[ort.NodeArg], graph: Graph | None) -> Inputs:
        """Return the inputs of a session.

        Raises:
            LoadError: an input is no tensor, or several inputs are wider than a column.
        """
        schema, width = _schema(nodes), None
        if schema is None and graph is not None and _columns_axis(nodes[0]) is not None:
            width = graph.width_of(nodes[0].name)
            if width and width.exact:
                schema = _positional(nodes[0], width.columns)
        return Inputs(tuple(nodes), schema, width)

    @property
    def is_open(self) -> bool:
        """Whether there is a matrix of unknown width."""
        if self.schema is not None or self.width is not None:
            return False
        return is_matrix(self.nodes) and _may_be_flat(self.nodes[0])

    def of_width(self, columns: int) -> Inputs:
        """Return the inputs with a matrix of `columns` columns."""
        return replace(self, schema=_positional(self.nodes[0], columns))

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The inputs by name, type and shape."""
        return tuple(map(_tensor, self.nodes))

    @property
    def n_columns(self) -> int:
        """Number of columns that are known to be read, 0 if it is unknown."""
        if self.schema is not None:
            return len(self.schema.columns)
        return self.width.columns if self.width else 0

    @property
    def batch(self) -> int | None:
        """How many rows the graph takes at a time, None for any number."""
        sizes = {node.shape[0] for node in self.nodes if node.shape}
        fixed = {size for size in sizes if isinstance(size, int)}
        return fixed.pop() if len(fixed) == 1 else None

    def check(self) -> None:
        """Refuse inputs that rows of columns cannot be fed to.

        Raises:
            LoadError: names the input and its shape.
        """
        for node in self.nodes:
            if not _may_be_flat(node):
                raise LoadError(
                    f"the ONNX input {node.name!r} has the shape {shown(node)}; rows of columns "
                    "fit inputs of the shapes [rows, columns], [rows, 1, columns] or [rows]",
                    "other inputs need a score hook in custom.py that builds them",
                )

    def feeder(self) -> Feed:
        """Return the function from a frame's rows to arrays; it asks nodes once, as they are slow.

        It raises ColumnsError where a cell does not fit the type of its input, or columns are
        missing.
        """
        if not is_matrix(self.nodes):
            return _column_feed(self.nodes)
        (node,) = self.nodes
        return _matrix_feed(node, self.width.columns if self.width else 0)

    def shaped(self, columns: Sequence[Values]) -> dict[str, Values]:
        """Return the arrays for columns of any types, which are cast."""
        cast = [
            column.astype(_DTYPES[self.nodes[0 if is_matrix(self.nodes) else at].type])
            for at, column in enumerate(columns)
        ]
        if is_matrix(self.nodes):
            return {self.nodes[0].name: _shaped(np.column_stack(cast), self.nodes[0])}
        return {
            node.name: values.reshape(_rows_of_one(node))
            for node, values in zip(self.nodes, cast, strict=True)
        }

    def dtype(self, column: int) -> np.dtype[Any]:
        """Return the type of a column's cells."""
        return _DTYPES[self.nodes[0 if is_matrix(self.nodes) else column].type]


def _column_feed(nodes: Sequence[ort.NodeArg]) -> Feed:
    columns = [(str(node.name), _DTYPES[node.type], _rows_of_one(node)) for node in nodes]

    def feed(frame: Frame) -> dict[str, Values]:
        return {
            name: typed(frame.pandas, at, dtype).reshape(shape)
            for at, (name, dtype, shape) in enumerate(columns)
        }

    return feed


def _matrix_feed(node: ort.NodeArg, least: int) -> Feed:
    name, dtype, is_flat = str(node.name), _DTYPES[node.type], len(node.shape) <= 2

    def feed(frame: Frame) -> dict[str, Values]:
        if frame.n_columns < least:  # trees look at no column behind the last one
            raise ColumnsError(
                f"the model takes at least {least} columns by position, but the payload has "
                f"{frame.n_columns}; send the columns that the model was trained on"
            )
        values = _matrix(frame, dtype)
        return {name: values if is_flat else _shaped(values, node)}

    return feed


def _matrix(frame: Frame, dtype: np.dtype[Any]) -> Values:
    if dtype.kind == "f":
        return narrowed(frame.matrix(), dtype)
    return np.column_stack([typed(frame.pandas, at, dtype) for at in range(frame.n_columns)])


def is_matrix(nodes: Sequence[ort.NodeArg]) -> bool:
    """Return whether there is one input, of all columns."""
    return len(nodes) == 1 and len(nodes[0].shape) != 1


def shown(node: ort.NodeArg) -> str:
    """Return a shape for a message; sizes that are open are `?`, by name if they have one."""
    return f"[{', '.join('?' if size is None else str(size)[:40] for size in node.shape)}]"


def _schema(inputs: Sequence[ort.NodeArg]) -> Schema | None:
    """Return the inputs by name, or the columns of one matrix by position."""
    for node in inputs:
        if node.type not in _DTYPES:
            raise LoadError(
                f"the ONNX input {node.name!r} is of type {node.type}; tensors of numbers or text "
                "can be served, others need a score hook"
            )
    if not is_matrix(inputs):
        return Schema(tuple(map(_column, inputs)))
    at = _columns_axis(inputs[0])
    width = None if at is None else inputs[0].shape[at]
    return _positional(inputs[0], width) if isinstance(width, int) else None


def _columns_axis(node: ort.NodeArg) -> int | None:
    """Return which size of a matrix is that of its columns, None if it is unknown."""
    sizes = node.shape[1:]
    wide = [at for at, size in enumerate(sizes, 1) if size != 1]
    if len(wide) > 1 or not sizes:
        return None
    return wide[0] if wide else 1


def _is_flat(node: ort.NodeArg) -> bool:
    return len(node.shape) == 1 or _columns_axis(node) is not None


def _may_be_flat(node: ort.NodeArg) -> bool:
    """Whether rows of columns may fit; an input of unknown rank has no sizes."""
    return not node.shape or _is_flat(node)


def _shaped(matrix: Values, node: ort.NodeArg) -> Values:
    """Return a matrix with the sizes of 1 that the input has beside that of the columns."""
    if len(node.shape) <= 2:
        return matrix
    at = _columns_axis(node)
    sizes = [matrix.shape[1] if place == at else 1 for place in range(1, len(node.shape))]
    return matrix.reshape(-1, *sizes)


def _rows_of_one(node: ort.NodeArg) -> tuple[int, ...]:
    return (-1, *(1 for _ in node.shape[1:]))


def _tensor(node: ort.NodeArg) -> Tensor:
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return Tensor(str(node.name), _DTYPES[node.type], shape)


def _positional(node: ort.NodeArg, width: int) -> Schema:
    column = _column(node, check=False)
    if width == 1:
        return OneColumn((replace(column, name="0"),), named=False, alias=str(node.name))
    return Schema(tuple(replace(column, name=str(at)) for at in range(width)), named=False)


def _column(node: ort.NodeArg, *, check: bool = True) -> Column:
    if check and any(size != 1 for size in node.shape[1:]):
        raise LoadError(
            f"the ONNX model has several inputs, and {node.name!r} has the shape {shown(node)}; "
            "inputs of one column each, or one matrix, can be served, others need a score hook"
        )
    dtype = _DTYPES[node.type]
    stored = _data_type(dtype)
    if dtype.kind == "O":  # a tensor of text has no missing cells
        return Column(node.name, "text", stored=stored, missing="", takes_missing=False)
    return Column(node.name, stored=stored, exact=dtype.kind in "iu")


def _data_type(dtype: np.dtype[Any]) -> DataType:
    """Return the published type that holds every value of an input's type."""
    if dtype.kind == "f":
        return DataType.FLOAT64 if dtype.itemsize == 8 else DataType.FLOAT32
    if dtype.kind in "iu":
        return DataType.INT32 if np.can_cast(dtype, np.int32) else DataType.INT64
    return DataType.BOOL if dtype.kind == "b" else DataType.STR
