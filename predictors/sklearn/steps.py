"""The parts of a fitted scikit-learn model: steps, inner estimators and the columns they get."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.ensemble._forest import BaseForest
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.model_selection._search import BaseSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import BaseDecisionTree

from drum_like.api import UnsupportedError

_TRUSTED = frozenset({"sklearn", "xgboost", "lightgbm"})

TEXT_VECTORIZERS = (CountVectorizer, HashingVectorizer)
"""Estimators that read text, one cell a row, and take no missing cell."""

_INNER = ("best_estimator_", "regressor_")
_BOOSTERS = {"xgboost": "XGBoostPredictor", "lightgbm": "LightGBMPredictor"}
_UNCHECKED = (
    BaseSearchCV,
    TransformedTargetRegressor,
    VotingClassifier,
    VotingRegressor,
    StackingClassifier,
    StackingRegressor,
    CalibratedClassifierCV,
    MultiOutputClassifier,
    MultiOutputRegressor,
    OneVsRestClassifier,
    FixedThresholdClassifier,
    TunedThresholdClassifierCV,
)
"""Estimators that hand a table on without a look at the number of its columns."""

Positions = frozenset[int]


def unfreeze(model: Any) -> Any:
    """Return the estimator inside a frozen one, any other estimator itself."""
    # By name: scikit-learn has it since 1.6.
    is_frozen = type(model).__name__ == "FrozenEstimator" and is_trusted(model)
    return unfreeze(model.estimator) if is_frozen else model


def is_trusted(model: Any) -> bool:
    """Return whether an object is of a library whose behaviour on text is known."""
    package = type(model).__module__.partition(".")[0]
    return package in _TRUSTED and not isinstance(model, FunctionTransformer)


def inner_models(model: Any) -> list[Any]:
    """Return the fitted estimators that an estimator of a library hands its columns to as they are.

    Those that are fitted on some of the columns only are left out. So are trees where nothing is
    beside them: the estimator around tells as much, and there are many.
    """
    found = [inner for inner in _fitted_inside(model) if isinstance(inner, BaseEstimator)]
    return [] if all(isinstance(inner, BaseDecisionTree) for inner in found) else found


def _fitted_inside(model: Any) -> Iterator[Any]:
    # Ensembles keep what they copy, which is not fitted, as estimator_.
    several = "estimators_" if hasattr(model, "estimators_") else "estimator_"
    for name in (*_INNER, "_preprocessor", several):
        found = getattr(model, name, None)
        yield from found if isinstance(found, list | tuple) else [found]
    for one in getattr(model, "calibrated_classifiers_", ()):
        yield one.estimator


def inner_model(model: Any) -> Any:
    """Return the estimator that a search or a wrapper of the target hands its columns to."""
    if not is_trusted(model):
        return None
    return next((getattr(model, name) for name in _INNER if hasattr(model, name)), None)


def first_model(model: Any) -> Any:
    """Return the estimator that sees the columns first."""
    model = unfreeze(model)
    if isinstance(model, Pipeline):
        steps = [step for _, step in model.steps if not is_gap(step)]
        return first_model(steps[0]) if steps else model
    inners = inner_models(model) if is_trusted(model) else []
    inner = next((one for one in inners if not isinstance(one, BaseDecisionTree)), None)
    return model if inner is None or hasattr(model, "is_categorical_") else first_model(inner)


def input_teller(model: Any) -> Any:
    """Return the estimator that tells the columns that a model takes."""
    # A pipeline that begins with "passthrough" does not say what the step behind it takes.
    return first_model(model) if getattr(model, "n_features_in_", None) is None else model


def last_step(model: Any) -> Any:
    """Return the estimator that predicts, behind pipelines and searches."""
    inner = inner_model(model)
    if inner is not None:
        return last_step(inner)
    if isinstance(model, Pipeline) and model.steps:
        return last_step(model.steps[-1][1])
    return model


def search_result(model: Any) -> Any:
    """Return the best estimator of a search, or the model itself."""
    if type(model) in (GridSearchCV, RandomizedSearchCV):
        return search_result(model.best_estimator_)
    return model


def split_pipeline(model: Any) -> tuple[Any, Any]:
    """Return the preprocessing, None without one, and the estimator."""
    if type(model) is not Pipeline:
        return None, model
    inner, last = model[:-1], model.steps[-1][1]
    if type(last) is Pipeline:
        raise UnsupportedError("a pipeline within a pipeline is not divided")
    steps = [step for _, step in inner.steps if step not in (None, "passthrough")]
    return (inner if steps else None), last


def is_booster(model: Any) -> bool:
    """Return whether an estimator is of XGBoost or LightGBM."""
    return type(model).__module__.partition(".")[0] in _BOOSTERS


def booster_predictor(model: Any) -> Any:
    """Return the predictor that knows an estimator of XGBoost or LightGBM, None for any other."""
    if not is_booster(model):
        return None
    package = type(model).__module__.partition(".")[0]
    # By name: predictors do not import each other, and most models need neither.
    module = import_module(f"..{package}", __package__)
    return getattr(module, _BOOSTERS[package])(model)


def reads_one_text(model: Any) -> bool:
    """Return whether a model takes the cells of one column of text, not a table."""
    first = first_model(model)
    if isinstance(first, FeatureUnion):
        return all(reads_one_text(step) for _, step in first.transformer_list)
    return isinstance(first, TEXT_VECTORIZERS)


def is_framework_only(model: Any) -> bool:
    """Return whether a model is of known libraries alone, without functions of a user's own."""
    own = [part for part in find_parts(model) if not is_trusted(part) and not is_identity(part)]
    return not own and not any(isinstance(v, FunctionType) for v in _parameters(model).values())


