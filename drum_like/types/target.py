"""Target of a model: its type, its labels, and the scales of its predictions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class TargetType(str, Enum):  # noqa: UP042 - str() says TargetType.BINARY, as hooks of DRUM see it
    """DRUM's target types, by their wire names.

    Attributes:
        is_classification: Whether predictions are probabilities of labels.
        is_numeric: Whether predictions are one number a row, cast to float.
        predicts_rows: Whether rows are predicted; other types have routes of their own.
        needs_target_name: Whether DRUM demands the name of the target column (TARGET_NAME).
    """

    is_classification: bool
    is_numeric: bool
    predicts_rows: bool
    needs_target_name: bool

    BINARY = "binary"
    REGRESSION = "regression"
    ANOMALY = "anomaly"
    UNSTRUCTURED = "unstructured"
    MULTICLASS = "multiclass"
    TRANSFORM = "transform"
    TEXT_GENERATION = "textgeneration"
    GEO_POINT = "geopoint"
    VECTOR_DATABASE = "vectordatabase"
    AGENTIC_WORKFLOW = "agenticworkflow"
    MULTILABEL = "multilabel"

    # Equal to its wire name, and so of its hash; that of Enum runs in Python, at every `in`.
    __hash__ = str.__hash__

    def __init__(self, name: str) -> None:
        # Facts of a type, asked several times for each request: a property would be a call.
        self.is_classification = name in {"binary", "multiclass", "multilabel"}
        self.is_numeric = name in {"regression", "anomaly"}
        self.predicts_rows = name not in {"unstructured", "transform"}
        self.needs_target_name = name in {"textgeneration", "vectordatabase", "agenticworkflow"}


Label = str | int | bool
"""A class as its framework knows it."""


_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}


def typed_label(text: str) -> Label:
    """Return a label in the type of the training data: whole numbers and booleans as such."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return _BOOLEANS.get(text, text)


_TRUE = frozenset({"t", "true", "y", "yes", "on", "1", "1.0"})
_FALSE = frozenset({"false", "n", "no", "off", "0", "none", "0.0"})


def standard(label: Label) -> float | str:
    """Return the canonical form of a label, which all its spellings share.

    A number for numbers and boolean words ("1", 1.0, "yes", "True"), else lower-case text.
    """
    text = str(label)
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number == number:  # noqa: PLR0124 - a label may be the text "nan", which equals nothing
        return number
    word = text.strip().lower()
    if word in _TRUE:
        return 1.0
    return 0.0 if word in _FALSE else text.lower()


@dataclass(frozen=True, slots=True)
class Target:
    """Target that a model has to predict.

    Attributes:
        type: The target type.
        labels: Class labels as callers know them; binary is (positive, negative), the rest in the
            order configured. Empty for targets that are not classes.
        name: Name of the target column, "target" if it has no name.
        legacy_order: Give label-less binary output to the labels as DRUM 1.18 does (see D17).
        order: The labels in the order that contracts publish: two are (negative, positive).
        outputs: Names of the outputs: the target, or target and label with a dot between them.
    """

    type: TargetType
    labels: tuple[str, ...] = ()
    name: str = "target"
    legacy_order: bool = False
    order: tuple[str, ...] = field(init=False, repr=False, compare=False)
    outputs: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Precompute the values that every request needs."""
        order = self.labels[::-1] if self.type is TargetType.BINARY else self.labels
        labelled = tuple(f"{self.name}.{label}" for label in order)
        object.__setattr__(self, "order", order)
        object.__setattr__(
            self, "outputs", labelled if self.type.is_classification else (self.name,)
        )

    def is_spelling_of(self, classes: Sequence[Label]) -> bool:
        """Return whether the labels are these classes, each spelled in some way."""
        return sorted(map(repr, map(standard, self.labels))) == sorted(
            map(repr, map(standard, classes))
        )


@dataclass(frozen=True, slots=True)
class ModelTarget:
    """Target as a model's own file describes it.

    Attributes:
        type: None if the file does not name it.
        classes: In the order of the model's output columns; empty if the file does not name them.
        implied: Whether the classes are mere column numbers, because the file names none.
    """

    type: TargetType | None = None
    classes: tuple[Label, ...] = ()
    implied: bool = False


class Link(Enum):
    """The function from the scale on which contributions add up to the prediction.

    LOG and LOGIT are named after the scale: the prediction is its exponential, or its logistic.
    """

    IDENTITY = "identity"
    LOG = "log"
    LOGIT = "logit"
    SOFTMAX = "softmax"


class Scale(Enum):
    """The scale of a model's output where a target asks for probabilities of classes."""

    CHANCES = "probabilities"
    CHANCES_EACH = "a probability for each class on its own"
    MARGINS = "numbers that are no probabilities"


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of a model's output, as far as the model shows it.

    Attributes:
        scale: The scale of the numbers.
        said: The source of that, to begin a sentence: "XGBoost's objective reg:squarederror".
    """

    scale: Scale
    said: str
