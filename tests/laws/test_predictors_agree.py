"""Law: a predictor gives what its framework gives for the DataFrame, bit for bit.

Whatever format the rows came in, in whatever order their columns stand, with missing cells, and
with columns that the model does not know.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost as xgb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import mmwrite
from scipy.sparse import csr_matrix
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from drum_like.api import ColumnsFrame, Frame, NativeFrame, Payload, Target, TargetType
from drum_like.codecs import arrow, mtx
from drum_like.codecs.csv import codec as csv
from drum_like.model.artifact import predictor_for

NAMES = ["a", "b c", "d", "e"]
BINARY = Target(TargetType.BINARY, ("yes", "no"))


@dataclass(frozen=True, slots=True)
class Case:
    """A trained model.

    Attributes:
        model: What is served.
        expected: What the framework says about a DataFrame with the columns of the training data.
    """

    model: Any
    expected: Callable[[pd.DataFrame], Any]


def training() -> tuple[pd.DataFrame, Any]:
    rng = np.random.default_rng(3)
    data = pd.DataFrame(rng.normal(size=(300, 4)), columns=NAMES).round(3)
    target = (data["a"] - data["d"] + rng.normal(size=300) > 0).astype(int)
    return data.mask(rng.random(data.shape) < 0.2), target


def cases() -> dict[str, Case]:
    data, target = training()
    booster = xgb.train(
        {"objective": "binary:logistic", "nthread": 1}, xgb.DMatrix(data, target), 4
    )
    dart = xgb.train({"booster": "dart", "nthread": 1}, xgb.DMatrix(data, target), 4)
    trees = lgb.train({"objective": "binary", "verbose": -1}, lgb.Dataset(data, target), 4)
    fitted = {
        "xgboost-classifier": xgb.XGBClassifier(n_estimators=4, n_jobs=1),
        "lightgbm-classifier": lgb.LGBMClassifier(n_estimators=4, n_jobs=1, verbose=-1),
        "pipeline": make_pipeline(SimpleImputer(), LogisticRegression()),
        "gradient-boosting": HistGradientBoostingClassifier(max_iter=4),
    }
    return {
        "xgboost": Case(booster, lambda rows: booster.predict(xgb.DMatrix(rows))),
        "xgboost-dart": Case(dart, lambda rows: dart.predict(xgb.DMatrix(rows))),
        "lightgbm": Case(trees, trees.predict),
        **{
            name: Case(estimator.fit(data, target), estimator.predict_proba)
            for name, estimator in fitted.items()
        },
    }


CASES = cases()
PREDICTORS = {name: predictor_for(case.model) for name, case in CASES.items()}


def from_csv(data: pd.DataFrame) -> Frame:
    return csv.decode(Payload(data.to_csv(index=False).encode()))


def from_arrow(data: pd.DataFrame) -> Frame:
    table = pa.Table.from_pandas(data, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body = sink.getvalue().to_pybytes()
    return arrow.decode(Payload(body, "application/x-apache-arrow-stream"))


def from_matrix_market(data: pd.DataFrame) -> Frame:
    body = BytesIO()
    mmwrite(body, csr_matrix(data.to_numpy()))
    return mtx.decode(Payload(body.getvalue(), "text/mtx", columns=tuple(data.columns)))


def from_columns(data: pd.DataFrame) -> Frame:
    return ColumnsFrame(tuple(data.columns), [data[name].to_numpy() for name in data.columns])


FORMATS: dict[str, Callable[[pd.DataFrame], Frame]] = {
    "csv": from_csv,
    "arrow": from_arrow,
    "matrix-market": from_matrix_market,
    "dataframe": NativeFrame,
    "columns": from_columns,
}

# scikit-learn's gradient boosting takes no sparse DataFrame, from whomever.
COMBINATIONS = [
    (name, format_name)
    for name in CASES
    for format_name in FORMATS
    if (name, format_name) != ("gradient-boosting", "matrix-market")
]

cells = st.one_of(
    st.floats(-3, 3, width=32),
    st.floats(-1e9, 1e9),
    st.integers(-1000, 1000).map(float),
    st.just(0.0),
)


@st.composite
def rows(draw: st.DrawFn, *, gaps: bool) -> pd.DataFrame:
    """Draw rows with the model's columns in any order, and perhaps one more."""
    columns = draw(st.permutations([*NAMES, "extra"]))
    if draw(st.booleans()):
        columns = [name for name in columns if name != "extra"]
    cell = st.one_of(cells, st.just(np.nan)) if gaps else cells
    row = st.lists(cell, min_size=len(columns), max_size=len(columns))
    drawn = draw(st.lists(row, min_size=1, max_size=5))
    return pd.DataFrame(drawn, columns=columns, dtype=np.float64)


@pytest.mark.parametrize(("name", "format_name"), COMBINATIONS)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.data())
def test_predictor_gives_what_its_framework_gives(
    name: str, format_name: str, drawn: st.DataObject
) -> None:
    data = drawn.draw(rows(gaps=format_name != "matrix-market"))
    case = CASES[name]
    predictor = PREDICTORS[name]
    frame = FORMATS[format_name](data)
    conformed = predictor.schema.conform(frame) if predictor.schema else frame

    found = predictor.predict(conformed, BINARY)

    expected = np.asarray(case.expected(data[NAMES]))
    assert found.values.dtype == expected.dtype
    if format_name == "matrix-market" or name == "pipeline":
        # scikit-learn multiplies a matrix in another order by its layout and its number of rows:
        # the last bits of what it gives itself differ, alone and among others.
        np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-12)
    else:
        assert found.values.tolist() == expected.tolist()


@pytest.mark.parametrize("format_name", ["csv", "arrow", "matrix-market"])
@pytest.mark.parametrize("name", ["xgboost", "xgboost-classifier", "lightgbm"])
def test_boosters_build_no_dataframe(name: str, format_name: str) -> None:
    data = training()[0].fillna(0.5)
    predictor = PREDICTORS[name]
    frame = FORMATS[format_name](data)
    assert predictor.schema is not None
    conformed = predictor.schema.conform(frame)

    predictor.predict(conformed, BINARY)

    assert "pandas" not in frame.__dict__
    assert "pandas" not in conformed.__dict__
