"""XGBoost: the estimators and boosters of every kind, in every file that holds them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.oracle.case import (
    NUMBER,
    Answers,
    Ask,
    Case,
    Random,
    Target,
    binary,
    case,
    chances,
    classes,
)
from tests.oracle.cases import data

STORES_CATEGORIES = tuple(map(int, xgboost.__version__.split(".")[:2])) >= (3, 1)
"""Whether files hold the names of categories; before, all that they know is codes."""

TREES: dict[str, Any] = {"max_depth": 3, "nthread": 1, "seed": 1}
FEW: dict[str, Any] = {"n_estimators": 8, "max_depth": 3, "n_jobs": 1, "random_state": 1}


def matrix(frame: pd.DataFrame, label: Any = None) -> xgboost.DMatrix:
    """Return rows as XGBoost takes them."""
    return xgboost.DMatrix(frame, label, enable_categorical=True)


def estimator_case(model: Any, frame: pd.DataFrame, y: Any, target: Target, **rest: Any) -> Case:
    """Fit an estimator; its own `save_model` writes two of the files."""
    fitting = rest.pop("fitting", {})
    model.fit(frame, y, **fitting)
    made = {
        "plugin": "xgboost",
        "ask": data.asked(model, target),
        "files": {**data.pickles(model), ".json": model.save_model, ".ubj": model.save_model},
        "gaps": all_columns(frame),
    }
    return as_known(Case(**{**made, "frame": frame, "target": target, **rest}))


def booster_case(booster: Any, frame: pd.DataFrame, target: Target, **rest: Any) -> Case:
    """Return the case of a booster that `train` made."""
    made = {
        "plugin": "xgboost",
        "ask": of_booster(booster, target),
        "files": {**data.pickles(booster), ".json": booster.save_model, ".ubj": booster.save_model},
        "gaps": all_columns(frame),
    }
    return as_known(Case(**{**made, "frame": frame, "target": target, **rest}))


def as_known(made: Case) -> Case:
    """Return a case whose rows hold codes of categories, where files know nothing else of them."""
    dtypes = {str(key): kind for key, kind in made.frame.dtypes.items()}
    kinds = {key: kind for key, kind in dtypes.items() if isinstance(kind, pd.CategoricalDtype)}
    if STORES_CATEGORIES or not kinds:
        return made

    def ask(rows: pd.DataFrame) -> Answers:
        codes = {key: rows[key].fillna(-1).astype(int) for key in kinds}
        held = {key: pd.Categorical.from_codes(codes[key], dtype=kinds[key]) for key in kinds}
        return made.ask(rows.assign(**held))

    codes = {key: made.frame[key].cat.codes.astype("Int64") for key in kinds}
    known = {key: column.mask(column < 0) for key, column in codes.items()}
    return replace(made, frame=made.frame.assign(**known), ask=ask)


def of_booster(booster: Any, target: Target) -> Ask:
    """Return a function that asks a booster: both chances, where it tells the positive one only."""

    def ask(frame: pd.DataFrame) -> Answers:
        told = booster.predict(matrix(frame))
        return chances(told) if target.positive and told.ndim == 1 else told

    return ask


def all_columns(frame: pd.DataFrame) -> frozenset[str]:
    """Return the columns that take missing cells: all but truth values."""
    return frozenset(name for name in frame.columns if frame[name].dtype != np.bool_)


def custom(predictions: Answers, train: xgboost.DMatrix) -> tuple[Answers, Answers]:
    """Return gradient and hessian of a squared error."""
    return predictions - train.get_label(), np.ones_like(predictions)


def mixed(rng: Random) -> pd.DataFrame:
    """Return numbers, integers and truth values."""
    frame = data.numbers(rng, 2, gaps=0.1)
    frame["n"] = rng.integers(-5, 60, data.ROWS)
    frame["flag"] = rng.random(data.ROWS) < 0.5
    return frame


@case
def xgb_classifier(rng: Random) -> Case:
    frame = mixed(rng)
    y = (data.yes_or_no(frame, rng) == "yes").astype(int)
    return estimator_case(xgboost.XGBClassifier(**FEW), frame, y, binary("0", "1"))


@case
def xgb_regressor_float32(rng: Random) -> Case:
    frame = data.numbers(rng, 3).astype(np.float32)
    return estimator_case(xgboost.XGBRegressor(**FEW), frame, data.signal(frame, rng), NUMBER)


@case
def xgb_early_stopping(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    y = (data.yes_or_no(frame, rng) == "yes").astype(int)
    noise = rng.integers(0, 2, 60)
    model = xgboost.XGBClassifier(
        **{**FEW, "n_estimators": 120}, early_stopping_rounds=3, learning_rate=0.5
    )
    fitting = {"eval_set": [(frame[:60], noise)], "verbose": False}
    return estimator_case(model, frame, y, binary("0", "1"), fitting=fitting)


@case
def xgb_twelve_classes(rng: Random) -> Case:
    frame = data.numbers(rng, 2)
    labels = [str(number) for number in range(12)]
    y = data.one_of(frame, rng, range(12))
    target = classes(*labels, given=sorted(labels))
    return estimator_case(xgboost.XGBClassifier(**FEW), frame, y, target)


@case
def xgb_random_forest(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    y = data.one_of(frame, rng, (0, 1, 2))
    target = classes("a", "b", "c")
    return estimator_case(xgboost.XGBRFClassifier(**FEW), frame, y, target)


@case
def xgb_missing_number(rng: Random) -> Case:
    frame = data.numbers(rng, 2)
    frame["n"] = rng.choice([-999, 1, 2, 3], data.ROWS)
    model = xgboost.XGBRegressor(**FEW, missing=-999)
    model.fit(frame, data.signal(frame, rng))
    return Case(
        plugin="xgboost",
        frame=frame,
        target=NUMBER,
        ask=model.predict,
        files=data.pickles(model),
    )


@case
def xgb_text_categories(rng: Random) -> Case:
    frame = data.numbers(rng, 1)
    frame["code"] = data.categories(rng, ("01", "02", "10", "A1"), gaps=0.1)
    frame["land"] = data.categories(rng, ("NA", "None", "DE"))
    model = xgboost.XGBRegressor(**FEW, enable_categorical=True)
    return estimator_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def xgb_integer_categories(rng: Random) -> Case:
    frame = data.numbers(rng, 1)
    frame["k"] = data.categories(rng, (3, 7, 200), gaps=0.1)
    y = (data.yes_or_no(frame, rng) == "yes").astype(int)
    model = xgboost.XGBClassifier(**FEW, enable_categorical=True)
    return estimator_case(model, frame, y, binary("0", "1"))


@case
def xgb_cut_categories(rng: Random) -> Case:
    frame = data.numbers(rng, 1)
    frame["town"] = data.categories(rng, ("Müller", "a", "ab", *data.TOWNS))
    model = xgboost.XGBRegressor(**FEW, enable_categorical=True)
    why = "XGBoost 3.1 and 3.2 cut names that are not ASCII"
    y = data.signal(frame, rng)
    return estimator_case(model, frame, y, NUMBER, refused=why, or_right=True)


@case
def xgb_pipeline(rng: Random) -> Case:
    frame = data.numbers(rng, 2, gaps=0.1)
    frame["code"] = data.text(rng, data.ZIP_CODES)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts = ColumnTransformer([("c", encoder, ["code"])], remainder="passthrough")
    model = make_pipeline(parts, xgboost.XGBClassifier(**FEW))
    y = (data.yes_or_no(frame, rng) == "yes").astype(int)
    return data.sklearn_case(model, frame, y, binary("0", "1"), plugin="xgboost")


def _trained(params: dict[str, Any], frame: pd.DataFrame, y: Any, **more: Any) -> Any:
    return xgboost.train({**TREES, **params}, matrix(frame, y), 8, **more)


def _number(name: str, params: dict[str, Any], **more: Any) -> Callable[[Random], Case]:
    def build(rng: Random) -> Case:
        frame = mixed(rng)
        y = np.exp(data.signal(frame, rng) / 3)
        return booster_case(_trained(params, frame, y, **more), frame, NUMBER)

    build.__name__ = name
    return case(build)


_number("xgb_booster_dart", {"booster": "dart", "rate_drop": 0.3})
_number("xgb_booster_base_score", {"base_score": 7.5})
_number("xgb_booster_poisson", {"objective": "count:poisson"})
_number("xgb_booster_custom", {}, obj=custom)


@case
def xgb_booster_linear(rng: Random) -> Case:
    frame = data.numbers(rng, 4)
    linear = {"booster": "gblinear", "updater": "coord_descent"}
    booster = xgboost.train({**linear, "nthread": 1}, matrix(frame, data.signal(frame, rng)), 8)
    return booster_case(booster, frame, NUMBER)


@case
def xgb_booster_early(rng: Random) -> Case:
    frame = mixed(rng)
    y = (data.yes_or_no(frame, rng) == "yes").astype(int)
    noise = matrix(frame[:60], rng.integers(0, 2, 60))
    params = {**TREES, "objective": "binary:logistic", "eta": 0.5}
    stopping = {"early_stopping_rounds": 3, "evals": [(noise, "noise")], "verbose_eval": False}
    booster = xgboost.train(params, matrix(frame, y), 80, **stopping)
    return booster_case(booster, frame, binary("0", "1"))


@case
def xgb_booster_softprob(rng: Random) -> Case:
    frame = mixed(rng)
    y = data.one_of(frame, rng, (0, 1, 2))
    booster = _trained({"objective": "multi:softprob", "num_class": 3}, frame, y)
    return booster_case(booster, frame, classes("red", "amber", "green"))


@case
def xgb_booster_categories(rng: Random) -> Case:
    frame = data.numbers(rng, 1)
    frame["land"] = data.categories(rng, ("null", "True", "DE", "1"), gaps=0.1)
    frame["day"] = data.categories(rng, ("2024-01-05", "2024-02-29"))
    return booster_case(_trained({}, frame, data.signal(frame, rng)), frame, NUMBER)


@case
def xgb_booster_unnamed(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    train = xgboost.DMatrix(frame.to_numpy(), data.signal(frame, rng))
    booster = xgboost.train(TREES, train, 8)

    def ask(rows: pd.DataFrame) -> Answers:
        told: Answers = booster.predict(xgboost.DMatrix(rows.to_numpy()))
        return told

    return booster_case(booster, frame, NUMBER, named=False, ask=ask)
