"""The scikit-learn plugin, on estimators fitted here."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    LabelBinarizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier

from drum_like.api import ColumnsError, PredictorError, Schema, Target, TargetType, Transformer
from drum_like.model.artifact import predictor_for
from tests.predictors.scoring import (
    ANOMALY,
    BINARY,
    MULTICLASS,
    REGRESSION,
    TEXT,
    MatrixFrame,
    classes,
    conformed,
    csv_frame,
    numbers,
    same,
    score,
    values,
)

WORDS = np.array(["no", "yes"])[classes()]


def schema_of(model: Any) -> Schema:
    schema = predictor_for(model).schema
    assert schema is not None
    return schema


def kinds(model: Any) -> dict[str, str]:
    return {column.name: column.kind for column in schema_of(model).columns}


def mixed() -> pd.DataFrame:
    """Return numbers, a category in words, one in numbers, dates, text, and an unused column."""
    rng = np.random.default_rng(2)
    size = len(numbers())
    return numbers()[["a", "b"]].assign(
        colour=rng.choice(["red", "green"], size),
        size=rng.integers(0, 3, size),
        day=pd.Series(rng.integers(1, 28, size)).map("2024-01-{:02d}".format),
        note=rng.choice(["good day", "bad day"], size),
        unused=rng.normal(size=size),
    )


def days(data: pd.DataFrame) -> Any:
    """Return dates as numbers; what a user may put into custom.py."""
    return data.apply(pd.to_datetime).apply(lambda column: column.dt.day)


def as_text(data: Any) -> Any:
    """Return cells as text; what a user may put into custom.py."""
    return data.astype(str)


def preparation() -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("scaled", make_pipeline(SimpleImputer(), StandardScaler()), ["a"]),
            ("raw", "passthrough", ["b"]),
            ("classes", OneHotEncoder(handle_unknown="ignore"), ["colour", "size"]),
            ("days", FunctionTransformer(days), ["day"]),
            ("words", TfidfVectorizer(), "note"),
        ]
    )


MIXED_KINDS = {
    "a": "number",
    "b": "number",
    "colour": "encoded",
    "size": "encoded",
    "day": "any",
    "note": "text",
}


@pytest.mark.parametrize(
    ("classifier", "known"),
    [
        (LogisticRegression(), {"a": "number", "b": "number", "c": "number"}),
        (RandomForestClassifier(3), {"a": "number", "b": "number", "c": "number"}),
        (
            GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
            {"a": "number", "b": "number", "c": "number"},
        ),
    ],
    ids=["linear", "forest", "search"],
)
@pytest.mark.parametrize("names", [True, False], ids=["named", "nameless"])
def test_classifier_gives_chances_and_classes(
    classifier: Any, known: dict[str, str], *, names: bool
) -> None:
    data = numbers() if names else numbers().to_numpy()
    model = clone(classifier).fit(data, WORDS)

    prediction = score(model, numbers(), BINARY)

    predictor = predictor_for(model)
    assert predictor.framework == "scikit-learn"
    assert (predictor.target.type, predictor.target.classes) == (TargetType.BINARY, ("no", "yes"))
    assert list(kinds(model).values()) == list(known.values())
    assert schema_of(model).named is names
    assert prediction.labels == ("no", "yes")
    assert same(prediction.values, model.predict_proba(data))


@pytest.mark.parametrize(
    ("targets", "known"),
    [
        (classes(n_classes=3), (0, 1, 2)),
        (classes(n_classes=3) * 1.0, (0, 1, 2)),
        (classes() > 0, (False, True)),
    ],
    ids=["integers", "whole-floats", "booleans"],
)
def test_classes_are_labels(targets: Any, known: tuple[Any, ...]) -> None:
    model = LogisticRegression().fit(numbers(), targets)

    prediction = score(model, numbers(), MULTICLASS)

    assert prediction.labels == known
    assert [type(label) for label in prediction.labels or ()] == [type(label) for label in known]


class Upside(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A classifier of a user's custom.py that does not say that it is one."""

    classes_ = np.array(["yes", "no"])

    def predict_proba(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's name
        """Return a chance of 0.9 of yes."""
        return np.tile([0.9, 0.1], (len(X), 1))


def test_classes_name_the_columns_of_whatever_has_them() -> None:
    prediction = score(Upside(), numbers(), BINARY)

    target = predictor_for(Upside()).target
    assert (target.type, target.classes) == (TargetType.BINARY, ("yes", "no"))
    assert prediction.labels == ("yes", "no")


def test_classes_of_a_transformer_are_no_target() -> None:
    assert predictor_for(LabelBinarizer().fit(WORDS)).target.type is TargetType.TRANSFORM


@pytest.mark.parametrize(
    ("model", "target", "type_"),
    [
        (LinearRegression().fit(numbers(), classes()), REGRESSION, TargetType.REGRESSION),
        (RandomForestRegressor(3).fit(numbers(), classes()), REGRESSION, TargetType.REGRESSION),
        (
            TransformedTargetRegressor(LinearRegression(), func=np.exp, inverse_func=np.log).fit(
                numbers(), classes()
            ),
            REGRESSION,
            TargetType.REGRESSION,
        ),
        (IsolationForest(n_estimators=5).fit(numbers()), ANOMALY, TargetType.ANOMALY),
    ],
    ids=["linear", "forest", "transformed-target", "anomaly"],
)
def test_other_estimators_give_what_they_predict(
    model: Any, target: Target, type_: TargetType
) -> None:
    prediction = score(model, numbers(), target)

    assert predictor_for(model).target.type is type_
    assert prediction.labels is None
    assert same(prediction.values, model.predict(numbers()))


def test_classifier_gives_its_classes_to_a_regression_target() -> None:
    model = LogisticRegression().fit(numbers(), classes() + 5)

    assert same(values(model, numbers()), model.predict(numbers()))


@pytest.mark.parametrize(
    ("last", "name"),
    [
        (xgb.XGBClassifier(n_estimators=3, n_jobs=1), "xgboost"),
        (xgb.XGBRFClassifier(n_estimators=3, n_jobs=1), "xgboost"),
        (lgb.LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1), "scikit-learn"),
    ],
    ids=["xgboost", "xgboost-forest", "lightgbm"],
)
def test_pipeline_may_end_in_another_framework(last: Any, name: str) -> None:
    scaler = StandardScaler().set_output(transform="pandas")
    model = make_pipeline(scaler, last).fit(numbers(), classes())

    prediction = score(model, numbers(), BINARY)

    assert predictor_for(model).framework == name
    assert prediction.labels == (0, 1)
    assert same(prediction.values, model.predict_proba(numbers()))


