"""Columns that reach an encoder or a booster through other steps have the types of training."""

from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from drum_like.errors import ColumnsError, LoadError
from drum_like.model.artifact import predictor_for
from tests.predictors.scoring import (
    REGRESSION,
    answering,
    arrow_frame,
    csv_frame,
    json_frame,
    values,
)

TEXTS = ["zip", "land"]


def rows() -> pd.DataFrame:
    """Return columns of text that CSV does not show as such, and of numbers."""
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "zip": pd.Series(rng.choice(["01067", "10115", "A1"], 90), dtype="str"),
            "land": pd.Series(rng.choice(["NA", "None", "DE"], 90), dtype="str"),
            "x": np.where(rng.random(90) < 0.2, np.nan, rng.normal(size=90)),
            "n": rng.integers(0, 4, 90),
        }
    )


def goal(data: pd.DataFrame) -> Any:
    """Return numbers to which the columns of text add most."""
    texts = pd.factorize(data["zip"])[0] * 3.0 + pd.factorize(data["land"])[0] * 7.0
    return texts + data["x"].fillna(0)


def one_hot() -> OneHotEncoder:
    return OneHotEncoder(handle_unknown="ignore")


def codes() -> OrdinalEncoder:
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def beside(step: Any, columns: Any, **options: Any) -> ColumnTransformer:
    """Return a transformer of some columns that passes the others on."""
    return ColumnTransformer([("part", step, columns)], remainder="passthrough", **options)


def framed(step: Any, columns: Any, **options: Any) -> Any:
    """Return a transformer that keeps the names of columns."""
    options = {"verbose_feature_names_out": False, **options}
    return beside(step, columns, **options).set_output(transform="pandas")


def most_frequent() -> SimpleImputer:
    return SimpleImputer(strategy="most_frequent")


