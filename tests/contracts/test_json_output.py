"""The JSON of predictions (rows J-01 to J-29)."""

import json
from typing import Any

import numpy as np
import pytest

from tests.support.models import ONE_WORKER, REG, TEXT, Model, served
from tests.support.serving import Server

ANOMALY = Model(REG.files, ("--target-type", "anomaly"))
GEO_POINT = Model(TEXT.files, ("--target-type", "geopoint"))

anomaly = served(ANOMALY, *ONE_WORKER)
geo_point = served(GEO_POINT, *ONE_WORKER)


def predictions(server: Server, text: str) -> Any:
    reply = server.csv(text)
    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == "application/json"
    return reply.json()["predictions"]


def cases(*names: str) -> str:
    return "\n".join(("case", *names)) + "\n"


def test_integers_become_floats(reg: Server) -> None:
    """J-01: in the text, not only in value."""
    reply = reg.csv("a\n1\n")

    assert json.loads(reply.body, parse_int=lambda _: pytest.fail("an integer")) == {
        "predictions": [1.0]
    }


def test_booleans_become_floats(reg: Server) -> None:
    """J-02."""
    reply = reg.csv("a\nTrue\nFalse\n")

    assert reply.json() == {"predictions": [1.0, 0.0]}
    assert "true" not in reply.text


def test_numeric_text_becomes_a_float(steered: Server) -> None:
    """J-03."""
    assert predictions(steered, cases("digits")) == [1.5]


def test_other_text_is_an_error(steered: Server) -> None:
    """J-04, without the value (D41)."""
    reply = steered.csv(cases("text"))

    assert reply.status == 500
    assert reply.message.startswith("ERROR: could not convert string to float: row 1 ")
    assert "abc" not in reply.message


def test_values_that_are_not_numbers_are_null(steered: Server) -> None:
    """J-05."""
    assert predictions(steered, cases("missing", "plus", "minus", "int")) == [None, None, None, 1.0]
    assert predictions(steered, cases("nothing", "int")) == [None, 1.0]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param("0.1234567890123456", id="J-06"),
        pytest.param("0.3333333333333333", id="J-07"),
        pytest.param("123456789.123456789", id="J-08"),
        pytest.param("1e-10", id="J-09"),
        pytest.param("4e-11", id="J-09-tiny"),
        pytest.param("0.99999999995", id="J-10"),
        pytest.param("1e16", id="J-11"),
        pytest.param("1e20", id="J-12-large"),
        pytest.param("1.23456789e25", id="J-12"),
        pytest.param("9.9e-16", id="J-13"),
        pytest.param("5e-324", id="J-13-smallest"),
        pytest.param("1.7976931348623157e308", id="J-13-largest"),
        pytest.param("-1e-12", id="J-14"),
        pytest.param("-0.0", id="J-14-negative-zero"),
        pytest.param("2.00000000005", id="J-14-half"),
    ],
)
def test_a_number_reads_back_exactly(reg: Server, number: str) -> None:
    """Difference D4."""
    (value,) = predictions(reg, f"a\n{number}\n")

    assert np.float64(value).tobytes() == np.float64(number).tobytes()


def test_narrow_floats_are_widened(steered: Server) -> None:
    """J-15."""
    assert predictions(steered, cases("float32")) == [float(np.float32(0.1))]


def test_text_is_escaped_as_json(text: Server) -> None:
    """J-16."""
    assert predictions(text, 'out\n"é/""x""\n"\n') == ['é/"x"\n']


@pytest.mark.parametrize("value", [["a", 1], {"k": [1.5, None]}, None, 1, True, "x"], ids=repr)
def test_objects_of_a_text_target_are_not_cast(text: Server, value: Any) -> None:
    """J-17."""
    cell = json.dumps([value]).replace('"', '""')

    (result,) = predictions(text, f'json\n"{cell}"\n')

    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("body", "row"),
    [
        pytest.param("yes,no\n0.7,0.3\n", [("yes", 0.7), ("no", 0.3)], id="J-18"),
        pytest.param("no,yes\n0.3,0.7\n", [("no", 0.3), ("yes", 0.7)], id="J-19"),
    ],
)
def test_binary_objects_keep_the_models_order(binary: Server, body: str, row: Any) -> None:
    assert dict(binary.csv(body).pairs())["predictions"] == [row]


def test_multiclass_objects_keep_the_models_order(multiclass: Server) -> None:
    """J-20."""
    (row,) = dict(multiclass.csv("C,A,B\n0.5,0.25,0.25\n").pairs())["predictions"]

    assert row == [("C", 0.5), ("A", 0.25), ("B", 0.25)]


def test_multilabel_rows_need_no_sum(multilabel: Server) -> None:
    """J-21."""
    assert predictions(multilabel, "A,B,C\n0.9,0.8,0.1\n") == [{"A": 0.9, "B": 0.8, "C": 0.1}]


def test_anomaly_scores_are_numbers(anomaly: Server) -> None:
    """J-22."""
    assert predictions(anomaly, "a\n-1\n") == [-1.0]


def test_no_rows_give_no_predictions(reg: Server) -> None:
    """J-23."""
    assert predictions(reg, "a\n") == []


def test_extra_columns_keep_index_and_types(steered: Server) -> None:
    """J-24."""
    reply = steered.csv(cases("extras", "extras"))

    assert reply.json() == {
        "predictions": [0.5, 1.5],
        "extraModelOutput": {
            "columns": ["e1", "e2"],
            "index": [5, 7],
            "data": [[1, "x"], [2, "y"]],
        },
    }


@pytest.mark.parametrize(
    ("case", "row"),
    [
        pytest.param("date", [1577836800000], id="J-25"),
        pytest.param("bool-nan", [True, None], id="J-26"),
    ],
)
def test_cells_of_extra_columns(steered: Server, case: str, row: list[Any]) -> None:
    (values,) = steered.csv(cases(case)).json()["extraModelOutput"]["data"]

    assert [(value, type(value)) for value in values] == [(value, type(value)) for value in row]


def test_geo_points_are_text(geo_point: Server) -> None:
    """J-27."""
    assert predictions(geo_point, 'out\n"POINT (1 2)"\n') == ["POINT (1 2)"]


def test_a_column_beside_the_labels_is_extra(multiclass: Server) -> None:
    """J-28."""
    reply = multiclass.csv("A,B,C,x\n0.5,0.25,0.25,7\n")

    assert reply.json()["predictions"] == [{"A": 0.5, "B": 0.25, "C": 0.25}]
    assert reply.json()["extraModelOutput"] == {"columns": ["x"], "index": [0], "data": [[7]]}


@pytest.mark.parametrize(("case", "count"), [("one-row", "1"), ("five-rows", "5")])
def test_a_wrong_number_of_rows_is_an_error(steered: Server, case: str, count: str) -> None:
    """J-29 by difference D8: both counts are named."""
    reply = steered.csv(cases(case, case))

    assert reply.status == 500
    assert count in reply.message
    assert "2" in reply.message
