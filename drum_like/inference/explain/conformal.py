"""Conformal intervals: from residuals of one model, or between two quantile models."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import LoadError, UnsupportedError
from drum_like.inference import target_rules
from drum_like.inference.batching import Gathering
from drum_like.inference.explain import residuals
from drum_like.inference.explain.context import ExplainContext, none, ordered
from drum_like.inference.pipeline import predictor_score_step
from drum_like.model.artifact import Artifact, artifact_kinds, load_artifact, predictor_for
from drum_like.model.directory import HEAD_BYTES
from drum_like.model.interval_settings import IntervalSettings, Method
from drum_like.types.explanation import Intervals
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction

Values = NDArray[np.float64]


Score = Callable[[Frame], Values]
"""From rows as callers send them to (n_rows,) predictions."""


@dataclass(frozen=True, slots=True)
class QuantileIntervals:
    """The predictions of two models.

    Attributes:
        lower: The model of the lower quantile.
        upper: That of the upper one.
        margin: Added on both sides; 0 without conformity scores.
    """

    lower: Score
    upper: Score
    margin: float = 0.0

    def __call__(self, rows: Frame, prediction: Prediction) -> Intervals:  # noqa: ARG002 - an IntervalSource
        """Return the two predictions of each row; where they cross, in order.

        Raises:
            DrumLikeError: a model refuses the rows, or failed.
        """
        if rows.n_rows == 0:
            return none()
        return ordered(self.lower(rows) - self.margin, self.upper(rows) + self.margin)


def from_models(context: ExplainContext, settings: IntervalSettings) -> QuantileIntervals:
    """Return the bounds that two further models of a directory give.

    Raises:
        UnsupportedError: hooks stand between callers and models, a file is missing or does not
            load, or the scores are too few for the level.
    """
    if context.hooks.sees_rows:
        raise UnsupportedError("hooks of custom.py see the rows; the models of quantiles would not")
    lower = _model(context, settings.lower_model or "")
    upper = _model(context, settings.upper_model or "")
    if settings.residuals is None:
        return QuantileIntervals(lower, upper)
    scores = residuals.sample(context, settings, residuals.SCORE)
    return QuantileIntervals(
        lower, upper, scores[residuals.symmetric(len(scores), settings.level) - 1]
    )


def _model(context: ExplainContext, name: str) -> Score:
    target = context.pipeline.target
    try:
        artifact = _artifact(residuals.inside(context.directory, name))
        predictor = predictor_for(load_artifact(artifact, no_pickle=context.no_pickle))
    except LoadError as error:
        raise UnsupportedError(f"{name} does not become a model: {error}") from error
    alone = Gathering(partial(predictor.predict, target=target), context.predict_limiter)
    step = predictor_score_step(alone.predict, predictor.schema, target)

    def score(frame: Frame) -> Values:
        raw = target_rules.apply(step(frame, None), target)
        target_rules.check_rows(raw, frame.n_rows, target)
        return np.asarray(raw.column, dtype=np.float64)

    return score


def _artifact(path: Path) -> Artifact:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    for kind in artifact_kinds():
        if path.name.lower().endswith(kind.suffixes) and kind.claims(head):
            return Artifact(path, kind)
    raise UnsupportedError(f"{path.name} is no model file that an installed plugin reads")


@dataclass(frozen=True, slots=True)
class ResidualIntervals:
    """The same distances for all rows.

    Attributes:
        below: From a prediction to its lower bound, usually negative.
        above: From it to the upper one.
    """

    below: float
    above: float

    def __call__(self, rows: Frame, prediction: Prediction) -> Intervals:  # noqa: ARG002 - an IntervalSource
        """Return the predictions with the distances added."""
        values = np.asarray(prediction.column, dtype=np.float64)
        return Intervals(values + self.below, values + self.above)


def from_file(context: ExplainContext, settings: IntervalSettings) -> ResidualIntervals:
    """Return the bounds that the residuals of a model directory give.

    Raises:
        UnsupportedError: the file is missing, is none, is about another model file, or holds too
            few residuals for the level.
    """
    found = residuals.sample(context, settings, residuals.RESIDUAL)
    if settings.method is Method.ASYMMETRIC:
        low, high = residuals.asymmetric(len(found), settings.level)
        return ResidualIntervals(found[low - 1], found[high - 1])
    sizes = sorted(map(abs, found))
    largest = sizes[residuals.symmetric(len(sizes), settings.level) - 1]
    return ResidualIntervals(-largest, largest)
