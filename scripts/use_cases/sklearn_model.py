"""A use case learned by scikit-learn."""

from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# Relative: programs beside this package find it under another name than tests do.
from .cases import BINARY, UseCase


def pipeline(case: UseCase, rows: pd.DataFrame) -> Pipeline:
    """Return a fitted pipeline whose outputs are in the order of its labels' numbers or texts.

    Two labels that are numbers are learned as numbers; columns of categories are taken as text.
    """
    texts = list(case.categories)
    numbers = [name for name in case.fields if name not in case.categories]
    columns = ColumnTransformer(
        [
            ("texts", OneHotEncoder(handle_unknown="ignore"), texts),
            ("numbers", StandardScaler(), numbers),
        ]
    )
    model = Pipeline([("columns", columns), ("model", LogisticRegression(max_iter=500))])
    target = rows[case.target_field]
    return model.fit(plain(case, rows), target.astype(int) if case.problem_type == BINARY else target)


def plain(case: UseCase, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the fields with text in place of categories, and float64 for all numbers."""
    return pd.DataFrame(
        {
            name: rows[name].astype(object if name in case.categories else np.float64)
            for name in case.fields
        }
    )


def fit(
    case: UseCase, rows: pd.DataFrame, directory: Path
) -> tuple[Path, Callable[[pd.DataFrame], NDArray[np.float64]]]:
    """Return the file of a pipeline, and what it predicts with; see `training.Fit`."""
    model = pipeline(case, rows)
    artifact = directory / "model.joblib"
    joblib.dump(model, artifact)
    return artifact, lambda unknown: predict(case, model, unknown)


def predict(case: UseCase, model: Pipeline, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return (n_rows, n_labels) chances in the order of `training.classes`."""
    wanted = case.labels[::-1] if case.problem_type == BINARY else case.labels
    at = {str(label): position for position, label in enumerate(model.classes_)}
    chances = np.asarray(model.predict_proba(plain(case, rows)), dtype=np.float64)
    return chances[:, [at[label] for label in wanted]]
