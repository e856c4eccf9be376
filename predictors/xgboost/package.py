"""Models that need XGBoost's Python package: categories, boosters without trees, estimators.

Imported for models that need it, and no others: see `xgboost.shared_library`.
"""

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from drum_like.api import (
    ArtifactError,
    Frame,
    Label,
    Matrix,
    Meaning,
    ModelTarget,
    Prediction,
    PredictorError,
    Scale,
    Schema,
    Target,
    TargetType,
    UnsupportedError,
)

# Relative: type checkers know this package under its folder's name.
from .._shared.additive import Additive
from .._shared.native_calls import Values, two_columns
from .booster import MARGIN, VALUE, Booster, Question
from .categories import CutSchema, coded, infinite_cell, positions, version_in, with_categories
from .codes import warn_of_codes
from .contributions import Divided, additive
from .dense import scorer
from .names import Version
from .native import Answers, NativeModel, meaning_of, n_targets, schema_of

_VERSION = "drum_like_version"
"""The attribute of a booster's object that says which version of XGBoost saved its file."""


class _Rows:
    """Gives a booster its rows as a matrix, in which categories are their codes."""

    def __init__(self, booster: xgb.Booster, schema: Schema) -> None:
        self._names = booster.feature_names
        self._types = booster.feature_types
        self.schema = schema
        self.categories = positions(schema)

    def matrix(self, frame: Frame) -> Matrix:
        """Return (n_rows, n_columns) float64, NaN for missing values and missing categories."""
        if not self.categories:
            return frame.matrix()
        return coded(frame.pandas, self.categories)

    def dmatrix(self, frame: Frame, missing: float = math.nan) -> xgb.DMatrix:
        """Return the rows for methods that do not work in place.

        Raises:
            ColumnsError: a cell is infinite, or is in float32; XGBoost does not take that here.
        """
        matrix = self.matrix(frame)
        try:
            return xgb.DMatrix(
                matrix, missing=missing, feature_names=self._names, feature_types=self._types
            )
        except xgb.core.XGBoostError as error:
            raise infinite_cell(matrix, self.schema.names) or error from error

    def named(self, frame: Frame) -> pd.DataFrame:
        """Return the rows as numbers under their names."""
        return pd.DataFrame(self.matrix(frame), columns=list(frame.columns or self.schema.names))

    def as_trained(self, frame: Frame) -> pd.DataFrame:
        """Return the rows with their categories, as an estimator was trained with them."""
        return frame.pandas


def read(path: Path) -> xgb.Booster:
    """Read a booster that `save_model` wrote as JSON or UBJSON."""
    booster = xgb.Booster(model_file=path)
    setattr(booster, _VERSION, version_in(path))  # hooks get a plain Booster
    return booster


def model_of(model: Any) -> "NativeModel | Estimator":
    """Return a booster of the package, or an estimator, as a model."""
    native = isinstance(model, xgb.Booster)
    owner = model if native else model.get_booster()
    trees = _Trees(owner)
    if native:
        return NativeModel(trees.booster, trees.rows.schema, trees.answers())
    return Estimator(model, trees)


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
    if not _is_plain(model):
        raise UnsupportedError(
            f"what {type(model).__name__} adds to its booster is not known, and so are its sums"
        )
    if hasattr(model, "classes_") and not target.type.is_classification:
        raise UnsupportedError("a classifier that predicts the numbers of classes has no sums")
    booster = model.get_booster()
    learner = json.loads(booster.save_config())["learner"]
    linear = learner["gradient_booster"]["name"] == "gblinear"
    rounds = (0, 0) if linear else _rounds_of(model)
    return additive(learner, target, _divided(booster, rounds, matrix or partial(_as_given, model)))


class _Trees:
    """A booster of the package and how to ask it."""

    def __init__(self, owner: xgb.Booster) -> None:
        from_file = hasattr(owner, _VERSION)
        version: Version = getattr(owner, _VERSION, ())
        self.owner = owner
        self.booster = Booster(owner.handle, owner, from_file=from_file)
        schema = with_categories(schema_of(self.booster), owner, version)
        warn_of_codes(schema, owner.feature_types or ())
        self.rows = _Rows(owner, schema)
        self.dense = self.booster.in_place and self.booster.on_cpu

    def answers(self) -> Answers:
        """Return the functions that ask a native booster."""
        return Answers(
            values=self.asked(Question(VALUE, self.booster.rounds)),
            margins=self.asked(Question(MARGIN, self.booster.rounds)),
            divided=_divided(self.owner, self.booster.rounds, self.rows.dmatrix),
        )

    def asked(self, question: Question) -> Callable[[Frame], Values]:
        """Return a function that scores as `Booster.predict` or the estimator of a file does."""
        owner, rows, rounds = self.owner, self.rows, question.rounds
        if self.dense:
            score = scorer(self.booster, question)
            return lambda frame: score(rows.matrix(frame))
        dart = self.booster.learner["gradient_booster"]["name"] == "dart"
        # Dart adds up its trees in another order in place, which is how estimators ask.
        if self.booster.in_place or (dart and self.booster.of_estimator):
            kind = "margin" if question.kind == MARGIN else "value"
            return lambda frame: np.asarray(
                owner.inplace_predict(rows.matrix(frame), iteration_range=rounds, predict_type=kind)
            )
        margin = question.kind == MARGIN
        return lambda frame: np.asarray(
            owner.predict(rows.dmatrix(frame), output_margin=margin, iteration_range=rounds)
        )


