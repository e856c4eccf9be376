"""The models that crowds ask: one of each kind whose rows are predicted together."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import xgboost
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

PLACES = ("north", "south", "east")
WORDS = ("late", "broken", "cheap", "kind", "fast")
NUMBERS = ("f0", "f1", "f2", "f3")

METADATA = """name: {name}
type: inference
targetType: binary
inferenceModel:
  targetName: late
  positiveClassLabel: "1"
  negativeClassLabel: "0"
"""


def rows(n_rows: int, seed: int) -> pd.DataFrame:
    """Return rows of numbers, a category and a text."""
    rng = np.random.default_rng(seed)
    numbers = {name: rng.normal(size=n_rows) * 10.0**at for at, name in enumerate(NUMBERS)}
    texts = [" ".join(rng.choice(WORDS, 4)) for _ in range(n_rows)]
    return pd.DataFrame({**numbers, "place": rng.choice(PLACES, n_rows), "note": texts})


def _classes(data: pd.DataFrame) -> Any:
    return ((data["f0"] + data["note"].str.contains("late")) > 0.5).astype(int)


def _pipeline(path: Path, data: pd.DataFrame) -> None:
    columns = make_column_transformer(
        (StandardScaler(), list(NUMBERS)), (OneHotEncoder(), ["place"]), (TfidfVectorizer(), "note")
    )
    model = make_pipeline(columns, LogisticRegression()).fit(data, _classes(data))
    (path / "model.pkl").write_bytes(pickle.dumps(model))


def _boosted(path: Path, data: pd.DataFrame) -> None:
    columns = data.drop(columns="note").assign(place=data["place"].astype("category"))
    model = xgboost.XGBClassifier(n_estimators=30, enable_categorical=True)
    model.fit(columns, _classes(data)).save_model(path / "model.ubj")


def _graph(path: Path, data: pd.DataFrame) -> None:
    matrix = data[list(NUMBERS)].to_numpy(np.float32)
    model = LogisticRegression().fit(matrix, _classes(data))
    options: Any = {"zipmap": False}
    onnx.save(to_onnx(model, matrix[:1], options=options), path / "model.onnx")


WRITERS: Mapping[str, Callable[[Path, pd.DataFrame], None]] = {
    "pipeline": _pipeline,
    "boosted": _boosted,
    "graph": _graph,
}
"""Writers of models by name."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "pipeline": (*NUMBERS, "place", "note"),
    "boosted": (*NUMBERS, "place"),
    "graph": NUMBERS,
}
"""The columns that each model takes."""


def write(folder: Path) -> Path:
    """Return a folder with a directory for each model."""
    for name, writer in WRITERS.items():
        (folder / name).mkdir()
        writer(folder / name, rows(400, seed=1))
        (folder / name / "model-metadata.yaml").write_text(METADATA.format(name=name))
    return folder
