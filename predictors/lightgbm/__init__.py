"""LightGBM: native boosters and the scikit-learn wrappers.

No call names a number of threads: LightGBM keeps it in one variable of the process, and a call
that changes it while another one runs makes that one write beyond its buffers. All calls follow
OpenMP's number, which is OMP_NUM_THREADS; it is one a thread, and calls for few rows make it 1 for
the thread that they run in.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from drum_like.api import (
    Column,
    Explainer,
    Frame,
    Label,
    Matrix,
    Meaning,
    ModelTarget,
    NativeFrame,
    Prediction,
    PredictorError,
    Scale,
    Schema,
    Target,
    TargetType,
)

# Relative: type checkers know this package under its folder's name.
from .._shared.additive import Additive, of_columns
from .._shared.native_calls import two_columns
from .categories import categories_of
from .contributions import additive, of_estimator
from .names import BlankSchema
from .row import scorer

Values = NDArray[Any]

_NUMERIC = frozenset({TargetType.REGRESSION, TargetType.ANOMALY, TargetType.GEO_POINT})

_SCALES = {
    "binary": Scale.CHANCES,
    "cross_entropy": Scale.CHANCES,
    "multiclass": Scale.CHANCES,
    "multiclassova": Scale.CHANCES_EACH,
}
"""What objectives give where probabilities are asked for; all others give numbers."""


class LightGBMPredictor:
    """Scores a dense matrix; categories are the codes that LightGBM gave them in training.

    `predict` may be called in several threads at once; of few rows a call keeps to its own thread.
    """

    def __init__(self, model: Any) -> None:
        native = isinstance(model, lgb.Booster)
        booster = model if native else model.booster_
        text = booster.model_to_string(num_iteration=1)
        self.framework = "lightgbm" if native else "scikit-learn"
        self.schema: Schema | None = _schema(booster, text)
        self.target = _target(text) if native else _wrapper_target(model)
        self._objective = _objective(text)
        rows = _Rows(self.schema)
        self._scorer = _Native(booster, rows) if native else _Wrapper(model, rows)

    @staticmethod
    def load(path: Path) -> lgb.Booster:
        """Read a booster that `save_model` wrote as text."""
        return lgb.Booster(model_file=path)

    def predict(self, frame: Frame, target: Target) -> Prediction:
        """Score rows: probabilities for classification, the model's values otherwise."""
        if target.type.is_classification:
            return self._scorer.probabilities(frame)
        if target.type in _NUMERIC:
            return Prediction(self._scorer.values(frame))
        raise PredictorError(
            f"Target type '{target.type.value}' is not supported by 'LightGBMPredictor' predictor"
        )

    def meaning(self, target: Target) -> Meaning | None:  # noqa: ARG002 - a MeaningSource
        """Return whether classes get probabilities; None of a class of the user's own."""
        return self._scorer.meaning(self._objective)

    def margins(self, frame: Frame) -> Prediction:
        """Return the raw scores of rows, for a link of the metadata."""
        return self._scorer.margins(frame)

    def explainer(self, target: Target) -> Explainer:
        """Return the explainer that divides the booster's raw scores among its columns.

        Raises:
            UnsupportedError: its objective or its class does not allow that.
        """
        names = () if self.schema is None else self.schema.names
        return of_columns(self._scorer.additive(target), names, self._scorer.classes)


class _Rows:
    """Gives LightGBM the matrix that it would make of a DataFrame itself."""

    def __init__(self, schema: Schema) -> None:
        self._columns = schema.columns
        self._have_categories = any(column.kind == "category" for column in schema.columns)

    def matrix(self, frame: Frame) -> Matrix:
        """Return (n_rows, n_columns) float64, NaN for missing values and missing categories."""
        if not self._have_categories:
            return frame.matrix()
        data = frame.pandas
        out = np.empty(data.shape, dtype=np.float64)
        for position, column in enumerate(self._columns):
            if column.kind == "category":
                codes = data.iloc[:, position].cat.codes.to_numpy(dtype=np.float64)
                out[:, position] = np.where(codes < 0, np.nan, codes)
            else:
                out[:, position] = NativeFrame(data.iloc[:, [position]]).matrix()[:, 0]
        return out


class _Native:
    """A booster, scored as `Booster.predict` scores a DataFrame."""

    def __init__(self, booster: lgb.Booster, rows: _Rows) -> None:
        self.classes: tuple[Label, ...] | None = None
        self._booster = booster
        self._score = scorer(booster)
        self._raw_score = scorer(booster, raw=True)
        self._rows = rows

    def probabilities(self, frame: Frame) -> Prediction:
        """Return (n_rows,) chances of class 1, or (n_rows, n_classes) of every class."""
        return Prediction(self.values(frame))

    def values(self, frame: Frame) -> Values:
        """Return the booster's predictions."""
        return self._score(self._rows.matrix(frame))

    def meaning(self, objective: str) -> Meaning:
        """Return the meaning of predictions that an objective makes of raw scores."""
        said = f"LightGBM's objective {objective}" if objective else "an objective of one's own"
        return Meaning(_SCALES.get(objective, Scale.MARGINS), said)

    def margins(self, frame: Frame) -> Prediction:
        """Return (n_rows,) or (n_rows, n_outputs) raw scores."""
        return Prediction(self._raw_score(self._rows.matrix(frame)), self.classes)

    def additive(self, target: Target) -> Additive:
        """Return the raw scores of frames as sums.

        Raises:
            UnsupportedError: as `lightgbm.contributions.additive`.
        """
        found = additive(self._booster, target)
        return replace(found, divide=lambda frame: found.divide(self._rows.matrix(frame)))


