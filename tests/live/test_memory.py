"""A server of a booster does without the libraries that numbers do not need."""

import json
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pytest
import xgboost as xgb
from pyarrow import ipc

from tests.support.serving import Server, serve

WIDTH = 4
HEAVY = ("pandas", "scipy", "sklearn", "yaml")
ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(200, WIDTH))
    matrix = xgb.DMatrix(rows, rows[:, 0] > 0, feature_names=["a", "b", "c", "d"])
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1}, matrix, 5)
    booster.save_model(tmp_path / "model.ubj")
    return tmp_path


def mapped(server: Server) -> set[str]:
    """Return the heavy libraries that some process of a server has in memory."""
    master = psutil.Process(server.process.pid)
    maps = [m.path for p in (master, *master.children()) for m in p.memory_maps()]
    assert any("libxgboost" in path for path in maps)
    return {name for name in HEAVY if any(f"/{name}/" in path for path in maps)}


def arrow(n_rows: int) -> bytes:
    table = pa.table({name: pa.array([1.5] * (n_rows - 1) + [None]) for name in "abcd"})
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def test_numbers_are_scored_without_pandas(directory: Path) -> None:
    scorer = json.dumps(
        {
            "fields": list("abcd"),
            "rows": [["1", "2", "3", "4"]],
            "requestShapleyValueType": "ORIGINAL",
        }
    )
    with serve(directory, "--max-workers", "1") as server:
        few = server.csv("a,b,c,d\n1,2,,4\n")
        many = server.csv("a,b,c,d\n" + "1,2,,4\n" * 20_000)
        stream = server.post("/predict/", arrow(50), ARROW, Accept=ARROW)
        before = mapped(server)
        explained = server.post("/model/score", scorer, "application/json")
        words = server.csv("a,b,c,d\n1,2,,four\n")

        assert [one.status for one in (few, many, stream, explained)] == [200] * 4
        assert before == set()
        assert words.status == 422
        assert "'d' holds text in row 1" in words.text
        assert mapped(server) == {"pandas"}


def test_a_hook_gets_the_booster_of_the_package(directory: Path) -> None:
    (directory / "custom.py").write_text(
        "def transform(data, model):\n"
        "    import xgboost\n"
        "    assert type(model) is xgboost.Booster\n"
        "    return data * model.num_features()\n"
    )
    with serve(directory, "--max-workers", "1") as server:
        reply = server.csv("a,b,c,d\n1,2,3,4\n")

    assert reply.status == 200
