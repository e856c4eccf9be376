"""Which prediction intervals a loaded model gives, found out at load."""

import logging

from drum_like.errors import UnsupportedError
from drum_like.inference.explain import conformal
from drum_like.inference.explain import conformal as split_conformal
from drum_like.inference.explain.context import ExplainContext, IntervalSource
from drum_like.inference.explain.hook_intervals import HookIntervals
from drum_like.model.interval_settings import IntervalSettings, Method
from drum_like.types.target import TargetType

logger = logging.getLogger(__name__)


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
    return split_conformal.from_file(context, settings)


def _of_hook(context: ExplainContext) -> IntervalSource:
    hook = context.hooks.prediction_intervals
    if hook is None:
        raise UnsupportedError("custom.py defines no prediction_intervals hook")
    return HookIntervals(hook, context.model, context.hook_limiter)
