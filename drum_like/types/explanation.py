"""Explanations of predictions by the model itself: contributions, their sums, and intervals."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from drum_like.types.frame import Frame
from drum_like.types.names import Names
from drum_like.types.target import Label, Link

Numbers = NDArray[np.float64]


class Kind(Enum):
    """Which columns contributions are about.

    ORIGINAL are those that callers send, TRANSFORMED those that the final estimator sees.
    """

    ORIGINAL = "ORIGINAL"
    TRANSFORMED = "TRANSFORMED"


@dataclass(frozen=True, slots=True)
class Contributions:
    """Contributions on the scale on which they add up to the prediction (the link scale).

    Attributes:
        features: Names of the columns.
        groups: One label an output of a model of three or more classes, in the order of
            `Target.order`; (None,) for all others. Of two classes it is the positive one.
        values: (n_groups, n_rows, n_features + 1) float64, the bias last.
    """

    features: tuple[str, ...]
    groups: tuple[str | None, ...]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Intervals:
    """Bounds around predictions.

    Attributes:
        lower: (n_rows,) float64.
        upper: (n_rows,) float64, nowhere below `lower`.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shares:
    """The output of a model for some rows, divided.

    Attributes:
        values: (n_groups, n_rows, n_features + 1), the bias last.
        margins: (n_groups, n_rows); what each row has to add up to, computed by the framework on
            its own.
    """

    values: NDArray[np.floating]
    margins: NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Explainer:
    """Divides the output of a model, on its link scale, among columns.

    Attributes:
        features: Names of the columns that the final estimator sees.
        sources: For each of them the column of the schema that it is made of, by position; None
            if one is made of several, or that is not known.
        link: From the scale to predictions. LOGIT has one group, that of the second class.
        classes: The labels of the predictor's predictions; None where it does not know them.
        tolerance: How far sums may be from margins, for a margin of 1 or smaller; relative beyond.
        reference: The baseline of contributions, in words.
        explain: From a frame that conforms to the schema, with at least one row, to its shares.
    """

    features: Names
    sources: tuple[int, ...] | None
    link: Link
    classes: tuple[Label, ...] | None
    tolerance: float
    reference: str
    explain: Callable[[Frame], Shares]


def adds_up(found: Numbers, expected: Numbers, tolerance: float) -> bool:
    """Return whether numbers are as expected, up to tolerance x max(1, |expected|).

    Numbers that are not finite have to be the same on both sides.
    """
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        near = np.abs(found - expected) <= tolerance * np.maximum(1.0, np.abs(expected))
    near &= np.isfinite(expected)
    return bool((same | near).all())


def predicted(sums: Numbers, link: Link) -> Numbers:
    """Return the predictions that sums on the scale of a link stand for.

    Args:
        sums: (n_groups, n_rows).
        link: LOGIT and the like have one group.

    Returns:
        (n_groups, n_rows); of LOGIT the chances of the class that the group is about.
    """
    with np.errstate(over="ignore"):
        if link is Link.LOG:
            return np.exp(sums)
        if link is Link.LOGIT:
            return 1.0 / (1.0 + np.exp(-sums))
    if link is Link.SOFTMAX:
        powers = np.exp(sums - sums.max(axis=0))
        return np.asarray(powers / powers.sum(axis=0), dtype=np.float64)
    return sums


def link_of_labels(n_groups: int, link: Link) -> Link:
    """Return the link of groups once they are those of the target's labels.

    Two groups of a softmax have become one of log-odds.
    """
    return Link.LOGIT if link is Link.SOFTMAX and n_groups == 1 else link
