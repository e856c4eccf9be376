"""Estimators of estimators: which of the columns those inside read, and which are fitted."""

from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, RANSACRegressor, Ridge
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeRegressor

from tests.predictors.scoring import BINARY, REGRESSION, csv_frame, values


def rows() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(5).normal(size=(120, 4)), columns=list("abcd"))


def number(data: pd.DataFrame) -> Any:
    return data["a"] + 2 * data["c"] - data["d"]


def picked(columns: Any, last: Any) -> Any:
    """Return a pipeline that scales some columns and drops the others."""
    return make_pipeline(ColumnTransformer([("s", StandardScaler(), columns)]), last)


def tree() -> Any:
    return DecisionTreeRegressor(max_depth=3, random_state=0)


BOOSTERS: dict[str, tuple[Any, Any]] = {
    "lightgbm": (
        lgb.LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1),
        lgb.LGBMRegressor(n_estimators=3, verbose=-1, n_jobs=1),
    ),
    "xgboost": (
        xgb.XGBClassifier(n_estimators=3, n_jobs=1),
        xgb.XGBRegressor(n_estimators=3, n_jobs=1),
    ),
}

ENSEMBLES: dict[str, Callable[[Any, Any], Any]] = {
    "bags": lambda one, _: BaggingClassifier(one, 3, random_state=0),
    "bags of some columns": lambda one, _: BaggingClassifier(
        one, 3, max_features=2, random_state=0
    ),
    "bags of repeated columns": lambda one, _: BaggingClassifier(
        one, 3, bootstrap_features=True, random_state=0
    ),
    "AdaBoost": lambda one, _: AdaBoostClassifier(one, n_estimators=3, random_state=0),
    "steps before bags": lambda one, _: make_pipeline(
        StandardScaler(), BaggingClassifier(one, 3, random_state=0)
    ),
    "bags of numbers": lambda _, one: BaggingRegressor(one, 3, random_state=0),
    "AdaBoost of numbers": lambda _, one: AdaBoostRegressor(one, n_estimators=3, random_state=0),
}

CHOOSING: dict[str, Callable[[], Any]] = {
    "vote with a tree": lambda: VotingRegressor(
        [("a", picked(["a", "b"], Ridge())), ("t", tree())]
    ),
    "stack with a tree": lambda: StackingRegressor(
        [("a", picked(["a", "b"], Ridge())), ("t", tree())], cv=2
    ),
    "AdaBoost": lambda: AdaBoostRegressor(picked([0, 2], tree()), n_estimators=3, random_state=0),
    "bags": lambda: BaggingRegressor(picked([0, 2], tree()), 3, random_state=0),
    "bags of some columns": lambda: BaggingRegressor(
        picked([0, 1], Ridge()), 3, max_features=3, random_state=0
    ),
    "sample consensus": lambda: RANSACRegressor(
        picked([0, 2], Ridge()), min_samples=20, random_state=0
    ),
}

CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "self-training": lambda: SelfTrainingClassifier(picked([0, 2], LogisticRegression())),
    "one against the rest": lambda: OneVsRestClassifier(picked([0, 2], LogisticRegression())),
}


def check(model: Any, data: pd.DataFrame, predict: str) -> None:
    """Score rows, one row and rows in another order of columns as the library does."""
    for part in (data, data[1:2], data[["d", "b", "a", "c"]]):
        target = BINARY if predict == "predict_proba" else REGRESSION
        found = values(model, csv_frame(part.to_csv(index=False)), target)
        wanted = getattr(model, predict)(part[data.columns])
        assert np.allclose(found, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("ensemble", ENSEMBLES)
@pytest.mark.parametrize("booster", BOOSTERS)
def test_ensemble_of_boosters_answers(booster: str, ensemble: str) -> None:
    data = rows()
    model = ENSEMBLES[ensemble](*BOOSTERS[booster])
    is_classifier = hasattr(model, "predict_proba")
    model.fit(data, (number(data) > 0).astype(int) if is_classifier else number(data))

    check(model, data, "predict_proba" if is_classifier else "predict")


@pytest.mark.parametrize("name", CHOOSING)
def test_columns_that_only_some_inside_read_are_handed_over(name: str) -> None:
    data = rows()

    check(CHOOSING[name]().fit(data, number(data)), data, "predict")


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_estimators_that_count_their_columns_get_all(name: str) -> None:
    data = rows()
    known = (number(data) > 0).astype(int)
    labels = known.where(known.index < 100, -1) if name == "self-training" else known
    model = CLASSIFIERS[name]().fit(data, labels)

    check(model, data, "predict_proba")


@pytest.mark.parametrize(
    "around", [OneVsRestClassifier, FixedThresholdClassifier, TunedThresholdClassifierCV]
)
def test_a_column_that_nobody_reads_may_be_left_out(around: Callable[[Any], Any]) -> None:
    data = rows()
    chosen = picked(["a", "c"], LogisticRegression())
    model = around(chosen).fit(data, (number(data) > 0).astype(int))
    sent = data[["c", "a"]]

    found = values(model, csv_frame(sent.to_csv(index=False)), BINARY)

    assert np.allclose(found, model.predict_proba(sent[["a", "c"]]), rtol=1e-9, atol=1e-9)


def test_text_in_a_column_that_a_bag_reads_is_refused() -> None:
    data = rows()
    model = BaggingRegressor(Ridge(), 3, max_features=2, random_state=0).fit(data, number(data))
    body = data[:2].astype(object).assign(d=["1", "text"]).to_csv(index=False)

    with pytest.raises(Exception, match="'d'"):
        values(model, csv_frame(body))
