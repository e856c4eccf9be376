"""Which outputs of an ONNX graph answer a target, and how they are read.

Chosen by type, width, numbers and meaning: names and places decide only between outputs that fit
alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.api import Label, LoadError, Scale, Target, TargetType

from .outputs import Output

Values = NDArray[Any]

_SUMS = {2: 1e-3, 4: 1.001e-5, 8: 1.001e-5}
"""How far from 1 a row may add up, by the bytes of a number; for two bytes, for each column."""

_ROUNDED = 8
"""Units in the last place of 1 that a probability may lie beyond 0 and 1."""


def scale_of(values: Values, *, multilabel: bool = False) -> Scale | None:
    """Return the scale of (n_rows, n_columns) numbers; None if no row has numbers in all columns.

    One column is the probability of one of two classes.
    """
    rows = values.reshape(len(values), -1)
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return None
    beyond = _ROUNDED * np.finfo(rows.dtype).eps
    if rows.min() < -beyond or rows.max() > 1 + beyond:
        return Scale.MARGINS
    if multilabel or rows.shape[1] == 1:
        return Scale.CHANCES
    narrow = rows.dtype.itemsize == 2
    allowed = _SUMS[rows.dtype.itemsize] * (rows.shape[1] if narrow else 1)
    off = np.abs(rows.sum(axis=1, dtype=np.float64) - 1).max()
    return Scale.CHANCES if off <= allowed else Scale.CHANCES_EACH


_WAY_OUT = "export the answer as the one output that fits, or write a score hook in custom.py"


@dataclass(frozen=True, slots=True)
class Answer:
    """Outputs that answer a target.

    Attributes:
        outputs: The outputs to compute.
        classes: Of the columns, empty if they are unknown.
        sample: The answer for the made-up rows; None if unknown.
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
            return of_pairs(value), ()
        if output.is_maps:
            classes = self.classes or tuple(value[0])
            return of_maps(value, classes, output.type), classes
        values = value if value.ndim == 1 else output.flat(value)
        return (_both(values) if self.complemented else values), self.classes

    def scale(self, target: Target) -> Scale | None:
        """Return the scale of the numbers for the made-up rows, None if there are none."""
        if self.sample is None or not target.type.is_classification:
            return None
        return scale_of(self.sample, multilabel=target.type is TargetType.MULTILABEL)

    @property
    def is_single(self) -> bool:
        """Whether a row has one number, the probability of one of two classes."""
        return self.sample is not None and (self.complemented or self.sample.shape[1] == 1)


def of_maps(found: list[dict[Label, float]], classes: Sequence[Label], kind: str) -> Values:
    """Read the list of {class: probability} that converters write by default."""
    dtype = np.float64 if "double" in kind else np.float32
    return np.array([[row[label] for label in classes] for row in found], dtype=dtype)


def of_pairs(found: Any) -> Values:
    """Read two probabilities for each label: those of class 1, as (n_rows, n_labels)."""
    return np.column_stack([pair[:, 1] for pair in found])


def _both(values: Values) -> Values:
    second = values.reshape(-1)
    both = np.empty((len(second), 2), second.dtype)
    both[:, 1] = second
    np.subtract(1, second, out=both[:, 0])
    return both


def refusal(expected: str, outputs: Sequence[Output], why: str = "") -> LoadError:
    """Say that no output, or more than one, can be the answer."""
    shown = ", ".join(output.described for output in outputs[:10])
    rest = f" and {len(outputs) - 10} more" if len(outputs) > 10 else ""
    return LoadError(f"the ONNX graph {expected}; its outputs are {shown}{rest}. {why}", _WAY_OUT)
