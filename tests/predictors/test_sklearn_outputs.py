"""Classes, names, several labels, and models without probabilities, of scikit-learn as served."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import DBSCAN
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from drum_like.api import LoadError, NativeFrame, Payload, TargetType
from drum_like.config.model_settings import ModelSettings
from drum_like.inference.loading import open_service
from drum_like.inference.model_service import ModelService
from tests.predictors.scoring import classes, numbers

BINARY: dict[str, Any] = {
    "target_type": TargetType.BINARY,
    "positive_class_label": "yes",
    "negative_class_label": "no",
}
MULTILABEL: dict[str, Any] = {"target_type": TargetType.MULTILABEL, "class_labels": ("x", "y", "z")}
REGRESSION: dict[str, Any] = {"target_type": TargetType.REGRESSION}
ROWS = numbers()
TRUTHS = np.column_stack([ROWS["a"] > 0, ROWS["b"] > 1, ROWS["c"] > 0]).astype(int)
VOTERS = [("a", LogisticRegression()), ("b", DecisionTreeClassifier())]


def opened(path: Path, model: Any, code: str = "", **settings: Any) -> ModelService:
    """Return the service of a model's pickle."""
    joblib.dump(model, path / "m.joblib")
    if code:
        (path / "custom.py").write_text(code)
    return open_service(ModelSettings(code_dir=path, **settings))


def chances_of_one(model: Any, rows: pd.DataFrame) -> NDArray[Any]:
    """Return (n_rows, n_labels) chances of class 1, as scikit-learn itself tells them."""
    chances = model.predict_proba(rows)
    if not isinstance(chances, list):
        return np.asarray(chances)
    columns = [
        part[:, list(known).index(1)] if 1 in known else np.zeros(len(rows))
        for part, known in zip(chances, model.classes_, strict=True)
    ]
    return np.column_stack(columns)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ((0, 1, 2), "labels: class 0 is 'a', 1 is 'b', 2 is 'c'"),
        ((1.0, 2.0, 5.0), "labels: class 1 is 'a', 2 is 'b', 5 is 'c'"),
    ],
    ids=["integers", "whole-floats"],
)
def test_numbered_classes_get_names_in_their_order(
    known: tuple[Any, ...], said: str, tmp_path: Path
) -> None:
    model = LogisticRegression().fit(ROWS, np.array(known)[classes(n_classes=3)])

    service = opened(
        tmp_path, model, target_type=TargetType.MULTICLASS, class_labels=("a", "b", "c")
    )
    found = service.predict(NativeFrame(ROWS))

    assert service.notes[1] == said
    assert found.labels == ("a", "b", "c")
    assert np.array_equal(found.values, model.predict_proba(ROWS))


def test_the_positive_name_is_that_of_the_second_class(tmp_path: Path) -> None:
    model = LogisticRegression().fit(ROWS, classes() + 1)

    service = opened(tmp_path, model, **BINARY)

    assert service.notes[1] == "labels: class 1 is 'no', 2 is 'yes' (positive: 'yes')"
    assert service.predict(NativeFrame(ROWS)).labels == ("no", "yes")


