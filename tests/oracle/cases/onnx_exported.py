"""ONNX files that converters make of scikit-learn, XGBoost and LightGBM."""

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import xgboost
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common import data_types as other_types
from skl2onnx import to_onnx
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.oracle.case import NUMBER, Case, Random, binary, case, classes
from tests.oracle.cases import data
from tests.oracle.cases.graphs import graph_case, mapped
from tests.oracle.cases.lgbm import FEW as LIGHTGBM
from tests.oracle.cases.sk_targets import TOPICS, topics
from tests.oracle.cases.xgb import FEW as XGBOOST

OPSETS = {"": 17, "ai.onnx.ml": 3}
"""Versions that the oldest onnxruntime reads, too."""


def exported(model: Any, kinds: Any, **options: Any) -> bytes:
    """Return a fitted estimator as an ONNX file."""
    chosen = {id(model): options} if options else None
    made = to_onnx(model, initial_types=kinds, options=chosen, target_opset=OPSETS)
    written: bytes = made.SerializeToString()
    return written


def rows(width: int, kind: Any = FloatTensorType) -> Any:
    """Return the type of one input of whole rows."""
    return [("X", kind([None, width]))]


def logistic(rng: Random) -> tuple[Any, pd.DataFrame]:
    """Return a classifier of two labels, and its rows."""
    frame = data.numbers(rng, 3)
    y = data.yes_or_no(frame, rng)
    return LogisticRegression().fit(frame.to_numpy(np.float32), y), frame


@case
def onnx_logistic_tensor(rng: Random) -> Case:
    model, frame = logistic(rng)
    return graph_case(exported(model, rows(3), zipmap=False), frame, binary())


@case
def onnx_logistic_maps(rng: Random) -> Case:
    model, frame = logistic(rng)
    read = mapped(data.YES_NO)
    return graph_case(exported(model, rows(3), zipmap=True), frame, binary(), read=read, output="")


@case
def onnx_logistic_columns(rng: Random) -> Case:
    model, frame = logistic(rng)
    graph = exported(model, rows(3), zipmap="columns")
    return graph_case(
        graph,
        frame,
        binary(),
        read=lambda told: np.column_stack([np.ravel(one) for one in told[1:]]),
        output="",
    )


@case
def onnx_logistic_double(rng: Random) -> Case:
    model, frame = logistic(rng)
    graph = exported(model, rows(3, DoubleTensorType), zipmap=False)
    return graph_case(graph, frame, binary())


@case
def onnx_twelve_classes(rng: Random) -> Case:
    frame = data.numbers(rng, 2)
    labels = [str(number) for number in range(12)]
    y = data.one_of(frame, rng, range(12))
    model = DecisionTreeClassifier(max_depth=6).fit(frame.to_numpy(np.float32), y)
    target = classes(*labels, given=sorted(labels))
    graph = exported(model, rows(2), zipmap=True)
    return graph_case(graph, frame, target, read=mapped(range(12)), output="")


@case
def onnx_forest(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    model = RandomForestRegressor(10, max_depth=4, random_state=1)
    model.fit(frame.to_numpy(np.float32), data.signal(frame, rng))
    return graph_case(exported(model, rows(3)), frame, NUMBER)


@case
def onnx_imputer(rng: Random) -> Case:
    frame = data.numbers(rng, 3, gaps=0.15)
    model = make_pipeline(SimpleImputer(), DecisionTreeRegressor(max_depth=4))
    model.fit(frame.to_numpy(np.float32), data.signal(frame, rng))
    return graph_case(exported(model, rows(3)), frame, NUMBER)


@case
def onnx_integers(rng: Random) -> Case:
    frame = pd.DataFrame({"n": rng.integers(0, 9, data.ROWS), "m": rng.integers(-9, 9, data.ROWS)})
    model = DecisionTreeRegressor(max_depth=4).fit(frame.to_numpy(), data.signal(frame, rng))
    return graph_case(exported(model, rows(2, Int64TensorType)), frame, NUMBER)


@case
def onnx_mixed_columns(rng: Random) -> Case:
    frame = pd.DataFrame({"code": data.text(rng, ("01", "02", "NA", "Zürich"))})
    frame["x"] = (rng.normal(size=data.ROWS) * 64).round() / 64
    frame["n"] = rng.integers(0, 40, data.ROWS)
    parts = [
        ("c", OneHotEncoder(handle_unknown="ignore"), ["code"]),
        ("x", StandardScaler(), ["x"]),
        ("n", StandardScaler(), ["n"]),
    ]
    model = make_pipeline(ColumnTransformer(parts), LogisticRegression())
    model.fit(frame, data.one_of(frame, rng, ("u", "v", "w")))
    kinds = [
        ("code", StringTensorType([None, 1])),
        ("x", FloatTensorType([None, 1])),
        ("n", Int64TensorType([None, 1])),
    ]
    target = classes("u", "v", "w", given=("w", "v", "u"))
    return graph_case(exported(model, kinds, zipmap=False), frame, target)


@case
def onnx_xgboost(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    y = (data.yes_or_no(frame, rng) == "yes").astype(int)
    model = xgboost.XGBClassifier(**XGBOOST).fit(frame.to_numpy(np.float32), y)
    kinds = [("X", other_types.FloatTensorType([None, 3]))]
    graph = convert_xgboost(model, initial_types=kinds).SerializeToString()
    return graph_case(graph, frame, binary("0", "1"))


@case
def onnx_lightgbm(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    y = data.one_of(frame, rng, (0, 1, 2))
    model = lightgbm.LGBMClassifier(**LIGHTGBM).fit(frame.to_numpy(), y)
    kinds = [("X", other_types.FloatTensorType([None, 3]))]
    graph = convert_lightgbm(model, initial_types=kinds, zipmap=True).SerializeToString()
    target = classes("0", "1", "2", given=("2", "0", "1"))
    return graph_case(graph, frame, target, read=mapped(range(3)), output="")


@case
def onnx_labels_refused(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    model = MultiOutputClassifier(LogisticRegression())
    model.fit(frame.to_numpy(np.float32), topics(frame, rng))
    target = classes(*TOPICS, kind="multilabel")
    return graph_case(
        exported(model, rows(3), zipmap=False),
        frame,
        target,
        read=lambda told: np.column_stack([part[:, 1] for part in told[1]]),
        refused="a list of outputs is no row of chances",
        or_right=True,
        output="",
    )