def test_pipeline_of_everything_is_served_from_csv() -> None:
    model = make_pipeline(preparation(), LogisticRegression()).fit(mixed(), WORDS)
    sent = mixed().drop(columns="unused")[["note", "day", "size", "colour", "b", "a"]]

    found = values(model, csv_frame(sent.to_csv(index=False)), BINARY)

    assert kinds(model) == MIXED_KINDS
    assert same(found, model.predict_proba(mixed()))


def test_search_over_a_pipeline_has_its_columns() -> None:
    search = GridSearchCV(
        make_pipeline(preparation(), LogisticRegression()), {"logisticregression__C": [1.0]}, cv=2
    )

    assert kinds(search.fit(mixed(), WORDS)) == MIXED_KINDS


def test_columns_by_position_slice_and_mask_are_found() -> None:
    chosen = ColumnTransformer(
        [
            ("list", StandardScaler(), [0]),
            ("slice", OneHotEncoder(handle_unknown="ignore"), slice("colour", "size")),
            ("mask", StandardScaler(), [False, True, False, False, False, False, False]),
            ("nothing", StandardScaler(), []),
        ]
    )
    model = make_pipeline(chosen, LogisticRegression()).fit(mixed(), WORDS)

    assert kinds(model) == {"a": "number", "b": "number", "colour": "encoded", "size": "encoded"}
    assert same(values(model, mixed(), BINARY), model.predict_proba(mixed()))


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (["b", "a"], {"a", "b"}),
        ([2, 0], {"a", "b"}),
        ([-1, 0, 2], {"a", "b", "c"}),
    ],
    ids=["names", "positions", "from-the-end"],
)
def test_columns_in_another_order_than_trained_are_numbers(
    order: list[Any], found: set[str]
) -> None:
    data = mixed()[["a", "colour", "b"]].assign(c=1.0)
    chosen = ColumnTransformer([("n", StandardScaler(), order), ("o", OneHotEncoder(), ["colour"])])
    model = make_pipeline(chosen, LogisticRegression()).fit(data, WORDS)

    assert {name for name, kind in kinds(model).items() if kind == "number"} == found


