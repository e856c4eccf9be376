"""Contributions of columns to the margins of XGBoost's boosters, as XGBoost computes them.

Trees: path-dependent SHAP values, relative to the training rows by the cover of the nodes. The
linear booster: weight times value. `base_score` is in the bias.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from drum_like.api import Link, Shares, Target, UnsupportedError

# Relative: type checkers know this package under its folder's name.
from .._shared.additive import FLOAT32, TRAINING_ROWS, ZERO, Additive, checked
from .._shared.native_calls import Values

Divided = tuple[Values, Values]
"""(n_rows, n_outputs, n_columns + 1) contributions with the bias last, (n_rows, n_outputs) margins;
either without the axis of the outputs if there is one."""

_LINKS = {
    "binary:logistic": Link.LOGIT,
    "reg:logistic": Link.LOGIT,
    "multi:softprob": Link.SOFTMAX,
    "count:poisson": Link.LOG,
    "reg:gamma": Link.LOG,
    "reg:tweedie": Link.LOG,
    "survival:aft": Link.LOG,
    "survival:cox": Link.LOG,
    "rank:map": Link.IDENTITY,
    "rank:ndcg": Link.IDENTITY,
    "rank:pairwise": Link.IDENTITY,
    "reg:absoluteerror": Link.IDENTITY,
    "reg:pseudohubererror": Link.IDENTITY,
    "reg:quantileerror": Link.IDENTITY,
    "reg:squarederror": Link.IDENTITY,
    "reg:squaredlogerror": Link.IDENTITY,
}
_CLASSES = {"multi:softmax": Link.SOFTMAX, "binary:logitraw": Link.LOGIT}
"""Objectives that the predictor turns into chances for targets that are classes."""


def additive(learner: dict[str, Any], target: Target, divide: Callable[[Any], Divided]) -> Additive:
    """Return a booster's output as sums.

    Args:
        learner: The booster's configuration.
        target: Target of the explanation.
        divide: From rows to what XGBoost says of them; called once at a time, since the library
            does not promise more.

    Raises:
        UnsupportedError: several targets, or an objective whose link is not known.
    """
    if int(learner["learner_model_param"].get("num_target", 1)) > 1:
        raise UnsupportedError("contributions of a booster with several targets are not supported")
    objective = str(learner["objective"]["name"])
    links = {**_LINKS, **_CLASSES} if target.type.is_classification else _LINKS
    link = links.get(objective)
    if objective == "binary:logitraw" and not target.type.is_classification:
        link = Link.IDENTITY
    linear = learner["gradient_booster"]["name"] == "gblinear"
    lock = Lock()

    def shares(rows: Any) -> Shares:
        with lock:
            values, margins = divide(rows)
        values = values if values.ndim == 3 else values[:, np.newaxis]
        margins = margins if margins.ndim == 2 else margins[:, np.newaxis]
        return Shares(np.moveaxis(values, 1, 0), margins.T)

    return Additive(
        checked(link, target, f"XGBoost's objective {objective}"),
        FLOAT32,
        ZERO if linear else TRAINING_ROWS,
        shares,
    )
