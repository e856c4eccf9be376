"""Predictions as DataRobot's prediction service writes them, by a deployment's configuration.

Differences from DRUM: NaN and infinities are null, which makes the answer valid JSON.

Source: DRUM 1.18.1, observed.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.codecs.json.values import column, dumps, floats
from drum_like.errors import SettingsError, TargetError
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target, TargetType

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeploymentConfig:
    """Settings of a deployment for its predictions.

    Attributes:
        name: Name of the target, None if the file has none.
        class_mapping: Labels in the order of their numbers; None where the file has none.
        prediction_threshold: A probability above it is the positive class.
    """

    name: str | None = None
    class_mapping: tuple[Any, ...] | None = None
    prediction_threshold: float = 0.5


def read_deployment_config(path: Path) -> DeploymentConfig:
    """Return the configuration in a JSON file.

    Raises:
        SettingsError: not JSON, no section `target`, or one of another form.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(f"Failed to parse deployment config json file '{path.name}'") from error
    target = content.get("target") if isinstance(content, dict) else None
    if not isinstance(target, dict):
        raise SettingsError(
            f"'target' section not found in deployment config json file {path.name}"
        )
    threshold = target.get("prediction_threshold")
    try:
        return DeploymentConfig(
            target.get("name"),
            _classes(target.get("class_mapping")),
            0.5 if threshold is None else float(threshold),
        )
    except (TypeError, ValueError) as error:
        raise SettingsError(
            f"the deployment config json file {path.name} needs a number as prediction_threshold "
            "and a list of [label, index] as class_mapping"
        ) from error


def _classes(mapping: Any) -> tuple[Any, ...] | None:
    if mapping is None:
        return None
    numbered = [(int(index), label) for label, index in mapping]
    return tuple(label for _, label in sorted(numbered, key=itemgetter(0)))


def encoder(config: DeploymentConfig) -> Callable[[Prediction, Target], bytes]:
    """Return `pps_json` for one deployment."""
    return lambda prediction, target: pps_json(prediction, target, config)


def pps_json(prediction: Prediction, target: Target, config: DeploymentConfig) -> bytes:
    """Return predictions as `{"data": [...]}`, one object a row.

    Raises:
        TargetError: the labels of the configuration are not those of the model, or JSON cannot
            hold a value.
    """
    rows = _rows(prediction, target, config)
    for row_id, row in enumerate(rows):
        row["rowId"] = row_id
    if prediction.extra is not None:
        extra = prediction.extra
        names = [str(name) for name in extra.columns]
        cells = [column(extra.iloc[:, at]) for at in range(extra.shape[1])]
        for row, values in zip(rows, zip(*cells, strict=True), strict=False):
            row["extraModelOutput"] = dict(zip(names, values, strict=True))
    return dumps({"data": rows})


def _rows(prediction: Prediction, target: Target, config: DeploymentConfig) -> list[_Row]:
    if not target.type.is_classification:
        return _values(prediction, target, config)
    values, classes = _by_class(prediction, target, config)
    if target.type is TargetType.BINARY:
        return _binary(values[:, 1], classes, config.prediction_threshold)
    if target.type is TargetType.MULTILABEL:
        return _multilabel(values, classes, config.prediction_threshold)
    return [
        {
            "prediction": classes[int(np.argmax(row))],
            "predictionValues": _labelled(classes, row.tolist()),
        }
        for row in values
    ]


def _values(prediction: Prediction, target: Target, config: DeploymentConfig) -> list[_Row]:
    label = config.name or target.name
    if target.type is TargetType.ANOMALY:
        label = "Anomaly Score"
    cells = prediction.column
    listed = floats(cells).tolist() if target.type.is_numeric else column(cells)
    return [
        {"prediction": value, "predictionValues": [{"label": label, "value": value}]}
        for value in listed
    ]


def _by_class(
    prediction: Prediction, target: Target, config: DeploymentConfig
) -> tuple[NDArray[np.float64], tuple[Any, ...]]:
    """Return the probabilities in the order of the classes, and the classes."""
    labels = [str(label) for label in prediction.labels or target.labels]
    classes = config.class_mapping
    if classes is None:
        binary = target.type is TargetType.BINARY
        classes = target.labels[::-1] if binary else tuple(labels)
    if sorted(map(str, classes)) != sorted(labels):
        raise TargetError(
            f"the class_mapping of the deployment config has the labels {list(map(str, classes))}, "
            f"the model has {labels}; make them the same"
        )
    values = floats(prediction.values)
    return values[:, [labels.index(str(label)) for label in classes]], classes


def _binary(positive: NDArray[np.float64], classes: Sequence[Any], threshold: float) -> list[_Row]:
    order = classes[1], classes[0]
    return [
        {
            "prediction": classes[1] if value > threshold else classes[0],
            "predictionValues": _labelled(order, (value, 1 - value)),
            "predictionThreshold": threshold,
        }
        for value in positive.tolist()
    ]


def _multilabel(
    values: NDArray[np.float64], classes: Sequence[Any], threshold: float
) -> list[_Row]:
    return [
        {
            "prediction": [c for c, value in zip(classes, row, strict=True) if value > threshold],
            "predictionValues": _labelled(classes, row),
            "predictionThreshold": threshold,
        }
        for row in values.tolist()
    ]


def _labelled(classes: Sequence[Any], values: Sequence[float]) -> list[_Row]:
    return [{"label": label, "value": value} for label, value in zip(classes, values, strict=True)]
