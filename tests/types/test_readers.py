"""Readers: from the cells of a column to the values that a model was trained on."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from drum_like.codecs.csv import codec as csv
from drum_like.codecs.json.frame import JsonFrame
from drum_like.errors import ColumnsError
from drum_like.types.column import DataType
from drum_like.types.payload import Payload
from drum_like.types.schema import Column, Schema

CODES = ("01", "02", "NA", "True", "a")


def from_csv(column: Column, *cells: str) -> list[Any]:
    """Return the values of a column of CSV."""
    body = "".join(f"{cell},0\n" for cell in ("c", *cells)).encode()
    frame = Schema((column,)).conform(csv.decode(Payload(body)))
    return list(frame.pandas.iloc[:, 0].tolist())


def from_json(column: Column, *cells: Any) -> list[Any]:
    """Return the values of a column of JSON."""
    frame = Schema((column,)).conform(JsonFrame(("c",), lambda: [cells]))
    return list(frame.pandas.iloc[:, 0].tolist())


def texts(values: list[Any]) -> list[Any]:
    """Return values with None for NaN, so that they can be compared."""
    return [None if value is None or value != value else value for value in values]  # noqa: PLR0124 - NaN differs from itself


def test_codes_keep_their_zeros_and_words_that_are_categories_are_no_gaps() -> None:
    column = Column("c", "encoded", CODES)

    assert texts(from_csv(column, "01", "1", "NA", "True", "", "null")) == [
        *("01", "1", "NA", "True"),
        *(None, None),
    ]
    assert texts(from_json(column, "01", "NA", None, "", True)) == ["01", "NA", None, "", "True"]  # noqa: FBT003 - a cell


@pytest.mark.parametrize("mark", [None, pd.NA], ids=["None", "NA"])
def test_a_missing_cell_is_the_mark_that_the_encoder_knows(mark: Any) -> None:
    column = Column("c", "encoded", ("a",), missing=mark)

    assert from_csv(column, "", "a", "null") == [mark, "a", mark]
    assert from_json(column, None, "a") == [mark, "a"]


def test_vectorizers_take_every_word_and_no_gap() -> None:
    column = Column("c", "text", takes_missing=False)

    assert from_csv(column, "NA", "01", "True") == ["NA", "01", "True"]
    with pytest.raises(ColumnsError, match="'c' holds a missing value in row 2; the model takes"):
        from_csv(column, "x", "")
    with pytest.raises(ColumnsError, match="row 1"):
        from_json(column, None)


@pytest.mark.parametrize(
    ("cell", "known", "expected"),
    [
        (3, ("a",), "3"),
        (3, ("3",), "3"),
        (3, ("3.0",), "3.0"),
        (3.0, ("3",), "3"),
        (2.5, ("2.5",), "2.5"),
        (True, ("a",), "True"),
        (True, ("true",), "true"),
        (False, ("FALSE",), "FALSE"),
    ],
)
def test_numbers_and_truth_values_are_the_text_of_training(
    cell: Any, known: tuple[str, ...], expected: str
) -> None:
    assert from_json(Column("c", "encoded", known), cell) == [expected]


@pytest.mark.parametrize(
    ("cell", "known"),
    [(1, ("1", "01")), (1, ("01",)), (1, ("1", "1.0")), (True, ("True", "true"))],
)
def test_what_could_be_several_texts_is_refused(cell: Any, known: tuple[str, ...]) -> None:
    with pytest.raises(ColumnsError, match="row 1 holds a number or a truth value"):
        from_json(Column("c", "encoded", known), cell)


def test_integers_keep_their_digits_beside_a_gap() -> None:
    large = 2**53 + 1

    assert texts(from_csv(Column("c", exact=True), str(large), "")) == [large, None]
    assert texts(from_json(Column("c", "encoded", (1, large)), large, None)) == [large, None]


@pytest.mark.parametrize("cells", [("True", "1"), ("1", "True"), ("TRUE", "1.0"), (" true ", "1")])
def test_truth_values_are_numbers_whatever_stands_beside_them(cells: tuple[str, str]) -> None:
    assert from_csv(Column("c"), *cells) == [1.0, 1.0]
    assert from_json(Column("c"), *cells) == [1.0, 1.0]


def test_categories_of_truth_values_are_such() -> None:
    column = Column("c", "encoded", (False, True))

    assert from_csv(column, "True", "0", "false") == [True, False, False]
    assert texts(from_json(column, True, None)) == [True, None]  # noqa: FBT003 - a cell


def test_what_an_encoder_may_ignore_is_left_to_it() -> None:
    assert from_csv(Column("c", "encoded", (1, 2)), "1", "abc") == [1, "abc"]


def test_the_categorical_has_the_codes_of_training() -> None:
    frame = Schema((Column("c", "category", (3, 5)),)).conform(
        JsonFrame(("c",), lambda: [["5", 3.0, None]])
    )

    assert frame.pandas["c"].cat.codes.tolist() == [1, 0, -1]


@pytest.mark.parametrize(
    ("stored", "good", "bad"),
    [
        (DataType.INT32, "7", "7.5"),
        (DataType.BOOL, "true", "2"),
        (DataType.TIME64, "2024-01-31", "31.1."),
        (DataType.BYTES, "aGk=", "?"),
    ],
)
def test_declared_types_are_checked(stored: DataType, good: str, bad: str) -> None:
    column = Column("c", "any", stored=stored)

    assert len(from_csv(column, good)) == 1
    with pytest.raises(ColumnsError, match="'c' holds something else in row 2"):
        from_csv(column, good, bad)
    with pytest.raises(ColumnsError, match="row 2"):
        from_json(column, good, bad)


def test_unknown_columns_are_read_by_all_of_their_cells() -> None:
    assert from_csv(Column("c", "any"), "1", "2") == [1, 2]
    assert from_csv(Column("c", "any"), "1", "x") == ["1", "x"]


def test_columns_that_are_not_all_numbers_make_a_matrix_all_the_same() -> None:
    schema = Schema((Column("c", "encoded", (False, True)), Column("n", exact=True)))

    matrix = schema.conform(csv.decode(Payload(b"n,c\n3,True\n,false\n"))).matrix()

    assert np.array_equal(matrix, np.array([[1, 3], [0, np.nan]]), equal_nan=True)
