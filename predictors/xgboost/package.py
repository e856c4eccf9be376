"""Models that need XGBoost's Python package: categories, boosters without trees, estimators.

Imported for models that need it, and no others: see `xgboost.native_library`.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

from drum_like.api import ArtifactError, Frame, Meaning, ModelTarget, Prediction, Target, TargetType

# Relative: type checkers know this package under its folder's name.
from ..estimators import (
    AdditiveModel,
    check_is_additive,
    class_labels,
    no_probabilities_error,
    probabilities_meaning,
    target_of,
)
from ..native_calls import Values, two_columns
from .booster import Booster, scorer
from .categories import (
    BoosterRows,
    add_categories,
    infinite_cell_error,
    read_version,
    warn_about_codes,
)
from .names import CutSchema, Version
from .native import BoosterCalls, NativeModel, additive_model, contributions_call, meaning_of
from .native_library import MARGIN, VALUE, PredictConfig

_VERSION = "drum_like_version"
"""The attribute of a booster's object that says which version of XGBoost saved its file."""


def read_booster(path: Path) -> xgb.Booster:
    """Read a booster that `save_model` wrote as JSON or UBJSON."""
    booster = xgb.Booster(model_file=path)
    setattr(booster, _VERSION, read_version(path))  # hooks get a plain Booster
    return booster


def wrap_model(model: Any) -> "NativeModel | Estimator":
    """Return a booster of the package, or an estimator, as a model."""
    native = isinstance(model, xgb.Booster)
    owner = model if native else model.get_booster()
    booster = _PackageBooster(owner)
    if native:
        return NativeModel(booster.booster, booster.rows.schema, booster.calls())
    return Estimator(model, booster)


def additive_estimator(
    model: Any, target: Target, matrix: Callable[[Any], xgb.DMatrix] | None = None
) -> AdditiveModel:
    """Return the output of an estimator of xgboost.sklearn as sums.

    Args:
        model: The fitted estimator.
        target: Target of the explanation.
        matrix: From rows to XGBoost's own form of them; None for rows as the estimator takes them.

    Raises:
        UnsupportedError: a class of the user's own, classes as numbers, or as `additive_model`.
    """
    check_is_additive(model, target, is_known=_is_plain(model))
    booster = model.get_booster()
    learner = json.loads(booster.save_config())["learner"]
    linear = learner["gradient_booster"]["name"] == "gblinear"
    rounds = (0, 0) if linear else _rounds_of(model)
    predict = contributions_call(booster, rounds, matrix or partial(_as_given, model))
    return additive_model(learner, target, predict)


class _PackageBooster:
    """A booster of the package and its predictions."""

    def __init__(self, owner: xgb.Booster) -> None:
        from_file = hasattr(owner, _VERSION)
        version: Version = getattr(owner, _VERSION, ())
        self.owner = owner
        self.booster = Booster(owner.handle, owner, from_file=from_file)
        schema = add_categories(self.booster.schema, owner, version)
        warn_about_codes(schema, owner.feature_types or ())
        self.rows = BoosterRows(owner, schema)
        self.dense = self.booster.in_place and self.booster.on_cpu

    def calls(self) -> BoosterCalls:
        """Return the calls of a native booster."""
        return BoosterCalls(
            values=self.scorer(PredictConfig(VALUE, self.booster.rounds)),
            margins=self.scorer(PredictConfig(MARGIN, self.booster.rounds)),
            contributions=contributions_call(self.owner, self.booster.rounds, self.rows.dmatrix),
        )

    def scorer(self, config: PredictConfig) -> Callable[[Frame], Values]:
        """Return a function that scores as `Booster.predict` or the estimator of a file does."""
        owner, rows, rounds = self.owner, self.rows, config.rounds
        if self.dense:
            score = scorer(self.booster, config)
            return lambda frame: score(rows.matrix(frame))
        dart = self.booster.learner["gradient_booster"]["name"] == "dart"
        # Dart adds up its trees in another order in place, which is how estimators ask.
        if self.booster.in_place or (dart and self.booster.of_estimator):
            kind = "margin" if config.kind == MARGIN else "value"
            return lambda frame: np.asarray(
                owner.inplace_predict(rows.matrix(frame), iteration_range=rounds, predict_type=kind)
            )
        margin = config.kind == MARGIN
        return lambda frame: np.asarray(
            owner.predict(rows.dmatrix(frame), output_margin=margin, iteration_range=rounds)
        )


