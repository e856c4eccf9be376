"""Scikit-learn: estimators made of others, many labels, anomalies, and what has to be refused."""

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from tests.oracle.case import ANOMALY, NUMBER, Answers, Case, Random, binary, case, classes
from tests.oracle.cases import data
from tests.oracle.cases.data import sklearn_case
from tests.oracle.cases.sk_text import beside, with_number

TOPICS = ("art", "law", "sea")


def topics(frame: pd.DataFrame, rng: Random) -> Answers:
    """Return for each row which of three labels it has."""
    values = data.signal(frame, rng)
    return np.column_stack([values > 0, values < 0.5, rng.random(len(frame)) < 0.3]).astype(int)


@case
def sk_calibrated(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    model = CalibratedClassifierCV(LinearSVC(random_state=1), cv=3)
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_stacking(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    parts = [("t", DecisionTreeClassifier(max_depth=3, random_state=1)), ("b", GaussianNB())]
    model = StackingClassifier(parts, LogisticRegression(), cv=3)
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_soft_voting(rng: Random) -> Case:
    frame = with_number(rng, code=data.text(rng, data.ZIP_CODES))
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts = [
        ("l", make_pipeline(beside(encoder, ["code"]), LogisticRegression())),
        ("b", make_pipeline(beside(encoder, ["code"]), GaussianNB())),
    ]
    model = VotingClassifier(parts, voting="soft")
    y = data.one_of(frame, rng, ("u", "v", "w"))
    return sklearn_case(model, frame, y, classes("u", "v", "w", given=("w", "u", "v")))


@case
def sk_hard_voting_refused(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    parts = [("l", LogisticRegression()), ("b", GaussianNB())]
    model = VotingClassifier(parts)
    model.fit(frame, data.yes_or_no(frame, rng))
    return Case(
        plugin="scikit-learn",
        frame=frame,
        target=binary(),
        ask=lambda rows: np.full((len(rows), 2), 0.5),
        files=data.pickles(model),
        refused="hard voting has no probabilities",
    )


@case
def sk_grid_search(rng: Random) -> Case:
    frame = with_number(rng, land=data.text(rng, ("NA", "DE", "FR")))
    encoder = OneHotEncoder(handle_unknown="ignore")
    steps = make_pipeline(beside(encoder, ["land"]), LogisticRegression())
    model = GridSearchCV(steps, {"logisticregression__C": [0.1, 1]}, cv=2)
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_transformed_target(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    model = TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1)
    return sklearn_case(model, frame, np.abs(data.signal(frame, rng)), NUMBER)


@case
def sk_vector_chances(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    model = make_pipeline(StandardScaler(), SVC(probability=True, random_state=1))
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_forest_number(rng: Random) -> Case:
    frame = data.numbers(rng, 3, gaps=0.1)
    frame["n"] = rng.integers(0, 50, data.ROWS)
    model = RandomForestRegressor(12, random_state=1)
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_isolation(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    model = IsolationForest(n_estimators=12, contamination=0.3, random_state=1).fit(frame)
    return Case(
        plugin="scikit-learn",
        frame=frame,
        target=ANOMALY,
        ask=lambda rows: model.predict(rows).astype(np.float64),
        files=data.pickles(model),
    )


@case
def sk_labels_forest(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    model = RandomForestClassifier(12, random_state=1).fit(frame, topics(frame, rng))
    return Case(
        plugin="scikit-learn",
        frame=frame,
        target=classes(*TOPICS, kind="multilabel"),
        ask=lambda rows: np.column_stack([part[:, 1] for part in model.predict_proba(rows)]),
        files=data.pickles(model),
    )


@case
def sk_labels_stacking(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    parts = [("t", DecisionTreeClassifier(max_depth=3, random_state=1))]
    model = StackingClassifier(parts, RandomForestClassifier(12, random_state=1), cv=3)
    model.fit(frame, topics(frame, rng))
    return Case(
        plugin="scikit-learn",
        frame=frame,
        target=classes(*TOPICS, kind="multilabel"),
        # Of several labels it gives the chances of 0.
        ask=lambda rows: 1 - model.predict_proba(rows),
        files=data.pickles(model),
    )


@case
def sk_labels_each(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    model = MultiOutputClassifier(DecisionTreeClassifier(max_depth=3, random_state=1))
    model.fit(frame, topics(frame, rng))
    return Case(
        plugin="scikit-learn",
        frame=frame,
        target=classes(*TOPICS, kind="multilabel"),
        ask=lambda rows: np.column_stack([part[:, 1] for part in model.predict_proba(rows)]),
        files=data.pickles(model),
    )


@case
def sk_labels_against_rest(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    model = OneVsRestClassifier(LogisticRegression()).fit(frame, topics(frame, rng))
    return Case(
        plugin="scikit-learn",
        frame=frame,
        target=classes(*TOPICS, kind="multilabel"),
        ask=model.predict_proba,
        files=data.pickles(model),
    )