class Estimator:
    """An estimator of xgboost.sklearn.

    The booster inside is asked where the estimator does no more than that; everything else goes
    through the estimator's own methods.
    """

    framework = "scikit-learn"

    def __init__(self, model: Any, trees: _Trees) -> None:
        self.schema = trees.rows.schema
        self.target = _target(model, trees.booster)
        self.classes = _labels(model)
        self._model = model
        self._rows = _rows_of(model, trees)
        self._matrix = trees.rows.dmatrix
        self._codes = trees.rows.matrix
        plain = trees.dense and _is_plain(model)
        rounds, missing = _rounds_of(model), model.missing
        self._answer = trees.asked(Question(VALUE, rounds, missing)) if plain else None
        self._margin = trees.asked(Question(MARGIN, rounds, missing)) if plain else None
        self._objective = trees.booster.objective

    def meaning(self) -> Meaning | None:
        """Return the meaning of `predict_proba`; None for a method of the user's own."""
        kind = type(self._model)
        method = getattr(kind, "predict_proba", None)
        if method is None:
            return Meaning(Scale.MARGINS, f"{kind.__name__}, which has no predict_proba,")
        if method.__module__ != "xgboost.sklearn":
            return None
        return meaning_of(self._objective, of_estimator=True)

    def probabilities(self, frame: Frame) -> Prediction:
        """Return (n_rows, n_classes) chances and the estimator's classes."""
        if not hasattr(self._model, "predict_proba"):
            raise PredictorError(
                f"a classification target needs predict_proba, which {type(self._model).__name__} "
                "does not have; save a classifier, or implement the score hook"
            )
        if self._answer is None or self._model.objective == "multi:softmax":
            chances = self._asked(self._model.predict_proba, frame)
        else:
            chances = _columns(self._answer(frame), self._model.n_classes_)
        known = self.classes is not None and chances.shape[1:] == (len(self.classes),)
        return Prediction(chances, self.classes if known else None)

    def margins(self, frame: Frame) -> Prediction:
        """Return (n_rows,) or (n_rows, n_outputs) margins and the estimator's classes."""
        if self._margin is not None:
            return Prediction(self._margin(frame), self.classes)
        margins = partial(self._model.predict, output_margin=True)
        return Prediction(self._asked(margins, frame), self.classes)

    def values(self, frame: Frame) -> Values:
        """Return the estimator's predictions; a classifier gives classes."""
        if self._answer is not None and self.classes is None:
            return self._answer(frame)
        return self._asked(self._model.predict, frame)

    def _asked(self, method: Callable[[Any], Any], frame: Frame) -> Values:
        """Call the estimator's own method on rows.

        Raises:
            ColumnsError: a cell is infinite, which this estimator does not take.
        """
        try:
            return np.asarray(method(self._rows(frame)))
        except xgb.core.XGBoostError as error:
            raise infinite_cell(self._codes(frame), self.schema.names) or error from error

    def additive(self, target: Target) -> Additive:
        """Return the margins as sums, of the rounds that the estimator predicts with.

        Raises:
            UnsupportedError: as `of_estimator`.
        """
        return of_estimator(
            self._model, target, lambda frame: self._matrix(frame, self._model.missing)
        )


def _divided(
    booster: xgb.Booster, rounds: tuple[int, int], matrix: Callable[[Any], xgb.DMatrix]
) -> Callable[[Any], Divided]:
    """Return the function that asks a booster for contributions and margins.

    Args:
        booster: One output, or one a class.
        rounds: The boosting rounds that predict; (0, 0) is all of them.
        matrix: From rows to XGBoost's own form of them.
    """

    def divided(rows: Any) -> Divided:
        data = matrix(rows)
        shape = {"iteration_range": rounds, "strict_shape": True}
        return (
            np.asarray(booster.predict(data, pred_contribs=True, **shape)),
            np.asarray(booster.predict(data, output_margin=True, **shape)),
        )

    return divided


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


def _rows_of(model: Any, trees: _Trees) -> Callable[[Frame], Any]:
    """Return the function that converts a frame to rows for an estimator's own methods.

    Raises:
        ArtifactError: a class of the user's own wants categories whose names are cut.
    """
    # A subclass may look at the columns, as it can under DRUM; the linear booster checks names.
    rows = trees.rows
    if type(model).__module__.startswith("xgboost."):
        linear = model.get_params().get("booster") == "gblinear"
        return rows.named if linear else rows.matrix
    if isinstance(rows.schema, CutSchema):
        raise ArtifactError(
            f"XGBoost has cut names of categories, and {type(model).__name__} is not of XGBoost "
            "itself: train it again with XGBoost 3.4 or later"
        )
    return rows.as_trained if rows.categories else rows.named


def _columns(chances: Values, n_classes: int) -> Values:
    """Return one column a class; XGBClassifier.predict_proba completes one output in this way."""
    if chances.ndim == 2 and (chances.shape[1] == n_classes or chances.shape[1] >= n_classes == 2):
        return chances
    return two_columns(chances)


def _target(model: Any, booster: Booster) -> ModelTarget:
    labels = _labels(model)
    if labels is None:
        return ModelTarget(TargetType.REGRESSION)
    if n_targets(booster) > 1:
        return ModelTarget(TargetType.MULTILABEL)
    return ModelTarget(TargetType.BINARY if len(labels) == 2 else TargetType.MULTICLASS, labels)


def _labels(model: Any) -> tuple[Label, ...] | None:
    """Return the classes of a classifier: the integers from 0."""
    classes = getattr(model, "classes_", None)
    return None if classes is None else tuple(np.asarray(classes).tolist())
