"""The outputs of an ONNX graph: their values, and how a prediction is read from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from drum_like.api import Label, LoadError, Scale, Target, TargetType

# Relative: type checkers know this package under its folder's name.
from .batching import is_array_list

Values = NDArray[Any]

_FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)", "tensor(bfloat16)")

_SUM_TOLERANCES = {2: 1e-3, 4: 1.001e-5, 8: 1.001e-5}
"""How far from 1 a row may add up, by the bytes of a number; for two bytes, for each column."""

_ROUNDING = 8
"""Units in the last place of 1 that a probability may lie beyond 0 and 1."""

_WAY_OUT = "export the answer as the one output that fits, or write a score hook in custom.py"


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


def declared_outputs(nodes: Sequence[ort.NodeArg]) -> list[Output]:
    """Return outputs that are known only by the graph's declarations."""
    return [Output(str(n.name), n.type, tuple(n.shape), 0) for n in nodes]


def row_axis(few: Any, more: Any, n_few: int, n_more: int) -> int | None:
    """Return the axis of the rows in an output, by its shapes for two numbers of rows."""
    if isinstance(few, list):
        if is_array_list(few):
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


@dataclass(frozen=True, slots=True)
class PredictionOutputs:
    """Outputs that hold the prediction of a target.

    Attributes:
        outputs: The outputs to compute.
        classes: Of the columns, empty if they are unknown.
        sample: The prediction for the made-up rows; None if unknown.
        multilabel: Whether the outputs hold a pair of probabilities for each label.
        complemented: Whether the one column is to be preceded by that of the other class.
        is_raw: Whether the output is given as it is.
        names: Those of the outputs.
    """

    outputs: tuple[Output, ...]
    classes: tuple[Label, ...] = ()
    sample: Values | None = None
    multilabel: bool = False
    complemented: bool = False
    is_raw: bool = False
    names: list[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the names, which every request asks for."""
        object.__setattr__(self, "names", [output.name for output in self.outputs])

    def read(self, found: Sequence[Any]) -> tuple[Values, tuple[Label, ...]]:
        """Return the values of the outputs, and the classes of their columns.

        (n_rows,) or (n_rows, n_columns); no classes if they are unknown.
        """
        if len(found) > 1:
            columns = zip(self.outputs, found, strict=True)
            return np.column_stack([out.flat(value)[:, 0] for out, value in columns]), self.classes
        (output,), (value,) = self.outputs, found
        if self.multilabel:
            return read_pairs(value), ()
        if output.is_maps:
            classes = self.classes or tuple(value[0])
            return read_maps(value, classes, output.type), classes
        values = value if value.ndim == 1 else output.flat(value)
        return (_add_first_class(values) if self.complemented else values), self.classes

    def scale(self, target: Target) -> Scale | None:
        """Return the scale of the numbers for the made-up rows, None if there are none."""
        if self.sample is None or not target.type.is_classification:
            return None
        return find_scale(self.sample, multilabel=target.type is TargetType.MULTILABEL)

    @property
    def is_single(self) -> bool:
        """Whether a row has one number, the probability of one of two classes."""
        return self.sample is not None and (self.complemented or self.sample.shape[1] == 1)


def find_scale(values: Values, *, multilabel: bool = False) -> Scale | None:
    """Return the scale of (n_rows, n_columns) numbers; None if no row has numbers in all columns.

    One column is the probability of one of two classes.
    """
    rows = values.reshape(len(values), -1)
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return None
    beyond = _ROUNDING * np.finfo(rows.dtype).eps
    if rows.min() < -beyond or rows.max() > 1 + beyond:
        return Scale.MARGINS
    if multilabel or rows.shape[1] == 1:
        return Scale.CHANCES
    narrow = rows.dtype.itemsize == 2
    allowed = _SUM_TOLERANCES[rows.dtype.itemsize] * (rows.shape[1] if narrow else 1)
    off = np.abs(rows.sum(axis=1, dtype=np.float64) - 1).max()
    return Scale.CHANCES if off <= allowed else Scale.CHANCES_EACH


def read_maps(found: list[dict[Label, float]], classes: Sequence[Label], kind: str) -> Values:
    """Read the list of {class: probability} that converters write by default."""
    dtype = np.float64 if "double" in kind else np.float32
    return np.array([[row[label] for label in classes] for row in found], dtype=dtype)


def read_pairs(found: Any) -> Values:
    """Read two probabilities for each label: those of class 1, as (n_rows, n_labels)."""
    return np.column_stack([pair[:, 1] for pair in found])


def _add_first_class(values: Values) -> Values:
    second = values.reshape(-1)
    both = np.empty((len(second), 2), second.dtype)
    both[:, 1] = second
    np.subtract(1, second, out=both[:, 0])
    return both


def selection_error(expected: str, outputs: Sequence[Output], why: str = "") -> LoadError:
    """Return the error for a target that no output fits, or more than one."""
    shown = ", ".join(output.described for output in outputs[:10])
    rest = f" and {len(outputs) - 10} more" if len(outputs) > 10 else ""
    return LoadError(f"the ONNX graph {expected}; its outputs are {shown}{rest}. {why}", _WAY_OUT)
