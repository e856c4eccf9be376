"""Estimators of scikit-learn whose output is a sum over their columns.

Linear models: weight times value, relative to zero in every column, which is the mean of the
training rows where a StandardScaler stands before. Trees and sums of trees: path-dependent Shapley
values. Left out are those whose trees add up chances (the sums would be no log-odds), and
HistGradientBoosting, whose trees are not public.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import ensemble, linear_model, tree
from sklearn.dummy import DummyClassifier, DummyRegressor

from drum_like.api import Link, Shares, Target, UnsupportedError

# Relative: type checkers know this package under its folder's name.
from ..estimators import FLOAT64_TOLERANCE, TRAINING_ROWS, ZERO, AdditiveModel, check_link
from .tree_shap import Forest, TreeContributions

Values = NDArray[Any]

_LINEAR = (
    linear_model.ARDRegression,
    linear_model.BayesianRidge,
    linear_model.ElasticNet,
    linear_model.HuberRegressor,
    linear_model.Lars,
    linear_model.LinearRegression,
    linear_model.OrthogonalMatchingPursuit,
    linear_model.QuantileRegressor,
    linear_model.Ridge,
    linear_model.RidgeCV,
    linear_model.SGDRegressor,
    linear_model.TheilSenRegressor,
)
_LOG_LINEAR = (linear_model.GammaRegressor, linear_model.PoissonRegressor)
_FORESTS = (ensemble.ExtraTreesRegressor, ensemble.RandomForestRegressor)
_ADD_CHANCES = (
    ensemble.ExtraTreesClassifier,
    ensemble.RandomForestClassifier,
    tree.DecisionTreeClassifier,
)

MOST_NODES = 1_000_000
"""Nodes beyond which the memory for contributions, some 100 bytes a node, is not taken."""

_FRAMEWORKS = {"xgboost": "..xgboost.package", "lightgbm": "..lightgbm.booster"}
"""Modules that know the estimators of other packages; imported where such a model is there."""


def additive_model(model: Any, target: Target) -> AdditiveModel:
    """Return the output of a fitted estimator as sums over its columns.

    Raises:
        UnsupportedError: it is none, or not for this target.
    """
    package = type(model).__module__.partition(".")[0]
    if package in _FRAMEWORKS:
        return _of_framework(model, target, package)
    if package != "sklearn":
        raise UnsupportedError(
            f"what {type(model).__name__} adds to its estimator is not known, and so are its sums"
        )
    for kinds, rule in _RULES:
        if isinstance(model, kinds):
            return rule(model, target)
    name = type(model).__name__
    if isinstance(model, _ADD_CHANCES):
        raise UnsupportedError(f"the trees of {name} add up to a chance, not to log-odds")
    raise UnsupportedError(f"the output of {name} is no known sum over its columns")


def _of_framework(model: Any, target: Target, package: str) -> AdditiveModel:
    module = import_module(_FRAMEWORKS[package], __package__)
    found: AdditiveModel = module.additive_estimator(model, target)
    if package == "xgboost":
        # It takes what is absent in sparse rows for missing, when it predicts as well.
        return found
    return replace(found, contributions=lambda rows: found.contributions(dense(rows)))


def dense(rows: Any) -> Values:
    """Return the rows of a transformer as an array; absent cells of a sparse one are 0."""
    made: Any = rows
    return np.asarray(made.toarray() if sparse.issparse(rows) else made)


def _linear(model: Any, target: Target) -> AdditiveModel:
    weights = np.atleast_2d(model.coef_)
    if len(weights) != 1:
        raise UnsupportedError("a linear model with several targets has no contributions")
    link = check_link(Link.IDENTITY, target, type(model).__name__)
    return _weighted(link, weights, model.intercept_, model.predict)


def _log_linear(model: Any, target: Target) -> AdditiveModel:
    link = check_link(Link.LOG, target, type(model).__name__)
    weights = np.atleast_2d(model.coef_)
    return _weighted(link, weights, model.intercept_, lambda rows: np.log(model.predict(rows)))


def _logistic(model: Any, target: Target) -> AdditiveModel:
    apart = getattr(model, "multi_class", "auto") == "ovr" or model.solver == "liblinear"
    if len(model.coef_) > 1 and apart:
        raise UnsupportedError("classes one against the rest have no common scale to add up on")
    link = check_link(_class_link(model), target, type(model).__name__)
    return _weighted(link, model.coef_, model.intercept_, model.decision_function)


def _sgd_logistic(model: Any, target: Target) -> AdditiveModel:
    if model.loss != "log_loss" or len(model.coef_) > 1:
        raise UnsupportedError("only two classes with log_loss have a scale to add up on")
    link = check_link(Link.LOGIT, target, type(model).__name__)
    return _weighted(link, model.coef_, model.intercept_, model.decision_function)


def _class_link(model: Any) -> Link:
    return Link.LOGIT if len(model.classes_) == 2 else Link.SOFTMAX


def _weighted(
    link: Link, weights: Values, intercept: Any, score: Callable[[Any], Any]
) -> AdditiveModel:
    """Return weights times values, and the intercepts as the bias."""
    bias = np.broadcast_to(np.ravel(intercept), len(weights))

    def contributions(rows: Any) -> Shares:
        margins = np.asarray(score(rows), dtype=np.float64).reshape(rows.shape[0], -1).T
        parts = weights[:, None, :] * dense(rows).astype(np.float64)[None]
        ends = np.broadcast_to(bias[:, None, None], (*parts.shape[:2], 1))
        return Shares(np.concatenate([parts, ends], axis=2), margins)

    return AdditiveModel(link, FLOAT64_TOLERANCE, ZERO, contributions)


def _tree(model: Any, target: Target) -> AdditiveModel:
    return _of_trees(model, target, [model.tree_], 1.0)


def _forest(model: Any, target: Target) -> AdditiveModel:
    trees = [one.tree_ for one in model.estimators_]
    return _of_trees(model, target, trees, 1 / len(trees))


def _of_trees(model: Any, target: Target, trees: list[Any], scale: float) -> AdditiveModel:
    link = check_link(Link.IDENTITY, target, type(model).__name__)
    return _sum_of_trees(link, [_tree_shap(trees, scale)], [0.0], model.predict, 1.0)


def _boosted(model: Any, target: Target) -> AdditiveModel:
    """Return gradient boosting: a constant and trees; of the exponential loss half the log-odds."""
    constant = isinstance(model.init_, DummyRegressor | DummyClassifier) or model.init_ == "zero"
    if not constant:
        raise UnsupportedError("gradient boosting on top of another estimator is not divided")
    is_classifier = hasattr(model, "classes_")
    link = check_link(
        _class_link(model) if is_classifier else Link.IDENTITY, target, type(model).__name__
    )
    scale = 2.0 if model.loss == "exponential" else 1.0
    score = model.decision_function if is_classifier else model.predict
    groups = [
        _tree_shap([one.tree_ for one in column], model.learning_rate * scale)
        for column in model.estimators_.T
    ]
    zeros = np.zeros((1, model.n_features_in_))
    starts = np.ravel(_quietly(score, zeros)) * scale - [
        group(zeros.astype(np.float32)).sum() for group in groups
    ]
    return _sum_of_trees(link, groups, starts.tolist(), score, scale)


def _sum_of_trees(
    link: Link,
    groups: list[TreeContributions],
    starts: list[float],
    score: Callable[[Any], Any],
    scale: float,
) -> AdditiveModel:
    def contributions(rows: Any) -> Shares:
        # First, for it refuses what it cannot take, such as missing values.
        margins = np.asarray(score(rows), dtype=np.float64).reshape(rows.shape[0], -1).T * scale
        cells = dense(rows).astype(np.float32)
        values = np.stack([group(cells) for group in groups])
        values[:, :, -1] += np.asarray(starts)[:, None]
        return Shares(values, margins)

    return AdditiveModel(link, FLOAT64_TOLERANCE, TRAINING_ROWS, contributions)


def _quietly(score: Callable[[Any], Any], rows: Values) -> Any:
    """Return the scores of rows without names, whatever names the model was fitted with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return score(rows)


