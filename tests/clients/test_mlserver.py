"""MLServer beside ours, and its codecs as a client: the Open Inference Protocol, version 2."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER
from tests.support.ports import free_port
from tests.support.serving import Server, serve, stop
from tests.support.waiting import until_answered

pytest.importorskip("mlserver", reason="make clients installs it")

import joblib
import pandas as pd
from mlserver.codecs import NumpyCodec, NumpyRequestCodec, PandasCodec, StringCodec
from mlserver.types import InferenceResponse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

JSON = {"Content-Type": "application/json"}
INFER = "/v2/models/m/infer"
NAMES = ["a", "b", "c"]


def rows() -> pd.DataFrame:
    """Return rows to train with and to ask about."""
    return pd.DataFrame(np.random.default_rng(0).normal(size=(300, 3)), columns=NAMES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a model for both."""
    made = tmp_path_factory.mktemp("m")
    target = np.where(rows()["a"] + rows()["b"] * rows()["c"] > 0.2, "yes", "no")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows(), target)
    joblib.dump(model, made / "model.joblib")
    return made


@pytest.fixture(scope="module")
def ours(folder: Path) -> Iterator[Server]:
    with serve(folder, "--model-name", "m", *ONE_WORKER) as server:
        yield server


@pytest.fixture(scope="module")
def theirs(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home, port = tmp_path_factory.mktemp("mlserver"), free_port()
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    settings = {"host": "127.0.0.1", **ports, "parallel_workers": 0}
    model = {
        "name": "m",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(folder / "model.joblib")},
    }
    (home / "settings.json").write_text(json.dumps(settings))
    (home / "model-settings.json").write_text(json.dumps(model))
    program = str(Path(sys.executable).with_name("mlserver"))
    process = subprocess.Popen([program, "start", str(home)])
    try:
        yield until_answered(f"http://127.0.0.1:{port}", process)
    finally:
        stop(process)


def tensor(name: str = "x", **members: Any) -> dict[str, Any]:
    """Return a tensor of two rows."""
    data = [1, 2, 3, 0.5, -1, 2]
    return {"name": name, "shape": [2, 3], "datatype": "FP64", "data": data, **members}


def body(*tensors: Any, **members: Any) -> str:
    """Return a request for both outputs."""
    outputs = [{"name": "predict"}, {"name": "predict_proba"}]
    return json.dumps({"inputs": tensors, "outputs": outputs, "id": "7", **members})


def columns(order: str, **members: Any) -> str:
    """Return a request with a tensor a column, each with numbers of its own."""
    numbers = {"a": [1.5, 2.0], "b": [-0.5, 0.25], "c": [3.0, -2.0]}
    tensors = [tensor(name, shape=[2], data=numbers[name], **members) for name in order]
    return body(*tensors, parameters={"content_type": "pd"})


def both(ours: Server, theirs: str, content: str) -> tuple[Reply, Reply]:
    """Send a body to both servers, each until it answers."""
    first, second = (
        call(url, "POST", INFER, body=content, headers=JSON) for url in (ours.url, theirs)
    )
    return first, second


SAME = {
    "flat": body(tensor()),
    "nested": body(tensor(data=[[1, 2, 3], [0.5, -1, 2]])),
    "float32": body(tensor(datatype="FP32", data=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])),
    "integers": body(tensor(datatype="INT64", data=[1, 2, 3, 4, 5, 6])),
    "whole-floats": body(tensor(datatype="INT64", data=[1.0, 2.0, 3, 4, 5, 6])),
    "small": body(tensor(datatype="UINT8", data=[0, 255, 3, 4, 5, 6])),
    "truths": body(tensor(datatype="BOOL", data=[True, False, True, 1, 0, 1])),
    "content-type": body(tensor(parameters={"content_type": "np"})),
    "columns": columns("abc"),
    "unknown-keys": body(tensor(extra=1), more=2),
}

