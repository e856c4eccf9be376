"""Scikit-learn with columns that reach their encoder through other steps, and odd categories."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.oracle.case import NUMBER, Case, Random, case
from tests.oracle.cases import data
from tests.oracle.cases.data import sklearn_case
from tests.oracle.cases.sk_text import beside, with_number


def framed(step: Any, columns: list[str]) -> Any:
    """Return a transformer of some columns that keeps the names of all."""
    parts = [("part", step, columns)]
    both = ColumnTransformer(parts, remainder="passthrough", verbose_feature_names_out=False)
    return both.set_output(transform="pandas")


def known() -> OneHotEncoder:
    """Return an encoder that ignores what it does not know."""
    return OneHotEncoder(handle_unknown="ignore")


@case
def sk_two_transformers(rng: Random) -> Case:
    columns = {"code": data.text(rng, data.ZIP_CODES), "land": data.text(rng, ("NA", "DE", "None"))}
    frame = with_number(rng, **columns)
    frame["y"] = rng.normal(size=data.ROWS)
    frame.loc[rng.random(data.ROWS) < 0.2, "y"] = np.nan
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(
        framed(SimpleImputer(), ["y"]), beside(encoder, ["code", "land"]), Ridge()
    )
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_imputed_before(rng: Random) -> Case:
    frame = with_number(rng, land=data.text(rng, ("NA", "None", "DE", "07"), gaps=0.15))
    impute = framed(SimpleImputer(strategy="most_frequent"), ["land"])
    model = make_pipeline(make_pipeline("passthrough", impute), beside(known(), ["land"]), Ridge())
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_histogram_behind_steps(rng: Random) -> Case:
    columns = {"code": data.categories(rng, data.ZIP_CODES), "k": data.categories(rng, (10, 20))}
    frame = with_number(rng, **columns)
    trees = HistGradientBoostingRegressor(max_iter=6, categorical_features="from_dtype")
    inner = make_pipeline(framed(StandardScaler(), ["x"]), trees)
    model = make_pipeline("passthrough", VotingRegressor([("only", inner)]))
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_narrow_categories(rng: Random) -> Case:
    doses = rng.choice(np.array([0.1, 0.2, 0.3], dtype="float32"), data.ROWS)
    frame = pd.DataFrame({"dose": doses, "x": rng.normal(size=data.ROWS)})
    model = make_pipeline(beside(known(), ["dose"]), Ridge())
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)


@case
def sk_word_for_a_gap(rng: Random) -> Case:
    frame = with_number(rng, job=data.objects(rng, ("clerk", "boss", "NA", "cook")))
    impute = SimpleImputer(missing_values="NA", strategy="most_frequent")
    model = make_pipeline(beside(make_pipeline(impute, known()), ["job"]), Ridge())
    return sklearn_case(model, frame, data.signal(frame, rng), NUMBER)