def is_identity(model: Any) -> bool:
    """Return whether a transformer returns its rows as they are."""
    return isinstance(model, FunctionTransformer) and model.func is None


def find_parts(model: Any) -> Iterator[Any]:
    """Yield an estimator and the estimators among its parameters."""
    yield model
    for value in _parameters(model).values():
        if isinstance(value, BaseEstimator):
            yield value


def _parameters(model: Any) -> dict[str, Any]:
    return dict(model.get_params(deep=True)) if hasattr(model, "get_params") else {}


def positions_of(columns: Any, names: Any, width: int) -> tuple[int, ...]:
    """Return the positions that a column list of a fitted ColumnTransformer names, in its order."""
    keys = [columns] if isinstance(columns, str) else columns
    by_name = isinstance(keys, slice) and isinstance(keys.start or keys.stop, str)
    if not isinstance(keys, slice):
        by_name = any(isinstance(key, str) for key in keys) if np.ndim(keys) else False
    if by_name:
        return tuple(pd.Series(range(width), index=list(names)).loc[keys].tolist())
    if isinstance(keys, list) and not keys:
        return ()
    return tuple(np.atleast_1d(np.arange(width)[keys]).tolist())


def used_columns(model: Any, names: Any, width: int) -> Positions:
    """Return the columns that some step reads; dropped ones need not be sent."""
    model = unfreeze(model)
    if isinstance(model, Pipeline):
        steps = [step for _, step in model.steps if not is_gap(step)]
        return used_columns(steps[0], names, width) if steps else frozenset(range(width))
    if isinstance(model, ColumnTransformer):
        parts = [
            frozenset(positions_of(columns, names, width))
            for _, step, columns in model.transformers_
            if not (isinstance(step, str) and step == "drop")
        ]
        return frozenset[int]().union(*parts)
    return _used_inside(model, names, width)


def _used_inside(model: Any, names: Any, width: int) -> Positions:
    """Return the columns that any of the estimators in an estimator reads."""
    # A stack may hand its columns to its last estimator, too. Others check the number of columns.
    all_used = getattr(model, "passthrough", False) or not isinstance(model, _UNCHECKED)
    inner = inner_models(model) if is_trusted(model) and not all_used else []
    if not inner:
        return frozenset(range(width))
    return frozenset[int]().union(*(used_columns(one, names, width) for one in inner))


def width_of(step: Any) -> int | None:
    """Return how many columns a fitted step takes, None if it does not tell."""
    step = unfreeze(step)
    if isinstance(step, Pipeline):
        steps = [one for _, one in step.steps if not changes_nothing(one)]
        return width_of(steps[0]) if steps else None
    width = getattr(step, "n_features_in_", None)
    if width is None and isinstance(step, IsotonicRegression):
        return 1  # It takes no other number, and does not tell.
    return None if width is None else int(width)


def is_gap(step: Any) -> bool:
    """Return whether a step of a pipeline is no estimator, nor holds any."""
    if isinstance(step, Pipeline):
        return all(is_gap(one) for _, one in step.steps)
    return step is None or isinstance(step, str)


def changes_nothing(step: Any) -> bool:
    """Return whether a step of a pipeline passes its rows on as they are."""
    return is_gap(step) or is_identity(step)


def model_name(model: Any) -> str:
    """Return the name of a model's class, with that of its last step."""
    last = last_step(model)
    if last is model:
        return type(model).__name__
    return f"{type(model).__name__} with {type(last).__name__}"


def find_forests(model: Any, depth: int = 8) -> list[Any]:
    """Return the fitted forests in a model, however deep they are."""
    if isinstance(model, BaseForest):
        return [model]
    if isinstance(model, np.ndarray):
        parts: Sequence[Any] = model.ravel().tolist() if model.dtype == object else ()
    elif isinstance(model, list | tuple):
        parts = model
    else:
        is_part = type(model).__module__.startswith("sklearn.") and hasattr(model, "__dict__")
        parts = list(vars(model).values()) if is_part else ()
    return [found for part in parts for found in find_forests(part, depth - 1)] if depth else []


def chosen_columns(model: Any) -> Iterator[tuple[Any, Sequence[int] | None]]:
    """Yield the estimators in an estimator, with the places of their columns if not all."""
    inner = inner_models(model)
    yield from zip(inner, getattr(model, "estimators_features_", [None] * len(inner)), strict=False)
