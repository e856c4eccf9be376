"""Split conformal prediction: residuals of rows that the model was not fitted on.

Source: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, JASA 2018, arXiv 1604.04173.
"""

from dataclasses import dataclass

import numpy as np

from drum_like.inference.explain import ranks
from drum_like.inference.explain import residuals as residual_file
from drum_like.inference.explain.context import Subject
from drum_like.model.interval_settings import IntervalSettings, Method
from drum_like.types.explanation import Intervals
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction


@dataclass(frozen=True, slots=True)
class ResidualBounds:
    """The same distances for all rows.

    Attributes:
        below: From a prediction to its lower bound, usually negative.
        above: From it to the upper one.
    """

    below: float
    above: float

    def __call__(self, rows: Frame, prediction: Prediction) -> Intervals:  # noqa: ARG002 - a BoundSource
        """Return the predictions with the distances added."""
        values = np.asarray(prediction.column, dtype=np.float64)
        return Intervals(values + self.below, values + self.above)


def from_file(subject: Subject, settings: IntervalSettings) -> ResidualBounds:
    """Return the bounds that the residuals of a model directory give.

    Raises:
        UnsupportedError: the file is missing, is none, is about another model file, or holds too
            few residuals for the level.
    """
    residuals = residual_file.sample(subject, settings, residual_file.RESIDUAL)
    if settings.method is Method.ASYMMETRIC:
        low, high = ranks.asymmetric(len(residuals), settings.level)
        return ResidualBounds(residuals[low - 1], residuals[high - 1])
    sizes = sorted(map(abs, residuals))
    largest = sizes[ranks.symmetric(len(sizes), settings.level) - 1]
    return ResidualBounds(-largest, largest)
