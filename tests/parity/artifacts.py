"""Small models as the bytes of an artifact file, trained on data sets inside scikit-learn."""

import io
import pickle
from collections.abc import Callable
from functools import cache
from typing import Any

import joblib
import lightgbm as lgb
import numpy as np
import pandas as pd
import xgboost as xgb
from skl2onnx import to_onnx
from sklearn.base import TransformerMixin
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

ROWS = 6
BOOSTER = {"max_depth": 2, "eta": 0.5, "nthread": 1, "seed": 0}
LIGHT: dict[str, Any] = {"num_leaves": 4, "n_estimators": 3, "verbose": -1, "n_jobs": 1}


@cache
def diabetes() -> tuple[pd.DataFrame, pd.Series]:
    """Return four numeric columns and a number to predict."""
    data = load_diabetes(as_frame=True)
    return data.data[["age", "bmi", "bp", "s5"]], data.target


@cache
def cancer() -> tuple[pd.DataFrame, pd.Series]:
    """Return four numeric columns, with blanks in their names, and classes 0 and 1."""
    data = load_breast_cancer(as_frame=True)
    return data.data.iloc[:, :4], data.target


@cache
def iris() -> tuple[pd.DataFrame, pd.Series]:
    """Return four numeric columns and the classes 0, 1 and 2."""
    data = load_iris(as_frame=True)
    return data.data, data.target


def sample(rows: pd.DataFrame) -> bytes:
    """Return a few rows, from all over the data, as CSV."""
    return rows.iloc[:: len(rows) // ROWS].head(ROWS).to_csv(index=False).encode()


def yes_no(target: pd.Series) -> pd.Series:
    """Return the classes 0 and 1 as `no` and `yes`."""
    return target.map({0: "no", 1: "yes"}).astype(object)


def regressor() -> bytes:
    """Return a pickled scikit-learn regressor."""
    return pickle.dumps(Ridge().fit(*diabetes()))


def forest_regressor() -> bytes:
    """Return a pickled regressor that takes missing values."""
    model = RandomForestRegressor(n_estimators=3, max_depth=3, random_state=0)
    return pickle.dumps(model.fit(*diabetes()))


def two_outputs() -> bytes:
    """Return a pickled regressor of two columns at once."""
    rows, target = diabetes()
    return pickle.dumps(LinearRegression().fit(rows, np.column_stack([target, target])))


def classifier_of_text() -> bytes:
    """Return a pickled classifier whose classes are `no` and `yes`."""
    rows, target = cancer()
    return pickle.dumps(_logistic().fit(rows, yes_no(target)))


def classifier_of_numbers() -> bytes:
    """Return a pickled classifier whose classes are 0 and 1."""
    return pickle.dumps(_logistic().fit(*cancer()))


def classifier_of_three() -> bytes:
    """Return a pickled classifier whose classes are 0, 1 and 2."""
    return pickle.dumps(_logistic().fit(*iris()))


def classifier_without_chances() -> bytes:
    """Return a pickled classifier that has no predict_proba."""
    return pickle.dumps(LinearSVC(random_state=0).fit(*cancer()))


def multilabel_network() -> bytes:
    """Return a pickled classifier of three labels at once, one array of chances."""
    rows, target = iris()
    several = np.column_stack([target == 0, target > 0, target == 2])
    model = MLPClassifier((4,), max_iter=5000, solver="lbfgs", random_state=0)
    return pickle.dumps(model.fit(rows, several))


def multilabel_forest() -> bytes:
    """Return a pickled classifier of three labels at once, a list of arrays of chances."""
    rows, target = iris()
    several = np.column_stack([target == 0, target > 0, target == 2])
    return pickle.dumps(RandomForestClassifier(3, random_state=0).fit(rows, several))


def outliers() -> bytes:
    """Return a pickled anomaly detector."""
    return pickle.dumps(IsolationForest(n_estimators=5, random_state=0).fit(diabetes()[0]))


def clusters() -> bytes:
    """Return a pickled estimator whose predictions are whole numbers."""
    return pickle.dumps(KMeans(3, random_state=0, n_init=1).fit(diabetes()[0]))


def scaler() -> bytes:
    """Return a pickled transformer with dense output."""
    return pickle.dumps(StandardScaler().fit(diabetes()[0]))


def one_hot() -> bytes:
    """Return a pickled transformer with sparse output."""
    rows = pd.DataFrame({"size": ["s", "m", "l"], "color": ["red", "blue", "red"]})
    encoder: TransformerMixin = OneHotEncoder(handle_unknown="ignore").fit(rows)
    return pickle.dumps(encoder)


def joblib_regressor() -> bytes:
    """Return a regressor as joblib writes it."""
    buffer = io.BytesIO()
    joblib.dump(Ridge().fit(*diabetes()), buffer)
    return buffer.getvalue()


def xgboost_classifier() -> bytes:
    """Return a pickled XGBClassifier of classes 0 and 1."""
    return pickle.dumps(xgb.XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1).fit(*cancer()))


def xgboost_pipeline() -> bytes:
    """Return a pickled pipeline that ends in an XGBClassifier."""
    last = xgb.XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1)
    return pickle.dumps(make_pipeline(StandardScaler(), last).fit(*cancer()))


def booster(objective: str) -> xgb.Booster:
    """Return a native XGBoost model for `reg:…`, `binary:…` or `multi:…`."""
    data = {"reg": diabetes, "bin": cancer, "mul": iris}[objective[:3]]()
    classes = {"num_class": 3} if objective.startswith("multi") else {}
    settings: dict[str, Any] = {**BOOSTER, **classes, "objective": objective}
    return xgb.train(settings, xgb.DMatrix(*data), num_boost_round=3)


def lightgbm_classifier() -> bytes:
    """Return a pickled LGBMClassifier of classes 0, 1 and 2."""
    return pickle.dumps(lgb.LGBMClassifier(**LIGHT).fit(*iris()))


def lightgbm_regressor() -> bytes:
    """Return a pickled LGBMRegressor."""
    return pickle.dumps(lgb.LGBMRegressor(**LIGHT).fit(*diabetes()))


def pickled_booster(objective: str) -> Callable[[], bytes]:
    """Return a maker of a pickled native XGBoost model."""
    return lambda: pickle.dumps(booster(objective))


def onnx_regressor() -> bytes:
    """Return an ONNX regressor with one float tensor as input."""
    rows, target = diabetes()
    return _onnx(Ridge().fit(rows.to_numpy(np.float32), target), rows)


def onnx_classifier(
    data: Callable[[], tuple[pd.DataFrame, pd.Series]], *, zipmap: bool
) -> Callable[[], bytes]:
    """Return a maker of an ONNX classifier: chances as dictionaries (zipmap), or as a tensor."""

    def make() -> bytes:
        rows, target = data()
        return _onnx(_logistic().fit(rows.to_numpy(np.float32), target), rows, zipmap=zipmap)

    return make


def _onnx(model: Any, rows: pd.DataFrame, *, zipmap: bool | None = None) -> bytes:
    options = {} if zipmap is None else {id(model): {"zipmap": zipmap}}
    first = rows.head(1).to_numpy(np.float32)
    content: bytes = to_onnx(model, first, options=options).SerializeToString()
    return content


def _logistic() -> LogisticRegression:
    return LogisticRegression(max_iter=300)
