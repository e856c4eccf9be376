"""The contributions that a loaded model gives, found out at load.

They are tried on made-up rows, where they have to lead to the predictions.
"""

import logging
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from drum_like.api import Contributor
from drum_like.errors import DrumLikeError, UnsupportedError
from drum_like.inference.explain.context import ExplainContext
from drum_like.inference.explain.hook_contributions import HookContributions, columns_of
from drum_like.inference.explain.model_contributions import ModelContributions
from drum_like.inference.pipeline import Pipeline
from drum_like.types.explanation import Contributions, Explainer, Kind, adds_up, predicted
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction
from drum_like.types.probe_rows import probe_rows
from drum_like.types.schema import Schema
from drum_like.types.target import Link, Target, TargetType

logger = logging.getLogger(__name__)

_TARGETS = frozenset(
    {TargetType.BINARY, TargetType.MULTICLASS, TargetType.REGRESSION, TargetType.ANOMALY}
)

_CHANCES = 1e-4
"""The tolerance of predictions; they are float32 numbers for many models."""


class ContributionSource(Protocol):
    """Source of contributions of columns."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of contributions that it gives."""

    @property
    def link(self) -> Link:
        """The link function: it turns the sums of the groups into predictions."""

    @property
    def tolerance(self) -> float:
        """The tolerance of its sums."""

    @property
    def reference(self) -> str:
        """The baseline of contributions, in words."""

    def __call__(self, rows: Frame, kind: Kind) -> Contributions:
        """Return the contributions to rows, or to no rows."""


def _fault(source: ContributionSource, pipeline: Pipeline, inputs: Schema) -> str:
    """Return the reason why contributions must not be offered, "" if there is none.

    Rows that the model itself refuses, or predicts no number for, prove nothing and are left out.
    """
    with np.errstate(all="ignore"):
        for row, prediction in _predicted(pipeline, inputs):
            for kind in source.kinds:
                try:
                    found = source(row, kind)
                except DrumLikeError as error:
                    return f"a made-up row failed: {error}"
                sums = predicted(found.values.sum(axis=2), source.link)
                if not adds_up(sums, columns_of(prediction, pipeline.target), _CHANCES):
                    return "for a made-up row they do not lead to the prediction that is served"
    return ""


def _predicted(pipeline: Pipeline, inputs: Schema) -> Iterator[tuple[Frame, Prediction]]:
    for row in probe_rows(inputs):
        try:
            prediction = pipeline.run(row)
            known = np.isfinite(columns_of(prediction, pipeline.target)).all()
        except DrumLikeError:
            continue
        if known:
            yield row, prediction


def source(context: ExplainContext) -> ContributionSource:
    """Return the source of contributions once it has passed the check.

    Raises:
        UnsupportedError: there is none, or it failed the check; says why.
    """
    target = context.pipeline.target
    if target.type not in _TARGETS:
        raise UnsupportedError(f"a target of type {target.type.value} has no contributions")
    found = _of_hook(context) or _of_model(context)
    reason = "" if context.inputs is None else _fault(found, context.pipeline, context.inputs)
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
            "hooks of custom.py see the rows or the predictions, so the model alone does not "
            "explain them; custom.py may offer a contributions hook"
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
