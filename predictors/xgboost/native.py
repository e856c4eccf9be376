"""A native booster as a model: its target, its predictions, and their contributions.

Contributions are those that XGBoost computes. Trees: path-dependent SHAP values, relative to the
training rows by the cover of the nodes. The linear booster: weight times value. `base_score` is in
the bias.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from drum_like.api import (
    ArtifactError,
    Frame,
    Label,
    Link,
    Meaning,
    ModelTarget,
    Prediction,
    Scale,
    Schema,
    Shares,
    Target,
    TargetType,
    UnsupportedError,
)

# Relative: type checkers know this package under its folder's name.
from ..estimators import FLOAT32_TOLERANCE, TRAINING_ROWS, ZERO, AdditiveModel, check_link
from ..native_calls import Values, softmax, two_columns
from .booster import Booster

ContributionsAndMargins = tuple[Values, Values]
"""(n_rows, n_outputs, n_columns + 1) contributions with the bias last, (n_rows, n_outputs) margins;
either without the axis of the outputs if there is one."""

_LINKS = {
    "binary:logistic": Link.LOGIT,
    "reg:logistic": Link.LOGIT,
    "multi:softprob": Link.SOFTMAX,
    "count:poisson": Link.LOG,
    "reg:gamma": Link.LOG,
    "reg:tweedie": Link.LOG,
    "survival:aft": Link.LOG,
    "survival:cox": Link.LOG,
    "rank:map": Link.IDENTITY,
    "rank:ndcg": Link.IDENTITY,
    "rank:pairwise": Link.IDENTITY,
    "reg:absoluteerror": Link.IDENTITY,
    "reg:pseudohubererror": Link.IDENTITY,
    "reg:quantileerror": Link.IDENTITY,
    "reg:squarederror": Link.IDENTITY,
    "reg:squaredlogerror": Link.IDENTITY,
}

_CLASSES = {"multi:softmax": Link.SOFTMAX, "binary:logitraw": Link.LOGIT}
"""Objectives that the predictor turns into chances for targets that are classes."""

_CHANCES = frozenset({"binary:logistic", "multi:softprob", "reg:logistic"})
"""Objectives whose predictions are probabilities."""


@dataclass(frozen=True, slots=True)
class BoosterCalls:
    """Calls of a booster for each kind of result.

    Attributes:
        values: Gives what `Booster.predict` gives for a DMatrix of the rows.
        margins: The same before the objective's last step.
        contributions: Gives contributions and margins.
    """

    values: Callable[[Frame], Values]
    margins: Callable[[Frame], Values]
    contributions: Callable[[Frame], ContributionsAndMargins]


class NativeModel:
    """A booster, scored as `Booster.predict` scores a DMatrix.

    Args:
        booster: The booster.
        schema: Its columns.
        calls: Its predictions.
    """

    framework = "xgboost"

    def __init__(self, booster: Booster, schema: Schema, calls: BoosterCalls) -> None:
        self.schema = schema
        self.target = _target(booster)
        self.classes = stored_classes(booster) or None
        self.values = calls.values
        self._calls = calls
        self._learner = booster.learner
        # An estimator makes probabilities of this objective itself, a booster gives classes.
        self._softmax = booster.of_estimator and booster.objective == "multi:softmax"
        self._meaning = meaning_of(booster.objective, of_estimator=booster.of_estimator)

    def meaning(self) -> Meaning:
        """Return the meaning of the numbers that the objective makes of margins."""
        return self._meaning

    def probabilities(self, frame: Frame) -> Prediction:
        """Return (n_rows,) chances of class 1, or (n_rows, n_classes) of every class.

        They are the library's numbers, chances or not. A booster that stores its classes gets a
        column for each, also for two.
        """
        chances = softmax(self._calls.margins(frame)) if self._softmax else self.values(frame)
        if len(self.classes or ()) == 2 and chances.ndim == 1:
            chances = two_columns(chances)
        known = chances.ndim == 2 and chances.shape[1] == len(self.classes or ())
        return Prediction(chances, self.classes if known else None)

    def margins(self, frame: Frame) -> Prediction:
        """Return (n_rows,) or (n_rows, n_outputs) values before the objective's last step."""
        return Prediction(self._calls.margins(frame), self.classes)

    def additive_model(self, target: Target) -> AdditiveModel:
        """Return the margins as sums, of all trees.

        Raises:
            UnsupportedError: as the function of that name.
        """
        return additive_model(self._learner, target, self._calls.contributions)


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
    if booster.n_targets > 1:
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


def additive_model(
    learner: dict[str, Any], target: Target, predict: Callable[[Any], ContributionsAndMargins]
) -> AdditiveModel:
    """Return a booster's output as sums.

    Args:
        learner: The booster's configuration.
        target: Target of the explanation.
        predict: From rows to contributions and margins; called once at a time, since the library
            does not promise more.

    Raises:
        UnsupportedError: several targets, or an objective whose link is not known.
    """
    if int(learner["learner_model_param"].get("num_target", 1)) > 1:
        raise UnsupportedError("contributions of a booster with several targets are not supported")
    objective = str(learner["objective"]["name"])
    links = {**_LINKS, **_CLASSES} if target.type.is_classification else _LINKS
    link = links.get(objective)
    if objective == "binary:logitraw" and not target.type.is_classification:
        link = Link.IDENTITY
    linear = learner["gradient_booster"]["name"] == "gblinear"
    lock = Lock()

    def shares(rows: Any) -> Shares:
        with lock:
            values, margins = predict(rows)
        values = values if values.ndim == 3 else values[:, np.newaxis]
        margins = margins if margins.ndim == 2 else margins[:, np.newaxis]
        return Shares(np.moveaxis(values, 1, 0), margins.T)

    return AdditiveModel(
        check_link(link, target, f"XGBoost's objective {objective}"),
        FLOAT32_TOLERANCE,
        ZERO if linear else TRAINING_ROWS,
        shares,
    )


def contributions_call(
    booster: Any, rounds: tuple[int, int], matrix: Callable[[Any], Any]
) -> Callable[[Any], ContributionsAndMargins]:
    """Return the function that asks a booster of the Python package for contributions and margins.

    Args:
        booster: One output, or one a class.
        rounds: The boosting rounds that predict; (0, 0) is all of them.
        matrix: From rows to XGBoost's own form of them, a DMatrix.
    """

    def predict(rows: Any) -> ContributionsAndMargins:
        data = matrix(rows)
        shape = {"iteration_range": rounds, "strict_shape": True}
        return (
            np.asarray(booster.predict(data, pred_contribs=True, **shape)),
            np.asarray(booster.predict(data, output_margin=True, **shape)),
        )

    return predict
