"""What needs XGBoost's Python package: categories, other boosters than trees, its estimators.

Imported for models that need it, and no others: see `xgboost_library`.
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
    Frame,
    Label,
    ModelTarget,
    NativeFrame,
    Prediction,
    PredictorError,
    Schema,
    Target,
    TargetType,
    UnsupportedError,
)

# Relative: type checkers know this package under its folder's name.
from .additive import Additive
from .native_calls import Values, two_columns
from .xgboost_booster import MARGIN, VALUE, Booster, Question
from .xgboost_contributions import Divided, additive
from .xgboost_native import Answers, NativeModel, answer, n_targets, schema_of


class _Rows:
    """Gives a booster its rows: a matrix, or a DataFrame where it recodes categories."""

    def __init__(self, booster: xgb.Booster, schema: Schema) -> None:
        self._names = booster.feature_names
        self._types = booster.feature_types
        self.schema = schema
        self.have_categories = any(column.kind == "category" for column in schema.columns)

    def layout(self, frame: Frame) -> Any:
        """Return the (n_rows, n_columns) float64 matrix, or the DataFrame with categories."""
        return self._frame_with_categories(frame.pandas) if self.have_categories else frame.matrix()

    def dmatrix(self, frame: Frame, missing: float = math.nan) -> xgb.DMatrix:
        """Return the rows for what is not done in place."""
        return xgb.DMatrix(
            self.layout(frame),
            missing=missing,
            feature_names=self._names,
            feature_types=None if self.have_categories else self._types,
            enable_categorical=True,
        )

    def named(self, frame: Frame) -> pd.DataFrame:
        """Return the rows as numbers under their names."""
        return pd.DataFrame(frame.matrix(), columns=list(frame.columns or self.schema.names))

    def _frame_with_categories(self, data: pd.DataFrame) -> pd.DataFrame:
        parts = {
            column.name: data.iloc[:, position]
            if column.kind == "category"
            else NativeFrame(data.iloc[:, [position]]).matrix()[:, 0]
            for position, column in enumerate(self.schema.columns)
        }
        return pd.DataFrame(parts, index=data.index)


def read(path: Path) -> xgb.Booster:
    """Read a booster that `save_model` wrote as JSON or UBJSON."""
    return xgb.Booster(model_file=path)


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
        self.owner = owner
        self.booster = Booster(owner.handle, owner)
        self.rows = _Rows(owner, schema_of(self.booster, _categories(owner)))
        no_categories = not self.rows.have_categories
        self.dense = self.booster.in_place and self.booster.on_cpu and no_categories

    def answers(self) -> Answers:
        """Return what a native booster is asked with."""
        return Answers(
            values=self._raw(margin=False),
            margins=self._raw(margin=True),
            divided=_divided(self.owner, (0, 0), self.rows.dmatrix),
        )

    def _raw(self, *, margin: bool) -> Callable[[Frame], Values]:
        """Return what scores rows as `Booster.predict` scores a DMatrix."""
        owner, rows = self.owner, self.rows
        if self.dense:
            return answer(self.booster, Question(MARGIN if margin else VALUE))
        if self.booster.in_place:
            kind = "margin" if margin else "value"
            return lambda frame: np.asarray(
                owner.inplace_predict(rows.layout(frame), predict_type=kind)
            )
        return lambda frame: np.asarray(owner.predict(rows.dmatrix(frame), output_margin=margin))


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
        plain = trees.dense and _is_plain(model)
        self._answer = answer(trees.booster, _question(model)) if plain else None

    def probabilities(self, frame: Frame) -> Prediction:
        """Return (n_rows, n_classes) chances and the estimator's classes."""
        if not hasattr(self._model, "predict_proba"):
            raise PredictorError(
                f"a classification target needs predict_proba, which {type(self._model).__name__} "
                "does not have; save a classifier, or implement the score hook"
            )
        if self._answer is None or self._model.objective == "multi:softmax":
            chances = np.asarray(self._model.predict_proba(self._rows(frame)))
        else:
            chances = _columns(self._answer(frame), self._model.n_classes_)
        known = self.classes is not None and chances.shape[1:] == (len(self.classes),)
        return Prediction(chances, self.classes if known else None)

    def values(self, frame: Frame) -> Values:
        """Return what the estimator predicts; a classifier gives classes."""
        if self._answer is not None and self.classes is None:
            return self._answer(frame)
        return np.asarray(self._model.predict(self._rows(frame)))

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
    """Return what asks a booster for contributions and margins.

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
    """Return what gives an estimator's own methods their rows."""
    # A subclass may look at the columns, as it can under DRUM; the linear booster checks names.
    own = type(model).__module__.startswith("xgboost.")
    if own:
        linear = model.get_params().get("booster") == "gblinear"
        return trees.rows.named if linear else trees.rows.layout
    return trees.rows.layout if trees.rows.have_categories else trees.rows.named


def _question(model: Any) -> Question:
    """Return what an estimator asks its booster for."""
    return Question(rounds=_rounds_of(model), missing=model.missing)


def _columns(chances: Values, n_classes: int) -> Values:
    """Return one column a class; XGBClassifier.predict_proba completes one output in this way."""
    if chances.ndim == 2 and (chances.shape[1] == n_classes or chances.shape[1] >= n_classes == 2):
        return chances
    return two_columns(chances)


def _categories(booster: xgb.Booster) -> dict[int, tuple[Any, ...]]:
    """Return the stored categories by position; XGBoost stores them since 3.1."""
    if not hasattr(booster, "get_categories") or "c" not in (booster.feature_types or ()):
        return {}
    stored = booster.get_categories(export_to_arrow=True)
    if stored.empty():
        return {}
    return {
        position: tuple(values.to_pylist())
        for position, (_, values) in enumerate(stored.to_arrow())
        if values is not None
    }


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
