"""DRUM's JSON form, and numbers that read back exactly."""

import datetime as dt
import json as standard_json
import math
from decimal import Decimal
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from drum_like.codecs.json import encode as json
from drum_like.errors import TargetError
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target, TargetType
from tests.support.targets import BINARY, MULTICLASS, REGRESSION, TEXT


def objects(*cells: Any) -> Prediction:
    """Return a prediction of one column of anything."""
    values = np.empty((len(cells), 1), dtype=object)
    for row, cell in enumerate(cells):
        values[row, 0] = cell
    return Prediction(values)


def answer(prediction: Prediction, target: Target) -> Any:
    return standard_json.loads(json.predictions_json(prediction, target))


@pytest.mark.parametrize(
    ("values", "body"),
    [
        pytest.param(np.array([1, -1]), b"[1.0,-1.0]", id="integers"),
        pytest.param(np.array([True, False]), b"[1.0,0.0]", id="booleans"),
        pytest.param(np.array([[1 / 3]]), b"[0.3333333333333333]", id="all-digits"),
        pytest.param(np.array([1e-11, 1e20]), b"[1e-11,1e+20]", id="exponents"),
        pytest.param(np.array([0.1], np.float32), b"[0.10000000149011612]", id="float32-widened"),
        pytest.param(np.array([np.nan, np.inf, -np.inf]), b"[null,null,null]", id="not-finite"),
        pytest.param(np.array(["1.5", " 2 "], object), b"[1.5,2.0]", id="numbers-in-text"),
        pytest.param(np.array([None, pd.NA, pd.NaT], object), b"[null,null,null]", id="missing"),
        pytest.param(np.array([10**400, -(10**400)], object), b"[null,null]", id="beyond-float64"),
        pytest.param(np.array([Decimal("1.5")], object), b"[1.5]", id="decimal"),
        pytest.param(np.empty((0, 1)), b"[]", id="no-rows"),
        pytest.param(np.array([[1.0, 2.0]]).T[:, ::-1], b"[1.0,2.0]", id="strided"),
    ],
)
def test_numeric_target_is_a_list_of_floats(values: Any, body: bytes) -> None:
    assert json.predictions_json(Prediction(values), REGRESSION) == b'{"predictions":' + body + b"}"


@pytest.mark.parametrize(
    ("cell", "said"),
    [("secret", "could not convert string to float: row 2"), ([1], "list"), (1j, "complex")],
)
def test_numeric_target_refuses_what_is_not_a_number(cell: Any, said: str) -> None:
    with pytest.raises(TargetError, match=said) as refused:
        json.predictions_json(objects(1.0, cell), REGRESSION)

    assert "secret" not in str(refused.value)


@given(arrays.arrays(np.float64, st.integers(0, 20), elements=st.floats()))
def test_numbers_read_back_exactly(values: Any) -> None:
    found = answer(Prediction(values), REGRESSION)["predictions"]

    expected = [value if math.isfinite(value) else None for value in values.tolist()]
    assert list(map(repr, found)) == list(map(repr, expected))


@given(arrays.arrays(np.float32, st.tuples(st.integers(0, 9), st.just(3))), st.permutations("ABC"))
def test_probabilities_read_back_exactly_under_their_labels(values: Any, labels: list[str]) -> None:
    found = answer(Prediction(values, tuple(labels)), MULTICLASS)["predictions"]

    wide = values.astype(np.float64).tolist()
    cells = [[cell if math.isfinite(cell) else None for cell in row] for row in wide]
    assert found == [dict(zip(labels, row, strict=True)) for row in cells]
    assert all(list(row) == labels for row in found)


def test_labels_may_hold_anything_that_text_may() -> None:
    labels = ('"},{', "é/%s")
    target = Target(TargetType.BINARY, labels)

    found = answer(Prediction(np.array([[0.25, 0.75]]), labels), target)

    assert found == {"predictions": [{'"},{': 0.25, "é/%s": 0.75}]}


def test_no_rows_of_labels_are_an_empty_list() -> None:
    body = json.predictions_json(Prediction(np.empty((0, 2)), ("yes", "no")), BINARY)

    assert body == b'{"predictions":[]}'


