"""What a model says about its own predictions: contributions of columns, and intervals."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray


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
