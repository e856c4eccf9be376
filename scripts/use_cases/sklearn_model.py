"""A use case learned by scikit-learn."""

from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# Relative: programs beside this package find it under another name than tests do.
from .cases import BINARY, UseCase


def fit(
    case: UseCase, rows: pd.DataFrame, directory: Path
) -> tuple[Path, Callable[[pd.DataFrame], NDArray[np.float64]]]:
    """Return the file of a pipeline, and its prediction function; see `training.Fit`."""
    pipeline = fitted(case, rows)
    artifact = directory / "model.joblib"
    joblib.dump(pipeline, artifact)
    order = [str(label) for label in pipeline.classes_]
    classes = case.labels[::-1] if case.problem_type == BINARY else case.labels
    places = [order.index(label) for label in classes]

    def predict(unknown: pd.DataFrame) -> NDArray[np.float64]:
        return np.asarray(pipeline.predict_proba(plain(case, unknown)))[:, places]

    return artifact, predict


def fitted(case: UseCase, rows: pd.DataFrame) -> Pipeline:
    """Return a pipeline that takes the fields of a case as they are sent, missing ones too."""
    texts = list(case.categories)
    known = OneHotEncoder(
        categories=[list(case.categories[name]) for name in texts],
        handle_unknown="ignore",
        sparse_output=False,
        dtype=np.float32,
    )
    numbers = [name for name in case.fields if name not in case.categories]
    # A missing number counts as the middle one, a missing text as none of those that are known.
    filled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer([("text", known, texts), ("numbers", filled, numbers)])
    model = LogisticRegression(max_iter=500)
    answers = rows[case.target_field]
    if case.problem_type == BINARY:
        answers = answers.astype(np.int64)
    return Pipeline([("columns", columns), ("model", model)]).fit(plain(case, rows), answers)


def plain(case: UseCase, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the fields of rows, text as text."""
    return rows[list(case.fields)].astype(dict.fromkeys(case.categories, object))