DAY = 86_400_000


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        pytest.param('é/"x"\n', 'é/"x"\n', id="text"),
        pytest.param(None, None, id="none"),
        pytest.param(math.nan, None, id="nan"),
        pytest.param(np.float32(0.5), 0.5, id="numpy-float"),
        pytest.param(np.int64(3), 3, id="numpy-int"),
        pytest.param(np.bool_(True), True, id="numpy-bool"),  # noqa: FBT003 - a value
        pytest.param(np.longdouble("0.5"), 0.5, id="long-double"),
        pytest.param(np.str_("x"), "x", id="numpy-text"),
        pytest.param(10**30, 10**30, id="big-integer"),
        pytest.param("\ud800", "\ud800", id="lone-surrogate"),
        pytest.param([1, {"a": np.array([1.5, np.nan])}], [1, {"a": [1.5, None]}], id="nested"),
        pytest.param({1: {2.5: "x"}, None: 10**30}, {"1": {"2.5": "x"}, "None": 10**30}, id="keys"),
        pytest.param((1, {2}), [1, [2]], id="tuple-and-set"),
        pytest.param(b"x", "x", id="bytes"),
        pytest.param(Decimal("1.50"), "1.50", id="decimal"),
        pytest.param(dt.date(1970, 1, 2), DAY, id="date"),
        pytest.param(dt.datetime(1970, 1, 2), DAY, id="datetime"),  # noqa: DTZ001 - without zone
        pytest.param(
            dt.datetime(1970, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=1))),
            DAY - 3_600_000,
            id="zone",
        ),
        pytest.param(pd.Timestamp("1970-01-02", tz="CET"), DAY - 3_600_000, id="timestamp"),
        pytest.param(np.datetime64("1970-01-02"), DAY, id="datetime64"),
        pytest.param(dt.timedelta(seconds=1.5), 1500, id="timedelta"),
        pytest.param(np.timedelta64(2, "s"), 2000, id="timedelta64"),
        pytest.param([pd.NaT, pd.NA], [None, None], id="missing"),
    ],
)
def test_other_targets_give_values_as_they_are(cell: Any, expected: Any) -> None:
    assert answer(objects("first", cell), TEXT) == {"predictions": ["first", expected]}


def loop() -> list[Any]:
    cells: list[Any] = []
    cells.append(cells)
    return cells


@pytest.mark.parametrize(
    "cell", [object(), 1j, b"\xff", loop()], ids=["object", "complex", "bytes", "loop"]
)
def test_what_json_cannot_hold_is_refused(cell: Any) -> None:
    with pytest.raises(TargetError):
        json.predictions_json(objects(cell), TEXT)


def test_extra_columns_are_split_with_their_index() -> None:
    extra = pd.DataFrame({"e1": [1, 2], "e2": ["x", None]}, index=[5, 7])

    found = answer(Prediction(np.array([0.5, 1.5]), extra=extra), REGRESSION)

    assert found == {
        "predictions": [0.5, 1.5],
        "extraModelOutput": {
            "columns": ["e1", "e2"],
            "index": [5, 7],
            "data": [[1, "x"], [2, None]],
        },
    }


@pytest.mark.filterwarnings("ignore:The default formatting of datetime")
def test_extra_columns_read_as_those_that_pandas_writes() -> None:
    times = pd.to_datetime(["2020-01-01 00:00:00.0000", "1969-12-31 23:59:59.9995"])
    extra = pd.DataFrame(
        {
            "int": [1, 2],
            "nullable": pd.array([1, None], dtype="Int64"),
            "float": [0.5, np.nan],
            "float32": np.array([0.5, np.inf], np.float32),
            "bool": [True, False],
            "text": ["x", None],
            "time": times,
            "zone": times.tz_localize("CET"),
            "time-missing": pd.to_datetime(["2020-01-01", "NaT"]),
            "delta": pd.to_timedelta([1, None], unit="s"),
            "category": pd.Categorical(["a", None]),
            "time-category": pd.to_datetime(["2020-01-01", "NaT"]).astype("category"),
            "sparse": pd.arrays.SparseArray([0.0, 1.5]),
            "nested": [[1, 2], {"k": None}],
            "date": [dt.date(2020, 1, 1), dt.date(1960, 1, 1)],
        },
        index=pd.to_datetime(["2020-01-01", "2020-01-02"]),
    )

    found = answer(Prediction(np.zeros(2), extra=extra), REGRESSION)["extraModelOutput"]

    expected = standard_json.load(StringIO(extra.to_json(orient="split", date_unit="ms")))
    assert found == expected


def test_extra_columns_may_have_equal_names() -> None:
    extra = pd.DataFrame([[1, 2]], columns=["e", "e"])

    found = answer(Prediction(np.zeros(1), extra=extra), REGRESSION)["extraModelOutput"]

    assert found == {"columns": ["e", "e"], "index": [0], "data": [[1, 2]]}


@pytest.mark.parametrize("n_labels", [1, 2, 3, 32, 33])
def test_many_rows_are_those_of_few(n_labels: int) -> None:
    labels = tuple(f'"\x00\x01,}},{{\u00e9{at}' for at in range(n_labels))
    values = np.random.default_rng(1).random((300, n_labels))
    values[::7] = np.nan
    target = Target(TargetType.MULTICLASS, labels)

    found = answer(Prediction(values, labels), target)["predictions"]

    parts = [answer(Prediction(row[None], labels), target)["predictions"][0] for row in values]
    assert found == parts
    assert list(found[1].values()) == values[1].tolist()
    assert set(found[0].values()) == {None}


@pytest.mark.parametrize("n_rows", [1, 2, 64, 65])
def test_labels_may_hold_what_formats_fill_in(n_rows: int) -> None:
    labels = ("%", "%b", 'a,"%%')
    values = np.tile([0.25, 0.5, 0.25], (n_rows, 1))
    prediction = Prediction(values, labels)

    body = answer(prediction, Target(TargetType.MULTICLASS, labels))

    assert body == {"predictions": [dict(zip(labels, (0.25, 0.5, 0.25), strict=True))] * n_rows}