def test_remainder_that_passes_through_is_numbers() -> None:
    chosen = ColumnTransformer([("classes", OneHotEncoder(), ["colour"])], remainder="passthrough")
    model = make_pipeline(chosen, LogisticRegression()).fit(mixed()[["colour", "a", "b"]], WORDS)

    assert kinds(model) == {"colour": "encoded", "a": "number", "b": "number"}


def test_text_that_is_chosen_by_its_place_is_text() -> None:
    chosen = ColumnTransformer([("n", StandardScaler(), [0]), ("words", TfidfVectorizer(), 1)])
    data = mixed()[["a", "note"]]
    model = make_pipeline(chosen, LogisticRegression()).fit(data.to_numpy(dtype=object), WORDS)

    assert kinds(model) == {"0": "number", "1": "text"}
    expected = model.predict_proba(data.to_numpy(dtype=object)[:1])
    found = score(model, csv_frame(data[:1].to_csv(index=False)), BINARY).values
    assert np.allclose(found, expected, rtol=0, atol=1e-12)


def test_columns_that_pass_through_a_transformer_in_another_are_numbers() -> None:
    inner = ColumnTransformer([("c", OneHotEncoder(), ["colour"])], remainder="passthrough")
    outer = ColumnTransformer([("inner", inner, ["colour", "b"])])
    model = make_pipeline(outer, LogisticRegression()).fit(mixed(), WORDS)

    assert kinds(model) == {"b": "number", "colour": "encoded"}


def test_union_takes_numbers_where_a_branch_does() -> None:
    union = make_union(StandardScaler(), PowerTransformer())
    model = make_pipeline(union, LogisticRegression()).fit(numbers(), WORDS)

    assert set(kinds(model).values()) == {"number"}


class Doubled(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A transformer of a user's custom.py that reads text and tells its columns."""

    def fit(self, X: Any, y: Any = None) -> "Doubled":  # noqa: N803 - scikit-learn's name
        """Remember the columns."""
        del y
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's name
        """Return numbers of texts such as `4 kg`."""
        return (
            X[["weight"]].astype(str).apply(lambda column: column.str.split().str[0].astype(float))
        )


class Positional(RegressorMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A regressor of a user's custom.py that tells only a width, and needs names all the same."""

    n_features_in_ = 2

    def __sklearn_is_fitted__(self) -> bool:
        """Whether it can predict: always."""
        return True

    def predict(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's name
        """Return a column by its name."""
        return X["c"].to_numpy()


def test_code_of_others_decides_about_text_itself() -> None:
    data = pd.DataFrame({"weight": [f"{row} kg" for row in range(200)]})
    model = make_pipeline(Doubled(), StandardScaler(), LogisticRegression()).fit(data, WORDS)

    assert kinds(model) == {"weight": "any"}
    assert same(values(model, data, BINARY), model.predict_proba(data))


def test_code_of_others_gets_what_was_sent() -> None:
    assert predictor_for(Positional()).schema is None
    assert same(values(Positional(), numbers()), numbers()["c"])


def test_nested_pipelines_leave_text_to_the_model() -> None:
    inner = ColumnTransformer(
        [("n", "passthrough", ["a"]), ("o", OneHotEncoder(handle_unknown="ignore"), ["colour"])]
    )
    voting = VotingClassifier([("one", make_pipeline(inner, LogisticRegression()))], voting="soft")
    model = voting.fit(mixed()[["a", "colour"]], WORDS)

    assert kinds(model)["colour"] == "encoded"
    assert same(values(model, mixed(), BINARY), model.predict_proba(mixed()[["a", "colour"]]))


@pytest.mark.parametrize("how", ["from_dtype", ["colour"]], ids=["from-dtype", "named"])
def test_categories_of_gradient_boosting_may_be_text(how: Any) -> None:
    data = mixed()[["a", "colour"]].astype({"colour": "category"})
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features=how).fit(data, WORDS)
    rows = csv_frame(mixed()[["a", "colour"]].to_csv(index=False))

    assert kinds(model)["colour"] == "encoded"
    assert same(values(model, rows, BINARY), model.predict_proba(data))


def test_text_in_a_column_of_numbers_is_refused() -> None:
    model = make_pipeline(preparation(), LogisticRegression()).fit(mixed(), WORDS)
    sent = mixed().astype({"b": object})
    sent.loc[5, "b"] = "secret"

    with pytest.raises(ColumnsError, match="'b' holds text in row 6") as caught:
        score(model, sent, BINARY)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "said"), [(np.nan, "a missing value"), (np.inf, "an infinite value")]
)
@pytest.mark.parametrize("names", [True, False], ids=["named", "nameless"])
def test_cell_that_an_estimator_refuses_is_named(value: float, said: str, *, names: bool) -> None:
    model = LogisticRegression().fit(numbers() if names else numbers().to_numpy(), WORDS)
    sent = numbers()
    sent.loc[7, "b"] = value

    with pytest.raises(ColumnsError, match=f"column 'b' holds {said} in row 8"):
        score(model, sent, BINARY)


