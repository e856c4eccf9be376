"""Intervals that custom.py computes: its hook `prediction_intervals(data, model)`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import HookError
from drum_like.inference.explain.context import none
from drum_like.inference.pipeline import Limiter
from drum_like.model.hooks import Hook, call
from drum_like.system.lazy import pd
from drum_like.types.explanation import Intervals
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction

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

    def __call__(self, rows: Frame, prediction: Prediction) -> Intervals:  # noqa: ARG002 - a BoundSource
        """Return the hook's bounds; it is not called for no rows.

        Raises:
            HookError: it raised, or its answer is not what it has to be.
        """
        if rows.n_rows == 0:
            return none()
        with self.limiter:
            answer = call(self.hook, _FAILED, rows.native, self.model)
        values = _checked(answer, rows.n_rows)
        return Intervals(values[:, 0], values[:, 1])


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
