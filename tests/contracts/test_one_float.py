"""500 rows through every door of the oracle: the library's own floats, bit for bit."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import xgboost
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.oracle.answers import Answered, Told
from tests.oracle.case import NUMBER, Case
from tests.oracle.doors import DOORS, MODEL, Sent
from tests.oracle.rows import columns_of, rows_of
from tests.oracle.wire import Wire
from tests.support.artifacts import saved
from tests.support.models import Model, hooks
from tests.support.serving import Server, serve

N_ROWS = 500
NAMES = ["a", "b", "c", "d"]
REGRESSION = ("--target-type", "regression", "--max-workers", "1")

_random = np.random.default_rng(17)
TRAINING = pd.DataFrame(_random.normal(size=(300, len(NAMES))), columns=NAMES)
TARGET = TRAINING["a"] * 3 - TRAINING["b"] * TRAINING["c"] + _random.normal(size=300)
ROWS = pd.DataFrame(_random.normal(size=(N_ROWS, len(NAMES))) * 10.0, columns=NAMES)

Numbers = NDArray[Any]
Trained = tuple[Model, Numbers]
"""A model directory, and what the library itself predicts for ROWS, in its own width."""

HOOK = hooks("""
import pandas as pd

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": data["a"] * 3 - data["b"] / 7 + data["c"] * data["d"]})
""")
METADATA = """
name: model
type: inference
targetType: regression
inferenceModel:
  targetName: out
inputSchema:
  type: object
  properties:
    a:
      type: number
    b:
      type: number
    c:
      type: number
    d:
      type: number
"""
"""Names the columns for a model that does not."""


def _xgboost() -> Trained:
    model = xgboost.XGBRegressor(n_estimators=20).fit(TRAINING, TARGET)
    return Model({"model.json": saved(".json", model.save_model)}, REGRESSION), model.predict(ROWS)


def _lightgbm() -> Trained:
    data = lightgbm.Dataset(TRAINING, TARGET)
    booster = lightgbm.train({"objective": "regression", "verbose": -1}, data, 20)
    return Model({"model.txt": booster.model_to_string()}, REGRESSION), _array(
        booster.predict(ROWS)
    )


def _onnx() -> Trained:
    model = GradientBoostingRegressor(n_estimators=20).fit(TRAINING.to_numpy(), TARGET)
    width = FloatTensorType([None, len(NAMES)])
    content = to_onnx(model, initial_types=[("x", width)], target_opset=17).SerializeToString()
    session = onnxruntime.InferenceSession(content)
    # Each row alone: the bits of the library depend on how many rows it gets at once.
    rows = ROWS.to_numpy(np.float32)[:, np.newaxis]
    predicted = [session.run(None, {"x": row})[0] for row in rows]
    return Model({"model.onnx": content, "model-metadata.yaml": METADATA}, REGRESSION), _array(
        predicted
    ).ravel()


def _sklearn() -> Trained:
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(TRAINING, TARGET)
    return Model({"model.pkl": pickle.dumps(model)}, REGRESSION), model.predict(ROWS)


def _hook() -> Trained:
    expected = ROWS["a"] * 3 - ROWS["b"] / 7 + ROWS["c"] * ROWS["d"]
    return Model({**HOOK, "model-metadata.yaml": METADATA}, REGRESSION), expected.to_numpy()


def _array(found: Any) -> Numbers:
    return np.asarray(found)


MODELS = {
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "onnx": _onnx,
    "sklearn": _sklearn,
    "hook": _hook,
}


@pytest.fixture(scope="module", params=MODELS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Numbers]]:
    model, expected = MODELS[request.param]()
    directory: Path = model.write(tmp_path_factory.mktemp("models") / MODEL)
    with serve(directory, *model.flags) as server:
        yield server, expected


@pytest.mark.parametrize("name", DOORS)
def test_a_door_gives_the_floats_of_the_library(served: tuple[Server, Numbers], name: str) -> None:
    server, expected = served
    columns, rows, door = columns_of(ROWS, frozenset()), rows_of(ROWS), DOORS[name]
    case = Case(plugin="", frame=TRAINING, target=NUMBER, ask=lambda _: expected, files={})
    told: list[Told] = []
    with Wire(server.url) as wire:
        for some in [[row] for row in rows] if door.alone else [rows]:
            answer = door.send(wire, case, Sent(columns, some, range(len(NAMES))))
            assert isinstance(answer, Answered), answer
            told += answer.rows

    found = np.array([row[""] for row in told]).astype(expected.dtype)

    assert found.shape == (N_ROWS,)
    assert found.tobytes() == expected.tobytes()
