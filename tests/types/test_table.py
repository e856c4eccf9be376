"""DataFrames made of columns are those that pandas makes of them, and their last row repeats."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from drum_like.codecs.csv.codec import decode
from drum_like.system.lazy import pd as lazy
from drum_like.types.payload import Payload
from drum_like.types.schema import Column, Schema
from drum_like.types.table import remembered, table

COLUMNS: dict[str, Any] = {
    "float": np.array([1.5, np.nan, -0.0]),
    "object": np.array(["north", None, ["a", "list"]], dtype=object),
    "whole": np.array([1, 2, 2**62]),
    "other": np.array([0.1, 0.2, np.inf]),
    "category": pd.Categorical(["b", None, "a"], categories=["a", "b"]),
    "truth": np.array([True, False, True]),
    "narrow": np.array([1, 2, 3], dtype=np.float32),
    "day": np.array(["2020-01-01", "NaT", "2020-01-03"], dtype="datetime64[s]"),
    "zoned": pd.Series(pd.to_datetime(["2020-01-01", "NaT", "2020-01-03"]).tz_localize("UTC")),
    "gaps": pd.Series([1, None, 3], dtype="Int64"),
    "text": pd.Series(["x", None, "z"]),
    "series": pd.Series([1, 2, 3]),
    "word": np.array(["text", "a", "b"], dtype=object),
}


def series(column: Any) -> pd.Series:
    plain = isinstance(column, np.ndarray) and column.dtype == object
    return pd.Series(column, dtype=object if plain else None)


@pytest.mark.parametrize("names", [tuple(COLUMNS), None], ids=["named", "numbered"])
@pytest.mark.parametrize("n_rows", [3, 1, 0])
def test_a_table_is_the_dataframe_of_its_columns(names: Any, n_rows: int) -> None:
    columns = [column[:n_rows] for column in COLUMNS.values()]

    made = table(columns, names)

    wanted = pd.DataFrame(dict(enumerate(map(series, columns))), index=pd.RangeIndex(n_rows))
    wanted.columns = pd.RangeIndex(len(columns)) if names is None else pd.Index(names)
    assert_frame_equal(made, wanted)
    assert type(made.index) is type(wanted.index)


@pytest.mark.parametrize("n_rows", [3, 1])
def test_the_last_row_is_repeated_behind_the_others(n_rows: int) -> None:
    columns = [column[:n_rows] for column in COLUMNS.values()]

    made = table(columns, tuple(COLUMNS), 5)

    places = [*range(n_rows), *[n_rows - 1] * 5]
    wanted = table(columns, tuple(COLUMNS)).take(places).reset_index(drop=True)
    assert_frame_equal(made, wanted)


def test_pandas_2_makes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    columns, names = list(COLUMNS.values()), tuple(COLUMNS)
    made = table(columns, names, 2)

    monkeypatch.setattr(lazy, "__version__", "2.2.0")

    assert_frame_equal(table(columns, names, 2), made)


@pytest.mark.parametrize("n_rows", [1, 3])
@pytest.mark.parametrize("n_more", [0, 7])
def test_the_numbers_of_a_column_lie_together(n_rows: int, n_more: int) -> None:
    made = table([np.arange(n_rows, dtype=np.float64)] * 4, None, n_more)

    assert made.to_numpy().T.flags.c_contiguous


def test_a_table_shares_nothing_with_its_columns_and_others() -> None:
    column, categories = np.array([1.0, 2.0]), pd.Categorical(["a", "b"])
    made, other = table([column, categories], ("a", "b")), table([column, categories], ("a", "b"))

    made.iloc[0, 0] = 9.0
    made.loc[0, "b"] = "b"
    made.columns.name = "changed"

    assert column[0] == 1.0
    assert categories[0] == "a"
    assert other.columns.name is None


def test_no_columns_are_no_rows() -> None:
    assert table([], ()).shape == (0, 0)


def test_a_conformed_frame_is_filled_up_with_its_last_row() -> None:
    schema = Schema((Column("x", "number"), Column("kind", "text"), Column("y", "number")))
    frame = schema.conform(decode(Payload(b"y,kind,x\n1,a,2\n3,b,\n")))

    filled = frame.filled(8)

    places = [0, *[1] * 7]
    assert_frame_equal(filled, frame.pandas.take(places).reset_index(drop=True))
    assert_frame_equal(frame.filled(2), frame.pandas)


def test_names_are_remembered_only_while_they_are_few() -> None:
    many = tuple(f"column {at}" for at in range(1_001))
    before = remembered.cache_info().currsize

    made = table([np.zeros(1)] * len(many), many)

    assert list(made.columns) == list(many)
    assert remembered.cache_info().currsize == before
