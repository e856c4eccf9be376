"""XGBoost: native boosters and the scikit-learn wrappers."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray

from drum_like.api import (
    ArtifactError,
    Column,
    DataType,
    Explainer,
    Frame,
    Label,
    ModelTarget,
    NativeFrame,
    Prediction,
    PredictorError,
    Schema,
    Target,
    TargetType,
)

# Relative: type checkers know this package under its folder's name.
from .additive import Additive, of_columns
from .native_calls import two_columns
from .xgboost_contributions import additive, is_plain, of_estimator, rounds_of
from .xgboost_dense import Question, scorer

Values = NDArray[Any]

_NUMERIC = frozenset({TargetType.REGRESSION, TargetType.ANOMALY, TargetType.GEO_POINT})


_STORED = {"int": DataType.INT64, "c": DataType.INT64, "i": DataType.BOOL}
"""What a booster's feature types say about the training data; "c" without categories is codes."""


class XGBoostPredictor:
    """Scores a dense matrix; XGBoost reads an absent sparse entry as missing, not as zero.

    A booster is asked for all its trees, as `Booster.predict` does; a wrapper decides itself, by
    its best iteration. `predict` may be called in several threads at once; of few rows a call
    keeps to its own thread.
    """

    def __init__(self, model: Any) -> None:
        native = isinstance(model, xgb.Booster)
        booster = model if native else model.get_booster()
        learner = _configured(booster)
        self.framework = "xgboost" if native else "scikit-learn"
        self.schema: Schema | None = _schema(booster)
        self.target = _target(booster, learner) if native else _wrapper_target(model, learner)
        rows = _Rows(booster, self.schema)
        trees = _Trees(booster, learner, rows)
        self._scorer = _Native(trees, learner) if native else _Wrapper(model, trees)
        self._names = self.schema.names

    @staticmethod
    def load(path: Path) -> xgb.Booster:
        """Read a booster that `save_model` wrote as JSON or UBJSON."""
        return xgb.Booster(model_file=path)

    def predict(self, frame: Frame, target: Target) -> Prediction:
        """Score rows: probabilities for classification, the model's values otherwise."""
        if target.type.is_classification:
            return self._scorer.probabilities(frame)
        if target.type in _NUMERIC:
            return Prediction(self._scorer.values(frame))
        raise PredictorError(
            f"Target type '{target.type.value}' is not supported by 'XGBoostPredictor' predictor"
        )

    def explainer(self, target: Target) -> Explainer:
        """Return what divides the booster's margins among its columns.

        Raises:
            UnsupportedError: its objective or its class does not allow that.
        """
        return of_columns(self._scorer.additive(target), self._names, self._scorer.classes)


class _Rows:
    """Gives a booster its rows: a matrix, or a DataFrame where it recodes categories."""

    def __init__(self, booster: xgb.Booster, schema: Schema) -> None:
        self._names = booster.feature_names
        self._types = booster.feature_types
        self._schema = schema
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
        return pd.DataFrame(frame.matrix(), columns=list(frame.columns or self._schema.names))

    def _frame_with_categories(self, data: pd.DataFrame) -> pd.DataFrame:
        parts = {
            column.name: data.iloc[:, position]
            if column.kind == "category"
            else NativeFrame(data.iloc[:, [position]]).matrix()[:, 0]
            for position, column in enumerate(self._schema.columns)
        }
        return pd.DataFrame(parts, index=data.index)


class _Trees:
    """A booster and how to ask it."""

    def __init__(self, booster: xgb.Booster, learner: dict[str, Any], rows: _Rows) -> None:
        self.booster = booster
        self.rows = rows
        trees = learner["gradient_booster"]
        # Linear boosters cannot predict in place, and dart adds up its trees in another order.
        self.in_place = trees["name"] == "gbtree"
        on_cpu = learner["generic_param"]["device"] == "cpu"
        self.dense = self.in_place and on_cpu and not rows.have_categories
        self._n_trees = int(trees["gbtree_model_param"]["num_trees"]) if self.in_place else 0

    def raw(self, *, margin: bool) -> Callable[[Frame], Values]:
        """Return what scores rows as `Booster.predict` scores a DMatrix."""
        booster, rows = self.booster, self.rows
        if self.dense:
            return self.answer(Question(margin=margin))
        if self.in_place:
            kind = "margin" if margin else "value"
            return lambda frame: np.asarray(
                booster.inplace_predict(rows.layout(frame), predict_type=kind)
            )
        return lambda frame: np.asarray(booster.predict(rows.dmatrix(frame), output_margin=margin))

    def answer(self, question: Question) -> Callable[[Frame], Values]:
        """Return what asks a dense booster that question."""
        score = scorer(self.booster, question, self._n_trees)
        return lambda frame: score(frame.matrix())


