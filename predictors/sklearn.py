"""scikit-learn: estimators, transformers and pipelines, whatever their last step is."""

from importlib import import_module
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_outlier_detector, is_regressor
from sklearn.pipeline import Pipeline

from drum_like.api import (
    ColumnsError,
    Explainer,
    Frame,
    Label,
    Meaning,
    ModelTarget,
    Prediction,
    PredictorError,
    Scale,
    Schema,
    Target,
    TargetType,
)

# Relative: type checkers know this package under its folder's name.
from . import sklearn_blame, sklearn_columns, sklearn_contributions, sklearn_encoders

_NUMERIC = frozenset({TargetType.REGRESSION, TargetType.ANOMALY, TargetType.GEO_POINT})


_TELLING = {"xgboost": "XGBoostPredictor", "lightgbm": "LightGBMPredictor"}
"""Packages of estimators that may end a pipeline without giving probabilities, and who knows."""

_XGBOOST = frozenset({"XGBClassifier", "XGBRegressor"})


class SklearnPredictor:
    """Scores with `predict_proba` or `predict`, transforms with `transform`.

    An estimator fitted on a DataFrame gets one, one fitted on an array gets an array, and one that
    does not tell gets the DataFrame as it was sent.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.framework = _framework(model)
        self.schema: Schema | None = _schema(model)
        self._reads_one_text = sklearn_columns.reads_one_text(model)
        self._labels = _labels(model)
        self.target = _target(model, self._labels)

    def predict(self, frame: Frame, target: Target) -> Prediction:
        """Score rows: (n_rows, n_classes) chances with the classes, or the predicted values.

        Raises:
            ColumnsError: a cell is missing, infinite or of an unknown category, and the estimator
                does not take that.
            PredictorError: the estimator cannot predict what the target asks for.
        """
        if not target.type.is_classification:
            return Prediction(np.asarray(self._call(_value_method(self._model, target), frame)))
        chances = self._call(_chance_method(self._model), frame)
        if not isinstance(chances, np.ndarray):
            raise PredictorError(
                f"predictions must return a np array, but received {type(chances)}; models with "
                "several outputs need a score hook"
            )
        return Prediction(chances, self._labels)

    def transform(self, frame: Frame) -> Any:
        """Return the transformed rows: a DataFrame, an ndarray or a scipy sparse matrix.

        Raises:
            ColumnsError: a cell is missing, infinite or of an unknown category, and the estimator
                does not take that.
            PredictorError: the model is no transformer.
        """
        return self._call(_method(self._model, "transform", "a transform target"), frame)

    def meaning(self, target: Target) -> Meaning | None:
        """Return whether classes get probabilities, which XGBoost and LightGBM tell.

        What `predict_proba` of all others gives is probabilities by its own definition.
        """
        if not hasattr(self._model, "predict_proba"):
            return None
        last = self._model
        while isinstance(last, Pipeline):
            last = last.steps[-1][1]
        package = type(last).__module__.partition(".")[0]
        if package not in _TELLING:
            return Meaning(Scale.CHANCES, f"predict_proba of {type(self._model).__name__}")
        # By name: predictors do not import each other, and most models need neither.
        module = import_module(f".{package}", __package__)
        told: Meaning | None = getattr(module, _TELLING[package])(last).meaning(target)
        return told

    def explainer(self, target: Target) -> Explainer:
        """Return what divides the model's output among its columns.

        Raises:
            UnsupportedError: its last step is no known sum over columns.
        """
        return sklearn_contributions.explainer(
            self._model, self.schema, target, self._labels, self._call
        )

    def _call(self, method: Any, frame: Frame) -> Any:
        rows = self._rows(frame)
        try:
            return method(rows)
        except (TypeError, ValueError) as error:
            blame = sklearn_blame.cell_to_blame(self._model, method, rows, self.schema)
            if blame is None:
                raise
            name = frame.columns[blame.column] if frame.columns else str(blame.column)
            raise ColumnsError(f"column {name[:100]!r} {blame.reason}", blame.row) from error

    def _rows(self, frame: Frame) -> Any:
        if self._reads_one_text:
            return frame.pandas.iloc[:, 0].to_numpy(dtype=object)
        if self.schema is None or self.schema.named:
            return frame.pandas
        if all(column.kind == "number" for column in self.schema.columns):
            # Column by column, as a DataFrame becomes an array: sums round alike.
            return np.asfortranarray(frame.matrix())
        return frame.pandas.to_numpy(dtype=object)


def _schema(model: Any) -> Schema | None:
    return sklearn_encoders.with_types(model, sklearn_columns.schema_of(model))


def _framework(model: Any) -> str:
    """Return DRUM's name: pipelines that end in XGBoost are XGBoost's there."""
    last = model.steps[-1][1] if isinstance(model, Pipeline) else None
    ends = {cls.__name__ for cls in type(last).__mro__ if cls.__module__.startswith("xgboost.")}
    return "xgboost" if ends & _XGBOOST else "scikit-learn"


def _value_method(model: Any, target: Target) -> Any:
    if target.type not in _NUMERIC:
        raise PredictorError(
            f"Target type '{target.type.value}' is not supported by 'SKLearnPredictor' predictor"
        )
    return _method(model, "predict", f"a {target.type.value} target")


def _chance_method(model: Any) -> Any:
    return _method(model, "predict_proba", "a classification target")


def _method(model: Any, name: str, target: str) -> Any:
    method = getattr(model, name, None)
    if method is None:
        raise PredictorError(
            f"{target} needs {name}, which {type(model).__name__} does not have; save a model that "
            "has it, or implement the hook"
        )
    return method


def _labels(model: Any) -> tuple[Label, ...] | None:
    """Return the classes of a model with one output, as Python values.

    Wherever there are any, as in DRUM: a classifier need not say that it is one.
    """
    classes = getattr(model, "classes_", None)
    if classes is None or isinstance(classes, list):
        return None
    return tuple(map(_label, np.asarray(classes).tolist()))


def _label(value: Any) -> Label:
    """Return a class as a label; 1.0 is the class 1."""
    if isinstance(value, str | bool | int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else str(value)


def _target(model: Any, labels: tuple[Label, ...] | None) -> ModelTarget:
    if labels is not None and (is_classifier(model) or hasattr(model, "predict_proba")):
        return ModelTarget(TargetType.BINARY if len(labels) == 2 else TargetType.MULTICLASS, labels)
    if is_regressor(model):
        return ModelTarget(TargetType.REGRESSION)
    if is_outlier_detector(model):
        return ModelTarget(TargetType.ANOMALY)
    if hasattr(model, "transform") and not hasattr(model, "predict"):
        return ModelTarget(TargetType.TRANSFORM)
    return ModelTarget()