def _tree_shap(trees: Sequence[Any], scale: float) -> TreeContributions:
    """Return the Shapley values of the sum of fitted trees, their `tree_`, times a factor."""
    n_nodes = sum(tree.node_count for tree in trees)
    if n_nodes > MOST_NODES:
        raise UnsupportedError(
            f"the trees have {n_nodes} nodes, more than the {MOST_NODES} that are divided"
        )
    return TreeContributions([_read_tree(tree, scale) for tree in trees])


def _read_tree(tree: Any, scale: float) -> Forest:
    if tree.n_outputs != 1:
        raise UnsupportedError("trees with several outputs have no contributions")
    left, right = tree.children_left.astype(np.int64), tree.children_right.astype(np.int64)
    inner = left >= 0
    parent = np.full(len(left), -1)
    parent[left[inner]] = parent[right[inner]] = np.flatnonzero(inner)
    cover = tree.weighted_n_node_samples
    if (cover <= 0).any():
        raise UnsupportedError("a tree has nodes without training rows, their shares are unknown")
    missing = getattr(tree, "missing_go_to_left", np.zeros(len(left)))
    return Forest(
        feature=tree.feature.astype(np.int64),
        threshold=tree.threshold,
        missing_left=np.asarray(missing, dtype=bool),
        left=left,
        right=right,
        parent=parent,
        share=np.where(parent < 0, 1.0, cover / cover[parent]),
        value=np.where(inner, 0.0, tree.value[:, 0, 0]) * scale,
    )


_RULES: tuple[tuple[Any, Callable[[Any, Target], AdditiveModel]], ...] = (
    (linear_model.LogisticRegression, _logistic),
    (linear_model.SGDClassifier, _sgd_logistic),
    (_LOG_LINEAR, _log_linear),
    (_LINEAR, _linear),
    (tree.DecisionTreeRegressor, _tree),
    (_FORESTS, _forest),
    ((ensemble.GradientBoostingRegressor, ensemble.GradientBoostingClassifier), _boosted),
)
