"""Contributions that custom.py computes: its hook `contributions(data, model)`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import HookError, TargetError
from drum_like.inference.pipeline import Limiter, Pipeline, apart
from drum_like.model.hooks import Hook, call
from drum_like.system.lazy import pd
from drum_like.types.explanation import Contributions, Kind, adds_up, predicted
from drum_like.types.frame import Frame
from drum_like.types.names import Names, listed
from drum_like.types.prediction import Prediction
from drum_like.types.target import Link, Target, TargetType

BIAS = "bias"
"""Name of the last column of the hook's answer."""

_FAILED = "Model 'contributions' hook failed to compute contributions."
_WRONG = "Model 'contributions' hook returned"
_LINKS = {TargetType.BINARY: Link.LOGIT, TargetType.MULTICLASS: Link.SOFTMAX}


@dataclass(frozen=True, slots=True)
class HookContributions:
    """Contributions that a hook of custom.py computes.

    Attributes:
        hook: The function.
        model: Its second argument.
        inputs: The names of the columns that callers send.
        pipeline: The prediction pipeline, to compare with.
        limiter: Entered around the hook.
    """

    hook: Hook
    model: Any
    inputs: Names
    pipeline: Pipeline
    limiter: Limiter

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """ORIGINAL: the hook sees the columns that callers send."""
        return (Kind.ORIGINAL,)

    @property
    def link(self) -> Link:
        """The link function: it turns sums of contributions into predictions."""
        return _LINKS.get(self.pipeline.target.type, Link.IDENTITY)

    @property
    def tolerance(self) -> float:
        """The tolerance of sums."""
        return 1e-4

    @property
    def reference(self) -> str:
        """The baseline of contributions, in words."""
        return "chosen by custom.py"

    def __call__(self, rows: Frame, kind: Kind) -> Contributions:  # noqa: ARG002 - there is one kind
        """Return the hook's contributions for rows; it is not called for no rows.

        Raises:
            HookError: it raised, or its answer is not what it has to be.
            DrumLikeError: as Pipeline.run.
        """
        target = self.pipeline.target
        multiclass = target.type is TargetType.MULTICLASS
        groups = target.order if multiclass else (None,)
        if rows.n_rows == 0:
            return Contributions(
                self.inputs, groups, np.empty((len(groups), 0, len(self.inputs) + 1))
            )
        with self.limiter:
            answer = call(self.hook, _FAILED, apart(rows).native, self.model)
        parts = _by_label(answer, target) if multiclass else [answer]
        values = np.stack([_checked(part, self.inputs, rows.n_rows) for part in parts])
        expected = columns_of(self.pipeline.run(rows), target)
        if not (np.isfinite(values).all(axis=2) | ~np.isfinite(expected)).all():
            raise HookError(f"{_WRONG} contributions that are missing or infinite")
        if not adds_up(predicted(values.sum(axis=2), self.link), expected, self.tolerance):
            raise HookError(
                f"{_WRONG} contributions that do not add up to the predictions; with the bias they "
                "have to: to the prediction of a number, to the log-odds of the positive class, to "
                "a margin before softmax for each class"
            )
        return Contributions(self.inputs, groups, values)


def columns_of(prediction: Prediction, target: Target) -> NDArray[np.float64]:
    """Return the predictions that contributions explain, as (n_groups, n_rows).

    A number has one group; so have two classes, where the group is the positive class.

    Raises:
        TargetError: a prediction is no number.
    """
    if not target.type.is_classification:
        return _numbers(prediction.column)[np.newaxis]
    found = list(map(str, prediction.labels or target.order))
    wanted = target.order[-1:] if target.type is TargetType.BINARY else target.order
    columns = [prediction.values[:, found.index(label)] for label in wanted]
    return np.asarray(columns, dtype=np.float64)


def _numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TargetError("predictions that are not numbers have no contributions") from error


def _by_label(answer: Any, target: Target) -> list[Any]:
    if not isinstance(answer, Mapping) or {*map(str, answer)} != {*target.order}:
        raise HookError(f"{_WRONG} no dictionary with a DataFrame for each class label")
    parts = {str(label): part for label, part in answer.items()}
    return [parts[label] for label in target.order]


def _checked(part: Any, inputs: Names, n_rows: int) -> NDArray[np.float64]:
    """Return one group of the hook's answer, its columns in the order of the inputs."""
    if not isinstance(part, pd.DataFrame):
        raise HookError(f"{_WRONG} {type(part).__name__} instead of a DataFrame")
    wanted = [*inputs, BIAS]
    if sorted(map(str, part.columns)) != sorted(wanted) or str(part.columns[-1]) != BIAS:
        raise HookError(
            f"{_WRONG} columns that are not those of the rows, {listed(inputs)}, and "
            f"{BIAS!r} as the last one"
        )
    if len(part) != n_rows:
        raise HookError(f"{_WRONG} {len(part)} rows of contributions for {n_rows} rows")
    names = list(map(str, part.columns[:-1]))
    try:
        values = part.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise HookError(f"{_WRONG} contributions that are not numbers") from error
    return values[:, [*(names.index(name) for name in inputs), len(inputs)]]
