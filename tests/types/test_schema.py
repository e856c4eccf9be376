"""Schemas: a model's columns by name or position, their types and categories."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from drum_like.codecs.csv import codec as csv
from drum_like.errors import ColumnsError
from drum_like.types.frame import NativeFrame
from drum_like.types.payload import Payload
from drum_like.types.schema import Column, Schema

NUMBERS = Schema((Column("a"), Column("b")))
BY_POSITION = Schema((Column("0"), Column("1")), named=False)
COLOURS = Schema((Column("c", "category", ("red", "blue")),))


@pytest.mark.parametrize("body", [b"a,b\n1,2\n", b"b,a\n2,1\n", b"b,id,a\n2,x,1\n"])
def test_columns_are_put_in_order_by_name(body: bytes) -> None:
    frame = NUMBERS.conform(csv.decode(Payload(body)))

    assert frame.columns == ("a", "b")
    assert frame.matrix().tolist() == [[1.0, 2.0]]
    assert frame.matrix(("a", "b")).tolist() == [[1.0, 2.0]]
    assert frame.matrix(("b",)).tolist() == [[2.0]]
    assert frame.pandas.columns.tolist() == ["a", "b"]
    assert (frame.n_rows, frame.n_columns) == (1, 2)


def test_positions_of_one_header_are_not_those_of_another() -> None:
    bodies = [b"b,id,a\n2,7,1\n", b"id,b,a\n7,2,1\n", b"b,id,a\n4,7,3\n", b"a,b\n5,6\n"]

    found = [NUMBERS.conform(csv.decode(Payload(body))).matrix().tolist() for body in bodies]

    assert found == [[[1.0, 2.0]], [[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]]


def test_matrix_of_a_conformed_body_needs_no_dataframe() -> None:
    source = csv.decode(Payload(b"b,id,a\n2,x,1\n"))

    NUMBERS.conform(source).matrix()

    assert "pandas" not in source.__dict__


def test_missing_column_is_named() -> None:
    with pytest.raises(ColumnsError, match="missing columns: 'b'"):
        NUMBERS.conform(csv.decode(Payload(b"a\n1\n")))


def test_text_in_a_numeric_column_is_refused_in_every_layout() -> None:
    frame = NUMBERS.conform(csv.decode(Payload(b"a,b\n1,x\n")))

    with pytest.raises(ColumnsError, match="'b' holds text in row 1"):
        frame.matrix()
    with pytest.raises(ColumnsError, match="'b' holds text in row 1"):
        _ = frame.pandas


def test_nameless_model_takes_columns_by_position() -> None:
    frame = BY_POSITION.conform(csv.decode(Payload(b"x,y\n1,2\n")))

    assert frame.columns == ("x", "y")
    assert frame.matrix().tolist() == [[1.0, 2.0]]
    assert frame.matrix(("y",)).tolist() == [[2.0]]
    with pytest.raises(ColumnsError, match="takes 2 columns by position, but the payload has 1"):
        BY_POSITION.conform(csv.decode(Payload(b"x\n1\n")))


def test_declared_names_that_are_numbers_are_no_positions() -> None:
    years = Schema((Column("2020"), Column("2021")), named=False)

    assert years.conform(csv.decode(Payload(b"2021,2020\n2,1\n"))).matrix().tolist() == [[1, 2]]
    with pytest.raises(ColumnsError, match="missing columns: '2020'"):
        years.conform(csv.decode(Payload(b"2021,2022\n2,3\n")))


def test_frame_without_names_gets_those_of_the_model() -> None:
    frame = NUMBERS.conform(NativeFrame(pd.DataFrame([[1, 2]])))

    assert frame.pandas.columns.tolist() == ["a", "b"]
    assert frame.matrix().tolist() == [[1.0, 2.0]]


def test_category_is_cast_to_those_of_the_model() -> None:
    frame = COLOURS.conform(NativeFrame(pd.DataFrame({"c": ["blue", None]})))

    column = frame.pandas["c"]

    assert column.cat.categories.tolist() == ["red", "blue"]
    assert column.cat.codes.tolist() == [1, -1]


def test_unseen_category_is_refused_with_its_row_but_not_its_value() -> None:
    frame = COLOURS.conform(NativeFrame(pd.DataFrame({"c": ["red", "secret"]})))

    with pytest.raises(ColumnsError, match="'c' holds in row 2 a category") as refused:
        _ = frame.pandas

    assert "secret" not in str(refused.value)


def test_unseen_category_is_missing_where_the_metadata_says_so() -> None:
    schema = Schema(COLOURS.columns, unseen_is_missing=True)

    codes = schema.conform(NativeFrame(pd.DataFrame({"c": ["green"]}))).pandas["c"].cat.codes

    assert codes.tolist() == [-1]


def test_numbers_are_spelled_as_in_training_where_categories_are_text() -> None:
    schema = Schema((Column("c", "category", ("3", "2.5")),))
    data = pd.DataFrame({"c": [3.0, np.nan, 2.5]})

    codes = schema.conform(NativeFrame(data)).pandas["c"].cat.codes

    assert codes.tolist() == [0, -1, 1]


def test_other_columns_keep_what_was_sent() -> None:
    schema = Schema((Column("t", "any"), Column("c", "category", ("red",))))
    source = pd.DataFrame({"c": ["red"], "t": ["text"], "extra": [1]})

    data = schema.conform(NativeFrame(source)).pandas

    assert data["t"].tolist() == ["text"]
    assert source.columns.tolist() == ["c", "t", "extra"]
    assert source["c"].dtype != "category"


@pytest.mark.parametrize(
    "values",
    [["1", "2.5"], pd.Categorical([1, 2]), [Decimal(1), Decimal("2.5")]],
    ids=["text", "category", "decimal"],
)
def test_a_hooks_own_numbers_may_have_other_types(values: Any) -> None:
    frame = NativeFrame(pd.DataFrame({"a": pd.Series(values)}))

    conformed = Schema((Column("a"),)).conform(frame)

    assert len(conformed.pandas) == 2


def test_a_hooks_text_is_refused_all_the_same() -> None:
    frame = NativeFrame(pd.DataFrame({"a": ["1", "x"]}))

    with pytest.raises(ColumnsError, match="holds text in row 2"):
        _ = Schema((Column("a"),)).conform(frame).pandas


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"c,x\n007,1\n", ["007"]),
        (b"c,x\n7,1\nx,1\n", ["7", "x"]),
        (b"c,x\n007,1\n,1\n", ["007", None]),
    ],
    ids=["alone", "beside-a-word", "beside-a-missing-cell"],
)
def test_text_categories_are_compared_as_they_were_sent(
    body: bytes, expected: list[str | None]
) -> None:
    schema = Schema((Column("c", "category", ("007", "7", "x")), Column("x")))

    found = schema.conform(csv.decode(Payload(body))).pandas["c"]

    assert [None if pd.isna(cell) else cell for cell in found] == expected


@pytest.mark.parametrize("body", [b"c\n2\n", b"c,x\n2,1\nfoo,1\n"], ids=["alone", "beside-a-word"])
def test_one_word_does_not_hide_the_numbers_of_a_column(body: bytes) -> None:
    schema = Schema((Column("c", "category", (1, 2, 3)),), unseen_is_missing=True)

    found = schema.conform(csv.decode(Payload(body))).pandas["c"]

    assert found.iloc[0] == 2
    assert found.iloc[1:].isna().all()
