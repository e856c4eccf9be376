"""A model directory and its twin with an identity transform hook give identical answers.

The plain directory is scored from a matrix, its twin from the DataFrame that the hook returned.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer

from drum_like.api import TargetType
from drum_like.codecs.json.encode import predictions_json
from drum_like.config.model_settings import ModelSettings
from drum_like.inference.loading import open_service
from drum_like.inference.model_service import ModelService
from drum_like.types.payload import Payload
from tests.support.serving import serve

IDENTITY = "def transform(data, model):\n    return data\n"
NAMES = ("mean radius", "mean texture", "mean area", "worst area")
ARROW = "application/vnd.apache.arrow.stream"


@dataclass(frozen=True, slots=True)
class Twins:
    """One model, served with and without a hook."""

    plain: ModelService
    hooked: ModelService


def training_data() -> tuple[pd.DataFrame, Any]:
    """Return four columns of real data with a few missing cells, and the target."""
    source = load_breast_cancer(as_frame=True)
    rows = source.data[list(NAMES)].copy()
    rows.iloc[::17, 1] = np.nan
    return rows, source.target


def xgboost_ubj(directory: Path) -> None:
    """Write a native booster."""
    rows, target = training_data()
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 3}, xgboost.DMatrix(rows, target), 8
    )
    booster.save_model(directory / "model.ubj")


def lightgbm_text(directory: Path) -> None:
    """Write a native booster."""
    rows, target = training_data()
    parameters = {"objective": "binary", "num_leaves": 7, "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, target), 8)
    booster.save_model(directory / "model.txt")


WRITERS = {"xgboost": xgboost_ubj, "lightgbm": lightgbm_text}


@pytest.fixture(scope="module", params=WRITERS)
def directories(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A directory and its twin."""
    pair = []
    for name in ("plain", "hooked"):
        directory = tmp_path_factory.mktemp(f"{request.param}-{name}")
        WRITERS[request.param](directory)
        pair.append(directory)
    (pair[1] / "custom.py").write_text(IDENTITY)
    return pair[0], pair[1]


@pytest.fixture(scope="module")
def twins(directories: tuple[Path, Path]) -> Twins:
    """Both directories, loaded here."""
    plain, hooked = (
        open_service(ModelSettings(code_dir=directory, target_type=TargetType.BINARY))
        for directory in directories
    )
    return Twins(plain, hooked)


def answer(service: ModelService, payload: Payload) -> bytes:
    """Return the body of /predict/."""
    return predictions_json(service.predict(payload), service.target)


CELLS = st.one_of(
    st.none(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False, width=64),
    st.floats(0, 3000, width=32),
)
ROWS = st.lists(st.tuples(*[CELLS] * len(NAMES)), min_size=1, max_size=6)


def frame_of(rows: Sequence[tuple[Any, ...]], order: Sequence[int]) -> pd.DataFrame:
    """Return rows with their columns in another order, and one column that no model knows."""
    frame = pd.DataFrame(rows, columns=list(NAMES), dtype=object)
    shuffled = frame.iloc[:, list(order)].copy()
    shuffled.insert(1, "extra", "text")
    return shuffled


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS, order=st.permutations(range(len(NAMES))))
def test_twins_agree_on_csv(twins: Twins, rows: list[tuple[Any, ...]], order: list[int]) -> None:
    payload = Payload(frame_of(rows, order).to_csv(index=False).encode())

    assert answer(twins.plain, payload) == answer(twins.hooked, payload)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS, order=st.permutations(range(len(NAMES))))
def test_twins_agree_on_arrow(twins: Twins, rows: list[tuple[Any, ...]], order: list[int]) -> None:
    frame = frame_of(rows, order)
    columns = {
        name: pa.array([None if v is None else float(v) for v in frame[name]], pa.float64())
        for name in frame.columns
        if name != "extra"
    }
    payload = Payload(arrow_stream(pa.table(columns)), ARROW)

    assert answer(twins.plain, payload) == answer(twins.hooked, payload)


def arrow_stream(table: pa.Table) -> bytes:
    """Return a table as an IPC stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_twins_agree_over_http(directories: tuple[Path, Path]) -> None:
    rows, _ = training_data()
    straight = rows.to_csv(index=False)
    shuffled = rows[list(NAMES[::-1])].to_csv(index=False)
    arrow = arrow_stream(pa.Table.from_pandas(rows, preserve_index=False))
    flags = ("--target-type", "binary", "--max-workers", "1")

    bodies = []
    for directory in directories:
        with serve(directory, *flags) as server:
            bodies.append(
                [
                    server.csv(straight).body,
                    server.csv(shuffled).body,
                    server.post("/predict/", arrow, ARROW).body,
                ]
            )

    assert bodies[0] == bodies[1]
    assert len(set(bodies[0])) == 1
    assert bodies[0][0].startswith(b'{"predictions":[{')
