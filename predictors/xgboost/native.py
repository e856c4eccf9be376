"""A native booster as a model: its columns, its predictions, and the questions to it."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from drum_like.api import (
    ArtifactError,
    Column,
    DataType,
    Frame,
    Label,
    Meaning,
    ModelTarget,
    Prediction,
    Scale,
    Schema,
    Target,
    TargetType,
)

# Relative: type checkers know this package under its folder's name.
from .._shared.additive import Additive
from .._shared.native_calls import Values, two_columns
from .booster import CONTRIBUTIONS, MARGIN, Booster, Question
from .contributions import Divided, additive
from .dense import scorer

_STORED = {"int": DataType.INT64, "c": DataType.INT64, "i": DataType.BOOL}
"""What a booster's feature types say about the training data; "c" without categories is codes."""

_CHANCES = frozenset({"binary:logistic", "multi:softprob", "reg:logistic"})
"""Objectives whose predictions are probabilities."""


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
        self._learner = booster.learner
        # An estimator makes probabilities of this objective itself, a booster gives classes.
        self._softmax = booster.of_estimator and booster.objective == "multi:softmax"
        self._meaning = meaning_of(booster.objective, of_estimator=booster.of_estimator)

    def meaning(self) -> Meaning:
        """Return the meaning of the numbers that the objective makes of margins."""
        return self._meaning

    def probabilities(self, frame: Frame) -> Prediction:
        """Return (n_rows,) chances of class 1, or (n_rows, n_classes) of every class.

        They are what the library gives, chances or not. A booster that stores its classes gets a
        column for each, also for two.
        """
        chances = _softmax(self._answers.margins(frame)) if self._softmax else self.values(frame)
        if len(self.classes or ()) == 2 and chances.ndim == 1:
            chances = two_columns(chances)
        known = chances.ndim == 2 and chances.shape[1] == len(self.classes or ())
        return Prediction(chances, self.classes if known else None)

    def margins(self, frame: Frame) -> Prediction:
        """Return (n_rows,) or (n_rows, n_outputs) values before the objective's last step."""
        return Prediction(self._answers.margins(frame), self.classes)

    def additive(self, target: Target) -> Additive:
        """Return the margins as sums, of all trees.

        Raises:
            UnsupportedError: as `xgboost.contributions.additive`.
        """
        return additive(self._learner, target, self._answers.divided)


def dense(booster: Booster) -> NativeModel:
    """Wrap a booster of trees on the CPU as a model; all its columns are numbers."""

    def divided(frame: Frame) -> Divided:
        matrix = frame.matrix()
        return (
            booster.of_dmatrix(matrix, Question(CONTRIBUTIONS, booster.rounds)),
            booster.of_dmatrix(matrix, Question(MARGIN, booster.rounds)),
        )

    answers = Answers(
        values=answer(booster, Question(rounds=booster.rounds)),
        margins=answer(booster, Question(MARGIN, booster.rounds)),
        divided=divided,
    )
    return NativeModel(booster, schema_of(booster), answers)


def answer(booster: Booster, question: Question) -> Callable[[Frame], Values]:
    """Return the function that asks a dense booster a question."""
    score = scorer(booster, question)
    return lambda frame: score(frame.matrix())


def schema_of(booster: Booster) -> Schema:
    """Return a booster's inputs, categories as integer codes."""
    n_columns = booster.n_columns
    names = booster.names
    shown = names or [str(position) for position in range(n_columns)]
    types = booster.types or [""] * n_columns
    columns = tuple(
        Column(name, stored=_STORED.get(types[position])) for position, name in enumerate(shown)
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
    objective = booster.objective
    classes = stored_classes(booster)
    n_classes = int(booster.learner["learner_model_param"]["num_class"])
    if objective.startswith("multi:"):
        return ModelTarget(
            TargetType.MULTICLASS, classes or tuple(range(n_classes)), implied=not classes
        )
    if not objective.startswith("binary:"):
        return ModelTarget(TargetType.REGRESSION)
    if n_targets(booster) > 1:
        return ModelTarget(TargetType.MULTILABEL)
    return ModelTarget(TargetType.BINARY, classes or (0, 1), implied=not classes)


def meaning_of(objective: str, *, of_estimator: bool) -> Meaning:
    """Return the meaning of a booster's numbers where probabilities are asked for.

    Args:
        objective: The booster's.
        of_estimator: Whether an estimator gives it, which makes probabilities for one more.
    """
    chances = objective in _CHANCES or (of_estimator and objective == "multi:softmax")
    scale = Scale.CHANCES if chances else Scale.MARGINS
    return Meaning(scale, f"XGBoost's objective {objective}")


def _softmax(margins: Values) -> Values:
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
