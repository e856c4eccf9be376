"""Contributions of columns to the margins of XGBoost's boosters, as XGBoost computes them.

Trees: path-dependent SHAP values, relative to the training rows by the cover of the nodes. The
linear booster: weight times value. `base_score` is in the bias.
"""

import json
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import xgboost as xgb

from drum_like.api import Link, Shares, Target, UnsupportedError

# Relative: type checkers know this package under its folder's name.
from .additive import FLOAT32, TRAINING_ROWS, ZERO, Additive, checked

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


def additive(
    booster: xgb.Booster,
    learner: dict[str, Any],
    target: Target,
    rounds: tuple[int, int],
    matrix: Callable[[Any], xgb.DMatrix],
) -> Additive:
    """Return a booster's output as sums.

    Args:
        booster: One output, or one a class.
        learner: Its configuration.
        target: What it is asked for.
        rounds: The boosting rounds that predict; (0, 0) is all of them.
        matrix: From rows to XGBoost's own form of them.

    Raises:
        UnsupportedError: several targets, or an objective whose link is not known.
    """
    if int(learner["learner_model_param"].get("num_target", 1)) > 1:
        raise UnsupportedError("contributions of a booster with several targets are not told")
    objective = str(learner["objective"]["name"])
    links = {**_LINKS, **_CLASSES} if target.type.is_classification else _LINKS
    link = links.get(objective)
    if objective == "binary:logitraw" and not target.type.is_classification:
        link = Link.IDENTITY
    linear = learner["gradient_booster"]["name"] == "gblinear"
    lock = Lock()  # of a library that does not promise it for this call

    def divide(rows: Any) -> Shares:
        data = matrix(rows)
        with lock:
            values = booster.predict(
                data, pred_contribs=True, iteration_range=rounds, strict_shape=True
            )
            margins = booster.predict(
                data, output_margin=True, iteration_range=rounds, strict_shape=True
            )
        return Shares(np.moveaxis(values, 1, 0), margins.T)

    return Additive(
        checked(link, target, f"XGBoost's objective {objective}"),
        FLOAT32,
        ZERO if linear else TRAINING_ROWS,
        divide,
    )


def of_estimator(
    model: Any, target: Target, matrix: Callable[[Any], xgb.DMatrix] | None = None
) -> Additive:
    """Return the output of an estimator of xgboost.sklearn as sums.

    Args:
        model: The fitted estimator.
        target: What it is asked for.
        matrix: From rows to XGBoost's own form of them; None for rows as the estimator takes them.

    Raises:
        UnsupportedError: a class of the user's own, classes as numbers, or as `additive`.
    """
    if not is_plain(model):
        raise UnsupportedError(
            f"what {type(model).__name__} adds to its booster is not known, and so are its sums"
        )
    if hasattr(model, "classes_") and not target.type.is_classification:
        raise UnsupportedError("a classifier that predicts the numbers of classes has no sums")
    booster = model.get_booster()
    learner = json.loads(booster.save_config())["learner"]
    linear = learner["gradient_booster"]["name"] == "gblinear"
    rounds = (0, 0) if linear else rounds_of(model)
    return additive(booster, learner, target, rounds, matrix or partial(_as_given, model))


def is_plain(model: Any) -> bool:
    """Return whether an estimator asks its booster and nothing else."""
    return type(model).__module__ == "xgboost.sklearn" and isinstance(model.missing, (int, float))


def rounds_of(model: Any) -> tuple[int, int]:
    """Return the rounds that an estimator predicts with: up to the best, if it knows it."""
    try:
        return (0, int(model.best_iteration) + 1)
    except AttributeError:
        return (0, 0)


def _as_given(model: Any, rows: Any) -> xgb.DMatrix:
    categorical = bool(getattr(model, "enable_categorical", False))
    return xgb.DMatrix(rows, missing=model.missing, enable_categorical=categorical)