def test_words_are_no_names_of_other_words(tmp_path: Path) -> None:
    model = LogisticRegression().fit(ROWS, np.array(["dog", "cat"])[classes()])

    with pytest.raises(LoadError, match="Expected predictions to have columns"):
        opened(tmp_path, model, **BINARY)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(4, n_jobs=2),
        ExtraTreesClassifier(4),
        DecisionTreeClassifier(),
        KNeighborsClassifier(),
        MLPClassifier((4,), max_iter=50, tol=1.0),
        MultiOutputClassifier(LogisticRegression()),
        OneVsRestClassifier(LogisticRegression()),
        ClassifierChain(LogisticRegression()),
        DummyClassifier(),
        make_pipeline(StandardScaler(), RandomForestClassifier(3)),
        GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [3]}, cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_each_label_gets_the_chance_of_class_1(model: Any, tmp_path: Path) -> None:
    model.fit(ROWS, TRUTHS)

    service = opened(tmp_path, model, **MULTILABEL)
    found = service.predict(NativeFrame(ROWS))

    assert service.notes[1] == "labels: by position, column 1 is 'x', 2 is 'y', 3 is 'z'"
    assert found.labels == ("x", "y", "z")
    np.testing.assert_allclose(found.values, chances_of_one(model, ROWS), rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    "model",
    [RandomForestClassifier(3), KNeighborsClassifier(), OneVsRestClassifier(LogisticRegression())],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore:Label .* is present in all:UserWarning")
@pytest.mark.filterwarnings("ignore:Label not .* is present in all:UserWarning")
def test_a_label_that_training_saw_always_or_never(model: Any, tmp_path: Path) -> None:
    truths = TRUTHS.copy()
    truths[:, 1], truths[:, 2] = 0, 1
    model.fit(ROWS, truths)

    found = opened(tmp_path, model, **MULTILABEL).predict(NativeFrame(ROWS))

    assert (found.values[:, 1] == 0).all()
    assert (found.values[:, 2] == 1).all()
    assert np.array_equal(found.values, chances_of_one(model, ROWS))


def test_stacking_gives_the_chances_of_class_0_itself(tmp_path: Path) -> None:
    stacked = StackingClassifier([("a", KNeighborsClassifier(1))], RandomForestClassifier(20))
    model = stacked.fit(ROWS, TRUTHS)

    found = opened(tmp_path, model, **MULTILABEL).predict(NativeFrame(ROWS))

    assert np.array_equal(found.values > 0.5, TRUTHS == 1)


@pytest.mark.parametrize(
    ("truths", "settings", "said"),
    [
        (TRUTHS, MULTILABEL | {"class_labels": ("x", "y")}, "has 3 outputs"),
        (TRUTHS * 2, MULTILABEL, "outputs that are 0 or 1 each"),
        (TRUTHS + TRUTHS[:, ::-1], MULTILABEL, "outputs that are 0 or 1 each"),
        (TRUTHS, BINARY, "needs one output"),
    ],
    ids=["count", "other-classes", "three-classes", "binary"],
)
def test_several_outputs_that_are_not_the_labels_are_refused(
    truths: Any, settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(LoadError, match=said):
        opened(tmp_path, DecisionTreeClassifier().fit(ROWS, truths), **settings)


def test_target_and_labels_of_several_outputs_come_from_the_model(tmp_path: Path) -> None:
    service = opened(tmp_path, DecisionTreeClassifier().fit(ROWS, TRUTHS))

    assert service.target.type is TargetType.MULTILABEL
    assert service.target.labels == ("0", "1", "2")


WITHOUT_CHANCES = [
    VotingClassifier(VOTERS),
    make_pipeline(StandardScaler(), VotingClassifier(VOTERS)),
    LinearSVC(),
    SVC(),
    RidgeClassifier(),
    SGDClassifier(),
    Perceptron(),
    GridSearchCV(LinearSVC(), {"C": [1.0]}, cv=2),
    StackingClassifier(VOTERS, LinearSVC()),
    OneVsRestClassifier(LinearSVC()),
]


@pytest.mark.parametrize("model", WITHOUT_CHANCES, ids=lambda model: type(model).__name__)
def test_a_classifier_without_probabilities_is_refused(model: Any, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="it gives no probabilities") as caught:
        opened(tmp_path, model.fit(ROWS, classes()), **BINARY)

    hint = str(caught.value)
    assert ("voting='soft'" in hint) or ("CalibratedClassifierCV" in hint)


def test_the_ways_out_work(tmp_path: Path) -> None:
    for at, model in enumerate(
        [VotingClassifier(VOTERS, voting="soft"), CalibratedClassifierCV(LinearSVC())]
    ):
        path = tmp_path / str(at)
        path.mkdir()
        fitted = model.fit(ROWS, classes())

        found = opened(path, fitted, **BINARY).predict(NativeFrame(ROWS))

        np.testing.assert_allclose(found.values, fitted.predict_proba(ROWS), rtol=0, atol=1e-15)


@pytest.mark.parametrize("model", WITHOUT_CHANCES[:3], ids=lambda model: type(model).__name__)
def test_a_hook_makes_probabilities_of_decisions(model: Any, tmp_path: Path) -> None:
    model.fit(ROWS, classes())
    code = "def post_process(predictions, model):\n    return predictions * 0.5 + 0.25\n"

    found = opened(tmp_path, model, code, **BINARY).predict(NativeFrame(ROWS))

    assert found.labels == ("no", "yes")
    assert np.array_equal(found.values[:, 1], model.predict(ROWS) * 0.5 + 0.25)


@pytest.mark.parametrize(
    ("model", "settings", "said"),
    [
        (LogisticRegression(), REGRESSION, "LogisticRegression is a classifier"),
        (LogisticRegression(), {"target_type": TargetType.ANOMALY}, "an anomaly target needs num"),
        (LinearRegression(), BINARY, "LinearRegression is a regressor"),
        (LinearRegression(), MULTILABEL, "LinearRegression is a regressor"),
        (DBSCAN(), REGRESSION, "needs predict, which DBSCAN does not have"),
        (LinearRegression(), {"target_type": TargetType.TRANSFORM}, "needs transform"),
        (IsolationForest(n_estimators=3), BINARY, "it gives no probabilities"),
        (
            LinearRegression(),
            {"target_type": TargetType.TEXT_GENERATION, "target_name": "t"},
            "'textgeneration' is not supported by 'SKLearnPredictor'",
        ),
    ],
    ids=["number", "anomaly", "binary", "multilabel", "clusters", "transform", "outliers", "text"],
)
def test_a_target_that_the_model_cannot_answer_is_refused(
    model: Any, settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(LoadError, match=said) as caught:
        opened(tmp_path, model.fit(ROWS, classes()), **settings)

    assert "hook" in str(caught.value)


def test_a_vectorizer_alone_reads_the_cells_not_the_header(tmp_path: Path) -> None:
    texts = pd.Series(["good day", "bad day"] * 50)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0] * 50)

    service = opened(tmp_path, model, **BINARY)
    found = service.predict(Payload(b"note\ngood day\nbad day\n"))

    np.testing.assert_allclose(
        found.values, model.predict_proba(["good day", "bad day"]), rtol=0, atol=1e-15
    )
