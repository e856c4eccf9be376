"""Contributions of columns to the raw scores of LightGBM's boosters, as LightGBM computes them.

Path-dependent SHAP values, relative to the training rows by the counts of the nodes.
"""

import re
from typing import Any

import lightgbm as lgb
import numpy as np

from drum_like.api import Link, Matrix, Shares, Target, UnsupportedError

# Relative: type checkers know this package under its folder's name.
from .._shared.additive import FLOAT64, TRAINING_ROWS, Additive, checked

_LINKS = {
    "binary": Link.LOGIT,
    "cross_entropy": Link.LOGIT,
    "multiclass": Link.SOFTMAX,
    "gamma": Link.LOG,
    "poisson": Link.LOG,
    "tweedie": Link.LOG,
    "fair": Link.IDENTITY,
    "huber": Link.IDENTITY,
    "lambdarank": Link.IDENTITY,
    "mape": Link.IDENTITY,
    "quantile": Link.IDENTITY,
    "rank_xendcg": Link.IDENTITY,
    "regression": Link.IDENTITY,
    "regression_l1": Link.IDENTITY,
}


def additive(booster: lgb.Booster, target: Target) -> Additive:
    """Return a booster's output as sums, for dense (n_rows, n_columns) float64 rows.

    Raises:
        UnsupportedError: trees of linear models, or an objective whose link is not known.
    """
    text = booster.model_to_string(num_iteration=1)
    if re.search(r"^is_linear=1$|^\[linear_tree: 1\]$", text, re.MULTILINE):
        raise UnsupportedError("LightGBM computes no contributions for trees of linear models")
    found = re.search(r"^objective=(.*)$", text, re.MULTILINE)
    name, *options = (found[1] if found else "none").split(" ")
    steepness = [float(o.partition(":")[2]) for o in options if o.startswith("sigmoid:")]
    # Log-odds are the raw score times the steepness of the sigmoid, which is 1 unless set; the raw
    # score of a random forest is the sum of its trees, where the prediction is their average.
    scale = steepness[0] if steepness else 1.0
    if re.search(r"^average_output$", text, re.MULTILINE):
        scale /= (
            booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
        )
    link = None if "sqrt" in options else _LINKS.get(name)

    def divide(rows: Matrix) -> Shares:
        margins = np.asarray(booster.predict(rows, raw_score=True)).reshape(len(rows), -1)
        shares = np.asarray(booster.predict(rows, pred_contrib=True))
        values = shares.reshape(len(rows), margins.shape[1], -1)
        return Shares(np.moveaxis(values, 1, 0) * scale, margins.T * scale)

    checked_link = checked(link, target, f"LightGBM's objective {name}")
    return Additive(checked_link, FLOAT64, TRAINING_ROWS, divide)


def of_estimator(model: Any, target: Target) -> Additive:
    """Return the output of an estimator of lightgbm.sklearn as sums, for dense rows.

    Raises:
        UnsupportedError: a class of the user's own, classes as numbers, or as `additive`.
    """
    if not type(model).__module__.startswith("lightgbm.") or callable(model.objective_):
        raise UnsupportedError(
            f"what {type(model).__name__} adds to its booster is not known, and so are its sums"
        )
    if hasattr(model, "classes_") and not target.type.is_classification:
        raise UnsupportedError("a classifier that predicts the numbers of classes has no sums")
    return additive(model.booster_, target)
