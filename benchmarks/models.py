"""The models that are served, trained once and kept.

XGBoost: 300 trees of depth 6 on 30 columns, two classes. LightGBM: 300 trees of 31 leaves on the
same; ONNX: that one, converted. scikit-learn: numbers, a category and a text in one pipeline. Hook:
the XGBoost model behind a pandas `transform`. Score: the pipeline in a `score` hook. Each directory
holds what drum-like serves; what other servers need is made from `model.ubj`.
"""

import pickle
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import lightgbm
import numpy as np
import onnxmltools
import onnxruntime
import xgboost
from numpy.typing import NDArray
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.bodies import N_COLUMNS, NAMES, mixed, numbers

N_TREES = 300
TRAINED_WITH = ("lightgbm", "onnxmltools", "onnxruntime", "scikit-learn", "xgboost-cpu")

HOOK = '''"""Keeps a column within bounds, fills another: what a small hook does with pandas."""


def transform(data, model):
    return data.assign(f0=data["f0"].clip(-3, 3), f1=data["f1"].fillna(0.0))
'''

SCORE = '''"""Keeps a column within bounds and asks a pipeline: a usual `score` hook."""

import pandas as pd


def score(data, model, **kwargs):
    bounded = data.assign(f0=data["f0"].clip(-3, 3))
    return pd.DataFrame(model.predict_proba(bounded), columns=["0", "1"])
'''

Expected = Callable[[int], NDArray[np.float64]]
"""Returns the chances of class 1 of the first rows, as the framework itself predicts them."""


def train(folder: Path, names: Sequence[str] = ()) -> Path:
    """Return the folder with a directory for each model; trains where it is not there.

    Args:
        folder: A name under it stands for the versions of the libraries.
        names: The models that are needed; all of them if there is none.
    """
    made = folder / "-".join(f"{_version(name)}" for name in TRAINED_WITH)
    for name in names or _WRITERS:
        complete = made / f"{name}.complete"
        if not complete.exists():
            (made / name).mkdir(parents=True, exist_ok=True)
            _WRITERS[name](made / name)
            complete.touch()
    return made


def expected(models: Path, name: str) -> Expected:
    """Return the framework's own predictions for a model."""
    return _EXPECTED[name](models / name)


def _version(name: str) -> str:
    try:
        return version(name)
    except ModuleNotFoundError:
        return version(name.removesuffix("-cpu"))


def _training_rows() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5000, N_COLUMNS)).astype(np.float32)
    noise = rng.normal(scale=0.5, size=len(rows))
    return rows, (rows[:, 0] + rows[:, 1] * rows[:, 2] + noise > 0).astype(np.int64)


def _xgboost(folder: Path) -> None:
    rows, target = _training_rows()
    matrix = xgboost.DMatrix(rows, target, feature_names=list(NAMES))
    settings = {"objective": "binary:logistic", "max_depth": 6}
    xgboost.train(settings, matrix, N_TREES).save_model(folder / "model.ubj")


def _hook(folder: Path) -> None:
    _xgboost(folder)
    (folder / "custom.py").write_text(HOOK)


def _lightgbm_booster() -> lightgbm.Booster:
    rows, target = _training_rows()
    data = lightgbm.Dataset(rows, target, feature_name=list(NAMES))
    settings = {"objective": "binary", "num_leaves": 31, "verbosity": -1}
    return lightgbm.train(settings, data, N_TREES)


def _lightgbm(folder: Path) -> None:
    _lightgbm_booster().save_model(folder / "model.txt")


def _onnx(folder: Path) -> None:
    kinds = [("rows", FloatTensorType([None, N_COLUMNS]))]
    model = onnxmltools.convert_lightgbm(_lightgbm_booster(), initial_types=kinds, zipmap=False)
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def _sklearn(folder: Path) -> None:
    rows = mixed(5000)
    columns = make_column_transformer(
        (StandardScaler(), ["f0", "f1", "f2", "f3"]),
        (OneHotEncoder(), ["place"]),
        (TfidfVectorizer(), "note"),
    )
    target = (rows["f0"] + rows["note"].str.contains("late") > 0.5).astype(int)
    model = make_pipeline(columns, LogisticRegression()).fit(rows, target)
    (folder / "model.pkl").write_bytes(pickle.dumps(model))


def _score(folder: Path) -> None:
    _sklearn(folder)
    (folder / "custom.py").write_text(SCORE)


def _of_xgboost(folder: Path) -> Expected:
    booster = xgboost.Booster(model_file=folder / "model.ubj")
    return lambda n_rows: np.asarray(booster.inplace_predict(numbers()[:n_rows]), np.float64)


def _of_hook(folder: Path) -> Expected:
    booster = xgboost.Booster(model_file=folder / "model.ubj")

    def chances(n_rows: int) -> NDArray[np.float64]:
        rows = numbers()[:n_rows].copy()
        rows[:, 0] = rows[:, 0].clip(-3, 3)
        return np.asarray(booster.inplace_predict(rows), np.float64)

    return chances


def _of_lightgbm(folder: Path) -> Expected:
    booster = lightgbm.Booster(model_file=folder / "model.txt")
    return lambda n_rows: np.asarray(booster.predict(numbers()[:n_rows]))


def _of_onnx(folder: Path) -> Expected:
    session = onnxruntime.InferenceSession(folder / "model.onnx")

    def chances(n_rows: int) -> NDArray[np.float64]:
        found = session.run(["probabilities"], {"rows": numbers()[:n_rows].astype(np.float32)})
        return np.asarray(found[0][:, 1], np.float64)

    return chances


def _of_score(folder: Path) -> Expected:
    model = pickle.loads((folder / "model.pkl").read_bytes())

    def chances(n_rows: int) -> NDArray[np.float64]:
        rows = mixed(n_rows)
        return np.asarray(model.predict_proba(rows.assign(f0=rows["f0"].clip(-3, 3)))[:, 1])

    return chances


def _of_sklearn(folder: Path) -> Expected:
    model = pickle.loads((folder / "model.pkl").read_bytes())
    return lambda n_rows: np.asarray(model.predict_proba(mixed(n_rows))[:, 1])


_WRITERS = {
    "xgboost": _xgboost,
    "hook": _hook,
    "lightgbm": _lightgbm,
    "onnx": _onnx,
    "sklearn": _sklearn,
    "score": _score,
}
_EXPECTED = {
    "xgboost": _of_xgboost,
    "hook": _of_hook,
    "lightgbm": _of_lightgbm,
    "onnx": _of_onnx,
    "sklearn": _of_sklearn,
    "score": _of_score,
}
