"""Scikit-learn on numbers, integers and truth values, and what is done about missing ones."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from tests.oracle.case import NUMBER, Case, Random, binary, case, classes
from tests.oracle.cases import data
from tests.oracle.cases.data import sklearn_case


@case
def sk_numbers_logistic(rng: Random) -> Case:
    frame = data.numbers(rng, 4)
    return sklearn_case(LogisticRegression(), frame, data.yes_or_no(frame, rng), binary())


@case
def sk_float32_ridge(rng: Random) -> Case:
    frame = (data.numbers(rng) * 64).round().div(64).astype(np.float32)
    why = "trained on float32, which the text of a number does not tell"
    return sklearn_case(Ridge(), frame, data.signal(frame, rng), NUMBER, bound=why)


@case
def sk_integers_forest(rng: Random) -> Case:
    frame = pd.DataFrame(
        {"n": rng.integers(0, 9, data.ROWS), "m": rng.integers(-90, 90, data.ROWS)}
    )
    frame["flag"] = rng.random(data.ROWS) < 0.5
    y = data.one_of(frame, rng, ("low", "mid", "top"))
    target = classes("low", "mid", "top", given=("top", "low", "mid"))
    return sklearn_case(RandomForestClassifier(12, random_state=1), frame, y, target)


@case
def sk_bools_onehot(rng: Random) -> Case:
    flags = {name: rng.random(data.ROWS) < 0.5 for name in ("p", "q")}
    frame = pd.DataFrame({**flags, "x": rng.normal(size=data.ROWS)})
    encoded = ColumnTransformer([("b", OneHotEncoder(), ["p", "q"])], remainder="passthrough")
    model = make_pipeline(encoded, LogisticRegression())
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_big_ids(rng: Random) -> Case:
    ids = 2**53 + np.array([1, 2, 3, 5, 8])
    frame = pd.DataFrame({"id": rng.choice(ids, data.ROWS), "x": rng.normal(size=data.ROWS)})
    encoder = OneHotEncoder(handle_unknown="ignore")
    encoded = ColumnTransformer([("i", encoder, ["id"])], remainder="passthrough")
    model = make_pipeline(encoded, Ridge())
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_integer_categories(rng: Random) -> Case:
    frame = pd.DataFrame(
        {"k": rng.choice([3, 10, 200], data.ROWS), "x": rng.normal(size=data.ROWS)}
    )
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encoded = ColumnTransformer([("k", encoder, ["k"])], remainder="passthrough")
    model = make_pipeline(encoded, DecisionTreeRegressor(max_depth=4))
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_impute_mean(rng: Random) -> Case:
    frame = data.numbers(rng, 4, gaps=0.2)
    imputer = SimpleImputer(strategy="mean", add_indicator=True)
    model = make_pipeline(imputer, StandardScaler(), LogisticRegression())
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_impute_knn(rng: Random) -> Case:
    frame = data.numbers(rng, 3, gaps=0.15)
    model = make_pipeline(KNNImputer(n_neighbors=3), Ridge())
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_missing_indicator(rng: Random) -> Case:
    frame = data.numbers(rng, 3, gaps=0.25)
    union = make_union(
        SimpleImputer(strategy="constant", fill_value=-1), MissingIndicator(features="all")
    )
    model = make_pipeline(union, DecisionTreeRegressor(max_depth=5, random_state=1))
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_bins_polynomial(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    bins = KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform")
    union = make_union(bins, PolynomialFeatures(2))
    model = make_pipeline(union, LogisticRegression(max_iter=500))
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_functions(rng: Random) -> Case:
    frame = data.numbers(rng, 3).abs()
    parts = [("log", FunctionTransformer(np.log1p), ["a", "b"])]
    model = make_pipeline(ColumnTransformer(parts, remainder="passthrough"), Ridge())
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_histogram_mask(rng: Random) -> Case:
    frame = data.numbers(rng, 2, gaps=0.2)
    frame["k"] = rng.integers(0, 5, data.ROWS).astype(float)
    model = HistGradientBoostingRegressor(max_iter=15, categorical_features=[False, False, True])
    gaps = frozenset({"k"})
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER, gaps=gaps)


@case
def sk_histogram_categories(rng: Random) -> Case:
    frame = data.numbers(rng, 2, gaps=0.1)
    frame["k"] = data.categories(rng, ("red", "green", "NA"), gaps=0.1)
    frame["n"] = data.categories(rng, (3, 7, 11))
    model = HistGradientBoostingClassifier(max_iter=15, categorical_features="from_dtype")
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_histogram_gaps(rng: Random) -> Case:
    frame = data.numbers(rng, 3, gaps=0.2)
    y = data.one_of(frame, rng, (5, 7, 9))
    model = HistGradientBoostingClassifier(max_iter=8)
    return sklearn_case(model, frame, y, classes("5", "7", "9"))


@case
def sk_perceptron(rng: Random) -> Case:
    frame = data.numbers(rng, 5)
    model = make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=60, random_state=1))
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_naive_bayes(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    y = data.one_of(frame, rng, ("a", "b", "c", "d"))
    return sklearn_case(GaussianNB(), frame, y, classes("a", "b", "c", "d", given=tuple("dbca")))


@case
def sk_neighbours_twelve(rng: Random) -> Case:
    frame = data.numbers(rng, 2)
    y = data.one_of(frame, rng, range(12))
    labels = [str(number) for number in range(12)]
    target = classes(*labels, given=sorted(labels))
    return sklearn_case(KNeighborsClassifier(7), frame, y, target)


@case
def sk_truth_labels(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    y = data.yes_or_no(frame, rng) == "yes"
    return sklearn_case(LogisticRegression(), frame, y, binary("False", "True"))


@case
def sk_names_for_integers(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    y = data.one_of(frame, rng, (0, 1, 2))
    return sklearn_case(LogisticRegression(), frame, y, classes("low", "mid", "top"))