@pytest.mark.parametrize(
    ("model", "number", "named"),
    [
        (RandomForestClassifier(3), 1e300, True),
        (RandomForestClassifier(3), 1e300, False),
        (make_pipeline(PolynomialFeatures(2), DecisionTreeClassifier()), 1e200, True),
        (make_pipeline(PolynomialFeatures(2), DecisionTreeClassifier()), 1e200, False),
        (make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()), -5.0, True),
    ],
)
def test_number_that_an_estimator_refuses_is_named(
    model: BaseEstimator,
    number: float,
    named: bool,  # noqa: FBT001 - of a table
) -> None:
    data = numbers().abs()
    fitted = clone(model).fit(data if named else data.to_numpy(), WORDS)
    data.loc[7, "b"] = number

    with (
        np.errstate(all="ignore"),
        pytest.raises(ColumnsError, match="column 'b' holds in row 8 a number that the model"),
    ):
        score(fitted, data, BINARY)


def test_text_in_a_column_that_is_imputed_with_numbers_is_refused() -> None:
    imputed = make_pipeline(SimpleImputer(strategy="most_frequent"), StandardScaler())
    chosen = ColumnTransformer([("n", imputed, ["a"]), ("d", FunctionTransformer(days), ["day"])])
    model = make_pipeline(chosen, LogisticRegression()).fit(mixed(), WORDS)

    assert kinds(model) == {"a": "number", "day": "any"}
    with pytest.raises(ColumnsError, match="column 'a' holds text in row 2"):
        score(model, csv_frame("a,day\n1,2024-01-02\nsecret,2024-01-02\n"), BINARY)


def test_imputer_before_a_function_of_a_user_tells_no_type() -> None:
    steps = (SimpleImputer(strategy="most_frequent"), FunctionTransformer(as_text), OneHotEncoder())
    chosen = ColumnTransformer([("sizes", make_pipeline(*steps), ["size"])])
    model = make_pipeline(chosen, LogisticRegression()).fit(mixed(), WORDS)

    assert kinds(model) == {"size": "any"}
    expected = model.predict_proba(mixed()[:3])
    assert np.allclose(
        score(model, csv_frame(mixed()[:3].to_csv(index=False)), BINARY).values, expected
    )


def zip_codes() -> pd.DataFrame:
    """Return text that pandas would read as numbers, and words for missing values."""
    rng = np.random.default_rng(5)
    cells = {"code": ["01", "1", "10"], "land": ["NA", "DE", "1.0"]}
    return pd.DataFrame({name: rng.choice(known, 60) for name, known in cells.items()})


def encoded(*columns: str) -> Any:
    """Return a pipeline that encodes some columns and leaves the others out."""
    chosen = ColumnTransformer([("codes", OneHotEncoder(sparse_output=False), list(columns))])
    return make_pipeline(chosen, DecisionTreeClassifier(random_state=1))


