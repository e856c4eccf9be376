"""The steps of a structured request that hooks take: transform and score."""

from collections.abc import Callable
from typing import Any

from drum_like.errors import TargetError
from drum_like.inference import hook_output
from drum_like.inference.pipeline import Score
from drum_like.model.datarobot_alias import user_target_type
from drum_like.model.hooks import Hook, Hooks, call, parameters_of
from drum_like.system.lazy import pd
from drum_like.types.frame import Frame, NativeFrame
from drum_like.types.payload import Payload
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target, TargetType

TRANSFORM_FAILED = "Model 'transform hook' failed to transform dataset."
SCORE_FAILED = "Model 'score' hook failed to make predictions."


def transform_step(hooks: Hooks, model: Any) -> Callable[[Frame], Frame] | None:
    """Return the second step: the transform hook, None without one."""
    hook = hooks.transform
    if hook is None:
        return None

    def transform(frame: Frame) -> Frame:
        output = call(hook, TRANSFORM_FAILED, frame.native, model)
        if not isinstance(output, pd.DataFrame):
            raise TargetError(f"transform must return a dataframe, but received {type(output)}")
        return NativeFrame(output)

    return transform


def hook_score_step(hook: Hook, model: Any, target: Target) -> Score:
    """Return the third step for a directory with a score hook."""
    of_target = {"target_type": user_target_type(target.type), **_label_arguments(target)}
    parameters = parameters_of(hook)

    def score(frame: Frame, payload: Payload | None) -> Prediction:
        arguments = {**_payload_arguments(payload), **of_target, **parameters()}
        output = call(hook, SCORE_FAILED, frame.native, model, **arguments)
        return hook_output.read(output, target)

    return score


def _payload_arguments(payload: Payload | None) -> dict[str, Any]:
    """Return the arguments of a score hook about the payload, which it gets without one, too."""
    if payload is None:
        return {"binary_data": b"", "mimetype": None, "charset": None, "sparse_colnames": None}
    charset = {} if payload.from_file else {"charset": payload.charset}
    return {
        "binary_data": payload.body,
        "mimetype": payload.mimetype,
        **charset,
        "sparse_colnames": None if payload.columns is None else list(payload.columns),
    }


def _label_arguments(target: Target) -> dict[str, Any]:
    if target.type is TargetType.BINARY:
        positive, negative = target.labels
        return {"positive_class_label": positive, "negative_class_label": negative}
    return {"class_labels": list(target.labels)} if target.type.is_classification else {}