class _Wrapper:
    """An estimator of lightgbm.sklearn.

    The booster inside is asked where the estimator does no more than that; everything else goes
    through the estimator's own methods and a DataFrame.
    """

    def __init__(self, model: Any, rows: _Rows) -> None:
        self._model = model
        self.classes = _labels(model)
        self._rows = rows
        self._native = _Native(model.booster_, rows)
        self._own = type(model).__module__.startswith("lightgbm.")
        self._plain = self._own and not callable(model.objective_) and not _stops_early(model)

    def meaning(self, objective: str) -> Meaning | None:
        """Return the meaning of `predict_proba`; None for a method of the user's own."""
        kind = type(self._model)
        method = getattr(kind, "predict_proba", None)
        if method is None:
            return Meaning(Scale.MARGINS, f"{kind.__name__}, which has no predict_proba,")
        return self._native.meaning(objective) if _is_of_library(method) else None

    def margins(self, frame: Frame) -> Prediction:
        """Return (n_rows,) or (n_rows, n_outputs) raw scores and the estimator's classes."""
        if self._plain:
            return replace(self._native.margins(frame), labels=self.classes)
        raw = self._model.predict(frame.pandas, raw_score=True)
        return Prediction(np.asarray(raw), self.classes)

    def probabilities(self, frame: Frame) -> Prediction:
        """Return (n_rows, n_classes) chances and the estimator's classes."""
        if not hasattr(self._model, "predict_proba"):
            raise PredictorError(
                f"a classification target needs predict_proba, which {type(self._model).__name__} "
                "does not have; save a classifier, or implement the score hook"
            )
        if not self._plain:
            return Prediction(np.asarray(self._model.predict_proba(frame.pandas)), self.classes)
        chances = self._native.values(frame)
        if chances.ndim == 1:
            chances = two_columns(chances)
        return Prediction(chances, self.classes)

    def values(self, frame: Frame) -> Values:
        """Return the estimator's predictions; a classifier gives classes."""
        if self._plain and self.classes is None:
            return self._native.values(frame)
        return np.asarray(self._model.predict(frame.pandas))

    def additive(self, target: Target) -> Additive:
        """Return the raw scores of frames as sums.

        Raises:
            UnsupportedError: as `lightgbm.contributions.of_estimator`.
        """
        found = of_estimator(self._model, target)
        return replace(found, divide=lambda frame: found.divide(self._rows.matrix(frame)))


def _schema(booster: lgb.Booster, text: str) -> Schema:
    names = booster.feature_name()
    named = names != [f"Column_{position}" for position in range(len(names))]
    categories = categories_of(booster.pandas_categorical or [], text)
    columns = tuple(
        Column(name, "category", categories[position]) if position in categories else Column(name)
        for position, name in enumerate(names)
    )
    return BlankSchema(columns) if named else Schema(columns, named=False)


def _objective(text: str) -> str:
    """Return the name of a booster's objective, empty for one of the user's own."""
    match = re.search(r"^objective=(\S+)", text, re.MULTILINE)
    return match[1] if match and match[1] not in ("none", "custom") else ""


def _is_of_library(method: Any) -> bool:
    return bool(method.__module__ == "lightgbm.sklearn")


def _stops_early(model: Any) -> bool:
    """Return whether an estimator was told to leave trees out where the answer seems clear."""
    return any(name.startswith("pred_early_stop") for name in model.get_params())


def _target(text: str) -> ModelTarget:
    objective = _objective(text)
    if objective == "binary":
        return ModelTarget(TargetType.BINARY, (0, 1), implied=True)
    if objective in ("multiclass", "multiclassova"):
        n_classes = re.search(r"^num_class=(\d+)", text, re.MULTILINE)
        classes = tuple(range(int(n_classes[1] if n_classes else 0)))
        return ModelTarget(TargetType.MULTICLASS, classes, implied=True)
    return ModelTarget(TargetType.REGRESSION if objective else None)


def _wrapper_target(model: Any) -> ModelTarget:
    labels = _labels(model)
    if labels is None:
        return ModelTarget(TargetType.REGRESSION)
    return ModelTarget(TargetType.BINARY if len(labels) == 2 else TargetType.MULTICLASS, labels)


def _labels(model: Any) -> tuple[Label, ...] | None:
    """Return the classes of a classifier as Python values."""
    classes = getattr(model, "classes_", None)
    return None if classes is None else tuple(np.asarray(classes).tolist())
