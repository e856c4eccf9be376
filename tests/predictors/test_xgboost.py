"""The XGBoost plugin, on models trained here."""

import json
import logging
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from drum_like.api import ArtifactError, ColumnsError, PredictorError, TargetType
from drum_like.model.artifact import find_artifact, load_artifact, predictor_for
from drum_like.model.directory import ModelDirectory
from tests.predictors.scoring import (
    BINARY,
    MULTICLASS,
    REGRESSION,
    TEXT,
    MatrixFrame,
    classes,
    numbers,
    same,
    score,
    values,
)

FEW = {"nthread": 1, "seed": 0}


def booster(data: pd.DataFrame | np.ndarray[Any, Any], target: Any, **params: Any) -> xgb.Booster:
    rounds = params.pop("rounds", 6)
    matrix = xgb.DMatrix(data, target, enable_categorical=True)
    return xgb.train({**FEW, **params}, matrix, rounds)


def with_categories() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    data = numbers()[["a"]]
    data["colour"] = pd.Categorical(rng.choice(["red", "green", "blue"], len(data)))
    data["size"] = pd.Categorical(rng.choice([10, 20, 30], len(data)))
    return data


@pytest.mark.parametrize("name", ["model.json", "model.ubj", "MODEL.UBJ"])
def test_native_file_is_read(name: str, tmp_path: Path) -> None:
    trained = booster(numbers(), classes(), objective="binary:logistic")
    trained.save_model(tmp_path / "saved.ubj" if "u" in name.lower()[-3:] else tmp_path / name)
    for saved in tmp_path.glob("saved.ubj"):
        saved.rename(tmp_path / name)

    model = load_artifact(find_artifact(ModelDirectory(tmp_path)))

    assert predictor_for(model).framework == "xgboost"
    assert same(values(model, numbers(), BINARY), trained.predict(xgb.DMatrix(numbers())))


