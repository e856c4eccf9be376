"""Several models by their names and versions, and Triton's repository of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from tests.support.artifacts import content, native_xgboost, onnx_classifier
from tests.support.http_calls import Reply
from tests.support.models import ONE_WORKER, Model
from tests.support.open_inference import Tensor, answered, infer, path
from tests.support.registries import constant, opened
from tests.support.serving import Server, serve

METADATA = """
name: of-the-metadata
type: inference
targetType: binary
inferenceModel:
  targetName: out
  positiveClassLabel: "yes"
  negativeClassLabel: "no"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two models from directories, and one of two versions in a store."""
    root, models = tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("models")
    known = native_xgboost(".json").model
    files = {**known.files, "model-metadata.yaml": METADATA}
    Model(files).write(models / "known")
    Model({"custom.py": "def load_model(code_dir):\n    raise ValueError('x')\n"}).write(
        models / "broken"
    )
    with opened(root) as here:
        here.put("constant", constant(1))
        here.put("constant", constant(2))
    flags = ("--store", str(root), "--models", str(models))
    with serve(None, *flags, *ONE_WORKER) as running:
        yield running


def entry(name: str, version: str = "1") -> dict[str, str]:
    return {"name": name, "version": version, "state": "READY", "reason": ""}


def post(server: Server, end: str, tree: Any = None) -> Reply:
    return server.post(f"/v2/repository/{end}", b"" if tree is None else json.dumps(tree))


@pytest.mark.parametrize("tree", [None, {}, {"ready": True}, {"ready": False}])
def test_the_index_lists_each_version(server: Server, tree: Any) -> None:
    assert post(server, "index", tree).json() == [
        entry("broken"),
        entry("constant"),
        entry("constant", "2"),
        entry("known"),
    ]
    assert server.get("/v2/models").json() == {"models": ["broken", "constant", "known"]}


@pytest.mark.parametrize("ready", ["x", 1, []])
def test_ready_is_true_or_false(server: Server, ready: Any) -> None:
    reply = post(server, "index", {"ready": ready})

    assert (reply.status, list(reply.json())) == (400, ["error"])


def test_models_are_asked_by_name_and_version(server: Server) -> None:
    sent = Tensor("input-0", "FP64", np.array([[1.5, -0.5]]))
    one = Tensor("input-0", "FP32", np.array([[1.5]], np.float32))

    known = infer(server, "known", sent).json()
    newest = infer(server, "constant", one)
    first = server.post(
        path("constant", "/versions/1/infer"), json.dumps({"inputs": [one.described]})
    )

    assert (known["model_name"], known["model_version"]) == ("known", "1")
    assert answered(newest) == {"predict": [3.5]}
    assert answered(first) == {"predict": [2.5]}
    assert (newest.json()["model_version"], first.json()["model_version"]) == ("2", "1")
    assert server.get(path("constant", "")).json()["versions"] == ["1", "2"]
    assert server.get(path("constant", "/versions/3")).status == 404
    assert infer(server, "nobody", sent).status == 404


def test_a_model_is_loaded_when_that_is_asked_for(server: Server) -> None:
    assert post(server, "models/known/load").json() == {"name": "known", "load": True}
    assert post(server, "models/nobody/load").status == 404
    assert post(server, "models/broken/load").status == 503
    assert server.get(path("broken", "/ready")).status == 503
    assert server.get(path("known", "/ready")).status == 200


def test_configurations_of_a_load_are_refused(server: Server) -> None:
    reply = post(server, "models/known/load", {"parameters": {"config": "{}"}})

    assert reply.status == 400
    assert "leave out the parameters" in reply.json()["error"]


@pytest.mark.parametrize("body", [b"[]", b"1", b"{", b"\xff"])
def test_what_is_no_object_is_refused(server: Server, body: bytes) -> None:
    for end in ("index", "models/known/load"):
        reply = server.post(f"/v2/repository/{end}", body)
        assert (reply.status, list(reply.json())) == (400, ["error"])


def test_models_are_not_unloaded(server: Server) -> None:
    reply = post(server, "models/known/unload")

    assert reply.status == 501
    assert "--max-models" in reply.json()["error"]
    assert post(server, "models/nobody/unload").status == 404


def test_without_a_name_the_default_model_is_meant(server: Server) -> None:
    sent = Tensor("input-0", "FP64", np.array([[1.5, -0.5]]))

    reply = server.post("/invocations", json.dumps({"inputs": [sent.described]}))

    assert reply.status == 404
    assert "no default one" in reply.json()["error"]


CONFIG = """
backend: "fil"
max_batch_size: 8
input [{ name: "input__0" data_type: TYPE_FP32 dims: [ 2 ] }]
output [{ name: "output__0" data_type: TYPE_FP32 dims: [ 1 ] }]
parameters [{ key: "model_type" value: { string_value: "xgboost_json" } }]
"""


def test_names_of_a_triton_repository_are_kept(tmp_path: Path) -> None:
    rows = np.arange(20.0).reshape(10, 2)
    folder = tmp_path / "repository" / "prices" / "1"
    folder.mkdir(parents=True)
    xgboost.XGBRegressor(n_estimators=2).fit(rows, rows[:, 0]).save_model(folder / "xgboost.json")
    (folder.parent / "config.pbtxt").write_text(CONFIG)
    sent = Tensor("input__0", "FP32", rows.astype(np.float32), is_binary=True)
    with serve(None, "--models", str(tmp_path / "repository"), *ONE_WORKER) as server:
        usual = answered(infer(server, "prices", sent))
        named = answered(infer(server, "prices", sent, outputs=[{"name": "output__0"}]))
        refused = infer(server, "prices", sent, outputs=[{"name": "output__1"}])

    assert named == {"output__0": usual["predict"]}
    assert len(usual["predict"]) == 10
    assert refused.status == 400


ONNX = """
backend: "onnxruntime"
max_batch_size: 8
input [{ name: "x" data_type: TYPE_FP32 dims: [ 2 ] }]
output [
  { name: "label" data_type: TYPE_STRING dims: [ 1 ] reshape: { shape: [ ] } },
  { name: "probabilities" data_type: TYPE_FP32 dims: [ 2 ] }
]
"""


def test_an_output_of_floats_beside_labels_is_the_chances(tmp_path: Path) -> None:
    trained = onnx_classifier(zipmap=False)
    folder = tmp_path / "repository" / "mood" / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(content(trained, "model.onnx"))
    (folder.parent / "config.pbtxt").write_text(ONNX)
    sent = Tensor("x", "FP32", np.array([[1.5, -0.5]], np.float32))
    with serve(None, "--models", str(tmp_path / "repository"), *ONE_WORKER) as server:
        usual = answered(infer(server, "mood", sent))
        named = answered(infer(server, "mood", sent, outputs=[{"name": "probabilities"}]))

    assert named == {"probabilities": usual["predict_proba"]}
    assert usual["predict"] == ["yes"]
    assert usual["predict_proba"][1] == pytest.approx(trained.expected, abs=1e-6)


def test_a_model_that_did_not_load_is_unavailable(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    Model({"custom.py": "def load_model(code_dir):\n    raise ValueError('x')\n"}).write(folder)
    flags = ("--target-type", "regression", "--with-error-server", *ONE_WORKER)
    with serve(folder, *flags) as server:
        (found,) = post(server, "index").json()
        ready = post(server, "index", {"ready": True}).json()

    assert (found["name"], found["state"]) == ("broken", "UNAVAILABLE")
    assert ready == []
