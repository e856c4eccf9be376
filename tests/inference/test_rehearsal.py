"""Ready means answers: which failures on made-up rows keep a model from being served."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PowerTransformer,
    StandardScaler,
)

from drum_like.api import LoadError, NativeFrame, Payload, TargetType
from tests.support.explained import NUMBER, YES_NO, Hooked, opened

RNG = np.random.default_rng(3)
ROWS = pd.DataFrame({"a": RNG.normal(size=80), "b": RNG.normal(size=80)})
MIXED = ROWS.assign(
    colour=RNG.choice(["red", "green"], 80), note=RNG.choice(["good day", "bad day"], 80)
)
CLASSES = (ROWS["a"] > 0).astype(int)


def prepared() -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
            ("o", OneHotEncoder(), ["colour"]),
            ("t", TfidfVectorizer(), "note"),
        ]
    )


def narrow() -> Any:
    """Return a pipeline whose last step was fitted on fewer columns."""
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, CLASSES)
    model.steps[1] = ("last", LogisticRegression().fit(ROWS[["a"]].to_numpy(), CLASSES))
    return model


def unfitted_last() -> Any:
    model = make_pipeline(prepared(), LogisticRegression()).fit(MIXED, CLASSES)
    model.steps[1] = ("last", LogisticRegression())
    return model


def without_numbers() -> Any:
    model = LogisticRegression().fit(ROWS, CLASSES)
    model.coef_ = model.coef_ * np.nan
    return model


class Forgetful(RegressorMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A model of a user's custom.py that asks for an attribute that it does not have."""

    n_features_in_ = 2

    def predict(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's name
        """Fail: the attribute was never learnt."""
        return self.never_learnt_ * len(X)


class Wordy(RegressorMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A regressor of a user's custom.py that predicts words."""

    def predict(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's name
        """Return a word for each row."""
        return np.array(["much"] * len(X))


class Overconfident(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A classifier of a user's custom.py whose chances do not add up."""

    classes_ = np.array([0, 1])

    def predict_proba(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's name
        """Return chances that add up to 1.5."""
        return np.full((len(X), 2), 0.75)


@pytest.mark.parametrize(
    ("model", "settings", "said"),
    [
        pytest.param(LogisticRegression(), YES_NO, "NotFittedError", id="unfitted"),
        pytest.param(RandomForestClassifier(), YES_NO, "NotFittedError", id="unfitted-forest"),
        pytest.param(HistGradientBoostingRegressor(), NUMBER, "NotFittedError", id="unfitted-hgb"),
        pytest.param(
            make_pipeline(prepared(), LogisticRegression()),
            YES_NO,
            "NotFittedError",
            id="unfitted-pipeline",
        ),
        pytest.param(unfitted_last(), YES_NO, "NotFittedError", id="unfitted-last-step"),
        pytest.param(
            StandardScaler(),
            {"target_type": TargetType.TRANSFORM},
            "NotFittedError",
            id="unfitted-transformer",
        ),
        pytest.param(narrow(), YES_NO, "ValueError", id="other-width"),
        pytest.param(without_numbers(), YES_NO, "NaN for a made-up row", id="nan"),
        pytest.param(Forgetful(), NUMBER, "AttributeError", id="attribute"),
        pytest.param(Wordy(), NUMBER, "predicts something else", id="words"),
        pytest.param(Overconfident(), YES_NO, "do not add up to 1", id="sums"),
        pytest.param(LinearRegression().fit(ROWS, ROWS), NUMBER, "only 1 column", id="two-outputs"),
    ],
)
def test_a_model_that_can_answer_no_row_is_not_served(
    model: Any, settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(LoadError, match=said) as caught:
        opened(tmp_path, model, **settings)

    assert "; " in str(caught.value)


def in_hundreds(rows: Any) -> Any:
    """Return rows if all of them are between 100 and 200; a function of a user's custom.py."""
    if not ((rows >= 100) & (rows < 200)).all(axis=None):
        raise ValueError("out of range")
    return rows


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        pytest.param(
            make_pipeline(FunctionTransformer(np.log), LogisticRegression()),
            ROWS.abs() + 1,
            id="logarithm-of-zero",
        ),
        pytest.param(
            make_pipeline(PowerTransformer("box-cox"), LogisticRegression()),
            ROWS.abs() + 1,
            id="positive-only",
        ),
        pytest.param(make_pipeline(prepared(), LogisticRegression()), MIXED, id="everything"),
        pytest.param(
            make_pipeline(FunctionTransformer(in_hundreds), LogisticRegression()),
            ROWS.abs() * 10 + 100,
            id="code-that-refuses-every-row-made-up",
        ),
    ],
)
def test_a_model_that_refuses_made_up_rows_is_served(
    model: Any, rows: pd.DataFrame, tmp_path: Path
) -> None:
    model.fit(rows, CLASSES)

    service = opened(tmp_path, model, **YES_NO)
    found = service.predict(NativeFrame(rows))

    np.testing.assert_allclose(found.values, model.predict_proba(rows), rtol=0, atol=1e-12)
    assert service.notes[1] == "labels: class 0 is 'no', 1 is 'yes' (positive: 'yes')"


def test_a_hook_may_mend_what_breaks_a_rule(hooked: Hooked) -> None:
    hook = "def post_process(predictions, model):\n    return predictions\n"

    service = hooked(hook, LinearRegression().fit(ROWS, CLASSES), **NUMBER)

    assert service.predict(Payload(b"a,b\n1,2\n")).n_rows == 1


def test_a_score_hook_is_told_how_its_columns_are_read(hooked: Hooked) -> None:
    hook = "def score(data, model, **kwargs):\n    return data\n"

    service = hooked(hook, LogisticRegression().fit(ROWS, CLASSES), **YES_NO)

    assert service.notes[1] == "labels: 'no', 'yes', as the score hook names its columns"