MODELS: dict[str, Callable[[], Any]] = {
    "an imputer of others, by name": lambda: make_pipeline(
        framed(SimpleImputer(), ["x"]), beside(codes(), TEXTS), Ridge()
    ),
    "names with a prefix": lambda: make_pipeline(
        framed(SimpleImputer(), ["x"], verbose_feature_names_out=True),
        beside(codes(), ["remainder__zip", "remainder__land"]),
        Ridge(),
    ),
    "by position": lambda: make_pipeline(
        beside(SimpleImputer(), ["x"]), beside(one_hot(), [1, 2]), Ridge()
    ),
    "nested pipelines": lambda: make_pipeline(
        make_pipeline(make_pipeline(framed(SimpleImputer(), ["x"]))),
        make_pipeline(beside(one_hot(), TEXTS), Ridge()),
    ),
    "three steps": lambda: make_pipeline(
        framed(SimpleImputer(), ["x"]),
        framed(StandardScaler(), ["n"]),
        beside(one_hot(), TEXTS),
        Ridge(),
    ),
    "an imputer of the text": lambda: make_pipeline(
        framed(most_frequent(), TEXTS),
        framed(SimpleImputer(), ["x"]),
        beside(one_hot(), TEXTS),
        Ridge(),
    ),
    "an imputer that marks gaps": lambda: make_pipeline(
        framed(SimpleImputer(strategy="most_frequent", add_indicator=True), TEXTS),
        framed(SimpleImputer(), ["x"]),
        beside(one_hot(), TEXTS),
        Ridge(),
    ),
    "an imputer alone": lambda: make_pipeline(
        most_frequent().set_output(transform="pandas"), beside(one_hot(), TEXTS), Ridge()
    ),
    "a union": lambda: make_pipeline(
        make_union(
            ColumnTransformer([("a", SimpleImputer(), ["x"])]),
            ColumnTransformer([("b", "passthrough", TEXTS)]),
        ),
        beside(one_hot(), [1, 2]),
        Ridge(),
    ),
    "a union with a function": lambda: make_pipeline(
        make_union(
            ColumnTransformer(
                [("a", make_pipeline(SimpleImputer(), FunctionTransformer(np.sinh)), ["x"])]
            ),
            ColumnTransformer([("b", "passthrough", TEXTS)]),
        ),
        beside(one_hot(), [1, 2]),
        Ridge(),
    ),
    "a vote behind": lambda: make_pipeline(
        framed(SimpleImputer(), ["x"]),
        VotingRegressor(
            [
                ("a", make_pipeline(beside(one_hot(), TEXTS), Ridge())),
                ("b", make_pipeline(ColumnTransformer([("c", codes(), ["zip"])]), Ridge())),
            ]
        ),
    ),
    "a vectorizer behind": lambda: make_pipeline(
        framed(SimpleImputer(), ["x"]),
        framed(codes(), ["land"]),
        beside(CountVectorizer(token_pattern=r"\S+"), "zip"),
        Ridge(),
    ),
    "passthrough first": lambda: make_pipeline(
        "passthrough", framed(SimpleImputer(), ["x"]), beside(one_hot(), TEXTS), Ridge()
    ),
    "a pipeline of passthrough first": lambda: make_pipeline(
        Pipeline([("none", "passthrough")]),
        ColumnTransformer([("o", one_hot(), TEXTS), ("i", SimpleImputer(), ["x", "n"])]),
        Ridge(),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_text_behind_other_steps_is_text(name: str) -> None:
    data = rows()
    model = MODELS[name]().fit(data, goal(data))
    answer = answering(model)

    for part in (data, data[1:2], data[2:3], data[data["land"] == "None"][:1]):
        for frame in (csv_frame(part.to_csv(index=False)), arrow_frame(part), json_frame(part)):
            assert np.allclose(answer(frame), model.predict(part), rtol=1e-9, atol=1e-9)


def test_columns_behind_other_steps_have_types() -> None:
    data = rows()
    model = MODELS["nested pipelines"]().fit(data, goal(data))

    kinds = [column.type for column in predictor_for(model).schema.columns]  # type: ignore[union-attr]

    assert kinds == ["category", "category", "number", "number"]


def test_a_category_that_an_encoder_behind_another_step_refuses_is_named() -> None:
    data = rows()
    steps = ("passthrough", framed(SimpleImputer(), ["x"]), beside(OneHotEncoder(), TEXTS))
    model = make_pipeline(*steps, Ridge()).fit(data, goal(data))
    body = data[:2].assign(zip=["A1", "99999"]).to_csv(index=False)

    with pytest.raises(Exception, match="'zip' holds in row 2 a category that the model was not"):
        values(model, csv_frame(body))


def test_columns_without_names_that_no_step_reads_are_sent_as_well() -> None:
    data = pd.DataFrame(rows().to_numpy(dtype=object)).drop(columns=2)
    parts = [("t", one_hot(), [0]), ("n", StandardScaler(), [2])]
    model = make_pipeline(ColumnTransformer(parts), Ridge()).fit(data.to_numpy(), goal(rows()))

    found = values(model, csv_frame(data.to_csv(index=False)))

    assert np.allclose(found, model.predict(data.to_numpy()), rtol=1e-9)


BOOSTERS: dict[str, Callable[[], Any]] = {
    "xgboost": lambda: xgb.XGBRegressor(n_estimators=4, enable_categorical=True, n_jobs=1),
    "lightgbm": lambda: lgb.LGBMRegressor(
        n_estimators=4, min_child_samples=2, min_data_per_group=2, verbose=-1, n_jobs=1
    ),
    "histograms": lambda: HistGradientBoostingRegressor(
        max_iter=4, min_samples_leaf=3, categorical_features="from_dtype"
    ),
}


def scaled() -> Any:
    return framed(StandardScaler(), ["x"])


def union() -> Any:
    """Return two transformers side by side that keep the names of columns."""
    numbers = ColumnTransformer([("n", StandardScaler(), ["x"])], verbose_feature_names_out=False)
    others = ColumnTransformer(
        [("t", "passthrough", ["zip", "size"])], verbose_feature_names_out=False
    )
    joined = FeatureUnion([("a", numbers), ("b", others)], verbose_feature_names_out=False)
    return joined.set_output(transform="pandas")


AROUND: dict[str, Callable[[Any], Any]] = {
    "a pipeline of steps": lambda one: make_pipeline(make_pipeline(scaled()), one),
    "two transformers": lambda one: make_pipeline(scaled(), scaled(), make_pipeline(one)),
    "a function of nothing": lambda one: make_pipeline(FunctionTransformer(), scaled(), one),
    "a union": lambda one: make_pipeline(union(), one),
    "a vote": lambda one: VotingRegressor([("a", make_pipeline(scaled(), one))]),
    "a vote of others": lambda one: VotingRegressor(
        [("a", make_pipeline(ColumnTransformer([("o", one_hot(), ["zip"])]), Ridge())), ("b", one)]
    ),
    "a stack": lambda one: StackingRegressor(
        [("a", make_pipeline(scaled(), one))], LinearRegression(), cv=2
    ),
    "a search": lambda one: GridSearchCV(make_pipeline(scaled(), one), {}, cv=2),
    "a target of its own": lambda one: TransformedTargetRegressor(make_pipeline(scaled(), one)),
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("booster", BOOSTERS)
def test_categories_behind_other_steps_reach_the_booster(booster: str, around: str) -> None:
    data = rows()[["zip", "x"]].assign(size=rows()["n"] * 10).astype({"size": "category"})
    data["zip"] = data["zip"].astype("category")
    model = AROUND[around](BOOSTERS[booster]()).fit(data, goal(rows()))
    answer = answering(model)

    for part in (data, data[1:2], data[["size", "x", "zip"]]):
        for frame in (csv_frame(part.to_csv(index=False)), arrow_frame(part)):
            wanted = model.predict(part[data.columns])
            assert np.allclose(answer(frame), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("reader", [DictVectorizer(), FeatureHasher()])
def test_a_model_of_records_is_refused_at_the_start(reader: Any) -> None:
    records = [{"city": "a", "km": 1.0}, {"city": "b", "km": 2.0}] * 5
    model = make_pipeline(reader, Ridge()).fit(records, np.arange(10.0))

    with pytest.raises(LoadError, match="takes a list of records"):
        predictor_for(model).check_target(REGRESSION)  # type: ignore[attr-defined]


def test_a_model_of_records_that_makes_them_itself_answers() -> None:
    data = rows()[["zip", "n"]]
    records = FunctionTransformer(to_records)
    model = make_pipeline(records, DictVectorizer(), Ridge()).fit(data, goal(rows()))

    predictor_for(model).check_target(REGRESSION)  # type: ignore[attr-defined]


def to_records(data: pd.DataFrame) -> Any:
    return data.to_dict("records")


def test_isotonic_regression_takes_one_column_of_numbers() -> None:
    data = pd.DataFrame({"x": np.arange(9.0)})
    model = IsotonicRegression(out_of_bounds="clip").fit(data, data["x"])

    assert values(model, csv_frame("x\n2.5\n")).tolist() == [2.5]
    with pytest.raises(ColumnsError, match="1 columns by position, but the payload has 2"):
        values(model, csv_frame("x,id\n2.5,r1\n"))
    with pytest.raises(ColumnsError, match="'x' holds a missing value in row 2"):
        values(model, csv_frame("x\n2.5\nNA\n"))