@pytest.mark.parametrize(
    ("params", "target", "type_", "known"),
    [
        ({"objective": "binary:logistic"}, classes(), TargetType.BINARY, (0, 1)),
        ({"objective": "binary:hinge"}, classes(), TargetType.BINARY, (0, 1)),
        (
            {"objective": "multi:softprob", "num_class": 3},
            classes(n_classes=3),
            TargetType.MULTICLASS,
            (0, 1, 2),
        ),
        ({"objective": "reg:squarederror"}, classes(), TargetType.REGRESSION, ()),
        ({"objective": "count:poisson"}, classes(), TargetType.REGRESSION, ()),
        ({"objective": "survival:cox"}, classes() + 1, TargetType.REGRESSION, ()),
        (
            {"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.3},
            classes(),
            TargetType.REGRESSION,
            (),
        ),
        (
            {"objective": "binary:logistic", "booster": "gblinear"},
            classes(),
            TargetType.BINARY,
            (0, 1),
        ),
    ],
    ids=["logistic", "hinge", "softprob", "reg", "poisson", "cox", "dart", "gblinear"],
)
def test_objective_tells_the_target(
    params: dict[str, Any], target: Any, type_: TargetType, known: tuple[int, ...]
) -> None:
    model = booster(numbers(), target, **params)

    predictor = predictor_for(model)

    asked = {TargetType.BINARY: BINARY, TargetType.MULTICLASS: MULTICLASS}.get(type_, REGRESSION)
    prediction = score(model, numbers(), asked)
    assert (predictor.target.type, predictor.target.classes) == (type_, known)
    assert prediction.labels is None
    assert same(prediction.values, model.predict(xgb.DMatrix(numbers())))


def test_several_binary_targets_are_multilabel() -> None:
    targets = np.column_stack([classes(), 1 - classes(), classes()])

    model = booster(numbers(), targets, objective="binary:logistic")

    assert predictor_for(model).target.type is TargetType.MULTILABEL


def test_softmax_gives_classes_to_a_regression_target() -> None:
    model = booster(numbers(), classes(n_classes=3), objective="multi:softmax", num_class=3)

    found = values(model, numbers(), REGRESSION)

    assert set(np.unique(found)) == {0.0, 1.0, 2.0}


def early_stopped(kind: Callable[..., Any]) -> Any:
    model = kind(n_estimators=60, early_stopping_rounds=2, learning_rate=0.9, max_depth=3, n_jobs=1)
    held_out = numbers().sample(frac=1, random_state=1)
    return model.fit(numbers(), classes(), eval_set=[(held_out, classes())], verbose=False)


def test_wrapper_stops_at_its_best_iteration() -> None:
    model = early_stopped(xgb.XGBClassifier)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()

    prediction = score(model, numbers(), BINARY)

    assert same(prediction.values, model.predict_proba(numbers()))
    assert prediction.labels == (0, 1)


def test_booster_uses_all_its_trees() -> None:
    """As `Booster.predict` does, with the best iteration stored beside them."""
    model = early_stopped(xgb.XGBRegressor).get_booster()

    found = values(model, numbers())

    every_tree = (0, model.num_boosted_rounds())
    assert same(found, model.predict(xgb.DMatrix(numbers()), iteration_range=every_tree))


@pytest.mark.parametrize(
    ("kind", "booster_name"),
    [
        (xgb.XGBClassifier, "gbtree"),
        (xgb.XGBClassifier, "gblinear"),
        (xgb.XGBRegressor, "dart"),
        (xgb.XGBRFRegressor, "gbtree"),
    ],
)
@pytest.mark.parametrize("names", [True, False], ids=["named", "nameless"])
def test_wrapper_equals_its_own_methods(kind: Any, booster_name: str, *, names: bool) -> None:
    data = numbers() if names else numbers().to_numpy()
    model = kind(n_estimators=4, n_jobs=1, booster=booster_name).fit(data, classes())
    is_classifier = kind is xgb.XGBClassifier

    found = values(model, numbers(), BINARY if is_classifier else REGRESSION)

    method = model.predict_proba if is_classifier else model.predict
    assert predictor_for(model).framework == "scikit-learn"
    assert same(found, method(numbers() if names else data))


def half_squares(target: Any, predicted: Any) -> tuple[Any, Any]:
    """Return gradients and Hessians: an objective of the user's own."""
    return predicted - target, np.ones_like(predicted)


@pytest.mark.parametrize(
    ("n_classes", "settings"),
    [
        (2, {}),
        (3, {}),
        (3, {"objective": "multi:softmax"}),
        (2, {"objective": "binary:logitraw"}),
        (2, {"objective": half_squares}),
        (2, {"n_jobs": 3}),
        (3, {"num_parallel_tree": 2, "subsample": 0.5}),
    ],
    ids=["binary", "multiclass", "softmax", "logitraw", "own", "threads", "forest"],
)
def test_classifier_gives_what_it_would_give_alone(
    n_classes: int, settings: dict[str, Any]
) -> None:
    target = classes(n_classes=n_classes)
    made = {"n_estimators": 4, "n_jobs": 1, "random_state": 0, **settings}
    model = pickle.loads(pickle.dumps(xgb.XGBClassifier(**made).fit(numbers(), target)))
    rows = numbers(20, gaps=True)
    expected = model.predict_proba(rows), model.predict(rows)

    chances = score(model, rows, BINARY if n_classes == 2 else MULTICLASS).values

    assert same(chances, expected[0])
    assert same(values(model, rows), expected[1])


def test_ranker_gives_what_it_would_give_alone() -> None:
    groups = np.repeat(range(20), 10)
    model = xgb.XGBRanker(n_estimators=3, n_jobs=1).fit(numbers(), classes(), qid=groups)

    assert same(values(model, numbers()), model.predict(numbers()))


def test_threads_of_the_training_machine_are_forgotten() -> None:
    model = xgb.XGBClassifier(n_estimators=3, n_jobs=7).fit(numbers(), classes())

    predictor_for(model)

    learner = json.loads(model.get_booster().save_config())["learner"]
    assert learner["generic_param"]["nthread"] == "0"


def test_value_that_a_wrapper_was_told_means_missing_is_missing() -> None:
    data = numbers().mask(numbers() < -1, -999.0)
    model = xgb.XGBRegressor(n_estimators=4, n_jobs=1, missing=-999.0).fit(data, classes())

    found = values(model, data)

    assert same(found, model.predict(data))


class SeesColumns(xgb.XGBRegressor):
    """A model of a user's custom.py."""

    def predict(self, X: Any, **settings: Any) -> Any:  # noqa: N803 - scikit-learn's name
        """Add a column to the prediction."""
        return super().predict(X[["a", "b", "c"]], **settings) + X["a"].to_numpy()


def test_subclass_gets_a_dataframe() -> None:
    model = SeesColumns(n_estimators=3, n_jobs=1).fit(numbers(), classes())

    found = values(model, numbers())

    assert same(found, model.predict(numbers()))


def test_stored_categories_are_cast() -> None:
    data = with_categories()
    model = booster(data, classes(), objective="reg:squarederror")
    sent = data.astype({"colour": str, "size": float})[["size", "a", "colour"]]
    sent.loc[4, "colour"] = None
    cast = data.copy()
    cast.loc[4, "colour"] = None

    found = values(model, sent)

    schema = predictor_for(model).schema
    assert schema is not None
    assert [column.kind for column in schema.columns] == ["number", "category", "category"]
    assert same(found, model.predict(xgb.DMatrix(cast, enable_categorical=True)))


def test_unseen_category_is_refused() -> None:
    model = booster(with_categories(), classes(), objective="reg:squarederror")
    sent = with_categories().astype({"colour": object})
    sent.loc[4, "colour"] = "pink"

    with pytest.raises(ColumnsError, match=r"'colour' holds in row 5 a category") as caught:
        score(model, sent)

    assert "pink" not in str(caught.value)


def test_numbers_beside_categories_may_be_objects() -> None:
    data = with_categories()
    model = booster(data, classes(), objective="reg:squarederror")
    sent = data.astype({"a": object})

    found = values(model, sent)

    assert same(found, model.predict(xgb.DMatrix(data, enable_categorical=True)))


def test_categories_that_are_not_stored_are_codes(caplog: pytest.LogCaptureFixture) -> None:
    data = numbers()[["a"]].assign(code=classes(n_classes=3))
    matrix = xgb.DMatrix(data, classes(), feature_types=["q", "c"], enable_categorical=True)
    model = xgb.train({**FEW, "objective": "reg:squarederror"}, matrix, 5)

    found = values(model, data)

    assert same(found, model.predict(xgb.DMatrix(data, feature_types=["q", "c"])))
    assert "does not hold the categories of 'code': XGBoost before 3.1 stores none" in caplog.text


@pytest.mark.parametrize(
    "make",
    [
        lambda: booster(numbers(), classes(), objective="binary:logistic"),
        lambda: xgb.XGBClassifier(n_estimators=3, n_jobs=1).fit(numbers(), classes()),
    ],
    ids=["native", "wrapper"],
)
def test_plain_path_builds_no_dataframe(make: Callable[[], Any]) -> None:
    model = make()
    frame = MatrixFrame(numbers())

    score(model, frame, BINARY)

    assert not frame.asked_for_pandas


def test_threads_share_a_predictor() -> None:
    model = booster(numbers(5000), classes(5000), objective="binary:logistic", rounds=40)
    predictor = predictor_for(model)
    parts = [numbers(5000).iloc[start : start + 50] for start in range(0, 5000, 50)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda part: predictor.predict(MatrixFrame(part), BINARY), parts))

    whole = model.predict(xgb.DMatrix(numbers(5000)))
    assert same(np.concatenate([prediction.column for prediction in found]), whole)