REFUSED = {
    "no-json": "{",
    "empty": "",
    "list": "[]",
    "no-inputs": "{}",
    "empty-inputs": body(),
    "no-name": body({"shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}),
    "no-shape": body({"name": "x", "datatype": "FP64", "data": [1, 2, 3]}),
    "no-datatype": body({"name": "x", "shape": [1, 3], "data": [1, 2, 3]}),
    "no-data": body({"name": "x", "shape": [1, 3], "datatype": "FP64"}),
    "datatype": body(tensor(datatype="FP1")),
    "case": body(tensor(datatype="fp64")),
    "too-few": body(tensor(data=[1, 2, 3])),
    "too-many": body(tensor(data=list(range(7)))),
    "ragged": body(tensor(data=[[1, 2, 3], [4]])),
    "no-sizes": body(tensor(shape=[])),
    "one-size": body(tensor(shape=[6])),
    "width": body(tensor(shape=[3, 2])),
    "missing": body(tensor(data=[1, None, 3, 4, 5, 6])),
    "text": body(tensor(data=["a", "b", "c", "d", "e", "f"])),
    "too-large": body(tensor(datatype="INT8", data=[300, 2, 3, 4, 5, 6])),
    "negative": body(tensor(datatype="UINT8", data=[-1, 2, 3, 4, 5, 6])),
    "beyond-float32": body(tensor(datatype="FP32", data=[1e39, 2, 3, 4, 5, 6])),
    "twice": body(tensor(), tensor()),
    "output": body(tensor(), outputs=[{"name": "nothing"}]),
    "id": body(tensor(), id=7),
}


@pytest.mark.parametrize("name", SAME)
def test_both_answer_alike(ours: Server, theirs: str, name: str) -> None:
    found, expected = both(ours, theirs, SAME[name])

    assert found.status == expected.status == 200, (found.text, expected.text)
    assert outputs(found)["predict"] == outputs(expected)["predict"]
    mine, other = (outputs(reply)["predict_proba"] for reply in (found, expected))
    # MLServer gives scikit-learn float32 where a tensor is that, and it then reckons so.
    assert mine[1] == pytest.approx(other[1], abs=1e-6 if name == "float32" else 1e-12)
    assert mine[0] == other[0]
    assert found.json()["id"] == expected.json()["id"] == "7"


def outputs(reply: Reply) -> dict[str, tuple[str, list[Any]]]:
    """Return datatype and values of the outputs by name; MLServer gives labels a second size."""
    return {one["name"]: (one["datatype"], one["data"]) for one in reply.json()["outputs"]}


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse(ours: Server, theirs: str, name: str) -> None:
    found, expected = both(ours, theirs, REFUSED[name])

    assert found.status == 400, found.text
    assert list(found.json()) == ["error"]
    assert expected.status >= 400, expected.text


def test_columns_in_another_order_are_the_same_rows(ours: Server) -> None:
    first, second = (
        call(ours.url, "POST", INFER, body=columns(order), headers=JSON) for order in ("abc", "cab")
    )

    assert outputs(first) == outputs(second)


def test_unknown_models_are_404_to_both(ours: Server, theirs: str) -> None:
    for url in (ours.url, theirs):
        reply = call(url, "POST", "/v2/models/nobody/infer", body=body(tensor()), headers=JSON)
        assert (reply.status, list(reply.json())) == (404, ["error"])


@pytest.mark.parametrize("form", ["matrix", "frame"])
def test_its_codecs_are_a_client(ours: Server, theirs: str, form: str) -> None:
    data = rows().head(5)
    encoded = (
        NumpyRequestCodec.encode_request(data.to_numpy())
        if form == "matrix"
        else PandasCodec.encode_request(data)
    )
    tree = json.loads(encoded.model_dump_json(exclude_none=True))
    wanted = {**tree, "outputs": [{"name": "predict_proba"}, {"name": "predict"}]}

    answers = [
        InferenceResponse.model_validate_json(reply.body)
        for reply in both(ours, theirs, json.dumps(wanted))
    ]

    chances = [NumpyCodec.decode_output(answer.outputs[0]).tolist() for answer in answers]
    labels = [StringCodec.decode_output(answer.outputs[1]) for answer in answers]
    # BLAS reckons rows of a DataFrame in another order than those of a matrix.
    assert np.allclose(chances[0], chances[1], rtol=0, atol=1e-12)
    assert labels[0] == labels[1]
