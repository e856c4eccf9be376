"""LightGBM: estimators and boosters, in every file that holds them."""

from typing import Any

import lightgbm
import numpy as np
import pandas as pd

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
from tests.oracle.cases.xgb import all_columns, mixed

TREES: dict[str, Any] = {
    "num_leaves": 7,
    "verbose": -1,
    "num_threads": 1,
    "seed": 1,
    "min_data_per_group": 5,
    "cat_smooth": 1,
}
FEW: dict[str, Any] = {
    "n_estimators": 8,
    "num_leaves": 7,
    "verbose": -1,
    "n_jobs": 1,
    "random_state": 1,
    "min_data_per_group": 5,
    "cat_smooth": 1,
}


def estimator_case(model: Any, frame: pd.DataFrame, y: Any, target: Target, **rest: Any) -> Case:
    """Fit an estimator; its booster writes the text."""
    model.fit(frame, y, **rest.pop("fitting", {}))
    made = {
        "plugin": "lightgbm",
        "ask": data.asked(model, target),
        "files": {**data.pickles(model), ".txt": model.booster_.save_model},
        "gaps": all_columns(frame),
    }
    return Case(**{**made, "frame": frame, "target": target, **rest})


def booster_case(
    params: dict[str, Any], frame: pd.DataFrame, y: Any, target: Target, **rest: Any
) -> Case:
    """Train a booster."""
    train = lightgbm.Dataset(frame, y, params={"verbose": -1})
    booster = lightgbm.train({**TREES, **params}, train, 8)
    made = {
        "plugin": "lightgbm",
        "ask": of_booster(booster, target),
        "files": {**data.pickles(booster), ".txt": booster.save_model},
        "gaps": all_columns(frame),
    }
    return Case(**{**made, "frame": frame, "target": target, **rest})


def of_booster(booster: Any, target: Target) -> Ask:
    """Return a function that asks a booster: both chances, where it tells the positive one only."""

    def ask(frame: pd.DataFrame) -> Answers:
        told = booster.predict(frame)
        return chances(told) if target.positive and told.ndim == 1 else told

    return ask


def squared(predictions: Answers, train: lightgbm.Dataset) -> tuple[Answers, Answers]:
    """Return gradient and hessian of a squared error."""
    return predictions - np.asarray(train.get_label()), np.ones_like(predictions)


def logistic(predictions: Answers, train: lightgbm.Dataset) -> tuple[Answers, Answers]:
    """Return gradient and hessian of a log loss."""
    chance = 1 / (1 + np.exp(-predictions))
    return chance - np.asarray(train.get_label()), chance * (1 - chance)


@case
def lgbm_classifier(rng: Random) -> Case:
    frame = mixed(rng)
    y = data.yes_or_no(frame, rng)
    return estimator_case(lightgbm.LGBMClassifier(**FEW), frame, y, binary())


