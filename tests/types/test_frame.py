"""Frames: columns by name, numbers by the grammar of CSV, extra columns left alone."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from drum_like.errors import ColumnsError
from drum_like.types.columns_frame import ColumnsFrame
from drum_like.types.frame import NativeFrame
from drum_like.types.names import listed
from drum_like.types.numbers import matrix_of


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(pd.Series([True, False]), [1, 0], id="bool"),
        pytest.param(pd.Series([True, np.nan], dtype=object), [1, np.nan], id="bool-missing"),
        pytest.param(pd.array([1, None], dtype="Int64"), [1, np.nan], id="nullable"),
        pytest.param(pd.Series([0.1], dtype="float32"), [float(np.float32(0.1))], id="float32"),
        pytest.param(pd.Series([2**64], dtype=object), [2.0**64], id="big-integer"),
        pytest.param(pd.Series([10**400, -(10**400)], dtype=object), [np.inf, -np.inf], id="huge"),
        pytest.param(pd.Series([None, pd.NA, pd.NaT], dtype=object), [np.nan] * 3, id="missing"),
        pytest.param(pd.arrays.SparseArray([0.0, 2.0]), [0, 2], id="sparse"),
        pytest.param(pd.Series([None, None], dtype="str"), [np.nan, np.nan], id="text-all-missing"),
    ],
)
def test_numbers_of_a_column(column: Any, expected: list[float]) -> None:
    found = matrix_of(pd.DataFrame({"a": column}))

    assert np.array_equal(found[:, 0], expected, equal_nan=True)


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(["1"], id="number-in-text"),
        pytest.param([True, "1"], id="mixed"),
        pytest.param([[1]], id="list"),
        pytest.param([1j], id="complex"),
        pytest.param([Decimal(1)], id="decimal"),
        pytest.param(pd.to_datetime(["2020-01-01"]), id="time"),
        pytest.param(pd.Categorical(["1"]), id="category"),
    ],
)
def test_anything_else_is_refused_by_column(cells: Any) -> None:
    with pytest.raises(ColumnsError, match="column 'a' holds"):
        matrix_of(pd.DataFrame({"b": 1, "a": pd.Series(cells)}))


def test_row_of_text_is_named_from_one() -> None:
    with pytest.raises(ColumnsError, match="holds text in row 2"):
        matrix_of(pd.DataFrame({"a": pd.Series([1, "secret"], dtype=object)}))


def test_columns_are_found_by_name_and_the_rest_left_alone() -> None:
    """D7: an identifier that the model does not know may be text."""
    frame = NativeFrame(pd.DataFrame({"id": ["x"], "b": [2], "a": [1]}))

    assert frame.matrix(["a", "b"]).tolist() == [[1.0, 2.0]]


def test_missing_columns_are_named() -> None:
    frame = NativeFrame(pd.DataFrame({"a;b": [1]}))

    with pytest.raises(ColumnsError, match=r"missing columns: 'a', 'b'.*no comma"):
        frame.matrix(["a", "b"])


def test_frame_without_names_is_taken_by_position() -> None:
    frame = NativeFrame(pd.DataFrame([[1, 2]]))

    assert frame.columns is None
    assert frame.matrix(["x", "y"]).tolist() == [[1.0, 2.0]]
    with pytest.raises(ColumnsError, match="takes 3 columns by position, but the payload has 2"):
        frame.matrix(["x", "y", "z"])


def test_negative_zero_is_zero() -> None:
    matrix = NativeFrame(pd.DataFrame({"a": [-0.0]})).matrix()

    assert not np.signbit(matrix).any()


def test_matrix_does_not_touch_the_data_of_a_hook() -> None:
    data = pd.DataFrame({"a": [-0.0, 1.0]})

    NativeFrame(data).matrix()[:] = 7

    assert data["a"].tolist() == [0.0, 1.0]
    assert np.signbit(data["a"][0])


def test_object_of_a_hook_goes_to_the_next_one_only() -> None:
    frame = NativeFrame({"any": "thing"})

    assert frame.native == {"any": "thing"}
    with pytest.raises(ColumnsError, match="returned dict"):
        _ = frame.pandas


def test_typed_columns_are_a_frame() -> None:
    cells = np.empty(2, dtype=object)
    cells[:] = [[1], b"x"]
    frame = ColumnsFrame(("n", "n"), [np.array([1, 2]), cells])

    assert (frame.n_rows, frame.n_columns, frame.columns) == (2, 2, ("n", "n"))
    assert frame.pandas.columns.tolist() == ["n", "n"]
    assert frame.pandas.iloc[:, 1].tolist() == [[1], b"x"]
    assert ColumnsFrame((), []).n_rows == 0


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(np.array([1.5, np.nan, -np.inf]), id="float64"),
        pytest.param(np.array([0.1, 2, np.nan], np.float32), id="float32"),
        pytest.param(np.array([1, -(2**60), 2**62]), id="int64"),
        pytest.param(np.array([0, 1, 2**64 - 1], np.uint64), id="uint64"),
        pytest.param(np.array([True, False, True]), id="bool"),
        pytest.param(np.array([1, None, True], object), id="objects"),
    ],
)
def test_numbers_of_typed_columns_are_those_of_their_dataframe(column: Any) -> None:
    frame = ColumnsFrame(("a", "b"), [column, np.arange(3.0)])

    for chosen in (None, ("b", "a")):
        expected = matrix_of(frame.pandas[list(chosen or ("a", "b"))])
        np.testing.assert_array_equal(frame.matrix(chosen), expected)
    assert frame.matrix().flags.writeable


def test_message_names_ten_columns() -> None:
    names = [str(at) for at in range(12)]

    assert listed(names).endswith("'9' and 2 more")


@pytest.mark.parametrize(
    ("cells", "row"),
    [(["1", "x"], 2), (["1", " 2.5e3", "true"], 3), ([np.nan, "1", "1_0"], 3), (["1", "2"], 1)],
    ids=["word", "bool-word", "missing-first", "all-read-as-numbers"],
)
def test_the_cell_that_made_a_column_text_is_named(cells: list[Any], row: int) -> None:
    with pytest.raises(ColumnsError, match=f"holds text in row {row};"):
        matrix_of(pd.DataFrame({"a": pd.Series(cells, dtype=object)}))
