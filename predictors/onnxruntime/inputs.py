"""The inputs that an ONNX graph declares: one matrix, or one input a column; and their schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from drum_like.api import Column, DataType, LoadError, Names, Schema, Tensor

# Relative: type checkers know this package under its folder's name.
from .graph import Graph, Width
from .session import (
    DTYPES,
    Feed,
    accepts,
    column_shape,
    columns_axis,
    feed_columns,
    feed_matrix,
    is_matrix,
    quiet_runner,
    shape_matrix,
)

Values = NDArray[Any]

_WIDEST = 512
"""Columns up to which the width of a matrix is tried out."""


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
        if schema is None and graph is not None and columns_axis(nodes[0]) is not None:
            width = graph.width_of(nodes[0].name)
            if width and width.exact:
                schema = _positional_schema(nodes[0], width.columns)
        return Inputs(tuple(nodes), schema, width)

    @property
    def is_open(self) -> bool:
        """Whether there is a matrix of unknown width."""
        if self.schema is not None or self.width is not None:
            return False
        return is_matrix(self.nodes) and _may_be_flat(self.nodes[0])

    def of_width(self, columns: int) -> Inputs:
        """Return the inputs with a matrix of `columns` columns."""
        return replace(self, schema=_positional_schema(self.nodes[0], columns))

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
                    f"the ONNX input {node.name!r} has the shape {format_shape(node)}; rows of "
                    "columns fit inputs of the shapes [rows, columns], [rows, 1, columns] or "
                    "[rows]",
                    "other inputs need a score hook in custom.py that builds them",
                )

    def feeder(self) -> Feed:
        """Return the function from a frame's rows to arrays; it asks nodes once, as they are slow.

        It raises ColumnsError where a cell does not fit the type of its input, or columns are
        missing.
        """
        if not is_matrix(self.nodes):
            return feed_columns(self.nodes)
        (node,) = self.nodes
        return feed_matrix(node, self.width.columns if self.width else 0)

    def shaped(self, columns: Sequence[Values]) -> dict[str, Values]:
        """Return the arrays for columns of any types, which are cast."""
        cast = [
            column.astype(DTYPES[self.nodes[0 if is_matrix(self.nodes) else at].type])
            for at, column in enumerate(columns)
        ]
        if is_matrix(self.nodes):
            return {self.nodes[0].name: shape_matrix(np.column_stack(cast), self.nodes[0])}
        return {
            node.name: values.reshape(column_shape(node))
            for node, values in zip(self.nodes, cast, strict=True)
        }

    def dtype(self, column: int) -> np.dtype[Any]:
        """Return the type of a column's cells."""
        return DTYPES[self.nodes[0 if is_matrix(self.nodes) else column].type]


def format_shape(node: ort.NodeArg) -> str:
    """Return a shape for a message; sizes that are open are `?`, by name if they have one."""
    return f"[{', '.join('?' if size is None else str(size)[:40] for size in node.shape)}]"


def find_width(session: ort.InferenceSession, inputs: Inputs) -> int | None:
    """Return how wide a matrix of open width has to be: the one width that a graph takes.

    One column counts only where there is no other: it goes with constants of any width. None if
    there is no such width, or if several are taken.
    """
    names = [str(output.name) for output in session.get_outputs()]
    run = quiet_runner(session)
    one = np.zeros((inputs.batch or 1, 1))
    widths = (
        width
        for width in range(1, _WIDEST + 1)
        if accepts(run, names, inputs.shaped([one[:, 0]] * width))
    )
    found = list(islice(widths, 3))  # a graph that takes any width is done with soon
    wide = [width for width in found if width > 1] or found
    return wide[0] if len(wide) == 1 else None


@dataclass(frozen=True, slots=True)
class OneColumn(Schema):
    """A column by position: of any name, or of none.

    Attributes:
        alias: The name of the input, which records may call the column by.
    """

    alias: str = ""

    def as_known(self, names: Names) -> Names:
        """Return names with the position for the input's name."""
        (position,) = self.names
        if position in names:
            return names
        return tuple(position if name == self.alias else name for name in names)


def _schema(inputs: Sequence[ort.NodeArg]) -> Schema | None:
    """Return the inputs by name, or the columns of one matrix by position."""
    for node in inputs:
        if node.type not in DTYPES:
            raise LoadError(
                f"the ONNX input {node.name!r} is of type {node.type}; tensors of numbers or text "
                "can be served, others need a score hook"
            )
    if not is_matrix(inputs):
        return Schema(tuple(map(_column, inputs)))
    at = columns_axis(inputs[0])
    width = None if at is None else inputs[0].shape[at]
    return _positional_schema(inputs[0], width) if isinstance(width, int) else None


def _is_flat(node: ort.NodeArg) -> bool:
    return len(node.shape) == 1 or columns_axis(node) is not None


def _may_be_flat(node: ort.NodeArg) -> bool:
    """Whether rows of columns may fit; an input of unknown rank has no sizes."""
    return not node.shape or _is_flat(node)


def _tensor(node: ort.NodeArg) -> Tensor:
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return Tensor(str(node.name), DTYPES[node.type], shape)


def _positional_schema(node: ort.NodeArg, width: int) -> Schema:
    column = _column(node, check=False)
    if width == 1:
        return OneColumn((replace(column, name="0"),), named=False, alias=str(node.name))
    return Schema(tuple(replace(column, name=str(at)) for at in range(width)), named=False)


def _column(node: ort.NodeArg, *, check: bool = True) -> Column:
    if check and any(size != 1 for size in node.shape[1:]):
        raise LoadError(
            f"the ONNX model has several inputs, and {node.name!r} has the shape "
            f"{format_shape(node)}; inputs of one column each, or one matrix, can be served, "
            "others need a score hook"
        )
    dtype = DTYPES[node.type]
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