@case
def lgbm_early_stopping(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    y = (data.yes_or_no(frame, rng) == "yes").astype(int)
    model = lightgbm.LGBMClassifier(**{**FEW, "n_estimators": 120}, learning_rate=0.5)
    stop = lightgbm.early_stopping(3, verbose=False)
    fitting = {"eval_set": [(frame[:60], rng.integers(0, 2, 60))], "callbacks": [stop]}
    return estimator_case(model, frame, y, binary("0", "1"), fitting=fitting)


@case
def lgbm_text_categories(rng: Random) -> Case:
    frame = data.numbers(rng, 1)
    frame["land"] = data.categories(rng, ("NA", "None", "DE"), gaps=0.1)
    frame["town"] = data.categories(rng, data.TOWNS)
    frame["code"] = data.categories(rng, ("01", "02", "10"))
    model = lightgbm.LGBMRegressor(**FEW)
    return estimator_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def lgbm_integer_categories(rng: Random) -> Case:
    frame = data.numbers(rng, 1)
    frame["k"] = data.categories(rng, (3, 7, 2**53 + 1), gaps=0.1)
    frame["flag"] = data.categories(rng, (False, True))
    y = data.one_of(frame, rng, (0, 1, 2))
    model = lightgbm.LGBMClassifier(**FEW)
    return estimator_case(model, frame, y, classes("low", "mid", "top"))


@case
def lgbm_listed_codes(rng: Random) -> Case:
    """A category of text that was not listed counts as its codes."""
    frame = data.numbers(rng, 1)
    frame["region"] = rng.integers(0, 4, len(frame))
    frame["town"] = data.categories(rng, data.TOWNS[:3])
    model = lightgbm.LGBMRegressor(**FEW)
    fitting = {"categorical_feature": ["region"]}
    return estimator_case(model, frame, data.signal(frame, rng), NUMBER, fitting=fitting)


@case
def lgbm_listed_codes_refused(rng: Random) -> Case:
    frame = data.numbers(rng, 1)
    frame["region"] = rng.integers(0, 4, len(frame))
    frame["rating"] = data.categories(rng, (1, 2, 3, 4, 5))
    model = lightgbm.LGBMRegressor(**FEW)
    y = data.signal(frame, rng)
    fitting = {"categorical_feature": ["region"]}
    why = "not their columns"
    return estimator_case(model, frame, y, NUMBER, fitting=fitting, refused=why)


@case
def lgbm_booster_number(rng: Random) -> Case:
    frame = mixed(rng)
    return booster_case({}, frame, data.signal(frame, rng), NUMBER)


@case
def lgbm_booster_dart(rng: Random) -> Case:
    frame = mixed(rng)
    y = (data.yes_or_no(frame, rng) == "yes").astype(int)
    params = {"objective": "binary", "boosting": "dart", "drop_rate": 0.5}
    return booster_case(params, frame, y, binary("0", "1"))


@case
def lgbm_booster_twelve(rng: Random) -> Case:
    frame = data.numbers(rng, 2)
    labels = [str(number) for number in range(12)]
    y = data.one_of(frame, rng, range(12))
    target = classes(*labels, given=sorted(labels))
    return booster_case({"objective": "multiclass", "num_class": 12}, frame, y, target)


@case
def lgbm_booster_poisson(rng: Random) -> Case:
    frame = mixed(rng)
    y = np.exp(data.signal(frame, rng) / 3)
    return booster_case({"objective": "poisson"}, frame, y, NUMBER)


@case
def lgbm_booster_linear(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    return booster_case({"linear_tree": True}, frame, data.signal(frame, rng), NUMBER)


@case
def lgbm_booster_custom(rng: Random) -> Case:
    frame = mixed(rng)
    return booster_case({"objective": squared}, frame, data.signal(frame, rng), NUMBER)


@case
def lgbm_margin_refused(rng: Random) -> Case:
    frame = mixed(rng)
    y = (data.yes_or_no(frame, rng) == "yes").astype(int)
    why = "a custom objective gives margins"
    return booster_case({"objective": logistic}, frame, y, binary("0", "1"), refused=why)


@case
def lgbm_margin_linked(rng: Random) -> Case:
    frame = mixed(rng)
    y = (data.yes_or_no(frame, rng) == "yes").astype(int)
    held = booster_case({"objective": logistic}, frame, y, binary("0", "1"))
    why = "the link is computed beside the library"

    def ask(rows: pd.DataFrame) -> Answers:
        chance = held.ask(rows)[:, 1]
        return chances(1 / (1 + np.exp(-chance)))

    return Case(
        plugin="lightgbm",
        frame=frame,
        target=held.target,
        ask=ask,
        files=held.files,
        gaps=held.gaps,
        bound=why,
        metadata={"link": "logit"},
    )


@case
def lgbm_one_against_rest_refused(rng: Random) -> Case:
    frame = data.numbers(rng, 2)
    y = data.one_of(frame, rng, (0, 1, 2))
    params = {"objective": "multiclassova", "num_class": 3}
    why = "one against the rest does not add up to 1"
    return booster_case(params, frame, y, classes("a", "b", "c"), refused=why)
