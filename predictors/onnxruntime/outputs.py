"""Outputs of an ONNX graph: their values, and where their rows are; found on made-up rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

# Relative: type checkers know this package under its folder's name.
from .rows import is_sequence

Values = NDArray[Any]

_FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)", "tensor(bfloat16)")


@dataclass(frozen=True, slots=True)
class Output:
    """An output.

    Attributes:
        name: In the graph.
        type: As onnxruntime spells it.
        shape: As the graph declares it; converters often do it wrong.
        axis: Where the rows are; None where the output is not one of rows.
        sample: Its value for the made-up rows; None where the graph could not be run on any.
    """

    name: str
    type: str
    shape: tuple[int | str | None, ...]
    axis: int | None
    sample: Any = None

    @property
    def described(self) -> str:
        """Name, type and shape, for messages."""
        sizes = ", ".join("?" if size is None else str(size)[:40] for size in self.shape)
        shape = f" [{sizes}]" if self.type.startswith("tensor") else ""
        return f"{self.name!r} {self.type}{shape}"

    @property
    def is_maps(self) -> bool:
        """Whether it is a map from classes to numbers for each row."""
        return self.type.startswith("seq(map(")

    @property
    def is_arrays(self) -> bool:
        """Whether it is a sequence of arrays, one a label."""
        return self.type.startswith("seq(tensor(")

    @property
    def is_float(self) -> bool:
        """Whether it is a tensor of floats."""
        return self.type in _FLOATS

    @property
    def is_integer(self) -> bool:
        """Whether it is a tensor of whole numbers."""
        return self.type.startswith(("tensor(int", "tensor(uint"))

    @property
    def is_text(self) -> bool:
        """Whether it is a tensor of text."""
        return self.type == "tensor(string)"

    @property
    def width(self) -> int | None:
        """How many values a row of a tensor has; None if unknown, 0 if it is no row of values."""
        if self.sample is None:
            return self._declared_width
        if self.axis is None or not isinstance(self.sample, np.ndarray):
            return 0
        sizes = [size for at, size in enumerate(self.sample.shape) if at != self.axis and size != 1]
        return 0 if len(sizes) > 1 else (sizes[0] if sizes else 1)

    @property
    def _declared_width(self) -> int | None:
        sizes = [size for size in self.shape[1:] if size != 1]
        if not self.shape or len(sizes) > 1:
            return None
        size = sizes[0] if sizes else 1
        return size if isinstance(size, int) else None

    def flat(self, found: Values) -> Values:
        """Return the values of this output as (n_rows, width)."""
        axis = self.axis or 0
        by_row = found if axis == 0 else np.moveaxis(found, axis, 0)
        return by_row if by_row.ndim == 2 else by_row.reshape(len(by_row), -1)

    @property
    def values(self) -> Values | None:
        """The (n_rows, width) of the made-up rows, None if there are none."""
        return None if self.sample is None else self.flat(self.sample)


def described(nodes: Sequence[ort.NodeArg]) -> list[Output]:
    """Return outputs that are known only by the graph's declarations."""
    return [Output(str(n.name), n.type, tuple(n.shape), 0) for n in nodes]


def axis_of(few: Any, more: Any, n_few: int, n_more: int) -> int | None:
    """Return the axis of the rows in an output, by its shapes for two numbers of rows."""
    if isinstance(few, list):
        if is_sequence(few):
            return 0 if all(len(a) == n_few for a in few) and len(few) == len(more) else None
        return 0 if (len(few), len(more)) == (n_few, n_more) else None
    if not isinstance(few, np.ndarray) or few.ndim != more.ndim:
        return None
    sizes = list(zip(few.shape, more.shape, strict=True))
    places = [at for at, size in enumerate(sizes) if size == (n_few, n_more)]
    changed = [at for at, (one, other) in enumerate(sizes) if one != other]
    if n_few == n_more:
        return places[0] if places else None
    return places[0] if len(places) == 1 and changed == places else None
