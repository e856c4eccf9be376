"""Law 2 for scikit-learn: a row has the same bits alone, in any batch and at any place of it."""

from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, scale
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeClassifier

from drum_like.api import ColumnsError, ColumnsFrame, NativeFrame, Target, TargetType
from drum_like.model.artifact import predictor_for

# By its installed name: type checkers know the package under its folder's name.
batching: Any = import_module("drum_like_predictors.sklearn.batching")
Batching: Any = batching.Batching

SIZES = (*range(1, 18), 64, 100, 257)
PLACES = (0, 3, 500)
THREE = Target(TargetType.MULTICLASS, ("0", "1", "2"))
MANY = Target(TargetType.MULTILABEL, ("a", "b"))
NUMBER = Target(TargetType.REGRESSION)

RNG = np.random.default_rng(5)
TRAINING = pd.DataFrame({f"c{at}": RNG.normal(size=300) for at in range(30)})
CLASSES = np.digitize(TRAINING["c0"], [-0.4, 0.4])
TRUTHS = np.column_stack([TRAINING["c0"] > 0, TRAINING["c1"] > 0]).astype(int)
ROWS = pd.DataFrame({name: RNG.normal(size=1500) for name in TRAINING})

MODELS: dict[str, tuple[Any, Any, Target]] = {
    "linear": (LinearRegression(), TRAINING["c0"] * 3, NUMBER),
    "logistic": (LogisticRegression(), CLASSES, THREE),
    "scaled": (make_pipeline(StandardScaler(), LogisticRegression()), CLASSES, THREE),
    "quadratic": (QuadraticDiscriminantAnalysis(), CLASSES, THREE),
    "network": (MLPClassifier((50, 20), max_iter=20, tol=1.0), CLASSES, THREE),
    "network-of-numbers": (MLPRegressor(hidden_layer_sizes=(40,), tol=1.0), CLASSES * 1.0, NUMBER),
    "kernel": (SVR(), TRAINING["c0"] * 3, NUMBER),
    "nystroem": (make_pipeline(Nystroem(n_components=50), LogisticRegression()), CLASSES, THREE),
    "neighbours": (KNeighborsClassifier(weights="distance"), CLASSES, THREE),
    "forest": (RandomForestClassifier(10, n_jobs=2), CLASSES, THREE),
    "labels": (MultiOutputClassifier(LogisticRegression()), TRUTHS, MANY),
}


def bits(predictor: Any, rows: pd.DataFrame, target: Target) -> NDArray[Any]:
    columns = ColumnsFrame(tuple(map(str, rows)), [rows[name].to_numpy() for name in rows])
    values: NDArray[Any] = predictor.predict(predictor.schema.conform(columns), target).values
    return values


@pytest.mark.parametrize("names", [True, False], ids=["named", "nameless"])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer:UserWarning")
def test_a_row_has_the_same_bits_beside_any_others(name: str, *, names: bool) -> None:
    estimator, y, target = MODELS[name]
    model = estimator.fit(TRAINING if names else TRAINING.to_numpy(), y)
    predictor = predictor_for(model)

    whole = bits(predictor, ROWS, target)

    for size in SIZES:
        for place in PLACES:
            part = bits(predictor, ROWS.iloc[place : place + size], target)
            assert np.array_equal(part, whole[place : place + size]), (size, place)
    method = getattr(model, "predict_proba", model.predict)
    own = method(ROWS if names else ROWS.to_numpy())
    if target is not MANY:
        np.testing.assert_allclose(whole, own, rtol=1e-12, atol=1e-12)


def test_text_and_categories_have_neighbours_too() -> None:
    data = TRAINING[["c0", "c1"]].assign(
        colour=RNG.choice(["red", "green", "blue"], 300), note=RNG.choice(["good day", "bad"], 300)
    )
    prepared = ColumnTransformer(
        [
            ("n", StandardScaler(), ["c0", "c1"]),
            ("o", OneHotEncoder(), ["colour"]),
            ("t", TfidfVectorizer(), "note"),
        ]
    )
    model = make_pipeline(prepared, MLPClassifier((50, 20), max_iter=50, tol=1.0))
    predictor = predictor_for(model.fit(data, CLASSES))

    whole = predictor.predict(NativeFrame(data), THREE).values

    for size in SIZES[:17]:
        part = predictor.predict(NativeFrame(data.iloc[7 : 7 + size]), THREE).values
        assert np.array_equal(part, whole[7 : 7 + size]), size


def centred(rows: Any) -> Any:
    """Return rows relative to each other; what a user may put into custom.py."""
    return rows - rows.mean()