class Estimator:
    """An estimator of xgboost.sklearn.

    The booster inside is asked where the estimator does no more than that; everything else goes
    through the estimator's own methods.
    """

    framework = "scikit-learn"

    def __init__(self, model: Any, booster: _PackageBooster) -> None:
        self.schema = booster.rows.schema
        self.classes = class_labels(model)
        is_multilabel = self.classes is not None and booster.booster.n_targets > 1
        multilabel = ModelTarget(TargetType.MULTILABEL)
        self.target = multilabel if is_multilabel else target_of(self.classes)
        self._model = model
        self._rows = _rows_of(model, booster)
        self._matrix = booster.rows.dmatrix
        self._codes = booster.rows.matrix
        plain = booster.dense and _is_plain(model)
        rounds, missing = _rounds_of(model), model.missing
        self._value = booster.scorer(PredictConfig(VALUE, rounds, missing)) if plain else None
        self._margin = booster.scorer(PredictConfig(MARGIN, rounds, missing)) if plain else None
        self._objective = booster.booster.objective

    def meaning(self) -> Meaning | None:
        """Return the meaning of `predict_proba`; None for a method of the user's own."""
        usual = meaning_of(self._objective, of_estimator=True)
        return probabilities_meaning(self._model, "xgboost.sklearn", usual)

    def probabilities(self, frame: Frame) -> Prediction:
        """Return (n_rows, n_classes) chances and the estimator's classes."""
        if not hasattr(self._model, "predict_proba"):
            raise no_probabilities_error(self._model)
        if self._value is None or self._model.objective == "multi:softmax":
            chances = self._call(self._model.predict_proba, frame)
        else:
            chances = _class_columns(self._value(frame), self._model.n_classes_)
        known = self.classes is not None and chances.shape[1:] == (len(self.classes),)
        return Prediction(chances, self.classes if known else None)

    def margins(self, frame: Frame) -> Prediction:
        """Return (n_rows,) or (n_rows, n_outputs) margins and the estimator's classes."""
        if self._margin is not None:
            return Prediction(self._margin(frame), self.classes)
        margins = partial(self._model.predict, output_margin=True)
        return Prediction(self._call(margins, frame), self.classes)

    def values(self, frame: Frame) -> Values:
        """Return the estimator's predictions; a classifier gives classes."""
        if self._value is not None and self.classes is None:
            return self._value(frame)
        return self._call(self._model.predict, frame)

    def _call(self, method: Callable[[Any], Any], frame: Frame) -> Values:
        """Call the estimator's own method on rows.

        Raises:
            ColumnsError: a cell is infinite, which this estimator does not take.
        """
        try:
            return np.asarray(method(self._rows(frame)))
        except xgb.core.XGBoostError as error:
            raise infinite_cell_error(self._codes(frame), self.schema.names) or error from error

    def additive_model(self, target: Target) -> AdditiveModel:
        """Return the margins as sums, of the rounds that the estimator predicts with.

        Raises:
            UnsupportedError: as `additive_estimator`.
        """
        return additive_estimator(
            self._model, target, lambda frame: self._matrix(frame, self._model.missing)
        )


def _is_plain(model: Any) -> bool:
    """Return whether an estimator asks its booster and nothing else."""
    return type(model).__module__ == "xgboost.sklearn" and isinstance(model.missing, (int, float))


def _rounds_of(model: Any) -> tuple[int, int]:
    """Return the rounds that an estimator predicts with: up to the best, if it knows it."""
    try:
        return (0, int(model.best_iteration) + 1)
    except AttributeError:
        return (0, 0)


def _as_given(model: Any, rows: Any) -> xgb.DMatrix:
    categorical = bool(getattr(model, "enable_categorical", False))
    return xgb.DMatrix(rows, missing=model.missing, enable_categorical=categorical)


def _rows_of(model: Any, booster: _PackageBooster) -> Callable[[Frame], Any]:
    """Return the function that converts a frame to rows for an estimator's own methods.

    Raises:
        ArtifactError: a class of the user's own wants categories whose names are cut.
    """
    # A subclass may look at the columns, as it can under DRUM; the linear booster checks names.
    rows = booster.rows
    if type(model).__module__.startswith("xgboost."):
        linear = model.get_params().get("booster") == "gblinear"
        return rows.named if linear else rows.matrix
    if isinstance(rows.schema, CutSchema):
        raise ArtifactError(
            f"XGBoost has cut names of categories, and {type(model).__name__} is not of XGBoost "
            "itself: train it again with XGBoost 3.4 or later"
        )
    return rows.as_trained if rows.categories else rows.named


def _class_columns(chances: Values, n_classes: int) -> Values:
    """Return one column a class; XGBClassifier.predict_proba completes one output in this way."""
    if chances.ndim == 2 and (chances.shape[1] == n_classes or chances.shape[1] >= n_classes == 2):
        return chances
    return two_columns(chances)
