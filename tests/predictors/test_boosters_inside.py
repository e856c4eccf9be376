"""Estimators of scikit-learn that hand their columns on to XGBoost or LightGBM as they are."""

from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.predictors.scoring import BINARY, csv_frame, same, values

LIGHTGBM: dict[str, Any] = {"n_estimators": 4, "min_child_samples": 5, "verbose": -1, "n_jobs": 1}
XGBOOST: dict[str, Any] = {
    "n_estimators": 4,
    "max_depth": 3,
    "enable_categorical": True,
    "n_jobs": 1,
}

BOOSTERS: dict[str, Callable[[], Any]] = {
    "lightgbm": lambda: lgb.LGBMClassifier(**LIGHTGBM, min_data_per_group=5, cat_smooth=1),
    "xgboost": lambda: xgb.XGBClassifier(**XGBOOST),
}

AROUND: dict[str, Callable[[Any], Any]] = {
    "search": lambda model: GridSearchCV(model, {}, cv=2),
    "vote": lambda model: VotingClassifier([("a", model), ("b", model)], voting="soft"),
    "calibration": lambda model: CalibratedClassifierCV(model, cv=2),
    "passthrough": lambda model: make_pipeline("passthrough", model),
    "search of passthrough": lambda model: GridSearchCV(make_pipeline(None, model), {}, cv=2),
    "other columns": lambda model: make_pipeline(
        make_column_transformer((StandardScaler(), ["n"]), remainder="passthrough").set_output(
            transform="pandas"
        ),
        model,
    ),
}


def rows() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "n": rng.normal(size=200),
            "whole": rng.integers(0, 5, 200),
            "code": pd.Categorical(rng.choice(["NA", "01", "1", "True"], 200)),
            "size": pd.Categorical(rng.choice([10, 20, 30], 200)),
        }
    )


def target(data: pd.DataFrame) -> Any:
    return (data["n"] + data["code"].isin(["NA", "1"]) * 2 > 1).astype(int)


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("package", BOOSTERS)
def test_categories_reach_the_booster(package: str, around: str) -> None:
    data = rows()
    model = AROUND[around](BOOSTERS[package]()).fit(data, target(data))

    for part in (data, data[1:2], data[["size", "code", "whole", "n"]]):
        found = values(model, csv_frame(part.to_csv(index=False)), BINARY)
        assert same(found, model.predict_proba(part[data.columns]))


@pytest.mark.parametrize("around", ["search", "vote", "calibration"])
def test_blank_in_a_name_is_found_again_behind_another_estimator(around: str) -> None:
    data = rows()[["n", "whole"]].rename(columns={"n": "a number"})
    model = AROUND[around](lgb.LGBMClassifier(**LIGHTGBM)).fit(data, target(rows()))

    found = values(model, csv_frame(data.to_csv(index=False)), BINARY)

    assert same(found, model.predict_proba(data))
