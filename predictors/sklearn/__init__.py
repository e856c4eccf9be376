"""scikit-learn: estimators, transformers and pipelines, whatever their last step is."""

from typing import Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.pipeline import Pipeline

from drum_like.api import (
    ColumnsError,
    Explainer,
    Frame,
    LoadError,
    Meaning,
    Prediction,
    PredictorError,
    Scale,
    Schema,
    Target,
)

# Relative: type checkers know this package under its folder's name.
from ..estimators import NUMERIC
from . import batching, columns, encoders, outputs, probes
from .bad_cell import BadCell, find_bad_cell, row_of
from .batching import Batching, BatchingResult
from .contributions import explainer
from .steps import (
    booster_predictor,
    find_forests,
    first_model,
    is_framework_only,
    reads_one_text,
)

_XGBOOST = frozenset({"XGBClassifier", "XGBRegressor"})


class SklearnPredictor:
    """Scores with `predict_proba` or `predict`, transforms with `transform`.

    An estimator fitted on a DataFrame gets one, one fitted on an array gets an array, and one that
    does not tell gets the DataFrame as it was sent.

    Attributes:
        framework_only: Whether no code but scikit-learn's and that of known frameworks runs.
        batchings: By method, the batches in which a row's neighbours do not change its bits.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.framework = _framework(model)
        self.schema: Schema | None = _schema(model)
        self._reads_one_text = reads_one_text(model)
        self._outputs = outputs.outputs_of(model)
        self.target = outputs.model_target(model, self._outputs)
        self.framework_only = is_framework_only(model)
        self.batchings: dict[str, BatchingResult] = {}
        # The first row that the model has taken, as a rule a made-up one of the start.
        self._fine: Any = None
        for forest in find_forests(model):
            # Several threads add up the trees in any order, and round otherwise each time.
            forest.n_jobs = 1

    def predict(self, frame: Frame, target: Target) -> Prediction:
        """Score rows: (n_rows, n_classes) chances with the classes, or the predicted values.

        Raises:
            ColumnsError: the estimator does not take a cell, such as one that is missing, infinite
                or of an unknown category, or the cells of a row together.
            PredictorError: the estimator cannot predict what the target asks for.
        """
        kind = target.type
        if kind.is_classification and hasattr(self._model, "predict_proba"):
            chances = self._call(self._model.predict_proba, frame)
            return self._outputs.prediction(chances, target)
        if not kind.is_classification and kind not in NUMERIC:
            raise PredictorError(
                f"Target type '{kind.value}' is not supported by 'SKLearnPredictor' predictor"
            )
        values = np.asarray(
            self._call(_method(self._model, "predict", f"a {kind.value} target"), frame)
        )
        return self._outputs.as_chances(values) if kind.is_classification else Prediction(values)

    def check_target(self, target: Target) -> None:
        """Refuse a target that the model cannot predict.

        Raises:
            LoadError: it has no probabilities, or no numbers, or takes no columns; with a remedy.
        """
        _check_input(self._model)
        outputs.check_target(self._model, self._outputs, target)

    def transform(self, frame: Frame) -> Any:
        """Return the transformed rows: a DataFrame, an ndarray or a scipy sparse matrix.

        Raises:
            ColumnsError: the estimator does not take a cell, such as one that is missing, infinite
                or of an unknown category, or the cells of a row together.
            PredictorError: the model is no transformer.
        """
        return self._call(_method(self._model, "transform", "a transform target"), frame)

    def meaning(self, target: Target) -> Meaning | None:
        """Return the meaning of `predict_proba`, which XGBoost and LightGBM know by objective.

        All others give probabilities by the method's own definition.
        """
        if not hasattr(self._model, "predict_proba"):
            return None
        last = self._model
        while isinstance(last, Pipeline):
            last = last.steps[-1][1]
        predictor = booster_predictor(last)
        if predictor is None:
            return Meaning(Scale.CHANCES, f"predict_proba of {type(self._model).__name__}")
        meaning: Meaning | None = predictor.meaning(target)
        return meaning

    def dependence(self, target: Target) -> str | None:
        """Return why a row may depend on its neighbours; found out with made-up rows.

        Code of others is not trusted: made-up rows do not show all that it looks at.
        """
        chances = target.type.is_classification and hasattr(self._model, "predict_proba")
        method = getattr(self._model, "predict_proba" if chances else "predict", None)
        if method is None:
            return "the model does not predict"
        if not self.framework_only:
            return "the model runs code that is not of a known framework"
        self._batching(method)
        result = self.batchings.get(method.__name__)
        if result is not None and result.independent:
            return None
        if result is None or result.equal is None:
            return "no made-up rows could show whether its rows depend on each other"
        return "made-up rows got other predictions among others than alone"

    def explainer(self, target: Target) -> Explainer:
        """Return the explainer that divides the model's output among its columns.

        Raises:
            UnsupportedError: its last step is no known sum over columns.
        """
        return explainer(self._model, self.schema, target, self._outputs.classes, self._call)

    def _call(self, method: Any, frame: Frame) -> Any:
        way = self._batching(method)
        rows = self._rows(frame, way.multiple)
        try:
            answer = batching.predict(method, rows, way, frame.n_rows)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            cell = find_bad_cell(self._model, method, self._rows(frame), self.schema, self._fine)
            if cell is None:
                raise
            raise _refusal(cell, frame) from error
        if self._fine is None:
            self._fine = row_of(rows, 0)
        return answer

    def _batching(self, method: Any) -> Batching:
        """Return the batching of a method of the model; tried when it is first called."""
        if getattr(method, "__self__", None) is not self._model:
            return Batching.WHOLE
        name = method.__name__
        if name not in self.batchings:
            self.batchings[name] = self._try_batchings(method)
        return self.batchings[name].batching

    def _try_batchings(self, method: Any) -> BatchingResult:
        if probes.scores_rows_alone(self._model):
            return BatchingResult(Batching.WHOLE, equal=True, independent=True)
        default = Batching.PADDED if self.framework_only else Batching.WHOLE
        try:
            rows = probes.probe_rows(self._model, self.schema, batching.MANY)
        except ValueError:
            return BatchingResult(default, None)
        return batching.find_batching(method, rows, default=default)

    def _rows(self, frame: Frame, multiple: int = 1) -> Any:
        if self._reads_one_text:
            return frame.pandas.iloc[:, 0].to_numpy(dtype=object)
        if self.schema is None or self.schema.named:
            return frame.pandas if multiple == 1 else frame.filled(multiple)
        if all(column.kind == "number" for column in self.schema.columns):
            # Column by column, as a DataFrame becomes an array: sums round alike.
            return np.asfortranarray(frame.matrix())
        return frame.pandas.to_numpy(dtype=object)


def _refusal(cell: BadCell, frame: Frame) -> ColumnsError:
    if cell.column is None:
        return ColumnsError(cell.reason, cell.row)
    name = frame.columns[cell.column] if frame.columns else str(cell.column)
    return ColumnsError(f"column {name[:100]!r} {cell.reason}", cell.row, name)


def _check_input(model: Any) -> None:
    first = first_model(model)
    if isinstance(first, DictVectorizer | FeatureHasher):
        raise LoadError(
            f"{type(first).__name__}, the first step of the model, takes a list of records, not "
            "the columns of a table; put a FunctionTransformer before it whose function makes "
            "records of a DataFrame (data.to_dict('records')), or implement the score hook"
        )


def _schema(model: Any) -> Schema | None:
    schema = encoders.add_types(model, columns.schema_of(model))
    return probes.add_examples(model, columns.add_booster_schema(model, schema))


def _framework(model: Any) -> str:
    """Return DRUM's name: pipelines that end in XGBoost are XGBoost's there."""
    last = model.steps[-1][1] if isinstance(model, Pipeline) else None
    ends = {cls.__name__ for cls in type(last).__mro__ if cls.__module__.startswith("xgboost.")}
    return "xgboost" if ends & _XGBOOST else "scikit-learn"


def _method(model: Any, name: str, target: str) -> Any:
    method = getattr(model, name, None)
    if method is None:
        raise PredictorError(
            f"{target} needs {name}, which {type(model).__name__} does not have; save a model that "
            "has it, or implement the hook"
        )
    return method
