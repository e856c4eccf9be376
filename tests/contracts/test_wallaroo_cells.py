"""Cells between Arrow and numpy: what fits, what does not, and what comes out."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from drum_like.contracts.wallaroo.inference.arrow_cells import (
    array_of,
    cast,
    cells_of,
    refuse_nulls,
    values_of,
)
from drum_like.contracts.wallaroo.inference.inputs import conformed
from drum_like.errors import PayloadError


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(pa.array([1, 2]), [1, 2], id="scalars"),
        pytest.param(pa.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]], id="lists"),
        pytest.param(pa.array([[[1], [2]]]), [[[1], [2]]], id="nested"),
        pytest.param(
            pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2)), [[1.0, 2.0]], id="fixed-size"
        ),
        pytest.param(pa.array([[0], [1], [2]])[1:], [[1], [2]], id="slice"),
        pytest.param(pa.array(["a"]), ["a"], id="text"),
        pytest.param(pa.array([True]), [True], id="truth"),
    ],
)
def test_columns_become_arrays(column: pa.Array, expected: list[Any]) -> None:
    assert values_of(column, "x").tolist() == expected


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pa.array([[1], [1, 2]]), id="ragged"),
        pytest.param(pa.array([[1, 2], [], [3]]), id="ragged-on-average"),
        pytest.param(pa.array([{"a": 1}]), id="struct"),
        pytest.param(pa.array([b"x"]), id="bytes"),
    ],
)
def test_columns_that_are_no_tensor_are_refused(column: pa.Array) -> None:
    with pytest.raises(PayloadError):
        values_of(column, "x")


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pa.array([1, None]), id="scalar"),
        pytest.param(pa.array([None]), id="all"),
        pytest.param(pa.array([[1, None]]), id="inside"),
        pytest.param(pa.array([[[1], [None]]]), id="deep-inside"),
        pytest.param(pa.array([[1], None]), id="list"),
    ],
)
def test_missing_cells_are_refused_at_any_depth(column: pa.Array) -> None:
    with pytest.raises(PayloadError, match="may not be null"):
        refuse_nulls(column, "x")


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        pytest.param([0.1], "float32", [np.float32(0.1)], id="rounded"),
        pytest.param([16_777_217], "float32", [np.float32(16_777_216)], id="whole-rounded"),
        pytest.param([np.inf, np.nan], "float32", [np.inf, np.nan], id="not-finite"),
        pytest.param([1e300, -1e300], "float32", [np.inf, -np.inf], id="beyond-float32"),
        pytest.param([70_000], "float16", [np.inf], id="beyond-float16"),
        pytest.param([2.0], "int64", [2], id="whole"),
        pytest.param([True], "int64", [1], id="truth"),
        pytest.param([0, 1], "bool", [False, True], id="zero-and-one"),
        pytest.param([255], "uint8", [255], id="bound"),
    ],
)
def test_values_that_fit_are_cast(values: list[Any], dtype: str, expected: list[Any]) -> None:
    result = cast(np.array(values), np.dtype(dtype), "x")

    assert result.dtype == dtype
    np.testing.assert_array_equal(result, np.array(expected, dtype))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        pytest.param([1.5], "int64", id="fraction"),
        pytest.param([np.nan], "int64", id="nan"),
        pytest.param([2.0**63], "int64", id="beyond-int64"),
        pytest.param([2.0**53], "int64", id="not-exact"),
        pytest.param([256], "uint8", id="beyond-uint8"),
        pytest.param([-1], "uint8", id="negative"),
        pytest.param([2], "bool", id="two"),
    ],
)
def test_values_that_do_not_fit_are_refused(values: list[Any], dtype: str) -> None:
    with pytest.raises(PayloadError, match="do not fit"):
        cast(np.array(values), np.dtype(dtype), "x")


def test_text_and_numbers_do_not_become_each_other() -> None:
    text, objects = np.array(["1"], dtype=object), np.dtype(object)

    with pytest.raises(PayloadError, match="holds text"):
        cast(text, np.dtype("float32"), "x")
    with pytest.raises(PayloadError, match="takes text"):
        cast(np.array([1.0]), objects, "x")


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [
        pytest.param(pa.array([1]), pa.float32(), [1.0], id="whole-to-float"),
        pytest.param(pa.array([16_777_217]), pa.float32(), [16_777_216.0], id="rounded"),
        pytest.param(pa.array([[1, 2]]), pa.list_(pa.float64(), 2), [[1.0, 2.0]], id="list"),
        pytest.param(pa.array([2.0]), pa.int32(), [2], id="float-to-whole"),
        pytest.param(pa.array([0, 1]), pa.bool_(), [False, True], id="whole-to-truth"),
        pytest.param(pa.array([[1.0]]), pa.list_(pa.bool_()), [[True]], id="float-to-truth"),
        pytest.param(pa.array([True]), pa.float32(), [1.0], id="truth-to-float"),
        pytest.param(pa.array(["a"]), pa.large_string(), ["a"], id="text"),
    ],
)
def test_columns_conform_to_a_schema(
    column: pa.Array, kind: pa.DataType, expected: list[Any]
) -> None:
    result = conformed(column, kind, "x")

    assert result.type == kind
    assert result.to_pylist() == expected


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        pytest.param(pa.array([1.5]), pa.int32(), id="fraction"),
        pytest.param(pa.array([2**40]), pa.int32(), id="beyond"),
        pytest.param(pa.array([1e300]), pa.float32(), id="infinite"),
        pytest.param(pa.array([[1e300]]), pa.list_(pa.float32()), id="infinite-inside"),
        pytest.param(pa.array([70_000]), pa.float16(), id="whole-beyond-float16"),
        pytest.param(pa.array([2]), pa.bool_(), id="two-for-truth"),
        pytest.param(pa.array([[0.5]]), pa.list_(pa.bool_()), id="half-for-truth"),
        pytest.param(pa.array([float("nan")]), pa.bool_(), id="nan-for-truth"),
        pytest.param(pa.array(["1"]), pa.float32(), id="text"),
        pytest.param(pa.array([1]), pa.string(), id="number"),
        pytest.param(pa.array([[1, 2]]), pa.list_(pa.float32(), 3), id="length"),
        pytest.param(pa.array([1]), pa.list_(pa.float32()), id="depth"),
    ],
)
def test_columns_that_do_not_conform_are_refused(column: pa.Array, kind: pa.DataType) -> None:
    with pytest.raises(PayloadError, match="does not fit the input schema"):
        conformed(column, kind, "x")


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.array([0.5, 1.5], np.float32), id="scalars"),
        pytest.param(np.array([[1, 2], [3, 4]], np.int64), id="lists"),
        pytest.param(np.array(["a", "b"], dtype=object), id="text"),
    ],
)
def test_arrays_come_back_as_cells(values: Any) -> None:
    cells = cells_of(array_of(values))

    assert [np.asarray(cell).tolist() for cell in cells] == values.tolist()
