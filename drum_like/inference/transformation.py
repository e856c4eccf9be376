"""The path of transform models: X (and y) in, transformed X out.

Source of rules and texts: DRUM 1.18.1, observed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from drum_like.api import Transformer
from drum_like.errors import DrumLikeError, HookError, LoadError, PredictorError, TargetError
from drum_like.inference.hook_steps import TRANSFORM_FAILED
from drum_like.model.hooks import Hook, call
from drum_like.system.lazy import pd, sparse
from drum_like.types.frame import Frame
from drum_like.types.schema import Schema

Transform = Callable[[Frame, "pd.DataFrame | None"], Any]
"""From rows and the target sent beside them to whatever a hook or framework makes of them."""
NO_TRANSFORM = (
    "A transform task requires a user-defined transform hook for non-sklearn transformers"
)

Check = Callable[["pd.DataFrame"], list[str]]
"""From transformed rows to what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Transformed:
    """Result of a transformation, the answer of /transform/.

    Attributes:
        x: The transformed rows; sparse columns where the model made them so.
        y: The target as it was sent, None if none was.
    """

    x: pd.DataFrame
    y: pd.DataFrame | None = None


def step(hook: Hook | None, model: Any, predictor: object, schema: Schema | None) -> Transform:
    """Return the function that transforms a frame: the hook, or the predictor if its model can.

    Raises:
        LoadError: there is neither.
    """
    if hook is not None:
        return _hook_step(hook, model)
    if not isinstance(predictor, Transformer):
        raise LoadError(NO_TRANSFORM)
    return _predictor_step(predictor, schema)


def apply(transform: Transform, frame: Frame, y: pd.DataFrame | None) -> Transformed:
    """Return the transformed rows, checked.

    Raises:
        TargetError: not a DataFrame, or another number of rows.
        HookError: the hook raised.
    """
    n_rows = frame.n_rows
    output = transform(frame, y)
    if isinstance(output, tuple):
        raise HookError(
            TRANSFORM_FAILED,
            "Exception: DrumTransformException('Transformation of the target variable is not "
            "supported by DRUM.')",
        )
    if not isinstance(output, pd.DataFrame):
        raise TargetError(f"transform must return a dataframe, but received {type(output)}")
    if len(output) != n_rows:
        raise TargetError("Transformation resulted in different number of rows than original data")
    return Transformed(output, y)


def _hook_step(hook: Hook, model: Any) -> Transform:
    arity = len(inspect.signature(hook).parameters)

    def transform(frame: Frame, y: pd.DataFrame | None) -> Any:
        if arity == 2:
            return call(hook, TRANSFORM_FAILED, frame.native, model)
        if arity == 3:
            return call(hook, TRANSFORM_FAILED, frame.native, model, y)
        raise HookError(
            TRANSFORM_FAILED,
            "Exception: ValueError('Transform hook must take 2 or 3 arguments; "
            f"hook provided takes {arity}')",
        )

    return transform


def _predictor_step(predictor: Transformer, schema: Schema | None) -> Transform:
    def transform(frame: Frame, _: pd.DataFrame | None) -> Any:
        conformed = frame if schema is None else schema.conform(frame)
        try:
            return _as_frame(predictor.transform(conformed))
        except DrumLikeError:
            raise
        except Exception as error:
            kind = type(error).__name__
            raise PredictorError(f"{TRANSFORM_FAILED} Exception: {kind}") from error

    return transform


def _as_frame(output: Any) -> Any:
    """Return a transformer's output as a DataFrame; columns without names are numbered."""
    if sparse.issparse(output):
        accessor: Any = pd.DataFrame.sparse
        return accessor.from_spmatrix(output)
    if isinstance(output, np.ndarray):
        return pd.DataFrame(output)
    return output
