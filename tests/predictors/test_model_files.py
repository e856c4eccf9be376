"""A model gives the same answers from every file that its framework writes, and to a row alone."""

import pickle
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from numpy.typing import NDArray

from drum_like.api import ColumnsError, NativeFrame, Target
from drum_like.model.artifact import find_artifact, load_artifact, predictor_for
from drum_like.model.directory import ModelDirectory
from tests.predictors.scoring import (
    BINARY,
    MULTICLASS,
    REGRESSION,
    classes,
    numbers,
    same,
    score,
)

Scorer = Callable[[pd.DataFrame, Target], NDArray[Any]]

ESTIMATORS: dict[str, dict[str, Any]] = {
    "stopped": {"early_stopping_rounds": 2, "learning_rate": 0.9, "n_estimators": 60},
    "dart": {"booster": "dart", "rate_drop": 0.3},
    "dart-stopped": {"booster": "dart", "rate_drop": 0.3, "early_stopping_rounds": 2},
    "linear": {"booster": "gblinear"},
    "linear-stopped": {"booster": "gblinear", "early_stopping_rounds": 2},
    "forest": {"num_parallel_tree": 3, "subsample": 0.5},
    "base-score": {"base_score": 0.3},
    "softmax": {"objective": "multi:softmax"},
}


def fitted(kind: Any, settings: dict[str, Any], n_classes: int) -> Any:
    made = {"n_estimators": 12, "n_jobs": 1, "random_state": 0, **settings}
    target, more = classes(n_classes=n_classes), {}
    if "early_stopping_rounds" in settings:
        held_out = numbers().sample(frac=1, random_state=1)
        more = {"eval_set": [(held_out, target)], "verbose": False}
    return kind(**made).fit(numbers(gaps=True), target, **more)


def from_file(directory: Path, *, alone: bool) -> Scorer:
    """Return a scorer of the one model file of a directory."""
    artifact = find_artifact(ModelDirectory(directory))
    predictor = predictor_for(load_artifact(artifact, alone=alone), artifact)

    def scored(rows: pd.DataFrame, target: Target) -> NDArray[Any]:
        assert predictor.schema is not None
        return predictor.predict(predictor.schema.conform(NativeFrame(rows)), target).values

    return scored


def files(model: Any, home: Path, *suffixes: str) -> Iterator[tuple[str, Scorer]]:
    for suffix, alone in product(suffixes, (True, False)):
        directory = home / f"{suffix}-{alone}"
        directory.mkdir()
        if suffix == "pkl":
            (directory / "m.pkl").write_bytes(pickle.dumps(model))
        else:
            model.save_model(directory / f"m.{suffix}")
        yield suffix, from_file(directory, alone=alone)


def read_by_the_library(model: Any, home: Path) -> Any:
    """Return a new estimator that read the model's own file."""
    model.save_model(home / "read.json")
    again = type(model)()
    again.load_model(home / "read.json")
    (home / "read.json").unlink()
    return again


@pytest.mark.parametrize("name", ESTIMATORS)
def test_files_of_a_classifier_give_what_it_gives(name: str, tmp_path: Path) -> None:
    n_classes = 3 if name == "softmax" else 2
    model = fitted(xgb.XGBClassifier, ESTIMATORS[name], n_classes)
    rows = numbers(60, gaps=True)
    wanted = read_by_the_library(model, tmp_path).predict_proba(rows)
    assert same(model.predict_proba(rows), wanted)

    for suffix, scored in files(model, tmp_path, "json", "ubj", "pkl"):
        found = scored(rows, BINARY if n_classes == 2 else MULTICLASS)
        assert same(found if found.ndim == 2 else np.column_stack([1 - found, found]), wanted), (
            suffix
        )


@pytest.mark.parametrize("name", ["stopped", "dart-stopped", "linear-stopped"])
def test_files_of_a_regressor_give_what_it_gives(name: str, tmp_path: Path) -> None:
    model = fitted(xgb.XGBRegressor, ESTIMATORS[name], 2)
    rows = numbers(60, gaps=True)

    for suffix, scored in files(model, tmp_path, "json", "ubj", "pkl"):
        assert same(scored(rows, REGRESSION), model.predict(rows)), suffix


def test_files_of_a_booster_give_all_its_trees(tmp_path: Path) -> None:
    """`Booster.predict` pays no attention to the best iteration."""
    model = fitted(xgb.XGBRegressor, ESTIMATORS["stopped"], 2)
    booster, rows = model.get_booster(), numbers(60, gaps=True)
    wanted = booster.predict(xgb.DMatrix(rows))
    assert not same(wanted, model.predict(rows))

    for suffix, scored in files(booster, tmp_path, "json", "ubj", "pkl"):
        assert same(scored(rows, REGRESSION), wanted), suffix


