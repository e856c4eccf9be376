"""Which contributions a loaded model gives, found out at load."""

import logging

from drum_like.api import Contributor
from drum_like.errors import UnsupportedError
from drum_like.inference.explain.context import ExplainContext
from drum_like.inference.explain.hook_contributions import HookContributions
from drum_like.inference.explain.model_contributions import ModelContributions
from drum_like.inference.explain.self_check import ContributionSource, fault
from drum_like.types.explanation import Explainer
from drum_like.types.target import Target, TargetType

logger = logging.getLogger(__name__)

_TARGETS = frozenset(
    {TargetType.BINARY, TargetType.MULTICLASS, TargetType.REGRESSION, TargetType.ANOMALY}
)


def source(context: ExplainContext) -> ContributionSource:
    """Return the source of contributions once it has passed the check.

    Raises:
        UnsupportedError: there is none, or it failed the check; says why.
    """
    target = context.pipeline.target
    if target.type not in _TARGETS:
        raise UnsupportedError(f"a target of type {target.type.value} has no contributions")
    found = _of_hook(context) or _of_model(context)
    reason = "" if context.inputs is None else fault(found, context.pipeline, context.inputs)
    if reason:
        logger.warning("contributions are withdrawn: %s", reason)
        raise UnsupportedError(f"withdrawn: {reason}")
    return found


def _of_hook(context: ExplainContext) -> ContributionSource | None:
    hook = context.hooks.contributions
    if hook is None:
        return None
    if context.inputs is None:
        raise UnsupportedError(
            "the contributions hook needs the columns that callers send: declare them as "
            "inputSchema in model-metadata.yaml"
        )
    names = context.inputs.names
    return HookContributions(hook, context.model, names, context.pipeline, context.hook_limiter)


def _of_model(context: ExplainContext) -> ContributionSource:
    predictor: object = context.predictor
    if context.hooks.sees_rows:
        raise UnsupportedError(
            "hooks of custom.py see the rows or the predictions, so that the model alone does not "
            "tell; custom.py may offer a contributions hook"
        )
    if not isinstance(predictor, Contributor):
        raise UnsupportedError("this kind of model has no contributions")
    if context.schema is None or context.inputs is None:
        raise UnsupportedError("the columns of the model are not known")
    explainer = _explainer(predictor, context.pipeline.target)
    names = context.inputs.names
    shares = ModelContributions(
        explainer, context.schema, names, context.pipeline.target, context.predict_limiter
    )
    shares.check()
    return shares


def _explainer(predictor: Contributor, target: Target) -> Explainer:
    """Return the framework's side; whatever it fails with, the model itself still predicts."""
    try:
        return predictor.explainer(target)
    except UnsupportedError:
        raise
    except Exception as error:
        logger.warning("contributions are not offered", exc_info=error)
        kind = type(error).__name__
        raise UnsupportedError(f"the model could not be taken apart. Exception: {kind}") from error
