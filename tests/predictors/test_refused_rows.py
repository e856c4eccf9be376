"""Rows that scikit-learn refuses: the caller's fault, by cell, or by row where no one cell is."""

import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import CategoricalNB
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    PolynomialFeatures,
    PowerTransformer,
    SplineTransformer,
)
from sklearn.tree import DecisionTreeRegressor

from drum_like.api import ColumnsError, NativeFrame
from tests.predictors.scoring import BINARY, REGRESSION, score
from tests.support.models import ONE_WORKER
from tests.support.serving import serve

bad_cell: Any = import_module("drum_like_predictors.sklearn.bad_cell")
sklearn: Any = import_module("drum_like_predictors.sklearn")

N_ROWS = 120
NUMBER = "holds in row 1 a number that the model does not take"


def positive(width: int = 3) -> pd.DataFrame:
    """Return numbers from 1 to 11 in columns v0, v1, ..."""
    cells = np.random.default_rng(0).random((N_ROWS, width)) * 10 + 1
    return pd.DataFrame(cells, columns=[f"v{at}" for at in range(width)])


def codes() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(1).integers(0, 3, (N_ROWS, 2)), columns=["v0", "v1"])


def labels(data: pd.DataFrame) -> Any:
    return np.where(data["v0"] > data["v0"].median(), "yes", "no")


def refusal(model: Any, row: pd.DataFrame, **target: Any) -> ColumnsError:
    with np.errstate(all="ignore"), pytest.raises(ColumnsError) as caught:
        score(model, row, **target)
    return caught.value


