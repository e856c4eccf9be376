"""A case of the oracle: a model, the rows it was trained on, its files, and the library to ask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Answers = NDArray[Any]
Ask = Callable[[pd.DataFrame], Answers]
Writer = Callable[[Path], object]
Random = np.random.Generator
Build = Callable[[Random], "Case"]

CASES: dict[str, Build] = {}
"""All cases by name; the modules in `cases/` fill it."""


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a model.

    Attributes:
        kind: The target type.
        labels: The labels in the order of the columns that the library answers with.
        positive: The positive label of two.
        given: The labels in the order in which the command line names them.
    """

    kind: str
    labels: tuple[str, ...] = ()
    positive: str = ""
    given: tuple[str, ...] = ()

    @property
    def is_probability(self) -> bool:
        """Whether answers are probabilities."""
        return bool(self.labels)

    @property
    def negative(self) -> str:
        """The negative label of two."""
        return next(label for label in self.labels if label != self.positive)

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the flags that say it on the command line."""
        kind = ("--target-type", self.kind)
        if self.positive:
            both = ("--positive-class-label", self.positive)
            return (*kind, *both, "--negative-class-label", self.negative)
        return (*kind, "--class-labels", *self.given) if self.labels else kind

    @property
    def declared(self) -> dict[str, Any]:
        """Return the target as the metadata of an upload declare it."""
        if self.positive:
            both = {"positive_label": self.positive, "negative_label": self.negative}
            return {"target_type": self.kind, **both}
        labels = {"labels": list(self.given)} if self.labels else {}
        return {"target_type": self.kind, **labels}


NUMBER = Target("regression")
ANOMALY = Target("anomaly")


def binary(negative: str = "no", positive: str = "yes") -> Target:
    """Return a target of two labels, the negative one in the first column."""
    return Target("binary", (negative, positive), positive)


def classes(*labels: str, given: Sequence[str] = (), kind: str = "multiclass") -> Target:
    """Return a target of several labels, named on the command line in another order if given."""
    return Target(kind, labels, "", tuple(given) or labels)


@dataclass(frozen=True, slots=True)
class Tensors:
    """The inputs and the answer of an ONNX model in Wallaroo's contract.

    Attributes:
        output: The name of the output that holds the answer.
        matrix: The name of the one input of whole rows; empty where each column is an input.
        column: The first of the answer's columns in that output.
    """

    output: str
    matrix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A trained model.

    Attributes:
        plugin: The framework that serves it.
        frame: The rows of training, with the dtypes of training.
        target: What it predicts.
        ask: The library's own answer to rows: a row for each, a column for each label or one.
        files: How each kind of file that holds the model is written, by suffix.
        gaps: Columns that may lack a cell although training lacked none.
        named: Whether the model knows its columns by name.
        bound: Why the answers are compared within a bound, if the bits are not to be had.
        metadata: Further lines of model-metadata.yaml.
        refused: Why the server has to refuse the model at the start, if it has to.
        or_right: Whether a server that does not refuse it has to answer rightly instead.
        tensors: How Wallaroo's contract asks, where the model is a graph.
        far: Whether to ask for a row far behind many others.
    """

    plugin: str
    frame: pd.DataFrame
    target: Target
    ask: Ask
    files: Mapping[str, Writer]
    gaps: frozenset[str] = frozenset()
    named: bool = True
    bound: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    or_right: bool = False
    tensors: Tensors | None = None
    far: bool = False


def case(build: Build) -> Build:
    """Register a case under the name of its function."""
    CASES[build.__name__.replace("_", "-")] = build
    return build


def chances(positive: Answers) -> Answers:
    """Return both columns of two classes, in the width of the one that is known."""
    return np.column_stack([1 - positive, positive])
