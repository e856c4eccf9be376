"""From a use case and the name of a framework to a model directory that can be served."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

# Relative: programs beside this package find it under another name than tests do.
from . import lightgbm_model, onnx_model, sklearn_model, xgboost_model
from .cases import BINARY, UseCase

N_ROWS = 4000
"""Rows to learn from."""

N_HELD_OUT = 1000
"""Rows that metrics are taken on; no model has seen them."""

Chances = NDArray[np.float64]
Fit = Callable[[UseCase, pd.DataFrame, Path], tuple[Path, Callable[[pd.DataFrame], Chances]]]
"""Learns from rows, writes an artifact into a directory, and returns it beside what predicts:
(n_rows, n_labels) chances in the order of `classes`."""

TRAINERS: Mapping[str, Fit] = MappingProxyType(
    {
        "sklearn": sklearn_model.fit,
        "xgboost": xgboost_model.fit,
        "lightgbm": lightgbm_model.fit,
        "onnx": onnx_model.fit,
    }
)
"""What learns, by the name of its framework."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model directory.

    Attributes:
        model_id: The name that it is served by.
        framework: What learned.
        artifact: The model's file in the directory.
        metrics: On rows that it has not seen, by name.
        target: What model-metadata.yaml says about the target.
    """

    model_id: str
    framework: str
    artifact: Path
    metrics: Mapping[str, float]
    target: Mapping[str, Any]


def model_id(case: UseCase, framework: str) -> str:
    """Return the name of the first model of a use case in a framework."""
    return f"{case.name}_{framework}_v1"


def classes(case: UseCase) -> tuple[str, ...]:
    """Return the labels in the order of a model's outputs."""
    return case.labels[::-1] if case.problem_type == BINARY else case.labels


def train(case: UseCase, framework: str, directory: Path, seed: int = 0) -> Trained:
    """Train a model, and write a directory that `drum-like server` serves.

    Args:
        case: What to learn.
        framework: A key of `TRAINERS`.
        directory: Is made; the artifact and model-metadata.yaml are put there.
        seed: Another one gives other rows.
    """
    directory.mkdir(parents=True, exist_ok=True)
    artifact, predict = TRAINERS[framework](case, case.rows(N_ROWS, seed), directory)
    held_out = case.rows(N_HELD_OUT, seed + 1)
    metrics = _metrics(case, held_out, predict(held_out[list(case.fields)]))
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


def _metrics(case: UseCase, rows: pd.DataFrame, chances: Chances) -> dict[str, float]:
    known = rows[case.target_field].to_numpy(dtype=str)
    said = np.array(classes(case))[chances.argmax(axis=1)]
    found = {"accuracy": float(accuracy_score(known, said))}
    if case.problem_type != BINARY:
        return found | {"f1": float(f1_score(known, said, average="weighted"))}
    positive, _ = case.labels
    best = np.argsort(-chances[:, 1])[: len(rows) // 10]
    return found | {
        "roc_auc": float(roc_auc_score(known == positive, chances[:, 1])),
        "f1": float(f1_score(known, said, pos_label=positive)),
        "precision_at_k": float((known[best] == positive).mean()),
    }
