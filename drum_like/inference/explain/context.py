"""A loaded model as the sources of explanations see it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drum_like.api import Predictor
from drum_like.inference.pipeline import Limiter, Pipeline
from drum_like.model.hooks import Hooks
from drum_like.model.interval_settings import IntervalSettings
from drum_like.system.cpus import PredictLimiter
from drum_like.types.explanation import Intervals
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction
from drum_like.types.schema import Schema


@dataclass(frozen=True, slots=True)
class ExplainContext:
    """A model that predicts rows, with the settings of its directory.

    Attributes:
        hooks: The hooks of custom.py.
        model: The framework's object, or what load_model returned.
        predictor: Wraps it where no hook scores; else None.
        pipeline: The prediction pipeline.
        schema: The columns that the model knows, None if it takes any.
        inputs: The columns that callers send, None if they are unknown.
        hook_limiter: Entered around calls into custom.py.
        predict_limiter: Entered around calls into the framework.
        directory: The model directory.
        sha256: Of the model file, None without one.
        intervals: How prediction intervals are made, None if the metadata do not say.
        no_pickle: Whether files that can run code are refused.
    """

    hooks: Hooks
    model: Any
    predictor: Predictor | None
    pipeline: Pipeline
    schema: Schema | None
    inputs: Schema | None
    hook_limiter: Limiter
    predict_limiter: PredictLimiter
    directory: Path
    sha256: str | None = None
    intervals: IntervalSettings | None = None
    no_pickle: bool = False


class IntervalSource(Protocol):
    """Source of prediction intervals."""

    def __call__(self, rows: Frame, prediction: Prediction) -> Intervals:
        """Return the bounds for rows and their predictions, or for no rows."""


def ordered(one: NDArray[np.float64], other: NDArray[np.float64]) -> Intervals:
    """Return the bounds, the smaller one of each row first: quantiles of two models may cross."""
    return Intervals(np.minimum(one, other), np.maximum(one, other))


def none() -> Intervals:
    """Return the bounds of no rows."""
    return Intervals(np.empty(0), np.empty(0))
