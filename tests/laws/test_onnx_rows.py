"""Law: what an ONNX graph says of a row depends on nothing but the row.

Not on the rows beside it, nor on the number of threads, in which onnxruntime adds trees up, nor on
how many rows its matrix products are given.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import onnxmltools
import onnxruntime as ort
import pandas as pd
import pytest
import skl2onnx
from numpy.typing import NDArray
from onnx import helper
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx.common.data_types import FloatTensorType as SklearnFloatTensorType
from skl2onnx.common.data_types import StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVR

from drum_like import plugins
from drum_like.api import NativeFrame, Target, TargetType
from drum_like.system.cpus import Cpus
from tests.predictors.scoring import MatrixFrame
from tests.support import onnx_graphs as graphs

PLUGIN = plugins.load(plugins.PREDICTORS, "onnxruntime")
BATCHING = import_module(f"{PLUGIN.__module__.partition('.')[0]}.onnxruntime.batching")
WIDTH = 6
BINARY = Target(TargetType.BINARY, ("0", "1"), "1")
REGRESSION = Target(TargetType.REGRESSION)


def training() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(600, WIDTH)).astype(np.float32)
    return rows, (rows[:, 0] + rows[:, 1] ** 2 + rng.normal(size=600) > 1).astype(np.int64)


def of_lightgbm() -> Any:
    model = lgb.LGBMClassifier(n_estimators=120, num_leaves=15, verbose=-1, n_jobs=1)
    kinds = [("x", FloatTensorType([None, WIDTH]))]
    return onnxmltools.convert_lightgbm(model.fit(*training()), initial_types=kinds, zipmap=False)


def of_sklearn(model: Any) -> Any:
    kinds = [("x", SklearnFloatTensorType([None, WIDTH]))]
    return skl2onnx.convert_sklearn(model.fit(*training()), initial_types=kinds)


def opened(model: Any, folder: Path) -> ort.InferenceSession:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return PLUGIN.load_alone(path)


def answers(session: ort.InferenceSession, rows: NDArray[Any], target: Target) -> NDArray[Any]:
    values: NDArray[Any] = PLUGIN(session).predict(MatrixFrame(pd.DataFrame(rows)), target).values
    return values


MODELS = {
    "lightgbm": (of_lightgbm, BINARY),
    "maps": (lambda: of_sklearn(RandomForestClassifier(110, max_depth=4, n_jobs=1)), BINARY),
    "numbers": (lambda: of_sklearn(RandomForestRegressor(110, max_depth=4, n_jobs=1)), REGRESSION),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_row_is_answered_alone_as_among_others(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    model, target = MODELS[name]
    session, rows = opened(model(), tmp_path), training()[0][:60]
    cpus = Cpus()
    monkeypatch.setattr(BATCHING, "CPUS", cpus)

    together = answers(session, rows, target)
    alone = [answers(session, rows[at : at + 1], target) for at in range(len(rows))]
    monkeypatch.setattr(BATCHING, "ROWS_OF_ONE_THREAD", 4)
    by_environment = answers(session, rows, target)
    cpus.divide(7, 1)
    by_sevenths = answers(session, rows, target)

    assert session.get_session_options().intra_op_num_threads == 1
    assert PLUGIN(session).bits == "equal"
    assert np.concatenate(alone).tobytes() == together.tobytes()
    assert by_environment.tobytes() == by_sevenths.tobytes() == together.tobytes()


def test_other_graphs_keep_the_threads_of_the_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")

    session = opened(of_sklearn(LogisticRegression()), tmp_path)

    assert session.get_session_options().intra_op_num_threads == 3


def of_a_network(*, classes: bool) -> Any:
    rows, label = training()
    kind: Any = MLPClassifier if classes else MLPRegressor
    network = kind(hidden_layer_sizes=(40, 30), max_iter=30, random_state=0)
    kinds = [("x", SklearnFloatTensorType([None, WIDTH]))]
    options = {id(network): {"zipmap": False}} if classes else None
    return skl2onnx.convert_sklearn(network.fit(rows, label), initial_types=kinds, options=options)


def of_neighbours() -> Any:
    rows, label = training()
    return skl2onnx.to_onnx(KNeighborsRegressor().fit(rows, label), rows[:1])


def of_process() -> Any:
    rows, label = training()
    model = GaussianProcessRegressor().fit(rows[:60].astype(np.float64), label[:60])
    return skl2onnx.to_onnx(model, rows[:1].astype(np.float64))


OTHERS: dict[str, tuple[Callable[[], Any], Target]] = {
    "network": (lambda: of_a_network(classes=True), BINARY),
    "network-of-numbers": (lambda: of_a_network(classes=False), REGRESSION),
    "linear": (lambda: of_sklearn(LogisticRegression()), BINARY),
    "linear-numbers": (lambda: of_sklearn(Ridge()), REGRESSION),
    "scaled": (lambda: of_sklearn(make_pipeline(StandardScaler(), LinearRegression())), REGRESSION),
    "vectors": (lambda: of_sklearn(SVR()), REGRESSION),
    "neighbours": (of_neighbours, REGRESSION),
    "process-of-doubles": (of_process, REGRESSION),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", OTHERS)
def test_other_graphs_answer_a_row_alone_as_among_others(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    made, target = OTHERS[name]
    session, rows = opened(made(), tmp_path), training()[0]

    together = answers(session, rows, target)

    predictor = PLUGIN(session)
    assert predictor.bits in ("equal", "padded", "blocks")
    for first, last in ((0, 1), (1, 2), (599, 600), (3, 5), (7, 14), (40, 49), (100, 200)):
        some = predictor.predict(MatrixFrame(pd.DataFrame(rows[first:last])), target).values
        assert some.tobytes() == together[first:last].tobytes(), (first, last)
    shuffled = np.random.default_rng(0).permutation(len(rows))
    assert answers(session, rows[shuffled], target).tobytes() == together[shuffled].tobytes()


def test_numbers_beside_categories_that_an_encoder_refuses_are_compared_too() -> None:
    """Few made-up rows have words that it takes: all of them have to vary in their numbers."""
    rng = np.random.default_rng(4)
    data = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc")).astype(np.float32)
    data["city"], data["color"] = rng.choice(["x", "y"], 200), rng.choice(["red", "blue"], 200)
    encoder = make_column_transformer((OneHotEncoder(), ["city", "color"]), remainder="passthrough")
    model = make_pipeline(encoder, LinearRegression()).fit(data, data["a"] - data["b"])
    kinds = [(name, SklearnFloatTensorType([None, 1])) for name in "abc"]
    kinds += [(name, StringTensorType([None, 1])) for name in ("city", "color")]
    session = graphs.session(skl2onnx.convert_sklearn(model, initial_types=kinds))
    predictor = PLUGIN(session)

    together = predictor.predict(NativeFrame(data), REGRESSION).values

    for first, last in ((0, 1), (3, 5), (7, 14), (40, 49)):
        some = NativeFrame(data.iloc[first:last].reset_index(drop=True))
        found = predictor.predict(some, REGRESSION).values
        assert found.tobytes() == together[first:last].tobytes(), (first, last)


@pytest.mark.parametrize("batch", [1, 4, 7])
def test_a_graph_of_a_fixed_number_of_rows_answers_any(batch: int) -> None:
    session = graphs.session(graphs.softmax(rows=batch))
    rows = training()[0][:30, :2]
    target = Target(TargetType.MULTICLASS, ("a", "b", "c"))

    together = answers(session, rows, target)

    np.testing.assert_allclose(together, graphs.chances(rows), atol=1e-6)
    assert PLUGIN(session).bits == "blocks"
    for first, last in ((0, 1), (3, 5), (2, 9), (0, batch), (1, batch + 2)):
        some = answers(session, rows[first:last], target)
        assert some.tobytes() == together[first:last].tobytes(), (first, last)


def test_a_graph_that_takes_one_row_in_spite_of_what_it_declares_answers_any() -> None:
    nodes = [
        helper.make_node("Reshape", ["x", "sizes"], ["row"]),
        helper.make_node("ReduceSum", ["row", "axes"], ["y"], keepdims=1),
    ]
    made = graphs.model(
        nodes,
        [graphs.tensor("x", graphs.FLOAT, ["rows", 2])],
        [graphs.tensor("y", graphs.FLOAT, ["rows", 1])],
        sizes=np.array([1, 2], np.int64),
        axes=np.array([1], np.int64),
    )
    rows = training()[0][:9, :2]

    found = answers(graphs.session(made), rows, REGRESSION)

    np.testing.assert_allclose(found[:, 0], rows.sum(axis=1), rtol=1e-6)


def test_rows_of_an_output_are_cut_where_they_are() -> None:
    """Those of a forest of several labels are in their second place."""
    rows, label = training()
    model = RandomForestClassifier(3, max_depth=3, n_jobs=1)
    model.fit(rows, np.column_stack([label, 1 - label]))
    made = skl2onnx.to_onnx(model, rows[:1], options={id(model): {"zipmap": False}})
    target = Target(TargetType.MULTILABEL, ("a", "b"))

    found = answers(graphs.session(made), rows, target)

    expected = np.column_stack([pair[:, 1] for pair in model.predict_proba(rows)])
    np.testing.assert_allclose(found, expected, atol=1e-6)
