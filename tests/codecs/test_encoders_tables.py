"""Predictions as CSV and as Arrow."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from pyarrow import ipc

from drum_like.codecs import arrow
from drum_like.codecs.csv import encode as csv
from drum_like.codecs.json.encode import predictions_lines
from drum_like.errors import TargetError
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target
from tests.support.targets import BINARY, REGRESSION, TEXT


def table(prediction: Prediction, target: Target) -> pa.Table:
    return ipc.open_stream(arrow.predictions_arrow(prediction, target)).read_all()


@pytest.mark.parametrize(
    ("values", "body"),
    [
        pytest.param(np.array([1, 2]), b"Predictions\n1\n2\n", id="no-cast"),
        pytest.param(np.array([0.1], np.float32), b"Predictions\n0.1\n", id="own-width"),
        pytest.param(
            np.array([1e-20, 0.1234567890123456]),
            b"Predictions\n1e-20\n0.1234567890123456\n",
            id="all-digits",
        ),
        pytest.param(np.array([["a,b"], [None]], object), b'Predictions\n"a,b"\n""\n', id="text"),
        pytest.param(np.empty((0, 1)), b"Predictions\n", id="no-rows"),
    ],
)
def test_csv_has_one_column_of_predictions(values: Any, body: bytes) -> None:
    assert csv.predictions_csv(Prediction(values), REGRESSION) == body


@pytest.mark.parametrize(
    ("prediction", "target", "as_csv", "as_lines"),
    [
        pytest.param(
            Prediction(np.array([0.1, np.nan, -np.inf], np.float32)),
            REGRESSION,
            b'0.10000000149011612\n""\n""\n',
            b"0.10000000149011612\nnull\nnull\n",
            id="widened",
        ),
        pytest.param(
            Prediction(np.array([[0.3, np.nan]]), ("no", 'y"},{')),
            BINARY,
            b"0.3,\n",
            b'{"no":0.3,"y\\"},{":null}\n',
            id="labels",
        ),
        pytest.param(
            Prediction(np.array(["a,b", None, "c\nd", 2**70], object)),
            TEXT,
            b'"a,b"\n""\n"c\nd"\n1180591620717411303424\n',
            b'"a,b"\nnull\n"c\\nd"\n1180591620717411303424\n',
            id="text",
        ),
        pytest.param(Prediction(np.empty((0, 1))), REGRESSION, b"", b"", id="no-rows"),
        pytest.param(Prediction(np.empty((0, 2)), ("a", "b")), BINARY, b"", b"", id="no-labels"),
    ],
)
def test_rows_without_a_header_have_the_numbers_of_the_json(
    prediction: Prediction, target: Target, as_csv: bytes, as_lines: bytes
) -> None:
    assert csv.rows_csv(prediction, target) == as_csv
    assert predictions_lines(prediction, target) == as_lines


def test_csv_has_a_column_a_label_in_model_order() -> None:
    found = csv.predictions_csv(Prediction(np.array([[0.3, 0.7]]), ("no", "yes")), BINARY)

    assert found == b"no,yes\n0.3,0.7\n"


float_tables = st.sampled_from((np.float32, np.float64)).flatmap(
    lambda kind: arrays.arrays(
        kind,
        st.tuples(st.integers(0, 4), st.integers(1, 4)),
        elements=st.one_of(
            arrays.from_dtype(np.dtype(kind)),
            st.sampled_from((1e-4, 9.9e-5, 1e-5, 999_999, 1e6, 1e15, 1e16, 0.5)).map(
                lambda number: float(np.dtype(kind).type(number))
            ),
        ),
    )
)


@given(float_tables, st.sampled_from(("c{}", 'say "{}"', "a,{}", "x\n{}", "same", "")))
def test_csv_of_floats_is_that_of_pandas(values: NDArray[Any], name: str) -> None:
    names = tuple(name.format(at) for at in range(values.shape[1]))
    expected = pd.DataFrame(values, columns=list(names)).to_csv(index=False, lineterminator="\n")

    assert csv.predictions_csv(Prediction(values, names), BINARY) == expected.encode()


def test_csv_without_labels_has_the_first_column_of_the_output() -> None:
    found = csv.predictions_csv(Prediction(np.array([[1.5, 2.5], [3.5, 4.5]])), REGRESSION)

    assert found == b"Predictions\n1.5\n3.5\n"


def test_extra_columns_of_csv_are_joined_by_index() -> None:
    extra = pd.DataFrame({"e": ["x", "y"], "Predictions": ["p", "q"]}, index=[1, 9])

    found = csv.predictions_csv(Prediction(np.array([1.0, 2.0]), extra=extra), REGRESSION)

    assert found == b"Predictions,e,Predictions\n1.0,,\n2.0,x,p\n"


def test_arrow_has_the_floats_of_the_model() -> None:
    values = np.array([0.1, np.nan, np.inf], np.float32)

    column = table(Prediction(values), REGRESSION).column("Predictions")

    assert column.type == pa.float32()
    assert np.array_equal(column.to_numpy(), values, equal_nan=True)
    assert column.null_count == 0


def test_arrow_has_a_column_a_label_and_the_extra_ones_after() -> None:
    extra = pd.DataFrame({"e": ["x", None], "i": [1, 2]}, index=[5, 7])

    found = table(Prediction(np.array([[0.3, 0.7], [1, 0]]), ("no", "yes"), extra), BINARY)

    assert found.column_names == ["no", "yes", "e", "i"]
    assert found.column("e").to_pylist() == ["x", None]
    assert found.column("yes").to_pylist() == [0.7, 0.0]


@pytest.mark.parametrize("cells", [["x", None], [[1, 2], None], [{"a": 1}, None]])
def test_arrow_holds_text_and_nested_values(cells: list[Any]) -> None:
    values = np.empty((2, 1), dtype=object)
    values[:, 0] = cells

    assert table(Prediction(values), TEXT).column("Predictions").to_pylist() == cells


def test_no_rows_are_an_empty_table() -> None:
    assert table(Prediction.empty(1), REGRESSION).num_rows == 0


@pytest.mark.parametrize("cells", [["x", 1], [object(), None], [2**70, 1]])
def test_mixed_types_are_refused(cells: list[Any]) -> None:
    values = np.empty(2, dtype=object)
    values[:] = cells

    with pytest.raises(TargetError, match="cannot hold"):
        arrow.predictions_arrow(Prediction(values), TEXT)
    extra = pd.DataFrame({"e": values})
    with pytest.raises(TargetError, match="'e' mixes"):
        arrow.predictions_arrow(Prediction(np.zeros(2), extra=extra), REGRESSION)


def test_extra_columns_of_another_length_are_refused() -> None:
    extra = pd.DataFrame({"e": [1]})

    with pytest.raises(TargetError, match="another number of rows"):
        arrow.predictions_arrow(Prediction(np.zeros(2), extra=extra), REGRESSION)
