"""Targets that a fitted scikit-learn model cannot answer, refused before it serves."""

from typing import Any

from sklearn.base import is_classifier, is_regressor
from sklearn.ensemble import VotingClassifier

from drum_like.api import LoadError, Target, TargetType

# Relative: type checkers know this package under its folder's name.
from .outputs import Outputs, last_step

NUMERIC = frozenset({TargetType.REGRESSION, TargetType.ANOMALY, TargetType.GEO_POINT})

_PROBABILITIES = "serve it with another target type, or implement the score hook"


def check(model: Any, outputs: Outputs, target: Target) -> None:
    """Refuse a target that a model cannot answer.

    Raises:
        LoadError: it has no probabilities, no numbers, or not those of the labels; with what to do.
    """
    if target.type is TargetType.TRANSFORM:
        _demand(model, "transform", "a transform target")
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


def _demand(model: Any, method: str, target: str) -> None:
    if not hasattr(model, method):
        raise _refusal(
            f"{target} needs {method}, which {_name(model)} does not have",
            "save a model that has it, or implement the hook",
        )


def _check_numbers(model: Any, target: Target) -> None:
    kind = f"{'an' if target.type is TargetType.ANOMALY else 'a'} {target.type.value} target"
    _demand(model, "predict", kind)
    if target.type is not TargetType.GEO_POINT and is_classifier(model):
        raise _refusal(
            f"{kind} needs numbers, but {_name(model)} is a classifier: it predicts classes",
            "serve it with the target type binary, multiclass or multilabel, or implement the "
            "score hook",
        )


def _check_chances(model: Any, target: Target) -> None:
    if hasattr(model, "predict_proba"):
        return
    kind = target.type.value
    if is_regressor(model):
        raise _refusal(
            f"a {kind} target needs probabilities, but {_name(model)} is a regressor: it predicts "
            "numbers",
            "serve it with the target type regression, or implement the score hook",
        )
    raise _refusal(
        f"a {kind} target needs predict_proba, which {_name(model)} does not have: it gives no "
        "probabilities",
        _way_out(last_step(model)) if is_classifier(model) else _PROBABILITIES,
    )


def _way_out(model: Any) -> str:
    if isinstance(model, VotingClassifier):
        return f"train it with voting='soft'; or {_PROBABILITIES}"
    return f"train it inside CalibratedClassifierCV; or {_PROBABILITIES}"


def _check_outputs(model: Any, outputs: Outputs, target: Target) -> None:
    each = outputs.each
    if each is None:
        return
    if target.type is not TargetType.MULTILABEL:
        raise _refusal(
            f"a {target.type.value} target needs one output, but {_name(model)} has {len(each)}",
            "serve it with the target type multilabel, or implement the score hook",
        )
    if not outputs.are_truths:
        raise _refusal(
            f"a multilabel target needs outputs that are 0 or 1 each, but {_name(model)} has "
            "outputs of other classes",
            "train it on a matrix of 0 and 1 with a column for each label, or implement the score "
            "hook",
        )
    if len(each) != len(target.labels):
        raise _refusal(
            f"there are {len(target.labels)} class labels, but {_name(model)} has {len(each)} "
            "outputs",
            "name one label for each output, in their order",
        )


def _refusal(reason: str, way_out: str) -> LoadError:
    return LoadError(f"{reason}; {way_out}")


def _name(model: Any) -> str:
    """Return the name of a model's class, with that of its last step."""
    last = last_step(model)
    if last is model:
        return type(model).__name__
    return f"{type(model).__name__} with {type(last).__name__}"
