"""The types of columns that every framework's files tell."""

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnx.helper
import pandas as pd
import pytest
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from drum_like import plugins
from drum_like.api import Schema

ROWS = pd.DataFrame(
    {
        "real": [0.5, 1.5, 2.5, 3.5] * 10,
        "whole": [1, 2, 3, 4] * 10,
        "flag": [True, False] * 20,
        "word": ["b", "a", "c", "a"] * 10,
        "code": [7, 9, 7, 9] * 10,
    }
)
TARGET = np.arange(40.0)


def published(package: str, model: Any) -> dict[str, str]:
    """Return the type of each column that a model is published with."""
    schema: Schema | None = plugins.load(plugins.PREDICTORS, package)(model).schema
    assert schema is not None
    return {column.name: column.dtype.value for column in schema.columns}


def categorical() -> pd.DataFrame:
    """Return the rows with two pandas categories."""
    return ROWS.astype({"word": "category", "code": "category"})


def test_xgboost_tells_types_and_categories() -> None:
    data = xgboost.DMatrix(categorical(), TARGET, enable_categorical=True)

    booster = xgboost.train({"nthread": 1}, data, 1)

    types = {"real": "Float64", "whole": "Int64", "flag": "Bool", "word": "Str", "code": "Int64"}
    assert published("xgboost", booster) == types


def test_lightgbm_tells_categories() -> None:
    parameters = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 1, "min_data_per_group": 1}

    booster = lightgbm.train(parameters, lightgbm.Dataset(categorical(), TARGET), 2)

    numbers = dict.fromkeys(("real", "whole", "flag"), "Float64")
    assert published("lightgbm", booster) == {**numbers, "word": "Str", "code": "Int64"}


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(),
        OneHotEncoder(handle_unknown="ignore"),
        OrdinalEncoder(),
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
    ],
    ids=str,
)
def test_scikit_learn_tells_what_its_encoders_know(encoder: Any) -> None:
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["real"]), ("words", encoder, ["word"])]
    )
    model = make_pipeline(columns, LinearRegression()).fit(ROWS, TARGET)

    schema = plugins.load(plugins.PREDICTORS, "sklearn")(model).schema

    assert published("sklearn", model) == {"real": "Float64", "word": "Str"}
    assert schema.columns[1].categories == ("a", "b", "c")


def test_scikit_learn_tells_numeric_categories_and_text() -> None:
    columns = ColumnTransformer(
        [("codes", OneHotEncoder(), ["code"]), ("text", CountVectorizer(analyzer="char"), "word")]
    )
    model = make_pipeline(columns, LinearRegression()).fit(ROWS, TARGET)

    assert published("sklearn", model) == {"word": "Str", "code": "Int64"}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("FLOAT", "Float32"),
        ("FLOAT16", "Float32"),
        ("DOUBLE", "Float64"),
        ("INT32", "Int32"),
        ("INT64", "Int64"),
        ("UINT16", "Int32"),
        ("UINT32", "Int64"),
        ("BOOL", "Bool"),
        ("STRING", "Str"),
    ],
)
def test_onnx_tells_the_types_of_its_inputs(tmp_path: Path, kind: str, said: str) -> None:
    element = getattr(onnx.TensorProto, kind)
    columns = [onnx.helper.make_tensor_value_info(name, element, [None, 1]) for name in ("a", "b")]
    outputs = [onnx.helper.make_tensor_value_info("out", element, [None, 1])]
    node = onnx.helper.make_node("Identity", ["a"], ["out"])
    opset = onnx.helper.make_opsetid("", 17)
    graph = onnx.helper.make_graph([node], "types", columns, outputs)
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / "model.onnx"
    )

    session = plugins.load(plugins.PREDICTORS, "onnxruntime").load(tmp_path / "model.onnx")

    assert published("onnxruntime", session) == {"a": said, "b": said}