def test_regressor_has_no_probabilities() -> None:
    model = xgb.XGBRegressor(n_estimators=2, n_jobs=1).fit(numbers(), classes())

    with pytest.raises(PredictorError, match="needs predict_proba, which XGBRegressor does not"):
        score(model, numbers(), BINARY)


def test_target_type_without_numbers_is_refused() -> None:
    model = booster(numbers(), classes(), objective="reg:squarederror")

    with pytest.raises(PredictorError, match="Target type 'textgeneration' is not supported by"):
        score(model, numbers(), TEXT)


def test_stored_classes_win_over_position() -> None:
    trained = booster(numbers(), classes(), objective="binary:logistic")
    trained.set_attr(classes='["yes", "no"]')

    prediction = score(trained, numbers(), BINARY)

    assert prediction.labels == ("yes", "no")
    assert same(prediction.values[:, 1], trained.predict(xgb.DMatrix(numbers())))
    assert predictor_for(trained).target.classes == ("yes", "no")


@pytest.mark.parametrize("text", ["yes", '{"a": 1}', "[1.5]"])
def test_stored_classes_that_are_no_labels_are_refused(text: str) -> None:
    trained = booster(numbers(), classes(), objective="binary:logistic")
    trained.set_attr(classes=text)

    with pytest.raises(ArtifactError, match="JSON list of labels"):
        predictor_for(trained)


def test_columns_whose_categories_a_slice_has_lost_are_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = with_categories()
    whole = booster(data, classes(), objective="reg:squarederror")
    with caplog.at_level(logging.WARNING):
        predictor_for(whole)
        assert not caplog.records
        found = values(whole[1:3], data.assign(colour=1, size=2))

    codes = pd.DataFrame({"a": data["a"], "colour": 1, "size": 2})
    types = ["float", "c", "c"]
    asked = xgb.DMatrix(codes.to_numpy(), feature_names=list(codes), feature_types=types)
    assert same(found, whole[1:3].predict(asked))
    assert "does not hold the categories of 'colour', 'size'" in caplog.text
