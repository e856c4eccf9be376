"""Estimators of any framework: their classes, their probabilities, and sums over their columns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from drum_like.api import (
    Explainer,
    Label,
    Link,
    Meaning,
    ModelTarget,
    Names,
    PredictorError,
    Scale,
    Shares,
    Target,
    TargetType,
    UnsupportedError,
)

NUMERIC = frozenset({TargetType.REGRESSION, TargetType.ANOMALY, TargetType.GEO_POINT})
"""Target types whose predictions are numbers."""

EXACT = 2**53
"""The whole number from which on floats do not hold all others."""

TRAINING_ROWS = "the average of the training rows"
ZERO = "zero in every column"

FLOAT32_TOLERANCE = 1e-4
"""How far sums of float32 numbers may be off."""

FLOAT64_TOLERANCE = 1e-9
"""How far sums of float64 numbers may be off."""


def class_labels(model: Any) -> tuple[Label, ...] | None:
    """Return the classes of a classifier as Python values, None for other estimators."""
    classes = getattr(model, "classes_", None)
    return None if classes is None else tuple(np.asarray(classes).tolist())


def target_of(labels: tuple[Label, ...] | None) -> ModelTarget:
    """Return the target of an estimator with one output by its classes, None for a regressor."""
    if labels is None:
        return ModelTarget(TargetType.REGRESSION)
    return ModelTarget(TargetType.BINARY if len(labels) == 2 else TargetType.MULTICLASS, labels)


def probabilities_meaning(model: Any, module: str, usual: Meaning) -> Meaning | None:
    """Return the meaning of `predict_proba`; None for a method of the user's own.

    Args:
        model: The estimator.
        module: The module whose method gives the usual meaning.
        usual: The meaning by the estimator's objective.
    """
    kind = type(model)
    method = getattr(kind, "predict_proba", None)
    if method is None:
        return Meaning(Scale.MARGINS, f"{kind.__name__}, which has no predict_proba,")
    return usual if method.__module__ == module else None


def no_probabilities_error(model: Any) -> PredictorError:
    """Return the error for a target of classes and an estimator without `predict_proba`."""
    return PredictorError(
        f"a classification target needs predict_proba, which {type(model).__name__} "
        "does not have; save a classifier, or implement the score hook"
    )


def check_is_additive(model: Any, target: Target, *, is_known: bool) -> None:
    """Refuse an estimator whose predictions are no sums that its booster knows.

    Args:
        model: The estimator.
        target: Target of the predictions.
        is_known: Whether the estimator is of the framework itself.

    Raises:
        UnsupportedError: a class of the user's own, or classes as numbers.
    """
    if not is_known:
        raise UnsupportedError(
            f"what {type(model).__name__} adds to its booster is not known, and so are its sums"
        )
    if hasattr(model, "classes_") and not target.type.is_classification:
        raise UnsupportedError("a classifier that predicts the numbers of classes has no sums")


@dataclass(frozen=True, slots=True)
class AdditiveModel:
    """An estimator whose output on a link scale is a sum over its columns.

    Attributes:
        link: From the scale to predictions.
        tolerance: How far sums may be off, see Explainer.
        reference: The baseline of contributions, in words.
        contributions: From rows as the estimator takes them to shares of columns.
    """

    link: Link
    tolerance: float
    reference: str
    contributions: Callable[[Any], Shares]


def check_link(link: Link | None, target: Target, said: str) -> Link:
    """Return a link that fits the target.

    Args:
        link: None for an objective whose link is not known.
        target: Target of the predictions.
        said: Owner of the link, for the message.

    Raises:
        UnsupportedError: the sums would not be log-odds of a class, or not lead to the prediction.
    """
    fitting = {
        TargetType.BINARY: (Link.LOGIT, Link.SOFTMAX),
        TargetType.MULTICLASS: (Link.SOFTMAX,),
        TargetType.REGRESSION: (Link.IDENTITY, Link.LOG, Link.LOGIT),
        TargetType.ANOMALY: (Link.IDENTITY, Link.LOG, Link.LOGIT),
    }.get(target.type, ())
    if link is None or link not in fitting:
        raise UnsupportedError(
            f"contributions to a target of type {target.type.value} are not sums on a link scale "
            f"for {said}"
        )
    return link


def column_explainer(
    model: AdditiveModel, names: Names, classes: tuple[Label, ...] | None
) -> Explainer:
    """Return the explainer of an estimator that sees the columns of its schema as they are."""
    return Explainer(
        features=names,
        sources=tuple(range(len(names))),
        link=model.link,
        classes=classes,
        tolerance=model.tolerance,
        reference=model.reference,
        explain=model.contributions,
    )
