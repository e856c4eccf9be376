"""The outputs of a fitted scikit-learn classifier: its classes, and chances of several labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_outlier_detector, is_regressor
from sklearn.ensemble import StackingClassifier
from sklearn.pipeline import Pipeline

from drum_like.api import Label, ModelTarget, Prediction, PredictorError, Target, TargetType

from .columns import inner_model  # relative: type checkers know the folder's name

_WORDS: dict[object, int] = {"0": 0, "1": 1, "false": 0, "true": 1, "no": 0, "yes": 1}


@dataclass(frozen=True, slots=True)
class Outputs:
    """Outputs of a classifier's `predict_proba`.

    Attributes:
        classes: Of a model with one output, in the order of its columns; None if it has several
            outputs, or no classes.
        each: The classes of each output of a model with several; None for a model with one.
        complemented: Whether a matrix holds the chance of class 0 of each label: that is what
            StackingClassifier gives for several labels.
    """

    classes: tuple[Label, ...] | None
    each: tuple[tuple[Label, ...], ...] | None = None
    complemented: bool = False

    @property
    def are_truths(self) -> bool:
        """Whether each of several outputs is 0 or 1, so that it is a label."""
        return all(bit(c) is not None for classes in self.each or () for c in classes)

    def prediction(self, chances: Any, target: Target) -> Prediction:
        """Convert the result of `predict_proba` to probabilities of the target's labels.

        Raises:
            PredictorError: it is no array, and the target is not several labels.
        """
        if target.type is TargetType.MULTILABEL and self.each is not None:
            return Prediction(self._of_labels(chances, self.each))
        if not isinstance(chances, np.ndarray):
            raise PredictorError(
                f"predictions must return a np array, but received {type(chances)}; models with "
                "several outputs need the target type multilabel, or a score hook"
            )
        alone = target.type is TargetType.MULTILABEL and len(target.labels) == 1
        if alone and self.classes is not None and len(self.classes) == chances.shape[-1] == 2:
            return Prediction(_chance_of_one(chances, self.classes))
        return Prediction(chances, self.classes)

    def decided(self, values: NDArray[Any]) -> Prediction:
        """Return the classes that `predict` chose as 1 for these and 0 for all others.

        What a post_process hook gets of a model without probabilities.
        """
        if self.classes is None or values.ndim != 1:
            return Prediction(values)
        known = np.array([_label(value) for value in values.tolist()], dtype=object)
        chosen = [known == label for label in self.classes]
        return Prediction(np.column_stack(chosen).astype(np.float64), self.classes)

    def _of_labels(self, chances: Any, each: Sequence[tuple[Label, ...]]) -> NDArray[Any]:
        """Return the (n_rows, n_labels) chances of class 1."""
        if isinstance(chances, np.ndarray) and chances.ndim == 2:
            return self._complement(chances, each) if self.complemented else chances
        if len(chances) != len(each):
            raise PredictorError(
                f"predict_proba gave {len(chances)} outputs, but the model has {len(each)}"
            )
        columns = [_chance_of_one(np.asarray(c), k) for c, k in zip(chances, each, strict=True)]
        return np.hstack(columns)

    def _complement(self, chances: NDArray[Any], each: Sequence[tuple[Label, ...]]) -> NDArray[Any]:
        first_is_one = [bit(classes[0]) == 1 for classes in each]
        return np.where(first_is_one, chances, 1 - chances)


def bit(label: Label) -> int | None:
    """Return 0 or 1 for a class that says so as a number, a truth value or a word, else None."""
    if isinstance(label, str):
        return _WORDS.get(label.strip().lower())
    return int(label) if label in (0, 1) else None


def _chance_of_one(chances: NDArray[Any], classes: tuple[Label, ...]) -> NDArray[Any]:
    """Return the (n_rows, 1) chances of class 1; training may have seen no other class, or none."""
    bits = [bit(label) for label in classes]
    if 1 in bits:
        at = bits.index(1)
        return chances[:, at : at + 1]
    return np.zeros((len(chances), 1), chances.dtype)


def outputs_of(model: Any) -> Outputs:
    """Return the outputs of a fitted model, with their classes."""
    classes = getattr(model, "classes_", None)
    if classes is None:
        return Outputs(None)
    last = last_step(model)
    if isinstance(classes, list):
        each = tuple(map(_labels, classes))
        stacked = isinstance(last, StackingClassifier)
        return Outputs(None, each, complemented=stacked)
    if _gives_many(last):
        return Outputs(None, ((0, 1),) * len(classes))
    return Outputs(_labels(classes))


def last_step(model: Any) -> Any:
    """Return the estimator that gives the answer, behind pipelines and searches."""
    inner = inner_model(model)
    if inner is not None:
        return last_step(inner)
    if isinstance(model, Pipeline) and model.steps:
        return last_step(model.steps[-1][1])
    return model


def _gives_many(model: Any) -> bool:
    """Whether a model with one array of classes was fitted on a matrix of labels."""
    if getattr(model, "multilabel_", False) is True:
        return True
    binarizer = getattr(model, "_label_binarizer", None)
    return getattr(binarizer, "y_type_", None) == "multilabel-indicator"


def target_of(model: Any, outputs: Outputs) -> ModelTarget:
    """Return the target of a fitted model, as far as the model shows it."""
    if outputs.each is not None and is_classifier(model):
        numbers = tuple(range(len(outputs.each)))
        return ModelTarget(TargetType.MULTILABEL, numbers, implied=True)
    classes = outputs.classes
    if classes is not None and (is_classifier(model) or hasattr(model, "predict_proba")):
        kind = TargetType.BINARY if len(classes) == 2 else TargetType.MULTICLASS
        return ModelTarget(kind, classes)
    if is_regressor(model):
        return ModelTarget(TargetType.REGRESSION)
    if is_outlier_detector(model):
        return ModelTarget(TargetType.ANOMALY)
    if hasattr(model, "transform") and not hasattr(model, "predict"):
        return ModelTarget(TargetType.TRANSFORM)
    return ModelTarget()


def _labels(classes: Any) -> tuple[Label, ...]:
    """Return classes as Python values; a classifier need not say that it is one, as in DRUM."""
    return tuple(map(_label, np.asarray(classes).tolist()))


def _label(value: Any) -> Label:
    """Return a class as a label; 1.0 is the class 1."""
    if isinstance(value, str | bool | int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else str(value)
