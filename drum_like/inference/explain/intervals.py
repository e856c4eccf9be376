"""The prediction intervals that a loaded model gives: their source, and those of a hook.

The hook is custom.py's `prediction_intervals(data, model)`.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import HookError, UnsupportedError
from drum_like.inference.explain import conformal
from drum_like.inference.explain.context import ExplainContext, IntervalSource, none
from drum_like.inference.pipeline import Limiter, apart
from drum_like.model.hooks import Hook, call
from drum_like.model.interval_settings import IntervalSettings, Method
from drum_like.system.lazy import pd
from drum_like.types.explanation import Intervals
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction
from drum_like.types.target import TargetType

logger = logging.getLogger(__name__)

_FAILED = "Model 'prediction_intervals' hook failed to compute intervals."
_WRONG = "Model 'prediction_intervals' hook returned"
_COLUMNS = ("lower", "upper")


@dataclass(frozen=True, slots=True)
class HookIntervals:
    """Prediction intervals that a hook of custom.py computes.

    Attributes:
        hook: The function.
        model: Its second argument.
        limiter: Entered around the hook.
    """

    hook: Hook
    model: Any
    limiter: Limiter

    def __call__(self, rows: Frame, prediction: Prediction) -> Intervals:  # noqa: ARG002 - an IntervalSource
        """Return the hook's bounds; it is not called for no rows.

        Raises:
            HookError: it raised, or its answer is not what it has to be.
        """
        if rows.n_rows == 0:
            return none()
        with self.limiter:
            answer = call(self.hook, _FAILED, apart(rows).native, self.model)
        values = _checked(answer, rows.n_rows)
        return Intervals(values[:, 0], values[:, 1])


def source(context: ExplainContext) -> IntervalSource:
    """Return the source of intervals.

    Raises:
        UnsupportedError: there is none; says why.
    """
    settings = context.intervals
    if settings is None and context.hooks.prediction_intervals is None:
        raise UnsupportedError("model-metadata.yaml has no prediction_intervals")
    try:
        return _as_told(context, settings)
    except UnsupportedError as error:
        logger.warning("prediction intervals are not offered: %s", error)
        raise


def _as_told(context: ExplainContext, settings: IntervalSettings | None) -> IntervalSource:
    if context.pipeline.target.type is not TargetType.REGRESSION:
        raise UnsupportedError("only targets of type regression have prediction intervals")
    if settings is None or settings.method is Method.HOOK:
        return _of_hook(context)
    if settings.method is Method.QUANTILE_PAIR:
        return conformal.from_models(context, settings)
    return conformal.from_file(context, settings)


def _of_hook(context: ExplainContext) -> IntervalSource:
    hook = context.hooks.prediction_intervals
    if hook is None:
        raise UnsupportedError("custom.py defines no prediction_intervals hook")
    return HookIntervals(hook, context.model, context.hook_limiter)


def _checked(answer: Any, n_rows: int) -> NDArray[np.float64]:
    if not isinstance(answer, pd.DataFrame) or sorted(map(str, answer.columns)) != [*_COLUMNS]:
        raise HookError(f"{_WRONG} no DataFrame with the columns 'lower' and 'upper'")
    if len(answer) != n_rows:
        raise HookError(f"{_WRONG} {len(answer)} intervals for {n_rows} rows")
    try:
        values = answer[[*_COLUMNS]].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise HookError(f"{_WRONG} bounds that are not numbers") from error
    if not np.isfinite(values).all() or (values[:, 0] > values[:, 1]).any():
        raise HookError(f"{_WRONG} bounds that are missing, infinite, or the lower above the upper")
    return values
