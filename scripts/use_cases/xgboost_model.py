"""A use case learned by XGBoost."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray

# Relative: programs beside this package find it under another name than tests do.
from .cases import BINARY, UseCase

_ROUNDS = 60
_SETTINGS = {"max_depth": 4, "eta": 0.1, "min_child_weight": 5, "nthread": 1, "seed": 0}


def fit(
    case: UseCase, rows: pd.DataFrame, directory: Path
) -> tuple[Path, Callable[[pd.DataFrame], NDArray[np.float64]]]:
    """Return the file of a booster, and its prediction function; see `training.Fit`."""
    binary = case.problem_type == BINARY
    classes = case.labels[::-1] if binary else case.labels
    numbers = rows[case.target_field].map({label: at for at, label in enumerate(classes)})
    objective = (
        {"objective": "binary:logistic"}
        if binary
        else {"objective": "multi:softprob", "num_class": len(classes)}
    )
    known = xgb.DMatrix(
        rows[list(case.fields)], numbers.to_numpy(dtype=np.float64), enable_categorical=True
    )
    booster = xgb.train(_SETTINGS | objective, known, num_boost_round=_ROUNDS)
    artifact = directory / "model.ubj"
    booster.save_model(artifact)

    def predict(unknown: pd.DataFrame) -> NDArray[np.float64]:
        chances = booster.predict(xgb.DMatrix(unknown, enable_categorical=True))
        return np.column_stack([1 - chances, chances]) if binary else chances

    return artifact, predict