def models_of_models() -> dict[str, Any]:
    """Return fitted estimators whose encoders lie in estimators within them."""
    data, words = zip_codes(), np.resize(WORDS, 60)
    parts = [("a", encoded("code")), ("b", encoded("land"))]
    whole_row = make_pipeline(OneHotEncoder(sparse_output=False), DecisionTreeClassifier())
    bag = BaggingClassifier(whole_row, 4, max_features=0.5, random_state=1)
    return {
        "stack-of-different-columns": StackingClassifier(parts, cv=2).fit(data, words),
        "vote-of-different-columns": VotingClassifier(parts, voting="soft").fit(data, words),
        "bag-of-some-columns": bag.fit(data, words),
    }


@pytest.mark.parametrize("name", models_of_models())
def test_encoders_in_estimators_of_estimators_tell_the_columns(name: str) -> None:
    check_zip_codes(models_of_models()[name])


def test_encoders_in_frozen_estimators_tell_the_columns() -> None:
    freeze = pytest.importorskip("sklearn.frozen").FrozenEstimator
    data, words = zip_codes(), np.resize(WORDS, 60)
    whole = encoded("code", "land").fit(data, words)

    check_zip_codes(CalibratedClassifierCV(freeze(whole)).fit(data, words))
    check_zip_codes(make_pipeline(freeze(whole[0]), DecisionTreeClassifier()).fit(data, words))


def check_zip_codes(model: Any) -> None:
    """Check that rows of text that looks like numbers get the model's own answers, alone."""
    data = zip_codes()
    assert kinds(model) == {"code": "encoded", "land": "encoded"}
    for row in range(6):
        sent = csv_frame(data[row : row + 1].to_csv(index=False))
        expected = model.predict_proba(data[row : row + 1])
        assert np.allclose(score(model, sent, BINARY).values, expected, rtol=0, atol=1e-12)


TIMES = pd.Series(pd.to_datetime(["2020-01-31 00:00", "2021-05-05 12:30", "2022-02-02 07:00"] * 20))


@pytest.mark.parametrize(
    "cells",
    [
        TIMES.astype("datetime64[ns]"),
        TIMES.astype("datetime64[s]"),
        TIMES.dt.date,
        TIMES.dt.tz_localize("Europe/Berlin"),
        TIMES - TIMES.min(),
    ],
    ids=["ns", "s", "date", "zone", "difference"],
)
@pytest.mark.parametrize("encoder", [OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder()])
def test_encoder_of_times_reads_them_in_text(encoder: BaseEstimator, cells: Any) -> None:
    data = pd.DataFrame({"at": cells})
    chosen = ColumnTransformer([("at", clone(encoder), ["at"])])
    model = make_pipeline(chosen, HistGradientBoostingClassifier(min_samples_leaf=1))
    model.fit(data, np.resize(WORDS, len(data)))

    assert kinds(model) == {"at": "encoded"}
    for row in range(5):
        sent = csv_frame(data[row : row + 1].to_csv())
        expected = model.predict_proba(data[row : row + 1])
        assert np.array_equal(score(model, sent, BINARY).values, expected)
    with pytest.raises(ColumnsError, match="column 'at' holds something else in row 2"):
        score(model, csv_frame(f"id,at\n1,{cells[1]}\n2,soon\n"), BINARY)


def test_steps_behind_named_columns_are_served() -> None:
    kept = ColumnTransformer([("kept", "passthrough", ["a", "b"])], verbose_feature_names_out=False)
    scaled = ColumnTransformer([("scaled", StandardScaler(), ["b", "a"])])
    model = make_pipeline(kept.set_output(transform="pandas"), scaled, LogisticRegression())
    model.fit(numbers(), WORDS)

    assert kinds(model) == {"a": "number", "b": "number"}
    expected = model.predict_proba(numbers())
    assert np.allclose(score(model, csv_frame(numbers().to_csv()), BINARY).values, expected)


def test_gap_that_an_imputer_fills_is_not_blamed() -> None:
    model = make_pipeline(preparation(), LogisticRegression()).fit(mixed(), WORDS)
    sent = mixed()
    sent.loc[2, ["a", "b"]] = np.nan

    with pytest.raises(ColumnsError, match="column 'b' holds a missing value in row 3"):
        score(model, sent, BINARY)


