"""scikit-learn: estimators, transformers and pipelines, whatever their last step is."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_outlier_detector, is_regressor
from sklearn.pipeline import Pipeline

from drum_like.api import (
    ColumnsError,
    Frame,
    Label,
    ModelTarget,
    Prediction,
    PredictorError,
    Schema,
    Target,
    TargetType,
)

from . import sklearn_columns  # relative: type checkers know this package under its folder's name

_NUMERIC = frozenset({TargetType.REGRESSION, TargetType.ANOMALY, TargetType.GEO_POINT})
_XGBOOST = frozenset({"XGBClassifier", "XGBRegressor"})

CELLS_TO_BLAME = 20
"""Columns that are tried one by one to find the missing value that an estimator refused."""


class SklearnPredictor:
    """Scores with `predict_proba` or `predict`, transforms with `transform`.

    An estimator fitted on a DataFrame gets one, one fitted on an array gets an array, and one that
    does not tell gets the DataFrame as it was sent.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.framework = _framework(model)
        self.schema: Schema | None = sklearn_columns.schema_of(model)
        self._labels = _labels(model)
        self.target = _target(model, self._labels)

    def predict(self, frame: Frame, target: Target) -> Prediction:
        """Score rows: (n_rows, n_classes) chances with the classes, or the predicted values.

        Raises:
            ColumnsError: a cell is missing or infinite where the estimator takes neither.
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
            ColumnsError: a cell is missing or infinite where the estimator takes neither.
            PredictorError: the model is no transformer.
        """
        return self._call(_method(self._model, "transform", "a transform target"), frame)

    def _call(self, method: Any, frame: Frame) -> Any:
        rows = self._rows(frame)
        try:
            return method(rows)
        except ValueError as error:
            blamed = _blamed_cell(method, rows)
            if blamed is None:
                raise
            row, at, kind = blamed
            name = frame.columns[at] if frame.columns else str(at)
            raise ColumnsError(
                f"column {name[:100]!r} holds {kind} in row {row + 1}, which the model does not "
                "take there; send a number, or train the model with an imputer"
            ) from error

    def _rows(self, frame: Frame) -> Any:
        if self.schema is None or self.schema.named:
            return frame.pandas
        if all(column.kind == "number" for column in self.schema.columns):
            # Column by column, as a DataFrame becomes an array: sums round alike.
            return np.asfortranarray(frame.matrix())
        return frame.pandas.to_numpy(dtype=object)


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
    """Return the classes of a classifier with one output, as Python values."""
    classes = getattr(model, "classes_", None)
    if classes is None or not is_classifier(model) or isinstance(classes, list):
        return None
    return tuple(map(_label, np.asarray(classes).tolist()))


def _label(value: Any) -> Label:
    """Return a class as a label; 1.0 is the class 1."""
    if isinstance(value, str | bool | int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else str(value)


def _target(model: Any, labels: tuple[Label, ...] | None) -> ModelTarget:
    if labels is not None:
        return ModelTarget(TargetType.BINARY if len(labels) == 2 else TargetType.MULTICLASS, labels)
    if is_regressor(model):
        return ModelTarget(TargetType.REGRESSION)
    if is_outlier_detector(model):
        return ModelTarget(TargetType.ANOMALY)
    if hasattr(model, "transform") and not hasattr(model, "predict"):
        return ModelTarget(TargetType.TRANSFORM)
    return ModelTarget()


def _blamed_cell(method: Any, rows: Any) -> tuple[int, int, str] | None:
    """Return row, column and kind of the first number that the estimator refuses, if there is one.

    The row that holds it is predicted again: with all such cells filled, which has to work, and
    then with one of them at a time left as it was.
    """
    data = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)
    numeric = [at for at, dtype in enumerate(data.dtypes) if pd.api.types.is_numeric_dtype(dtype)]
    cells = data.iloc[:, numeric].to_numpy(dtype=np.float64, na_value=np.nan)
    for row in np.flatnonzero(~np.isfinite(cells).all(axis=1))[:CELLS_TO_BLAME]:
        odd = [at for at in numeric if not np.isfinite(cells[row, numeric.index(at)])]
        for at in _refused(method, rows, int(row), odd):
            missing = bool(np.isnan(cells[row, numeric.index(at)]))
            kind = "a missing value" if missing else "an infinite value"
            return int(row), at, kind
    return None


def _refused(method: Any, rows: Any, row: int, odd: list[int]) -> list[int]:
    """Return the columns whose cell in that row makes the estimator raise."""
    if not _works(method, _with(rows, row, odd)):
        return []
    return [
        at
        for at in odd[:CELLS_TO_BLAME]
        if not _works(method, _with(rows, row, [other for other in odd if other != at]))
    ]


def _with(rows: Any, row: int, zeros: list[int]) -> Any:
    """Return one row as the estimator gets it, some cells of it replaced by 0."""
    if isinstance(rows, pd.DataFrame):
        one = rows.iloc[[row]].copy()
        for at in zeros:
            one.isetitem(at, np.zeros(1))
        return one
    array: NDArray[Any] = rows[[row]].copy()
    array[0, zeros] = 0.0
    return array


def _works(method: Any, rows: Any) -> bool:
    try:
        method(rows)
    except ValueError:
        return False
    return True
