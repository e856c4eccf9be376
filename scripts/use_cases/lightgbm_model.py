"""A use case learned by LightGBM."""

from collections.abc import Callable
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Relative: programs beside this package find it under another name than tests do.
from .cases import BINARY, UseCase

_ROUNDS = 60
_SETTINGS = {
    "num_leaves": 7,
    "learning_rate": 0.1,
    "min_data_in_leaf": 30,
    "seed": 0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


def fit(
    case: UseCase, rows: pd.DataFrame, directory: Path
) -> tuple[Path, Callable[[pd.DataFrame], NDArray[np.float64]]]:
    """Return the file of a booster, and its prediction function; see `training.Fit`."""
    binary = case.problem_type == BINARY
    classes = case.labels[::-1] if binary else case.labels
    numbers = rows[case.target_field].map({label: at for at, label in enumerate(classes)})
    objective = (
        {"objective": "binary"}
        if binary
        else {"objective": "multiclass", "num_class": len(classes)}
    )
    known = lgb.Dataset(rows[list(case.fields)], numbers.to_numpy(dtype=np.int64))
    booster = lgb.train(_SETTINGS | objective, known, num_boost_round=_ROUNDS)
    artifact = directory / "model.txt"
    booster.save_model(artifact)

    def predict(unknown: pd.DataFrame) -> NDArray[np.float64]:
        chances = np.asarray(booster.predict(unknown))
        return np.column_stack([1 - chances, chances]) if binary else chances

    return artifact, predict