class RefusingSeveral(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Takes any row alone, and refuses several."""

    def fit(self, _data: Any, _target: Any = None) -> "RefusingSeveral":  # noqa: D102
        self.fitted_ = True
        return self

    def transform(self, data: Any) -> Any:  # noqa: D102
        if 1 < len(data) < N_ROWS:
            raise ValueError(len(data))
        return data


@pytest.mark.parametrize("named", [True, False], ids=["named", "nameless"])
@pytest.mark.parametrize(
    ("model", "sent"),
    [
        (make_pipeline(PowerTransformer(method="box-cox"), Ridge()), 0.0),
        (RandomForestRegressor(3, random_state=0), 1e39),
        (make_pipeline(SplineTransformer(extrapolation="error"), Ridge()), 99.0),
    ],
    ids=["box-cox", "forest", "spline"],
)
@pytest.mark.parametrize("bad", [("v1",), ("v1", "v2"), ("v0", "v1", "v2")], ids=len)
def test_the_first_of_bad_cells_is_named(
    model: Any,
    sent: float,
    bad: tuple[str, ...],
    named: bool,  # noqa: FBT001 - of a table
) -> None:
    data = positive()
    fitted = clone(model).fit(data if named else data.to_numpy(), data["v0"])

    error = refusal(fitted, data.head(1).assign(**dict.fromkeys(bad, sent)))

    assert f"column '{bad[0]}' {NUMBER}" in str(error)
    assert (error.row, error.column) == (0, bad[0])


def test_the_first_of_cells_without_a_logarithm_is_named() -> None:
    data = positive()
    model = make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(data, data["v0"])

    error = refusal(model, data.head(1).assign(v1=-5.0, v2=-5.0))

    assert f"column 'v1' {NUMBER}" in str(error)


def test_the_row_is_named_among_others() -> None:
    data = positive()
    model = RandomForestRegressor(3).fit(data, data["v0"])
    data.loc[[7, 40], ["v1", "v2"]] = 1e39

    error = refusal(model, data)

    assert "column 'v1' holds in row 8 a number" in str(error)
    assert error.row == 7


def test_an_infinite_cell_beside_one_that_is_too_large_is_named_as_such() -> None:
    data = positive()
    model = RandomForestRegressor(3).fit(data, data["v0"])

    error = refusal(model, data.head(1).assign(v0=np.inf, v1=1e39))

    assert "column 'v0' holds an infinite value in row 1" in str(error)


@pytest.mark.parametrize("column", ["v3", "v80", "v99"])
def test_a_bad_cell_of_many_is_found(column: str) -> None:
    data = positive(100)
    model = RandomForestRegressor(3).fit(data, data["v0"])

    error = refusal(model, data.head(1).assign(**{column: 1e39}))

    assert f"column '{column}' {NUMBER}" in str(error)


@pytest.mark.parametrize("sent", [{"v1": 9}, {"v0": 9, "v1": 9}, {"v0": -1, "v1": -1}], ids=str)
def test_a_code_that_training_did_not_have_is_the_callers_fault(sent: dict[str, int]) -> None:
    model = CategoricalNB().fit(codes(), labels(codes()))

    error = refusal(model, codes().head(1).assign(**sent), target=BINARY)

    assert f"column '{min(sent)}' {NUMBER}" in str(error)


@pytest.mark.parametrize("sent", [{"v1": 99.0}, {"v0": 99.0, "v1": 99.0}], ids=str)
def test_a_row_far_from_all_others_is_the_callers_fault(sent: dict[str, float]) -> None:
    model = RadiusNeighborsClassifier(3.0).fit(positive(), labels(positive()))

    error = refusal(model, positive().head(1).assign(**sent), target=BINARY)

    assert f"column '{min(sent)}' {NUMBER}" in str(error)


def test_cells_that_are_bad_only_together_are_named_by_their_row() -> None:
    data = positive()
    products = PolynomialFeatures(2, interaction_only=True)
    model = make_pipeline(products, DecisionTreeRegressor()).fit(data, data["v0"])

    error = refusal(model, data.head(2).assign(v0=[1.0, 1e30], v1=[1.0, 1e30]))

    assert str(error) == "row 2: the model refuses these values together; send others"
    assert error.row == 1


def test_a_model_that_takes_the_rows_alone_is_at_fault_itself() -> None:
    data = positive()
    model = make_pipeline(RefusingSeveral(), Ridge()).fit(data, data["v0"])

    with pytest.raises(ValueError, match=r"^\d+$"):
        score(model, data.head(20))


def test_a_model_that_refuses_every_row_is_at_fault_itself() -> None:
    def broken(_data: Any) -> Any:
        raise KeyError("a fault")

    data = positive()
    model = make_pipeline(FunctionTransformer(), Ridge()).fit(data, data["v0"])
    model.steps[0] = ("broken", FunctionTransformer(broken))

    with pytest.raises(KeyError, match="a fault"):
        score(model, data.head(5))


def test_a_server_answers_422_and_goes_on(tmp_path: Path) -> None:
    data = positive(100)
    model = RandomForestRegressor(3).fit(data, data["v0"])
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    good = data.head(2).to_csv(index=False)
    bad = data.head(2).assign(v80=[1.0, 1e39], v90=[1.0, 1e39]).to_csv(index=False)

    with serve(tmp_path, "--target-type", "regression", *ONE_WORKER) as server:
        refused, answered = server.csv(bad), server.csv(good)

    assert refused.status == 422
    assert "column 'v80' holds in row 2 a number" in refused.json()["message"]
    assert answered.status == 200


def test_want_of_memory_in_a_trial_is_no_fault_of_the_row() -> None:
    """Once the row was refused, the machine has no memory left to look for the cell."""
    calls = 0

    def method(_rows: Any) -> None:
        nonlocal calls
        calls += 1
        raise MemoryError if calls > 1 else ValueError

    with pytest.raises(MemoryError):
        bad_cell.find_bad_cell(Ridge(), method, pd.DataFrame({"a": [1.0], "b": [2.0]}), None)


def weights(data: pd.DataFrame) -> Any:
    """Return numbers from texts such as "7 kg": code of a user's own, which refuses a gap."""
    return np.array([[float(cell.removesuffix(" kg"))] for cell in data["v0"]])


@pytest.mark.parametrize("sent", ["heavy", None, np.nan], ids=str)
def test_a_single_row_of_columns_of_no_known_type_is_refused_by_cell(sent: object) -> None:
    data = pd.DataFrame({"v0": [f"{at} kg" for at in range(20)], "v1": np.arange(20.0)})
    parse = ColumnTransformer([("own", FunctionTransformer(weights), ["v0"])], remainder="drop")
    predictor = sklearn.SklearnPredictor(make_pipeline(parse, Ridge()).fit(data, data["v1"]))

    def ask(rows: pd.DataFrame) -> Any:
        return predictor.predict(predictor.schema.conform(NativeFrame(rows)), REGRESSION)

    ask(data.head(1))
    with pytest.raises(ColumnsError, match="column 'v0' holds in row 1 a value"):
        ask(data.tail(1).assign(v0=pd.Series([sent], index=[19], dtype=object)))


@pytest.mark.parametrize("named", [True, False], ids=["named", "nameless"])
@pytest.mark.parametrize(
    "model",
    [
        IsotonicRegression(out_of_bounds="raise"),
        make_pipeline(SplineTransformer(extrapolation="error"), Ridge()),
    ],
    ids=["isotonic", "spline"],
)
def test_a_model_that_refuses_rows_out_of_its_range_is_ready(
    tmp_path: Path,
    model: Any,
    named: bool,  # noqa: FBT001 - of a table
) -> None:
    data = positive(1) + 1000
    rows = data if named else data.to_numpy()
    fitted = clone(model).fit(rows, data["v0"])
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(fitted))

    with serve(tmp_path, "--target-type", "regression", *ONE_WORKER) as server:
        answered = server.csv(data.head(3).to_csv(index=False))
        refused = server.csv("v0\n5\n")

    assert answered.json()["predictions"] == fitted.predict(rows[:3]).tolist()
    assert refused.status == 422
    assert "column 'v0' holds in row 1 a number" in refused.json()["message"]