def test_rows_that_are_predicted_relative_to_each_other_are_left_as_they_are() -> None:
    pipeline = make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        FunctionTransformer(centred),
        LinearRegression(),
    )
    model = pipeline.fit(TRAINING, TRAINING["c0"] * 3)
    predictor: Any = predictor_for(model)

    found = bits(predictor, ROWS.iloc[:3], NUMBER)

    np.testing.assert_allclose(found, model.predict(ROWS.iloc[:3]), rtol=1e-12, atol=1e-12)
    assert predictor.batchings["predict"] == batching.BatchingResult(Batching.WHOLE, equal=False)


def test_trees_are_not_made_to_predict_more_rows() -> None:
    model = make_pipeline(StandardScaler(), RandomForestClassifier(3)).fit(TRAINING, CLASSES)
    predictor: Any = predictor_for(model)

    bits(predictor, ROWS.iloc[:1], THREE)

    assert predictor.batchings["predict_proba"].batching is Batching.WHOLE


@pytest.mark.parametrize("way", [Batching.PADDED, Batching.BLOCKS, Batching.SMALL_BLOCKS])
@pytest.mark.parametrize("n_rows", [1, 2, 7, 8, 9, 64, 65, 1300])
def test_ways_hand_over_full_blocks_and_give_one_answer_a_row(way: Any, n_rows: int) -> None:
    seen: list[int] = []

    def method(rows: Any) -> list[Any]:
        seen.append(len(rows))
        values = np.asarray(rows)
        return [values[:, 0], values.sum(axis=1)]

    for rows in (ROWS.iloc[:n_rows], ROWS.iloc[:n_rows].assign(whole=1)):
        first, second = batching.predict(method, rows, way)

        assert np.array_equal(first, rows["c0"])
        assert second.shape == (n_rows,)
    assert all(size % way.multiple == 0 and size <= (way.most or size) for size in seen)


def test_what_cannot_be_tried_takes_the_way_that_is_given() -> None:
    def refuse(rows: Any) -> Any:
        raise ValueError(len(rows))

    same = batching.find_batching(lambda rows: np.ones(len(rows)), ROWS, default=Batching.PADDED)
    refused = batching.find_batching(refuse, ROWS, default=Batching.WHOLE)

    assert same == batching.BatchingResult(Batching.PADDED, None)
    assert refused == batching.BatchingResult(Batching.WHOLE, None)


def test_bits_that_depend_on_the_neighbours_in_any_way_are_said() -> None:
    def noisy(rows: Any) -> Any:
        noise[0] += 1
        return np.asarray(rows)[:, 0] + noise[0] * 1e-12

    noise = [0]

    found = batching.find_batching(noisy, ROWS.iloc[:1000], default=Batching.PADDED)

    assert found == batching.BatchingResult(Batching.SMALL_BLOCKS, equal=False, independent=True)


def test_a_refused_cell_is_named_in_its_own_row() -> None:
    predictor: Any = predictor_for(LogisticRegression().fit(TRAINING, CLASSES))
    sent = ROWS.iloc[:3].copy()
    sent.loc[2, "c4"] = np.nan

    with pytest.raises(ColumnsError, match="column 'c4' holds a missing value in row 3"):
        bits(predictor, sent, THREE)


@pytest.mark.parametrize("analyzer", ["word", "char"])
def test_texts_get_the_same_bits_alone_and_among_others(analyzer: str) -> None:
    rng = np.random.default_rng(3)
    words = ["late", "broken", "cheap", "kind", "fast", "loud"]
    texts = [" ".join(rng.choice(words, 5)) for _ in range(200)]
    classes = ["late" in text for text in texts]
    model = make_pipeline(TfidfVectorizer(analyzer=analyzer), LogisticRegression()).fit(
        texts, classes
    )
    predictor: Any = predictor_for(model)
    two = Target(TargetType.BINARY, ("True", "False"))
    frame = ColumnsFrame(("0",), [np.array(texts, dtype=object)])

    together = predictor.predict(predictor.schema.conform(frame), two).values

    for at in range(0, 200, 17):
        one = ColumnsFrame(("0",), [np.array(texts[at : at + 1], dtype=object)])
        alone = predictor.predict(predictor.schema.conform(one), two).values
        assert alone.tobytes() == together[at : at + 1].tobytes()
    assert predictor.dependence(two) is None
    assert predictor.batchings["predict_proba"].equal is not False


@pytest.mark.parametrize("seed", range(5))
def test_a_model_whose_rows_are_scaled_together_is_seen_to_look_at_neighbours(seed: int) -> None:
    """Few of its predictions are distinct: a tree of three leaves."""
    relative = FunctionTransformer(scale)
    model = make_pipeline(relative, DecisionTreeClassifier(max_leaf_nodes=3, random_state=seed))
    model.fit(TRAINING, CLASSES)
    rows = pd.DataFrame(np.random.default_rng(seed).normal(size=(1000, 30)), columns=[*TRAINING])

    found = batching.find_batching(model.predict_proba, rows, default=Batching.PADDED)

    assert found == batching.BatchingResult(Batching.WHOLE, equal=False)
