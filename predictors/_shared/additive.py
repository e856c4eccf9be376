"""The output of an estimator, divided among the columns that the estimator itself sees."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drum_like.api import (
    Explainer,
    Label,
    Link,
    Names,
    Shares,
    Target,
    TargetType,
    UnsupportedError,
)

TRAINING_ROWS = "the average of the training rows"
ZERO = "zero in every column"

FLOAT32 = 1e-4
"""How far sums of float32 numbers may be off."""

FLOAT64 = 1e-9
"""How far sums of float64 numbers may be off."""


@dataclass(frozen=True, slots=True)
class Additive:
    """An estimator whose output on a link scale is a sum over its columns.

    Attributes:
        link: From the scale to predictions.
        tolerance: How far sums may be off, see Explainer.
        reference: The baseline of contributions, in words.
        divide: From rows as the estimator takes them to their shares.
    """

    link: Link
    tolerance: float
    reference: str
    divide: Callable[[Any], Shares]


def checked(link: Link | None, target: Target, said: str) -> Link:
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


def of_columns(model: Additive, names: Names, classes: tuple[Label, ...] | None) -> Explainer:
    """Return the explainer of an estimator that sees the columns of its schema as they are."""
    return Explainer(
        features=names,
        sources=tuple(range(len(names))),
        link=model.link,
        classes=classes,
        tolerance=model.tolerance,
        reference=model.reference,
        explain=model.divide,
    )
