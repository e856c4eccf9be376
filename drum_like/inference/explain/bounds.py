"""What gives prediction intervals, whatever it takes them from."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drum_like.types.explanation import Intervals
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction


class BoundSource(Protocol):
    """What says where the target probably lies."""

    def __call__(self, rows: Frame, prediction: Prediction) -> Intervals:
        """Return the bounds for rows and their predictions, or for no rows."""


def ordered(one: NDArray[np.float64], other: NDArray[np.float64]) -> Intervals:
    """Return bounds, the smaller one of each row below: quantiles of two models may cross."""
    return Intervals(np.minimum(one, other), np.maximum(one, other))


def none() -> Intervals:
    """Return the bounds of no rows."""
    return Intervals(np.empty(0), np.empty(0))