def test_error_with_another_cause_is_left_alone() -> None:
    """A step that was fitted on fewer columns, beside a gap that it would fill."""
    model = make_pipeline(FunctionTransformer(), SimpleImputer(), LogisticRegression())
    model.fit(numbers(), WORDS)
    model.steps[1] = ("narrow", SimpleImputer().fit(numbers()[["a", "b"]]))
    sent = numbers()
    sent.loc[1, "a"] = np.nan

    with pytest.raises(ValueError, match="feature names should match"):
        score(model, sent, BINARY)


def strict_encoders() -> dict[str, Any]:
    """Return models that refuse unknown colours, with a column before them."""
    encoder = OneHotEncoder(handle_unknown="error")
    alone = ColumnTransformer([("n", SimpleImputer(), ["a"]), ("o", encoder, ["colour"])])
    imputed = ColumnTransformer(
        [
            ("n", SimpleImputer(), ["a"]),
            ("o", make_pipeline(SimpleImputer(strategy="most_frequent"), encoder), ["colour"]),
        ]
    )
    ordinal = ColumnTransformer(
        [("n", SimpleImputer(), ["a"]), ("o", OrdinalEncoder(), ["colour"])]
    )
    search = make_pipeline(alone, LogisticRegression())
    return {
        "encoder": make_pipeline(alone, LogisticRegression()),
        "after-an-imputer": make_pipeline(imputed, LogisticRegression()),
        "ordinal": make_pipeline(ordinal, LogisticRegression()),
        "search": GridSearchCV(search, {"logisticregression__C": [1.0]}, cv=2),
    }


@pytest.mark.parametrize("name", strict_encoders())
def test_unknown_category_is_named(name: str) -> None:
    """Beside a gap that the imputer fills."""
    model = strict_encoders()[name].fit(mixed(), WORDS)
    sent = mixed()
    sent.loc[1, "a"] = np.nan
    sent.loc[1, "colour"] = "pink"

    with pytest.raises(ColumnsError, match="'colour' holds in row 2 a category that") as caught:
        score(model, sent, BINARY)

    assert "pink" not in str(caught.value)


def test_gap_among_known_categories_is_named() -> None:
    model = strict_encoders()["encoder"].fit(mixed(), WORDS)
    sent = mixed()
    sent.loc[4, "colour"] = None

    with pytest.raises(ColumnsError, match="'colour' holds a missing value in row 5"):
        score(model, sent, BINARY)


def test_unknown_category_without_names_is_named_as_sent() -> None:
    chosen = ColumnTransformer([("n", StandardScaler(), [0]), ("o", OneHotEncoder(), [1])])
    data = mixed()[["a", "colour"]]
    model = make_pipeline(chosen, LogisticRegression()).fit(data.to_numpy(dtype=object), WORDS)
    data.loc[2, "colour"] = "pink"

    with pytest.raises(ColumnsError, match="'colour' holds in row 3 a category"):
        score(model, data, BINARY)


def test_category_that_an_imputer_fills_is_not_blamed() -> None:
    model = strict_encoders()["after-an-imputer"].fit(mixed(), WORDS)
    sent = mixed()
    sent.loc[1, "colour"] = None
    sent.loc[6, "colour"] = "pink"

    with pytest.raises(ColumnsError, match="'colour' holds in row 7 a category"):
        score(model, sent, BINARY)


def test_gap_that_an_imputer_fills_with_an_unknown_word_is_named() -> None:
    encoded = make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), OneHotEncoder())
    chosen = ColumnTransformer([("colours", encoded, ["colour"])])
    model = make_pipeline(chosen, LogisticRegression()).fit(mixed(), WORDS)

    with pytest.raises(ColumnsError, match="'colour' holds a missing value in row 2"):
        score(model, csv_frame("colour\nred\nNA\n"), BINARY)


@pytest.mark.parametrize("cells", [(True, False), (1, 2), (0.5, 1.5), (1, 2, None), (True, None)])
@pytest.mark.parametrize("encoder", [OneHotEncoder(handle_unknown="ignore"), TargetEncoder(cv=2)])
def test_encoder_fitted_on_objects_answers_each_cell_alone(
    encoder: BaseEstimator, cells: tuple[Any, ...]
) -> None:
    data = pd.DataFrame({"a": pd.Series(cells * 6, dtype=object)})
    model = make_pipeline(clone(encoder), DecisionTreeClassifier())
    model.fit(data, ["yes", *["no"] * (len(cells) - 1)] * 6)

    for cell in (*cells, None):
        sent = csv_frame('a\n""\n' if cell is None else f"a\n{cell}\n")
        expected = model.predict_proba(pd.DataFrame({"a": pd.Series([cell], dtype=object)}))
        assert np.array_equal(score(model, sent, BINARY).values, expected)


