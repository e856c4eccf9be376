"""Scikit-learn on text: encoders, imputers, vectorizers, nested pipelines."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
from sklearn.tree import DecisionTreeClassifier

from tests.oracle.case import NUMBER, Case, Random, binary, case, classes
from tests.oracle.cases import data
from tests.oracle.cases.data import sklearn_case

PHRASES = ("12", "12 ab", "cd ef", "True", "01", "ab cd 7", "Zürich am See", "1e5 ab")


def beside(encoder: Any, columns: list[str] | str) -> ColumnTransformer:
    """Return a transformer of some columns that passes the others on."""
    return ColumnTransformer([("part", encoder, columns)], remainder="passthrough")


def with_number(rng: Random, **columns: Any) -> pd.DataFrame:
    """Return columns beside one of numbers."""
    return pd.DataFrame({**columns, "x": rng.normal(size=data.ROWS)})


@case
def sk_zip_codes(rng: Random) -> Case:
    frame = with_number(rng, code=data.text(rng, data.ZIP_CODES, gaps=0.1))
    impute = SimpleImputer(strategy="most_frequent")
    encoder = make_pipeline(impute, OneHotEncoder(handle_unknown="ignore"))
    model = make_pipeline(beside(encoder, ["code"]), LogisticRegression())
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary(), far=True)


@case
def sk_words_for_missing(rng: Random) -> Case:
    words = (*data.WORDS_FOR_MISSING, "DE")
    frame = with_number(rng, land=data.text(rng, words, gaps=0.1))
    model = make_pipeline(
        beside(OneHotEncoder(handle_unknown="ignore"), ["land"]), LogisticRegression()
    )
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_words_as_objects(rng: Random) -> Case:
    frame = with_number(rng, land=data.objects(rng, ("NA", "null", "True", "7"), gaps=0.15))
    model = make_pipeline(beside(OneHotEncoder(handle_unknown="ignore"), ["land"]), Ridge())
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_unicode_ordinal(rng: Random) -> Case:
    frame = with_number(rng, town=data.text(rng, data.TOWNS), land=data.text(rng, ("CH", "ÖS")))
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    trees = GradientBoostingRegressor(n_estimators=12, random_state=1)
    model = make_pipeline(beside(encoder, ["town", "land"]), trees)
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_infrequent(rng: Random) -> Case:
    words = ["a"] * 30 + ["b"] * 20 + ["NA"] * 10 + ["rare", "07"]
    frame = with_number(rng, k=data.text(rng, words))
    encoder = OneHotEncoder(min_frequency=12, handle_unknown="infrequent_if_exist")
    model = make_pipeline(beside(encoder, ["k"]), LogisticRegression())
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_onehot_error(rng: Random) -> Case:
    columns = {"code": data.text(rng, ("02139", "01234")), "n": rng.choice([1, 2, 30], data.ROWS)}
    frame = with_number(rng, **columns)
    model = make_pipeline(
        beside(OneHotEncoder(), ["code", "n"]), DecisionTreeClassifier(max_depth=5)
    )
    y = data.one_of(frame, rng, ("u", "v", "w"))
    return sklearn_case(model, frame, y, classes("u", "v", "w"))


@case
def sk_truth_text(rng: Random) -> Case:
    frame = with_number(rng, flag=data.text(rng, ("True", "False")), d=data.text(rng, ("1", "0")))
    model = make_pipeline(
        beside(OneHotEncoder(handle_unknown="ignore"), ["flag", "d"]), LogisticRegression()
    )
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_impute_none(rng: Random) -> Case:
    frame = with_number(rng, k=data.objects(rng, ("a", "b", "01"), gaps=0.2))
    impute = SimpleImputer(missing_values=None, strategy="constant", fill_value="none")
    encoder = make_pipeline(impute, OneHotEncoder(handle_unknown="ignore"))
    model = make_pipeline(beside(encoder, ["k"]), LogisticRegression())
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_nested(rng: Random) -> Case:
    frame = data.numbers(rng, 2, gaps=0.1)
    frame["n"] = rng.integers(0, 50, data.ROWS)
    frame["flag"] = rng.random(data.ROWS) < 0.4
    frame["code"] = data.text(rng, data.ZIP_CODES)
    frame["land"] = data.text(rng, ("NA", "DE", "FR"), gaps=0.1)
    frame["day"] = data.text(rng, ("2024-01-05", "2024-02-29", "2023-12-31"))
    inner = ColumnTransformer(
        [
            ("codes", OneHotEncoder(handle_unknown="ignore"), ["code", "day"]),
            (
                "land",
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
                ["land"],
            ),
        ]
    )
    outer = ColumnTransformer(
        [
            ("text", make_pipeline(inner), ["code", "land", "day"]),
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b", "n"]),
        ],
        remainder="passthrough",
    )
    model = make_pipeline(outer, LogisticRegression(max_iter=500))
    y = data.one_of(frame, rng, ("bronze", "gold", "silver"))
    target = classes("bronze", "gold", "silver", given=("silver", "gold", "bronze"))
    return sklearn_case(model, frame, y, target)


@case
def sk_word_counts(rng: Random) -> Case:
    frame = with_number(rng, note=data.text(rng, PHRASES))
    model = make_pipeline(
        beside(CountVectorizer(token_pattern=r"\w+"), "note"), LogisticRegression()
    )
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_character_weights(rng: Random) -> Case:
    frame = with_number(rng, note=data.text(rng, PHRASES))
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
    model = make_pipeline(beside(vectors, "note"), Ridge())
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_hashed_words(rng: Random) -> Case:
    frame = with_number(rng, note=data.text(rng, PHRASES))
    parts = beside(HashingVectorizer(n_features=32, token_pattern=r"\w+"), "note")
    model = make_pipeline(parts, SGDClassifier(loss="log_loss", random_state=1))
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_target_encoder(rng: Random) -> Case:
    columns = {"k": data.text(rng, data.ZIP_CODES), "n": rng.choice([1, 2, 30], data.ROWS)}
    frame = with_number(rng, **columns)
    model = make_pipeline(beside(TargetEncoder(cv=3, random_state=1), ["k", "n"]), Ridge())
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_dates(rng: Random) -> Case:
    days = ("2024-01-05", "2024-02-29", "2023-12-31", "2024-07-14")
    frame = pd.DataFrame(
        {"day": data.text(rng, days), "ordinal": rng.integers(738000, 739000, data.ROWS)}
    )
    model = make_pipeline(
        ColumnTransformer(
            [("day", OneHotEncoder(), ["day"]), ("ordinal", StandardScaler(), ["ordinal"])]
        ),
        Ridge(),
    )
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_single_text_column(rng: Random) -> Case:
    frame = pd.DataFrame({"k": data.text(rng, ("1", "2", "x", "True"), gaps=0.1)})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    return sklearn_case(model, frame, data.yes_or_no(frame, rng), binary())


@case
def sk_array_of_objects(rng: Random) -> Case:
    frame = with_number(rng, code=data.objects(rng, ("01", "02", "NA")))
    encoder = OneHotEncoder(handle_unknown="ignore")
    model = make_pipeline(
        ColumnTransformer([("c", encoder, [0])], remainder="passthrough"), LogisticRegression()
    )
    model.fit(frame.to_numpy(dtype=object), data.yes_or_no(frame, rng))
    return Case(
        plugin="scikit-learn",
        frame=frame,
        target=binary(),
        ask=lambda rows: model.predict_proba(rows.to_numpy(dtype=object)),
        files=data.pickles(model),
        named=False,
    )


@case
def sk_array_of_numbers(rng: Random) -> Case:
    frame = data.numbers(rng, 3)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(frame.to_numpy(), data.yes_or_no(frame, rng))
    return Case(
        plugin="scikit-learn",
        frame=frame,
        target=binary(),
        ask=lambda rows: model.predict_proba(rows.to_numpy(dtype=np.float64)),
        files=data.pickles(model),
        named=False,
    )
