"""Which prediction intervals a loaded model gives, found out at load."""

import logging

from drum_like.errors import UnsupportedError
from drum_like.inference.explain import conformal
from drum_like.inference.explain import conformal as split_conformal
from drum_like.inference.explain.context import BoundSource, Subject
from drum_like.inference.explain.hook_intervals import HookBounds
from drum_like.model.interval_settings import IntervalSettings, Method
from drum_like.types.target import TargetType

logger = logging.getLogger(__name__)


def source(subject: Subject) -> BoundSource:
    """Return the source of intervals.

    Raises:
        UnsupportedError: there is none; says why.
    """
    settings = subject.intervals
    if settings is None and subject.hooks.prediction_intervals is None:
        raise UnsupportedError("model-metadata.yaml has no prediction_intervals")
    try:
        return _as_told(subject, settings)
    except UnsupportedError as error:
        logger.warning("prediction intervals are not offered: %s", error)
        raise


def _as_told(subject: Subject, settings: IntervalSettings | None) -> BoundSource:
    if subject.pipeline.target.type is not TargetType.REGRESSION:
        raise UnsupportedError("only targets of type regression have prediction intervals")
    if settings is None or settings.method is Method.HOOK:
        return _of_hook(subject)
    if settings.method is Method.QUANTILE_PAIR:
        return conformal.from_models(subject, settings)
    return split_conformal.from_file(subject, settings)


def _of_hook(subject: Subject) -> BoundSource:
    hook = subject.hooks.prediction_intervals
    if hook is None:
        raise UnsupportedError("custom.py defines no prediction_intervals hook")
    return HookBounds(hook, subject.model, subject.hook_gate)
