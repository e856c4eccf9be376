"""Real rows, and services of models trained on them, for tests of explanations."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from drum_like.api import NativeFrame
from drum_like.config.model_settings import LoadSettings, ModelSettings
from drum_like.config.settings import assemble
from drum_like.inference.explain.capabilities import Capabilities
from drum_like.inference.loading import open_service
from drum_like.inference.model_service import ModelService
from drum_like.types.explanation import Kind
from drum_like.types.target import TargetType

Hooked = Callable[..., ModelService]
"""Opens a directory of a test with the hooks given, and with what `opened` takes."""

N_ROWS = 1000
WIDTH = 20

YES_NO: dict[str, Any] = {
    "target_type": TargetType.BINARY,
    "positive_class_label": "yes",
    "negative_class_label": "no",
}
DIGITS: dict[str, Any] = {
    "target_type": TargetType.MULTICLASS,
    "class_labels": tuple("9876543210"),
}
NUMBER: dict[str, Any] = {"target_type": TargetType.REGRESSION}


def digits(*, gaps: bool = False) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return 1,000 scanned digits, 20 pixels of each with some use, and which digits they are."""
    rows, target = load_digits(return_X_y=True)
    chosen = np.argsort(rows.var(axis=0))[-WIDTH:]
    data = pd.DataFrame(rows[:N_ROWS, chosen], columns=[f"pixel {at}" for at in range(WIDTH)])
    if gaps:
        data = data.mask(np.random.default_rng(1).random(data.shape) < 0.1)
    return data, target[:N_ROWS]


def opened(directory: Path, model: Any, metadata: str = "", **settings: Any) -> ModelService:
    """Return the service of a model, saved in the way that its framework has."""
    directory.mkdir(parents=True, exist_ok=True)
    if isinstance(model, xgboost.Booster):
        model.save_model(directory / "model.ubj")
    elif isinstance(model, lightgbm.Booster):
        model.save_model(directory / "model.txt")
    elif model is not None:
        (directory / "model.pkl").write_bytes(pickle.dumps(model))
    if metadata:
        (directory / "model-metadata.yaml").write_text(metadata, encoding="utf-8")
    values = {"code_dir": directory, **settings}
    return open_service(assemble(ModelSettings, values), assemble(LoadSettings, values))


def sums(service: ModelService, rows: pd.DataFrame, kind: Kind) -> NDArray[np.float64]:
    """Return (n_groups, n_rows) sums of contributions."""
    return np.asarray(service.contributions(NativeFrame(rows), kind).values.sum(axis=2))


def served(service: ModelService, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return (n_outputs, n_rows) predictions in the order that is published."""
    found = service.predict(NativeFrame(rows))
    if not service.target.type.is_classification:
        return np.asarray(found.column, dtype=np.float64)[np.newaxis]
    labels = list(map(str, found.labels or ()))
    columns = [found.values[:, labels.index(label)] for label in service.target.order]
    return np.asarray(columns, dtype=np.float64)


def reason(explanations: Capabilities) -> str:
    """Return the reason why there are no contributions."""
    return str(explanations.described()["contributions"]["reason"])