def test_large_whole_number_beside_a_gap_is_the_category_that_it_is_alone() -> None:
    """Beside a gap training had it as float64, which is the whole number before it."""
    data = pd.DataFrame({"a": pd.Series([2**53 + 1, 7, None] * 20, dtype="Int64")})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), DecisionTreeClassifier())
    model.fit(data, ["yes", "no", "no"] * 20)
    alone = score(model, csv_frame(f"a\n{2**53 + 1}\n"), BINARY).values

    assert np.array_equal(alone, model.predict_proba(data[:1]))
    beside = score(model, csv_frame(f'a\n{2**53 + 1}\n""\nword\n'), BINARY).values
    assert np.array_equal(beside[:1], alone)


def test_gap_among_booleans_is_named() -> None:
    model = LinearRegression().fit(pd.DataFrame({"a": [True, False], "b": [1, 2]}), [0, 1])

    with pytest.raises(ColumnsError, match="column 'a' holds a missing value in row 2"):
        score(model, csv_frame("a,b\nTrue,2\n,3\n"))


def test_search_for_a_cell_is_limited() -> None:
    calls = []

    def refusing(data: Any) -> Any:
        calls.append(len(data))
        raise ValueError(len(data))

    model = make_pipeline(FunctionTransformer(), LogisticRegression()).fit(numbers(), WORDS)
    model.steps[0] = ("refusing", FunctionTransformer(refusing))

    with pytest.raises(ValueError, match="200"):
        score(model, numbers(gaps=True), BINARY)

    # 200 rows are halved down to one; other numbers, other rows and made-up ones are tried.
    assert len(calls) <= 1 + 9 + 4 + 2 + 8


def test_several_outputs_are_refused() -> None:
    model = RandomForestClassifier(3).fit(numbers(), np.column_stack([WORDS, WORDS]))

    with pytest.raises(PredictorError, match="must return a np array, but received <class 'list'>"):
        score(model, numbers(), MULTICLASS)


def test_target_type_without_numbers_is_refused() -> None:
    model = LinearRegression().fit(numbers(), classes())

    with pytest.raises(PredictorError, match="'textgeneration' is not supported by 'SKLearnPr"):
        score(model, numbers(), TEXT)


def test_transformer_transforms() -> None:
    model = StandardScaler().fit(numbers())
    predictor = predictor_for(model)
    assert isinstance(predictor, Transformer)

    found = predictor.transform(conformed(model, numbers()[["c", "a", "b"]]))

    assert predictor.target.type is TargetType.TRANSFORM
    assert same(found, model.transform(numbers()))


def test_transformer_may_give_a_sparse_matrix() -> None:
    model = OneHotEncoder().fit(mixed()[["colour"]])
    predictor = predictor_for(model)
    assert isinstance(predictor, Transformer)

    found = predictor.transform(conformed(model, mixed()))

    assert issparse(found)
    assert (found != model.transform(mixed()[["colour"]])).nnz == 0


def test_estimator_is_no_transformer() -> None:
    predictor = predictor_for(LinearRegression().fit(numbers(), classes()))
    assert isinstance(predictor, Transformer)

    with pytest.raises(PredictorError, match="needs transform, which LinearRegression does not"):
        predictor.transform(MatrixFrame(numbers()))


def test_nameless_pipeline_takes_text_by_position() -> None:
    chosen = ColumnTransformer([("n", StandardScaler(), [0]), ("o", OneHotEncoder(), [1])])
    data = mixed()[["a", "colour"]]
    model = make_pipeline(chosen, LogisticRegression()).fit(data.to_numpy(dtype=object), WORDS)

    assert list(kinds(model).values()) == ["number", "encoded"]
    assert same(values(model, data, BINARY), model.predict_proba(data.to_numpy(dtype=object)))