def test_booster_that_a_program_made_of_an_estimators_file_is_a_booster(tmp_path: Path) -> None:
    model = fitted(xgb.XGBRegressor, ESTIMATORS["stopped"], 2)
    model.save_model(tmp_path / "m.json")
    booster = xgb.Booster(model_file=tmp_path / "m.json")

    found = score(booster, numbers()).values

    assert same(found, booster.predict(xgb.DMatrix(numbers())))


def test_contributions_of_an_estimators_file_are_of_its_best_trees(tmp_path: Path) -> None:
    model = fitted(xgb.XGBRegressor, ESTIMATORS["stopped"], 2)
    model.save_model(tmp_path / "m.ubj")
    artifact = find_artifact(ModelDirectory(tmp_path))
    predictor: Any = predictor_for(load_artifact(artifact, alone=True), artifact)

    shares = predictor.explainer(REGRESSION).explain(NativeFrame(numbers()))

    sums = shares.values.sum(axis=2)[0]
    np.testing.assert_allclose(sums, model.predict(numbers()), rtol=1e-4, atol=1e-4)


def stopped_light() -> lgb.Booster:
    data = lgb.Dataset(numbers(), classes(), free_raw_data=False)
    held_out = lgb.Dataset(numbers(), classes()[::-1].copy(), reference=data)
    params = {"objective": "binary", "learning_rate": 0.01, "verbose": -1, "num_threads": 1}
    stop = lgb.early_stopping(3, verbose=False)
    return lgb.train(params, data, 20, valid_sets=[held_out], callbacks=[stop])


def test_files_of_lightgbm_give_what_the_booster_gives(tmp_path: Path) -> None:
    model = stopped_light()

    for suffix, scored in files(model, tmp_path, "txt", "pkl"):
        assert same(scored(numbers(), BINARY), model.predict(numbers())), suffix


def test_classifier_that_leaves_trees_out_is_asked_itself() -> None:
    settings: dict[str, Any] = {
        "pred_early_stop": True,
        "pred_early_stop_freq": 1,
        "pred_early_stop_margin": 0.1,
    }
    model: Any = lgb.LGBMClassifier(n_estimators=30, n_jobs=1, verbose=-1, **settings)
    model.fit(numbers(), classes())
    assert not same(model.predict_proba(numbers())[:, 1], model.booster_.predict(numbers()))

    assert same(score(model, numbers(), BINARY).values, model.predict_proba(numbers()))


LIGHT: dict[str, dict[str, Any]] = {
    "trees": {"objective": "binary"},
    "linear-trees": {"objective": "binary", "linear_tree": True},
    "dart": {"objective": "binary", "boosting": "dart"},
    "forest": {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
}


def neighbourless(name: str) -> Any:
    if name in ESTIMATORS:
        return fitted(xgb.XGBClassifier, ESTIMATORS[name], 3 if name == "softmax" else 2)
    params = {"verbose": -1, "num_threads": 1, "num_leaves": 7, **LIGHT[name]}
    return lgb.train(params, lgb.Dataset(numbers(gaps=True), classes()), 12)


@pytest.mark.parametrize("name", [*ESTIMATORS, *LIGHT])
def test_row_gives_the_same_bits_beside_any_others(name: str) -> None:
    model, rows = neighbourless(name), numbers(600, gaps=True)
    target = MULTICLASS if name == "softmax" else BINARY
    whole = score(model, rows, target).values

    for n_rows, at in product((1, 2, 3, 7, 8, 65, 300), (0, 17, 290)):
        part = score(model, rows.iloc[at : at + n_rows].reset_index(drop=True), target).values
        assert part.tobytes() == whole[at : at + n_rows].tobytes(), (n_rows, at)


@pytest.mark.parametrize("booster", ["gblinear", "dart"])
def test_infinite_cell_is_the_callers_fault(booster: str) -> None:
    model = xgb.train({"booster": booster, "nthread": 1}, xgb.DMatrix(numbers(), classes()), 3)
    rows = numbers()
    rows.loc[4, "b"] = 1e39

    with pytest.raises(ColumnsError, match="'b' holds in row 5 a number that is infinite"):
        score(model, rows)


def test_infinite_cell_is_the_callers_fault_of_an_estimator_too() -> None:
    model = fitted(xgb.XGBClassifier, ESTIMATORS["linear"], 2)
    rows = numbers()
    rows.loc[4, "b"] = -np.inf

    with pytest.raises(ColumnsError, match="'b' holds in row 5 a number that is infinite"):
        score(model, rows, BINARY)
