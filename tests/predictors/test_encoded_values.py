"""Categories that no format writes as they are: narrow floats, words for gaps, other objects."""

from collections.abc import Callable
from datetime import time, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeRegressor

from drum_like.errors import ColumnsError
from tests.predictors.scoring import answering, arrow_frame, csv_frame, json_frame, values

ROWS = 60
RNG = np.random.default_rng(5)
NUMBERS = RNG.normal(size=ROWS)

ENCODERS: dict[str, Callable[[], Any]] = {
    "one hot": lambda: OneHotEncoder(handle_unknown="ignore"),
    "ordinal": lambda: OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    ),
    "target": lambda: TargetEncoder(cv=2),
    "imputed": lambda: make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    ),
}


def fitted(encoder: Any, cells: Any, *, by: Any = None) -> tuple[Any, pd.DataFrame]:
    """Return a model of a column of cells and one of numbers, and the rows of its training."""
    data = pd.DataFrame({"c": cells, "x": NUMBERS})
    goal = pd.factorize(data["c"] if by is None else by)[0] * 3.0 + data["x"]
    transformer = ColumnTransformer([("part", encoder, ["c"])], remainder="passthrough")
    return make_pipeline(transformer, Ridge()).fit(data, goal), data


def check(model: Any, part: pd.DataFrame, frame: Any) -> None:
    """Compare an answer with the library's own."""
    assert np.allclose(values(model, frame), model.predict(part), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("width", ["float32", "float16"])
def test_numbers_narrower_than_their_text_are_the_categories(width: str, encoder: str) -> None:
    doses = np.resize(np.array([0.1, 0.2, 0.3], dtype=width), ROWS)
    if encoder == "target" and width == "float16":
        pytest.skip("the library turns them into float64 there")
    model, data = fitted(ENCODERS[encoder](), doses)

    for part in (data[:1], data):
        check(model, part, csv_frame(part.to_csv(index=False)))
        check(model, part, json_frame(part.astype({"c": str}).astype({"c": float})))


def test_narrow_numbers_beside_text_are_the_categories() -> None:
    doses = np.resize(np.array([0.1, 0.2, 0.3], dtype="float32"), ROWS)
    data = pd.DataFrame({"c": doses, "t": np.resize(["a", "b"], ROWS)})
    both = ColumnTransformer([("as they are", "passthrough", ["t", "c"])])
    model = make_pipeline(both, ENCODERS["one hot"](), Ridge()).fit(data, doses * 10)

    check(model, data[:1], csv_frame(data[:1].to_csv(index=False)))


def test_narrow_numbers_at_the_edge_of_a_bin_fall_where_they_did() -> None:
    doses = np.resize(np.array([0.1, 0.2, 0.3, 0.4], dtype="float32"), ROWS)
    bins = KBinsDiscretizer(3, strategy="quantile", quantile_method="averaged_inverted_cdf")
    model, data = fitted(bins, doses)

    check(model, data, csv_frame(data.to_csv(index=False)))


def test_wide_numbers_are_not_rounded() -> None:
    model, data = fitted(ENCODERS["one hot"](), np.resize([0.5, 1.5], ROWS))
    part = data[:1].assign(c=0.5 + 1e-12)

    check(model, part, csv_frame(part.to_csv(index=False)))


@pytest.mark.parametrize("mark", ["", "NA", "?"])
@pytest.mark.parametrize("encoder", ["one hot", "ordinal"])
def test_the_mark_of_an_imputer_may_be_text(encoder: str, mark: str) -> None:
    cells = pd.Series(np.resize(["clerk", "boss", mark], ROWS), dtype=object)
    step = SimpleImputer(missing_values=mark, strategy="most_frequent")
    model, data = fitted(make_pipeline(step, ENCODERS[encoder]()), cells)

    for part in (data[data["c"] == mark][:1], data):
        for frame in (csv_frame(part.to_csv(index=False)), arrow_frame(part), json_frame(part)):
            check(model, part, frame)


@pytest.mark.parametrize("mark", ["", "NA", "?"])
def test_a_missing_cell_is_refused_where_the_imputer_has_text_for_it(mark: str) -> None:
    cells = pd.Series(np.resize(["clerk", "boss", mark], ROWS), dtype=object)
    step = SimpleImputer(missing_values=mark, strategy="most_frequent")
    model, data = fitted(make_pipeline(step, ENCODERS["one hot"]()), cells)
    part = data[:2].assign(c=pd.Series(["boss", None], dtype=object))

    for frame in (arrow_frame(part), json_frame(part)):
        with pytest.raises(ColumnsError, match="'c' holds a missing value in row 2"):
            values(model, frame)


def test_an_empty_cell_is_the_empty_text_that_training_had() -> None:
    model, data = fitted(ENCODERS["one hot"](), np.resize(["", "a", "NA"], ROWS))

    for part in (data[:1], data[2:3], data):
        check(model, part, csv_frame(part.to_csv(index=False)))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_empty_text_is_no_missing_cell_where_a_format_has_these(encoder: str) -> None:
    cells = pd.Series(["clerk", "boss", np.nan] * (ROWS // 3), dtype=object)
    model, data = fitted(ENCODERS[encoder](), cells)
    parts = [
        data[:2].assign(c=pd.Series(odd, dtype=object)) for odd in (["", "boss"], [np.nan, ""])
    ]

    for part in parts:
        for frame in (arrow_frame(part), json_frame(part)):
            check(model, part, frame)


def test_an_empty_cell_of_csv_is_missing_to_an_imputer_though_training_had_empty_texts() -> None:
    cells = pd.Series(["clerk", "clerk", "", np.nan] * (ROWS // 4), dtype=object)
    model, data = fitted(ENCODERS["imputed"](), cells)
    body = data[1:4].to_csv(index=False)

    check(model, pd.read_csv(StringIO(body)), csv_frame(body))


OBJECTS: dict[str, Any] = {
    "intervals": pd.cut(pd.Series(RNG.uniform(0, 100, ROWS)), [0, 10, 50, 100]).astype(object),
    "periods": pd.Series(pd.period_range("2024-01", periods=4, freq="M").take(range(4))).sample(
        ROWS, replace=True, random_state=1, ignore_index=True
    ),
    "decimals": [Decimal("1.50"), Decimal("2.25"), Decimal("0.1")] * (ROWS // 3),
    "times of day": [time(9), time(12, 30), time(18)] * (ROWS // 3),
    "durations": [timedelta(1), timedelta(0, 7200)] * (ROWS // 2),
    "identifiers": [UUID(int=1), UUID(int=2**100)] * (ROWS // 2),
}


@pytest.mark.parametrize("kind", OBJECTS)
@pytest.mark.parametrize("encoder", ["one hot", "ordinal"])
def test_texts_of_objects_are_the_objects(encoder: str, kind: str) -> None:
    cells = pd.Series(OBJECTS[kind], dtype=None if kind == "periods" else object)
    model, data = fitted(ENCODERS[encoder](), cells)
    doors = [csv_frame(data.to_csv(index=False)), json_frame(data)]
    alone = [csv_frame(data[:1].to_csv(index=False)), json_frame(data[:1])]
    if kind in ("decimals", "times of day", "durations"):
        doors.append(arrow_frame(data))
        alone.append(arrow_frame(data[:1]))

    answer = answering(model)
    for frame in doors:
        assert np.allclose(answer(frame), model.predict(data), rtol=1e-9)
    for frame in alone:
        assert np.allclose(answer(frame), model.predict(data[:1]), rtol=1e-9)


def test_numbers_spelled_in_another_way_are_the_decimals() -> None:
    model, data = fitted(ENCODERS["one hot"](), pd.Series(OBJECTS["decimals"], dtype=object))

    for spelling in ("1.5", "1.500", "15e-1"):
        check(model, data[:1], csv_frame(f"c,x\n{spelling},{float(NUMBERS[0])!r}\n"))
    check(model, data[2:3], json_frame(data[2:3].assign(c=0.1)))


def test_an_unknown_text_is_left_to_the_encoder() -> None:
    model, data = fitted(ENCODERS["one hot"](), OBJECTS["intervals"])
    part = data[:1].assign(c=pd.Series([pd.Interval(200, 300)], dtype=object))

    check(model, part, csv_frame(part.to_csv(index=False)))


def test_what_is_no_text_is_refused_where_objects_are_due() -> None:
    model, data = fitted(ENCODERS["one hot"](), OBJECTS["intervals"])

    with pytest.raises(ColumnsError, match="'c' holds int in row 1; the model takes the text of"):
        values(model, json_frame(data[:1].assign(c=5)))


def test_intervals_that_pandas_has_cut_reach_histograms() -> None:
    cells = pd.cut(pd.Series(RNG.uniform(0, 100, ROWS)), [0, 10, 50, 100])
    data = pd.DataFrame({"c": cells, "x": NUMBERS})
    model = HistGradientBoostingRegressor(
        max_iter=5, min_samples_leaf=3, categorical_features="from_dtype"
    ).fit(data, cells.cat.codes * 3.0)

    check(model, data, csv_frame(data.to_csv(index=False)))


IDS = np.array([0, *(10**18 + 234567890123456000 + n for n in range(3))])
"""Numbers of 19 digits, which floats do not tell apart, and one that stands for none of them."""

ID_READERS: dict[str, Callable[[], Any]] = {
    "one hot": OneHotEncoder,
    "ordinal": OrdinalEncoder,
    "beside a scaler": lambda: make_union(StandardScaler(), OneHotEncoder(handle_unknown="ignore")),
    "behind an imputer": lambda: make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    ),
}


@pytest.mark.parametrize("reader", ID_READERS)
@pytest.mark.parametrize("ids", [IDS, IDS.astype(np.uint64) + 2**63], ids=["int64", "uint64"])
def test_long_numbers_are_the_categories(ids: NDArray[Any], reader: str) -> None:
    """Also where a number of zero is one of them, and where another step takes them as numbers."""
    cells = np.resize(ids, ROWS)
    data = pd.DataFrame({"c": cells, "x": NUMBERS})
    columns = ColumnTransformer([("part", ID_READERS[reader](), ["c"])], remainder="passthrough")
    model = make_pipeline(columns, DecisionTreeRegressor(random_state=0))
    model.fit(data, np.resize([0.0, 10.0, 20.0, 30.0], ROWS))

    for part in (data[1:2], data):
        check(model, part, csv_frame(part.to_csv(index=False)))
        check(model, part, arrow_frame(part))
        check(model, part, json_frame(part))
