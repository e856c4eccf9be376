"""Rules of every target type for a model's output.

Source of rules and texts: DRUM 1.18.1, observed.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import TargetError
from drum_like.inference import labels
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target, TargetType

SUM_TOLERANCE = 1.001e-5
"""The distance from 1 that the sum of a row's probabilities may have."""

NOT_ONE = "Your prediction probabilities do not add up to 1."

ROWS_NAMED = 5
"""Rows that a message names, at most."""

_SURELY_WITHIN = 1e-5
"""A distance that is within the tolerance in whatever order a few probabilities are added."""

_HALF_PRECISION_TOLERANCE = 1e-3
"""The same for numbers of two bytes, for each probability of a row."""

_ROUNDED = 8
"""Units in the last place of 1 that a probability may lie beyond 0 and 1: forests add them up."""

_FEW = 32
"""Probabilities up to which Python's own numbers are faster than functions of arrays."""


def apply(raw: Prediction, target: Target) -> Prediction:
    """Return a model's raw output as predictions of the target, or refuse it.

    Classification becomes (n_rows, n_labels) floats with the request's labels in column order;
    everything else (n_rows,) values.

    Raises:
        TargetError: the output breaks a rule of the target type.
    """
    labelled = label(raw, target)
    if target.type.is_classification and not _are_chances(labelled.values, target):
        _check_probabilities(labelled.values, target)
    return labelled


def label(raw: Prediction, target: Target) -> Prediction:
    """Return a model's raw output with a label for each column, its values unchecked.

    Raises:
        TargetError: no array of one or two dimensions, or its columns are not those of the target.
    """
    if not isinstance(raw.values, np.ndarray):
        raise TargetError(f"predictions must return a np array, but received {type(raw.values)}")
    if raw.values.ndim not in (1, 2):
        raise TargetError(
            "predictions must return a 2 dimensional array, "
            f"but we received a {raw.values.ndim} dimensional array"
        )
    if not target.type.is_classification:
        return _single_column(raw)
    values = raw.values if raw.values.ndim == 2 else raw.values.reshape(-1, 1)
    width = values.shape[1]
    if raw.labels is not None and len(raw.labels) == width:
        names = labels.match(tuple(raw.labels), target.labels)
    elif width == 1 and (target.type is not TargetType.MULTILABEL or len(target.labels) != 1):
        return Prediction(_both_classes(values, target), labels.column_order(target), raw.extra)
    else:
        names = labels.by_position(target, width)
    return Prediction(_numbers(values), names, raw.extra)


def check_rows(prediction: Prediction, n_rows: int, target: Target) -> None:
    """Refuse a prediction that is not one per row, where the target type promises that.

    Raises:
        TargetError: the counts differ; the message holds both.
    """
    promised = target.type.is_classification or target.type.is_numeric
    if promised and prediction.n_rows != n_rows:
        raise TargetError(
            f"the model returned {prediction.n_rows} predictions for {n_rows} rows of input; "
            "a model of this target type has to return one prediction a row"
        )


def _single_column(raw: Prediction) -> Prediction:
    width = 1 if raw.values.ndim == 1 else raw.values.shape[1]
    if width != 1:
        raise TargetError(
            "Regression, Text Generation, Agentic Workflow and anomaly predictions must contain "
            f"only 1 column. Your predictions have {width} columns"
        )
    return Prediction(raw.column, None, raw.extra)


def _both_classes(values: NDArray[Any], target: Target) -> NDArray[Any]:
    """Expand a single positive-class probability into [negative, positive] columns."""
    values = values if values.dtype.kind == "f" else _numbers(values)
    if len(target.labels) < 2:
        raise TargetError("Classification problems must have more than one class label")
    if len(target.labels) > 2:
        raise TargetError(
            "Only one dimension of probability returned, "
            f"but there are {len(target.labels)} class labels in this model"
        )
    both = np.empty((len(values), 2), values.dtype)  # np.hstack takes several times as long
    both[:, 1:] = values
    np.subtract(1, values, out=both[:, :1])
    return both


def _numbers(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind == "f":
        return values
    if values.dtype.kind not in "biu" and any(isinstance(v, (str, bytes)) for v in values.flat):
        raise TargetError("'<' not supported between instances of 'str' and 'int'")
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TargetError("Your prediction probabilities are not numbers") from error


def _are_chances(values: NDArray[Any], target: Target) -> bool:
    """Return whether a few rows surely keep the rules; False where they have to be looked at."""
    if not 0 < values.size <= _FEW:
        return False
    many = target.type is TargetType.MULTILABEL
    for row in values.tolist():  # a generator would be a call for each row
        if not (min(row) >= 0 and max(row) <= 1 and (many or abs(sum(row) - 1) <= _SURELY_WITHIN)):
            return False
    return True


def _check_probabilities(values: NDArray[Any], target: Target) -> None:
    beyond = _ROUNDED * np.finfo(values.dtype).eps
    # The functions themselves: for one row, methods and operators take twice as long.
    if np.fmin.reduce(values, axis=None, initial=0) < -beyond:
        raise TargetError("Your prediction probabilities have negative values")
    if np.fmax.reduce(values, axis=None, initial=0) > 1 + beyond:
        raise TargetError("Your prediction probabilities have values greater than 1")
    if target.type is TargetType.MULTILABEL:
        return
    distances = np.abs(np.add.reduce(values, axis=1, dtype=np.float64) - 1)
    allowed = _sum_tolerance(values)
    # A missing value is not within the tolerance, either.
    if not np.maximum.reduce(distances, initial=0) <= allowed:
        raise TargetError(f"{NOT_ONE} \n{_rows_off(distances, allowed)}")


def _sum_tolerance(values: NDArray[Any]) -> float:
    narrow = values.dtype.itemsize == 2
    return _HALF_PRECISION_TOLERANCE * values.shape[1] if narrow else SUM_TOLERANCE


def _rows_off(distances: NDArray[Any], allowed: float) -> str:
    """Name the rows that break the rule, and say whether values are missing; show no value."""
    off = np.flatnonzero(~(distances <= allowed))
    named = ", ".join(str(row + 1) for row in off[:ROWS_NAMED])
    more = f" and {len(off) - ROWS_NAMED} more" if len(off) > ROWS_NAMED else ""
    missing = bool(np.isnan(distances[off[0]]))
    why = f"; in row {off[0] + 1} a probability is missing (NaN)" if missing else ""
    return f"That is so in row{'s' if len(off) > 1 else ''} {named}{more}{why}"
