"""A native booster as a model: what it takes, what it predicts, and how it is asked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from drum_like.api import (
    ArtifactError,
    Column,
    DataType,
    Frame,
    Label,
    ModelTarget,
    Prediction,
    Schema,
    Target,
    TargetType,
)

# Relative: type checkers know this package under its folder's name.
from .additive import Additive
from .native_calls import Values
from .xgboost_booster import CONTRIBUTIONS, MARGIN, Booster, Question
from .xgboost_contributions import Divided, additive
from .xgboost_dense import scorer

_STORED = {"int": DataType.INT64, "c": DataType.INT64, "i": DataType.BOOL}
"""What a booster's feature types say about the training data; "c" without categories is codes."""

_NO_CATEGORIES: Mapping[int, tuple[Any, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Answers:
    """How a booster is asked.

    Attributes:
        values: Gives what `Booster.predict` gives for a DMatrix of the rows.
        margins: The same before the objective's last step.
        divided: Gives contributions and margins.
    """

    values: Callable[[Frame], Values]
    margins: Callable[[Frame], Values]
    divided: Callable[[Frame], Divided]


class NativeModel:
    """A booster, scored as `Booster.predict` scores a DMatrix.

    Args:
        booster: The booster.
        schema: Its columns.
        answers: How it is asked.
    """

    framework = "xgboost"

    def __init__(self, booster: Booster, schema: Schema, answers: Answers) -> None:
        self.schema = schema
        self.target = _target(booster)
        self.classes = stored_classes(booster) or None
        self.values = answers.values
        self._answers = answers
        self._objective = booster.learner["objective"]["name"]
        self._learner = booster.learner

    def probabilities(self, frame: Frame) -> Prediction:
        """Return (n_rows,) chances of class 1, or (n_rows, n_classes) of every class.

        Objectives that give classes or margins are asked for margins, which are turned into
        chances as their probabilistic siblings do it. A booster that stores its classes gets a
        column for each, also for two.
        """
        if self._objective == "multi:softmax":
            chances = _softmax(self._answers.margins(frame))
        elif self._objective == "binary:logitraw":
            chances = _sigmoid(self._answers.margins(frame))
        else:
            chances = self.values(frame)
        if len(self.classes or ()) == 2 and chances.ndim == 1:
            chances = np.column_stack([1 - chances, chances])
        known = chances.ndim == 2 and chances.shape[1] == len(self.classes or ())
        return Prediction(chances, self.classes if known else None)

    def additive(self, target: Target) -> Additive:
        """Return the margins as sums, of all trees.

        Raises:
            UnsupportedError: as `xgboost_contributions.additive`.
        """
        return additive(self._learner, target, self._answers.divided)


def dense(booster: Booster) -> NativeModel:
    """Return a booster of trees on the CPU, all columns of which are numbers, as a model."""

    def divided(frame: Frame) -> Divided:
        matrix = frame.matrix()
        return (
            booster.of_dmatrix(matrix, Question(CONTRIBUTIONS)),
            booster.of_dmatrix(matrix, Question(MARGIN)),
        )

    answers = Answers(
        values=answer(booster, Question()),
        margins=answer(booster, Question(MARGIN)),
        divided=divided,
    )
    return NativeModel(booster, schema_of(booster), answers)


def answer(booster: Booster, question: Question) -> Callable[[Frame], Values]:
    """Return what asks a dense booster that question."""
    score = scorer(booster, question)
    return lambda frame: score(frame.matrix())


def schema_of(
    booster: Booster, categories: Mapping[int, tuple[Any, ...]] = _NO_CATEGORIES
) -> Schema:
    """Return a booster's inputs.

    Args:
        booster: The booster.
        categories: Those that it stores, by position; others are integer codes.
    """
    n_columns = booster.n_columns
    names = booster.names
    shown = names or [str(position) for position in range(n_columns)]
    types = booster.types or [""] * n_columns
    columns = tuple(
        Column(name, "category", categories[position])
        if position in categories
        else Column(name, stored=_STORED.get(types[position]))
        for position, name in enumerate(shown)
    )
    return Schema(columns, named=bool(names))


def stored_classes(booster: Booster) -> tuple[Label, ...]:
    """Return the classes in the booster's attribute "classes", a JSON list; empty without one.

    Raises:
        ArtifactError: the attribute is there but is no list of text, integers or booleans.
    """
    text = booster.attribute("classes")
    if text is None:
        return ()
    try:
        classes = json.loads(text)
    except ValueError:
        classes = None
    if not isinstance(classes, list) or not all(isinstance(c, (str, int)) for c in classes):
        raise ArtifactError(
            "the booster's attribute 'classes' must be a JSON list of labels in the order of its "
            "outputs; set it with booster.set_attr(classes=json.dumps([...]))"
        )
    return tuple(classes)


def n_targets(booster: Booster) -> int:
    """Return how many targets a booster predicts at once."""
    return int(booster.learner["learner_model_param"].get("num_target", 1))


def _target(booster: Booster) -> ModelTarget:
    objective = booster.learner["objective"]["name"]
    classes = stored_classes(booster)
    n_classes = int(booster.learner["learner_model_param"]["num_class"])
    if objective.startswith("multi:"):
        return ModelTarget(TargetType.MULTICLASS, classes or tuple(range(n_classes)))
    if not objective.startswith("binary:"):
        return ModelTarget(TargetType.REGRESSION)
    if n_targets(booster) > 1:
        return ModelTarget(TargetType.MULTILABEL)
    return ModelTarget(TargetType.BINARY, classes or (0, 1))


def _softmax(margins: Values) -> Values:
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _sigmoid(margins: Values) -> Values:
    """Return 1 / (1 + e^-m); the bound, XGBoost's own, keeps e^-m within float32."""
    bound = np.float32(88.7)
    return np.asarray(1 / (1 + np.exp(np.minimum(-margins, bound))))
