"""Law: what an ONNX graph of trees says of a row depends on nothing but the row.

Not on the rows beside it, nor on the number of threads, in which onnxruntime adds trees up.
"""

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
from onnx import TensorProto, helper
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx.common.data_types import FloatTensorType as SklearnFloatTensorType
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression

from drum_like import plugins
from drum_like.api import Target, TargetType
from drum_like.cpus import Cpus
from tests.predictors.scoring import MatrixFrame

PLUGIN = plugins.load(plugins.PREDICTORS, "onnxruntime")
ROWS = import_module(f"{PLUGIN.__module__.partition('.')[0]}.onnx_rows")
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
    monkeypatch.setattr(ROWS, "CPUS", cpus)

    together = answers(session, rows, target)
    alone = [answers(session, rows[at : at + 1], target) for at in range(len(rows))]
    monkeypatch.setattr(ROWS, "ROWS_OF_ONE_THREAD", 4)
    by_environment = answers(session, rows, target)
    cpus.divide(7, 1)
    by_sevenths = answers(session, rows, target)

    assert session.get_session_options().intra_op_num_threads == 1
    assert ROWS.runner(session, WIDTH) != session.run
    assert np.concatenate(alone).tobytes() == together.tobytes()
    assert by_environment.tobytes() == by_sevenths.tobytes() == together.tobytes()


def test_other_graphs_keep_the_threads_of_the_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")

    session = opened(of_sklearn(LogisticRegression()), tmp_path)

    assert session.get_session_options().intra_op_num_threads == 3


def test_rows_that_are_not_independent_stay_together(tmp_path: Path) -> None:
    model = of_sklearn(RandomForestRegressor(3, max_depth=2, n_jobs=1))
    (answer,) = (node.output[0] for node in model.graph.node)
    flat = helper.make_node(
        "TreeEnsembleClassifier", ["x"], ["label", "chances"], domain="ai.onnx.ml"
    )
    tree = next(node for node in of_sklearn(RandomForestClassifier(3, max_depth=2)).graph.node)
    flat.attribute.extend(tree.attribute)
    as_float = helper.make_node("Cast", ["label"], ["flat"], to=TensorProto.FLOAT)
    product = helper.make_node("Mul", [answer, "flat"], ["crossed"])
    model.graph.node.extend([flat, as_float, product])
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("crossed", 1, [None, None]))

    session = opened(model, tmp_path)

    assert ROWS.runner(session, WIDTH) == session.run