class _Native:
    """A booster, scored as `Booster.predict` scores a DMatrix."""

    def __init__(self, trees: _Trees, learner: dict[str, Any]) -> None:
        self.values = trees.raw(margin=False)
        self.classes = _stored_classes(trees.booster) or None
        self._margins = trees.raw(margin=True)
        self._objective = learner["objective"]["name"]
        self._trees = trees
        self._learner = learner

    def probabilities(self, frame: Frame) -> Prediction:
        """Return (n_rows,) chances of class 1, or (n_rows, n_classes) of every class.

        Objectives that give classes or margins are asked for margins, which are turned into
        chances as their probabilistic siblings do it. A booster that stores its classes gets a
        column for each, also for two.
        """
        if self._objective == "multi:softmax":
            chances = _softmax(self._margins(frame))
        elif self._objective == "binary:logitraw":
            chances = _sigmoid(self._margins(frame))
        else:
            chances = self.values(frame)
        if len(self.classes or ()) == 2 and chances.ndim == 1:
            chances = np.column_stack([1 - chances, chances])
        known = chances.ndim == 2 and chances.shape[1] == len(self.classes or ())
        return Prediction(chances, self.classes if known else None)

    def additive(self, target: Target) -> Additive:
        """Return the margins as sums, of all trees.

        Raises:
            UnsupportedError: as `xgboost_contributions.additive`.
        """
        rows = self._trees.rows.dmatrix
        return additive(self._trees.booster, self._learner, target, (0, 0), rows)


class _Wrapper:
    """An estimator of xgboost.sklearn.

    The booster inside is asked where the estimator does no more than that; everything else goes
    through the estimator's own methods.
    """

    def __init__(self, model: Any, trees: _Trees) -> None:
        self._model = model
        self.classes = _labels(model)
        self._rows = _rows_of(model, trees)
        self._matrix = trees.rows.dmatrix
        plain = trees.dense and is_plain(model)
        self._answer = trees.answer(_question(model)) if plain else None

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
            UnsupportedError: as `xgboost_contributions.of_estimator`.
        """
        return of_estimator(
            self._model, target, lambda frame: self._matrix(frame, self._model.missing)
        )


def _configured(booster: xgb.Booster) -> dict[str, Any]:
    """Return what the booster is configured to do, when it is ready to predict.

    Reading the configuration completes it, which the first prediction would otherwise do, in
    several threads at once. The number of threads that a pickled booster was trained with says
    nothing about the machine that serves it: OMP_NUM_THREADS does.
    """
    learner: dict[str, Any] = json.loads(booster.save_config())["learner"]
    if int(learner["generic_param"]["nthread"]) == 0:
        return learner
    booster.set_param({"nthread": 0})
    return dict(json.loads(booster.save_config())["learner"])


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
    return Question(rounds=rounds_of(model), missing=model.missing)


def _columns(chances: Values, n_classes: int) -> Values:
    """Return one column a class; XGBClassifier.predict_proba completes one output in this way."""
    if chances.ndim == 2 and (chances.shape[1] == n_classes or chances.shape[1] >= n_classes == 2):
        return chances
    return two_columns(chances)


def _schema(booster: xgb.Booster) -> Schema:
    """Return the booster's inputs; categories that it does not store are integer codes."""
    n_columns = booster.num_features()
    names = booster.feature_names
    shown = names or [str(position) for position in range(n_columns)]
    categories = _categories(booster)
    types = booster.feature_types or [""] * n_columns
    columns = tuple(
        Column(name, "category", categories[position])
        if position in categories
        else Column(name, stored=_STORED.get(types[position]))
        for position, name in enumerate(shown)
    )
    return Schema(columns, named=names is not None)


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


def _stored_classes(booster: xgb.Booster) -> tuple[Label, ...]:
    """Return the classes in the booster's attribute "classes", a JSON list; empty without one.

    Raises:
        ArtifactError: the attribute is there but is no list of text, integers or booleans.
    """
    text = booster.attr("classes")
    if text is None:
        return ()
    try:
        classes = json.loads(text)
    except ValueError:
        classes = None
    if not isinstance(classes, list) or not all(isinstance(c, (str, int)) for c in classes):
        raise ArtifactError(
            "the booster's attribute 'classes' must be a JSON list of labels in the order of its "
            "outputs; set it with booster.set_attr(classes=json.dumps([...]))"
        )
    return tuple(classes)


def _target(booster: xgb.Booster, learner: dict[str, Any]) -> ModelTarget:
    objective = learner["objective"]["name"]
    classes = _stored_classes(booster)
    n_classes = int(learner["learner_model_param"]["num_class"])
    if objective.startswith("multi:"):
        return ModelTarget(TargetType.MULTICLASS, classes or tuple(range(n_classes)))
    if not objective.startswith("binary:"):
        return ModelTarget(TargetType.REGRESSION)
    if _n_targets(learner) > 1:
        return ModelTarget(TargetType.MULTILABEL)
    return ModelTarget(TargetType.BINARY, classes or (0, 1))


def _wrapper_target(model: Any, learner: dict[str, Any]) -> ModelTarget:
    labels = _labels(model)
    if labels is None:
        return ModelTarget(TargetType.REGRESSION)
    if _n_targets(learner) > 1:
        return ModelTarget(TargetType.MULTILABEL)
    return ModelTarget(TargetType.BINARY if len(labels) == 2 else TargetType.MULTICLASS, labels)


def _n_targets(learner: dict[str, Any]) -> int:
    return int(learner["learner_model_param"].get("num_target", 1))


def _labels(model: Any) -> tuple[Label, ...] | None:
    """Return the classes of a classifier: the integers from 0."""
    classes = getattr(model, "classes_", None)
    return None if classes is None else tuple(np.asarray(classes).tolist())


def _softmax(margins: Values) -> Values:
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _sigmoid(margins: Values) -> Values:
    """Return 1 / (1 + e^-m); the bound, XGBoost's own, keeps e^-m within float32."""
    bound = np.float32(88.7)
    return np.asarray(1 / (1 + np.exp(np.minimum(-margins, bound))))
