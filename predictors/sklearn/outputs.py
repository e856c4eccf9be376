"""The outputs of a fitted scikit-learn model, and the refusal of targets that they do not fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_outlier_detector, is_regressor
from sklearn.ensemble import StackingClassifier, VotingClassifier

from drum_like.api import (
    Label,
    LoadError,
    ModelTarget,
    Prediction,
    PredictorError,
    Target,
    TargetType,
)

# Relative: type checkers know this package under its folder's name.
from ..estimators import NUMERIC
from .steps import last_step, model_name

_WORDS: dict[object, int] = {"0": 0, "1": 1, "false": 0, "true": 1, "no": 0, "yes": 1}
_PROBABILITIES = "serve it with another target type, or implement the score hook"


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
        return all(_bit(c) is not None for classes in self.each or () for c in classes)

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

    def as_chances(self, values: NDArray[Any]) -> Prediction:
        """Return 1 for the classes that `predict` chose and 0 for all others.

        A post_process hook gets them of a model without probabilities.
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
        first_is_one = [_bit(classes[0]) == 1 for classes in each]
        return np.where(first_is_one, chances, 1 - chances)


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
    if _has_many_labels(last):
        return Outputs(None, ((0, 1),) * len(classes))
    return Outputs(_labels(classes))


def model_target(model: Any, outputs: Outputs) -> ModelTarget:
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


def check_target(model: Any, outputs: Outputs, target: Target) -> None:
    """Refuse a target that a model cannot predict.

    Raises:
        LoadError: it has no probabilities, no numbers, or not those of the labels; with a remedy.
    """
    if target.type is TargetType.TRANSFORM:
        _require_method(model, "transform", "a transform target")
    elif target.type.is_classification:
        _check_chances(model, target)
        _check_outputs(model, outputs, target)
    elif target.type in NUMERIC:
        _check_numbers(model, target)
    else:
        raise _refusal(
            f"Target type '{target.type.value}' is not supported by 'SKLearnPredictor' predictor",
            "implement the score hook",
        )


def _require_method(model: Any, method: str, target: str) -> None:
    if not hasattr(model, method):
        raise _refusal(
            f"{target} needs {method}, which {model_name(model)} does not have",
            "save a model that has it, or implement the hook",
        )


def _check_numbers(model: Any, target: Target) -> None:
    kind = f"{'an' if target.type is TargetType.ANOMALY else 'a'} {target.type.value} target"
    _require_method(model, "predict", kind)
    if target.type is not TargetType.GEO_POINT and is_classifier(model):
        raise _refusal(
            f"{kind} needs numbers, but {model_name(model)} is a classifier: it predicts classes",
            "serve it with the target type binary, multiclass or multilabel, or implement the "
            "score hook",
        )


def _check_chances(model: Any, target: Target) -> None:
    if hasattr(model, "predict_proba"):
        return
    kind, name = target.type.value, model_name(model)
    if is_regressor(model):
        raise _refusal(
            f"a {kind} target needs probabilities, but {name} is a regressor: it predicts numbers",
            "serve it with the target type regression, or implement the score hook",
        )
    raise _refusal(
        f"a {kind} target needs predict_proba, which {name} does not have: it gives no "
        "probabilities",
        _remedy(last_step(model)) if is_classifier(model) else _PROBABILITIES,
    )


def _remedy(model: Any) -> str:
    is_vote = isinstance(model, VotingClassifier)
    how = "with voting='soft'" if is_vote else "inside CalibratedClassifierCV"
    return f"train it {how}; or {_PROBABILITIES}"


def _check_outputs(model: Any, outputs: Outputs, target: Target) -> None:
    each, name = outputs.each, model_name(model)
    if each is None:
        return
    if target.type is not TargetType.MULTILABEL:
        raise _refusal(
            f"a {target.type.value} target needs one output, but {name} has {len(each)}",
            "serve it with the target type multilabel, or implement the score hook",
        )
    if not outputs.are_truths:
        raise _refusal(
            f"a multilabel target needs outputs that are 0 or 1 each, but {name} has "
            "outputs of other classes",
            "train it on a matrix of 0 and 1 with a column for each label, or implement the score "
            "hook",
        )
    if len(each) != len(target.labels):
        raise _refusal(
            f"there are {len(target.labels)} class labels, but {name} has {len(each)} outputs",
            "name one label for each output, in their order",
        )


def _refusal(reason: str, way_out: str) -> LoadError:
    return LoadError(f"{reason}; {way_out}")


def _bit(label: Label) -> int | None:
    """Return 0 or 1 for a class that says so as a number, a truth value or a word, else None."""
    if isinstance(label, str):
        return _WORDS.get(label.strip().lower())
    return int(label) if label in (0, 1) else None


def _chance_of_one(chances: NDArray[Any], classes: tuple[Label, ...]) -> NDArray[Any]:
    """Return the (n_rows, 1) chances of class 1; training may have seen no other class, or none."""
    bits = [_bit(label) for label in classes]
    if 1 in bits:
        at = bits.index(1)
        return chances[:, at : at + 1]
    return np.zeros((len(chances), 1), chances.dtype)


def _has_many_labels(model: Any) -> bool:
    """Whether a model with one array of classes was fitted on a matrix of labels."""
    if getattr(model, "multilabel_", False) is True:
        return True
    binarizer = getattr(model, "_label_binarizer", None)
    return getattr(binarizer, "y_type_", None) == "multilabel-indicator"


def _labels(classes: Any) -> tuple[Label, ...]:
    """Return classes as Python values; a classifier need not say that it is one, as in DRUM."""
    return tuple(map(_label, np.asarray(classes).tolist()))


def _label(value: Any) -> Label:
    """Return a class as a label; 1.0 is the class 1."""
    if isinstance(value, str | bool | int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else str(value)
