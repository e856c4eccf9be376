"""Which contributions a loaded model gives, found out at load."""

import logging

from drum_like.api import Contributor
from drum_like.errors import UnsupportedError
from drum_like.inference.explain.context import Subject
from drum_like.inference.explain.hook_contributions import HookShares
from drum_like.inference.explain.model_contributions import ModelShares
from drum_like.inference.explain.self_check import ShareSource, fault
from drum_like.types.explanation import Explainer
from drum_like.types.target import Target, TargetType

logger = logging.getLogger(__name__)

_TARGETS = frozenset(
    {TargetType.BINARY, TargetType.MULTICLASS, TargetType.REGRESSION, TargetType.ANOMALY}
)


def source(subject: Subject) -> ShareSource:
    """Return the source of contributions once it has passed the check.

    Raises:
        UnsupportedError: there is none, or it failed the check; says why.
    """
    target = subject.pipeline.target
    if target.type not in _TARGETS:
        raise UnsupportedError(f"a target of type {target.type.value} has no contributions")
    found = _of_hook(subject) or _of_model(subject)
    reason = "" if subject.inputs is None else fault(found, subject.pipeline, subject.inputs)
    if reason:
        logger.warning("contributions are withdrawn: %s", reason)
        raise UnsupportedError(f"withdrawn: {reason}")
    return found


def _of_hook(subject: Subject) -> ShareSource | None:
    hook = subject.hooks.contributions
    if hook is None:
        return None
    if subject.inputs is None:
        raise UnsupportedError(
            "the contributions hook needs the columns that callers send: declare them as "
            "inputSchema in model-metadata.yaml"
        )
    names = subject.inputs.names
    return HookShares(hook, subject.model, names, subject.pipeline, subject.hook_gate)


def _of_model(subject: Subject) -> ShareSource:
    predictor: object = subject.predictor
    if subject.hooks.sees_rows:
        raise UnsupportedError(
            "hooks of custom.py see the rows or the predictions, so that the model alone does not "
            "tell; custom.py may offer a contributions hook"
        )
    if not isinstance(predictor, Contributor):
        raise UnsupportedError("this kind of model has no contributions")
    if subject.schema is None or subject.inputs is None:
        raise UnsupportedError("the columns of the model are not known")
    explainer = _explainer(predictor, subject.pipeline.target)
    names = subject.inputs.names
    shares = ModelShares(
        explainer, subject.schema, names, subject.pipeline.target, subject.predict_gate
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
