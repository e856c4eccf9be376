"""Whose fault it is that an ONNX graph raises, and what inputs of other shapes do."""

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
import pytest
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from drum_like.api import ColumnsError, LoadError
from drum_like.model.artifact import predictor_for
from tests.predictors.scoring import REGRESSION, TEXT, score
from tests.support.onnx_graphs import FLOAT, model, session, tensor


def embedding() -> ort.InferenceSession:
    """Return a graph that looks positions up in a table of five numbers, and adds a number."""
    nodes = [
        helper.make_node("Gather", ["table", "place"], ["found"]),
        helper.make_node("Add", ["found", "more"], ["y"]),
    ]
    inputs = [tensor("more", FLOAT, ["rows", 1]), tensor("place", TensorProto.INT64, ["rows", 1])]
    outputs = [tensor("y", FLOAT, ["rows", 1])]
    return session(model(nodes, inputs, outputs, table=np.arange(5, dtype=np.float32)))


def encoded() -> ort.InferenceSession:
    """Return a linear model of a number and a city, one of two; others are refused."""
    data = pd.DataFrame({"size": [1.0, 2.0, 3.0], "city": ["Bonn", "Köln", "Bonn"]})
    encoder = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough")
    estimator = make_pipeline(encoder, LinearRegression()).fit(data, [1.0, 2.0, 3.0])
    kinds = [("size", FloatTensorType([None, 1])), ("city", StringTensorType([None, 1]))]
    made: onnx.ModelProto = convert_sklearn(estimator, initial_types=kinds)
    return session(made)


@pytest.mark.parametrize("at", [0, 3, 9])
@pytest.mark.parametrize("place", [5, -6, 2**40])
def test_position_that_is_not_in_the_table_is_the_callers_fault(place: int, at: int) -> None:
    places = [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]
    places[at] = place
    rows = pd.DataFrame({"place": places, "more": 0.5})

    with pytest.raises(ColumnsError, match=rf"'place' holds .* in row {at + 1}$") as caught:
        score(embedding(), rows)

    assert caught.value.row == at


def test_category_that_an_encoder_refuses_is_the_callers_fault() -> None:
    cities = pd.DataFrame({"city": ["Bonn", "Köln", "Aachen", "Ulm"], "size": 1.0})

    with pytest.raises(ColumnsError, match=r"'city' holds .* in row 3$"):
        score(encoded(), cities)


def test_categories_that_an_encoder_knows_are_answered() -> None:
    cities = pd.DataFrame({"city": ["Bonn", "Köln"], "size": [3.0, 2.0]})

    found = score(encoded(), cities).values[:, 0]

    np.testing.assert_allclose(found, [3.0, 2.0], atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "reads"),
    [
        (["rows", 1, 2], True),
        (["rows", 2, 1], True),
        (["rows", 1, 1, 2], True),
        ([4, 1, 2], True),
        (["rows", 2, 2], False),
        (["rows", 3, "width", 1], False),
        (["rows", "height", "width"], False),
    ],
    ids=str,
)
def test_inputs_of_more_than_two_dimensions(shape: list[Any], *, reads: bool) -> None:
    node = helper.make_node("Flatten", ["x"], ["flat"])
    total = helper.make_node("ReduceSum", ["flat", "axes"], ["y"], keepdims=1)
    opened = session(
        model(
            [node, total],
            [tensor("x", FLOAT, shape)],
            [tensor("y", FLOAT, [shape[0], 1])],
            axes=np.array([1], np.int64),
        )
    )
    predictor: Any = predictor_for(opened)
    rows = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": 0.5})
    if reads:
        predictor.check_target(REGRESSION)
        assert score(opened, rows).values[:, 0].tolist() == [1.5, 2.5, 3.5]
        return
    with pytest.raises(LoadError, match=r"the ONNX input 'x' has the shape \[rows, "):
        predictor.check_target(REGRESSION)


def test_numbers_beyond_the_range_of_an_input_are_infinite() -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    opened = session(
        model([node], [tensor("x", FLOAT, [None, 1])], [tensor("y", FLOAT, [None, 1])])
    )

    found = score(opened, pd.DataFrame({"x": [1e300, -1e300]}), TEXT).values

    assert found[:, 0].tolist() == [np.inf, -np.inf]
