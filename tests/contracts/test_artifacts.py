"""Artifacts and the predictors that serve them (rows A-01 to A-10, I-02, V-19, V-20).

The answers of label-less models follow difference D17: one column is the positive class, two are
negative and positive.
"""

import pickle
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import joblib
import pytest

from tests.support import artifacts
from tests.support.artifacts import ROW, Trained
from tests.support.models import ABC, ONE_WORKER
from tests.support.serving import Server, serve, start_failure

IDENTITY = "def post_process(predictions, model):\n    return predictions\n"
AB = ("--target-type", "multiclass", "--class-labels", "A", "B")

Make = Callable[[], Trained]


def renamed(name: str) -> Trained:
    trained = artifacts.sklearn_regressor()
    files = {name: trained.model.files["model.pkl"]}
    return replace(trained, model=replace(trained.model, files=files))


def joblib_file() -> Trained:
    trained = artifacts.sklearn_regressor()
    estimator = pickle.loads(artifacts.content(trained, "model.pkl"))
    dumped = artifacts.saved(".joblib", lambda path: joblib.dump(estimator, path))
    return replace(trained, model=replace(trained.model, files={"m.joblib": dumped}))


def post_processed_onnx() -> Trained:
    trained = artifacts.onnx_tensor(1)
    return replace(trained, model=trained.model.plus(custom_py=IDENTITY))


def in_a_folder() -> Trained:
    trained = artifacts.sklearn_regressor()
    model = trained.model.plus(**{"hooks/custom_py": "def transform(data, model): return data * 1"})
    return replace(trained, model=model)


def start(trained: Trained, folder: Path, *flags: str) -> AbstractContextManager[Server]:
    return serve(trained.model.write(folder), *trained.model.flags, *ONE_WORKER, *flags)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(artifacts.sklearn_regressor, id="A-01"),
        pytest.param(lambda: renamed("MODEL.PKL"), id="A-02"),
        pytest.param(joblib_file, id="A-13-by-D6"),
        pytest.param(in_a_folder, id="A-16"),
    ],
)
def test_a_regressor_is_served(make: Make, tmp_path: Path) -> None:
    """I-02 too."""
    trained = make()

    with start(trained, tmp_path) as server:
        reply, info = server.csv(ROW), server.get("/info/").json()

    assert reply.json()["predictions"] == [pytest.approx(trained.expected, rel=1e-6)]
    assert info["predictor"] == "scikit-learn"


@pytest.mark.parametrize(
    ("make", "predictor"),
    [
        pytest.param(artifacts.sklearn_classifier, "scikit-learn", id="A-03"),
        pytest.param(artifacts.sklearn_01_classifier, "scikit-learn", id="A-04"),
        pytest.param(artifacts.xgb_classifier, "scikit-learn", id="A-05-xgboost"),
        pytest.param(artifacts.lgbm_classifier, "scikit-learn", id="A-05-lightgbm"),
        pytest.param(artifacts.xgb_pipeline, "xgboost", id="A-06"),
    ],
)
def test_a_classifier_is_served(make: Make, predictor: str, tmp_path: Path) -> None:
    """The objects stand in the order of `classes_`, in the spelling of the labels."""
    trained = make()

    with start(trained, tmp_path) as server:
        reply, info = server.csv(ROW), server.get("/info/").json()

    (row,) = reply.json()["predictions"]
    assert list(row) == ["no", "yes"]
    assert row["yes"] == pytest.approx(trained.expected, rel=1e-5)
    assert row["no"] == pytest.approx(1 - trained.expected, rel=1e-5)
    assert info["predictor"] == predictor


@pytest.mark.parametrize(
    ("make", "predictor"),
    [
        pytest.param(artifacts.pickled_xgboost, "xgboost", id="A-07"),
        pytest.param(lambda: artifacts.native_xgboost(".json"), "xgboost", id="A-07-json"),
        pytest.param(lambda: artifacts.native_xgboost(".ubj"), "xgboost", id="A-07-ubj"),
        pytest.param(lambda: artifacts.onnx_classifier(zipmap=True), "onnx", id="A-08-zipmap"),
        pytest.param(lambda: artifacts.onnx_classifier(zipmap=False), "onnx", id="A-08-labels"),
        pytest.param(lambda: artifacts.onnx_tensor(1), "onnx", id="A-08-one-column"),
        pytest.param(lambda: artifacts.onnx_tensor(2), "onnx", id="A-08-two-columns"),
        pytest.param(post_processed_onnx, "onnx", id="A-09"),
        pytest.param(artifacts.pickled_lightgbm, "lightgbm", id="A-10-by-D6"),
        pytest.param(artifacts.native_lightgbm, "lightgbm", id="A-10-text"),
    ],
)
def test_the_positive_class_gets_its_probability(
    make: Make, predictor: str, tmp_path: Path
) -> None:
    """D17."""
    trained = make()

    with start(trained, tmp_path) as server:
        reply, info = server.csv(ROW), server.get("/info/").json()

    (row,) = reply.json()["predictions"]
    assert row["yes"] == pytest.approx(trained.expected, rel=1e-5)
    assert row["no"] == pytest.approx(1 - trained.expected, rel=1e-5)
    assert info["predictor"] == predictor


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(artifacts.pickled_xgboost, id="A-07"),
        pytest.param(lambda: artifacts.onnx_tensor(2), id="A-08"),
    ],
)
def test_the_old_label_order_can_be_had(make: Make, tmp_path: Path) -> None:
    """D17: --legacy-label-order gives the positive probability to the negative label."""
    trained = make()

    with start(trained, tmp_path, "--legacy-label-order") as server:
        (row,) = server.csv(ROW).json()["predictions"]

    assert row["no"] == pytest.approx(trained.expected, rel=1e-5)


def test_the_start_says_which_column_is_which(tmp_path: Path) -> None:
    """D17."""
    trained = artifacts.onnx_tensor(1)

    with start(trained, tmp_path) as server:
        log = server.log()

    assert any("yes" in line and "column" in line for line in log.splitlines())


def test_three_outputs_match_three_labels_by_position(tmp_path: Path) -> None:
    """D18."""
    trained = artifacts.onnx_tensor(3, ("--target-type", "multiclass", *ABC))

    with start(trained, tmp_path) as server:
        (row,) = server.csv(ROW).json()["predictions"]

    assert list(row) == ["A", "B", "C"]
    assert row["C"] == pytest.approx(trained.expected, rel=1e-5)


@pytest.mark.parametrize(
    ("n_outputs", "flags", "counts"),
    [
        pytest.param(3, AB, ("2", "3"), id="V-19"),
        pytest.param(1, ("--target-type", "multiclass", *ABC), ("1", "3"), id="V-20"),
    ],
)
def test_a_wrong_number_of_outputs_is_found_at_the_start(
    n_outputs: int, flags: tuple[str, ...], counts: tuple[str, str], tmp_path: Path
) -> None:
    """D18: where DRUM fails at every request, the model does not load."""
    model = artifacts.onnx_tensor(n_outputs, flags).model

    done = start_failure(model.write(tmp_path), *flags)

    assert done.returncode == 4
    for count in counts:
        assert count in done.stderr
