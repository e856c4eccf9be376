"""XGBoost: native boosters and the scikit-learn wrappers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from drum_like.api import (
    Explainer,
    Frame,
    Label,
    Meaning,
    ModelTarget,
    Prediction,
    PredictorError,
    Schema,
    Target,
)

# Relative: type checkers know this package under its folder's name.
from ..estimators import NUMERIC, AdditiveModel, column_explainer
from ..native_calls import Values
from .booster import Booster, scorer
from .native import BoosterCalls, ContributionsAndMargins, NativeModel
from .native_library import CONTRIBUTIONS, MARGIN, PredictConfig, XGBoostError


class _Model(Protocol):
    """A booster or an estimator."""

    framework: str
    schema: Schema
    target: ModelTarget
    classes: tuple[Label, ...] | None

    def probabilities(self, frame: Frame) -> Prediction:
        """Return chances of classes."""

    def margins(self, frame: Frame) -> Prediction:
        """Return the booster's results before its objective's last step."""

    def meaning(self) -> Meaning | None:
        """Return the true meaning of the numbers that `probabilities` gives."""

    def values(self, frame: Frame) -> Values:
        """Return the model's predictions."""

    def additive_model(self, target: Target) -> AdditiveModel:
        """Return the margins as sums."""


class XGBoostPredictor:
    """Scores a dense matrix; XGBoost reads an absent sparse entry as missing, not as zero.

    A booster is asked for all its trees, as `Booster.predict` does; an estimator decides itself, by
    its best iteration, and so do files that `save_model` of an estimator wrote. `predict` may be
    called in several threads at once; of few rows a call keeps to its own thread.

    Args:
        model: Result of `load` or `load_alone`, or a fitted estimator of xgboost.sklearn.
    """

    def __init__(self, model: Any) -> None:
        self._model = _model_of(model)
        self._is_own = isinstance(model, Booster) or type(model).__module__.startswith("xgboost.")
        self.framework = self._model.framework
        self.schema: Schema | None = self._model.schema
        self.target = self._model.target
        self._names = self._model.schema.names

    @staticmethod
    def load(path: Path) -> Any:
        """Read a booster that `save_model` wrote as JSON or UBJSON, as an xgboost.Booster."""
        from . import package  # noqa: PLC0415 - see there

        return package.read_booster(path)

    @staticmethod
    def load_alone(path: Path) -> Any:
        """Read the same for this predictor alone, without XGBoost's Python package if possible."""
        booster = Booster.read(path)
        is_dense = booster.in_place and booster.on_cpu and "c" not in booster.types
        return booster if is_dense else XGBoostPredictor.load(path)

    @staticmethod
    def load_booster(path: Path) -> Any:
        """Read the same as `xgboost.Booster` does, which takes an estimator's file for its own."""
        if not Booster.read(path).of_estimator:
            return XGBoostPredictor.load_alone(path)
        booster = XGBoostPredictor.load(path)
        booster.set_attr(scikit_learn=None)
        return booster

    def predict(self, frame: Frame, target: Target) -> Prediction:
        """Score rows: probabilities for classification, the model's values otherwise."""
        if target.type.is_classification:
            return self._model.probabilities(frame)
        if target.type in NUMERIC:
            return Prediction(self._model.values(frame))
        raise PredictorError(
            f"Target type '{target.type.value}' is not supported by 'XGBoostPredictor' predictor"
        )

    def meaning(self, target: Target) -> Meaning | None:  # noqa: ARG002 - a MeaningSource
        """Return whether classes get probabilities; None of a class of the user's own."""
        return self._model.meaning()

    def dependence(self, target: Target) -> str | None:  # noqa: ARG002 - IndependentRows
        """Return why a row may depend on its neighbours: in code that is not XGBoost's own."""
        return None if self._is_own else "a class that is not XGBoost's own may look at all rows"

    def margins(self, frame: Frame) -> Prediction:
        """Return the margins of rows, for a link of the metadata."""
        return self._model.margins(frame)

    def explainer(self, target: Target) -> Explainer:
        """Return the explainer that divides the booster's margins among its columns.

        Raises:
            UnsupportedError: its objective or its class does not allow that.
        """
        return column_explainer(
            self._model.additive_model(target), self._names, self._model.classes
        )


def _model_of(model: Any) -> _Model:
    if isinstance(model, Booster):
        return _native_model(model)
    from . import package  # noqa: PLC0415 - see there

    return package.wrap_model(model)


def _native_model(booster: Booster) -> NativeModel:
    """Wrap a booster of trees on the CPU as a model; all its columns are numbers."""

    def contributions(frame: Frame) -> ContributionsAndMargins:
        matrix = frame.matrix()
        try:
            return (
                booster.predict_dmatrix(matrix, PredictConfig(CONTRIBUTIONS, booster.rounds)),
                booster.predict_dmatrix(matrix, PredictConfig(MARGIN, booster.rounds)),
            )
        except XGBoostError as error:
            from .categories import infinite_cell_error  # noqa: PLC0415 - imports XGBoost

            raise infinite_cell_error(matrix, booster.schema.names) or error from error

    calls = BoosterCalls(
        values=_dense_call(booster, PredictConfig(rounds=booster.rounds)),
        margins=_dense_call(booster, PredictConfig(MARGIN, booster.rounds)),
        contributions=contributions,
    )
    return NativeModel(booster, booster.schema, calls)


def _dense_call(booster: Booster, config: PredictConfig) -> Callable[[Frame], Values]:
    score = scorer(booster, config)
    return lambda frame: score(frame.matrix())
