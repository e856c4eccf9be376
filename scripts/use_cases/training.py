"""From a use case and the name of a framework to a model directory that can be served."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

# Relative: programs beside this package find it under another name than tests do.
from .cases import BINARY, UseCase

N_ROWS = 4000
"""Rows to learn from."""

N_HELD_OUT = 1000
"""Rows that metrics are taken on; no model has seen them."""

Chances = NDArray[np.float64]
Fit = Callable[[UseCase, pd.DataFrame, Path], tuple[Path, Callable[[pd.DataFrame], Chances]]]
"""Learns from rows, writes an artifact into a directory, and returns it beside what predicts:
(n_rows, n_labels) chances in the order of `classes`."""

TRAINERS: Mapping[str, str] = MappingProxyType(
    {
        "sklearn": "sklearn_model",
        "xgboost": "xgboost_model",
        "lightgbm": "lightgbm_model",
        "onnx": "onnx_model",
    }
)
"""Modules beside this one whose `fit` learns, by framework; importing all of them takes seconds."""

_SKLEARN = {"sklearn": "scikit-learn"}

MODULES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "sklearn": _SKLEARN,
        "xgboost": _SKLEARN | {"xgboost": "xgboost"},
        "lightgbm": _SKLEARN | {"lightgbm": "lightgbm"},
        "onnx": _SKLEARN | {"onnxruntime": "onnxruntime", "skl2onnx": "skl2onnx"},
    }
)
"""Modules that a framework needs, each with its distribution."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model directory.

    Attributes:
        model_id: The name that it is served by.
        framework: The training framework.
        artifact: The model's file in the directory.
        metrics: On rows that it has not seen, by name.
        target: The target as in model-metadata.yaml.
    """

    model_id: str
    framework: str
    artifact: Path
    metrics: Mapping[str, float]
    target: Mapping[str, Any]


def model_id(case: UseCase, framework: str) -> str:
    """Return the name of the first model of a use case in a framework."""
    return f"{case.name}_{framework}_v1"


def train(case: UseCase, framework: str, directory: Path, seed: int = 0) -> Trained:
    """Train a model, and write a directory that `drum-like server` serves.

    Args:
        case: The use case.
        framework: A key of `TRAINERS`.
        directory: Is made; the artifact and model-metadata.yaml are put there.
        seed: Another one gives other rows.
    """
    directory.mkdir(parents=True, exist_ok=True)
    fit: Fit = import_module(f".{TRAINERS[framework]}", __package__).fit
    artifact, predict = fit(case, case.rows(N_ROWS, seed), directory)
    held_out = case.rows(N_HELD_OUT, seed + 1)
    chances = predict(held_out[list(case.fields)])
    metrics = import_module(".metrics", __package__).measured(case, held_out, chances)
    name, target = model_id(case, framework), _target(case)
    about = {
        "name": name,
        "type": "inference",
        "targetType": "binary" if case.problem_type == BINARY else "multiclass",
        "inferenceModel": target,
    }
    text = yaml.safe_dump(about, sort_keys=False)
    (directory / "model-metadata.yaml").write_text(text, encoding="utf-8")
    return Trained(name, framework, artifact, metrics, target)


def _target(case: UseCase) -> dict[str, Any]:
    if case.problem_type == BINARY:
        positive, negative = map(json.loads, case.labels)
        labels = {"positiveClassLabel": positive, "negativeClassLabel": negative}
        return {"targetName": case.target_field, **labels}
    return {"targetName": case.target_field, "classLabels": list(case.labels)}
