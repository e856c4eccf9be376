"""KServe's client, and its server beside ours: the Open Inference Protocol, version 2."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER
from tests.support.open_inference import LENGTH
from tests.support.ports import free_port
from tests.support.serving import Server, serve, stop
from tests.support.summing import JSON, SUM
from tests.support.waiting import until_answered

pytest.importorskip("kserve", reason="make clients installs it")

import httpx
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

THEIRS = """
import sys
from kserve import InferOutput, InferResponse, Model, ModelServer

class Sum(Model):
    def predict(self, request, headers=None):
        sums = request.inputs[0].as_numpy().astype("float64").sum(axis=1)
        output = InferOutput("predict", list(sums.shape), "FP64", sums.tolist())
        return InferResponse(request.id, "sum", [output])

one = Sum("sum")
one.ready = True
ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([one])
"""
INFER = "/v2/models/sum/infer"
ROWS = np.array([[1.5, 2.0], [-3.25, 4.0]])
DTYPES = {"FP64": np.float64, "FP32": np.float32, "INT64": np.int64, "INT8": np.int8}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("a") / "sum")
    with serve(directory, *SUM.flags, *ONE_WORKER) as server:
        yield server


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    script = tmp_path_factory.mktemp("kserve") / "server.py"
    script.write_text(THEIRS)
    port = free_port()
    process = subprocess.Popen([sys.executable, str(script), str(port)])
    try:
        yield until_answered(f"http://127.0.0.1:{port}", process)
    finally:
        stop(process)


def asked(ask: Callable[[InferenceRESTClient], Awaitable[Any]]) -> Any:
    """Return the answer to a call of KServe's client."""

    async def answer() -> Any:
        async with InferenceRESTClient(RESTConfig(protocol="v2", retries=0)) as client:
            return await ask(client)

    return asyncio.run(answer())


def request(datatype: str, *, sent: bool, wanted: bool) -> InferRequest:
    """Return a request of the client."""
    tensor = InferInput("x", list(ROWS.shape), datatype)
    tensor.set_data_from_numpy(ROWS.astype(DTYPES[datatype]), binary_data=sent)
    output = RequestedOutput("predict", {"binary_data": wanted})
    return InferRequest("sum", [tensor], request_id="7", request_outputs=[output])


def test_the_client_finds_the_server_and_the_model(ours: Server) -> None:
    url = ours.url

    assert asked(lambda client: client.is_server_live(url)) is True
    assert asked(lambda client: client.is_server_ready(url)) is True
    assert asked(lambda client: client.is_model_ready(url, "sum")) is True


@pytest.mark.parametrize(
    ("datatype", "sent", "wanted"), list(product(DTYPES, (True, False), (True, False)))
)
def test_the_client_gets_the_same_from_both(
    ours: Server, theirs: str, datatype: str, *, sent: bool, wanted: bool
) -> None:
    tensor = request(datatype, sent=sent, wanted=wanted)

    found = asked(lambda client: client.infer(ours.url, tensor, model_name="sum"))
    expected = asked(lambda client: client.infer(theirs, tensor, model_name="sum"))

    assert found.id == expected.id == "7"
    assert found.outputs[0].datatype == "FP64"
    assert found.outputs[0].shape == expected.outputs[0].shape == [2]
    assert found.outputs[0].as_numpy().tolist() == expected.outputs[0].as_numpy().tolist()


def test_the_client_understands_errors(ours: Server) -> None:
    tensor = request("FP64", sent=True, wanted=True)

    with pytest.raises(httpx.HTTPStatusError, match="this server serves 'sum' only, '404"):
        asked(lambda client: client.infer(ours.url, tensor, model_name="nobody"))


def inputs(**members: Any) -> str:
    tensor = {"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1.5, 2, -3, 4], **members}
    return json.dumps({"inputs": [tensor], "id": "7"})


SAME = [
    inputs(),
    inputs(data=[[1.5, 2], [-3, 4]]),
    inputs(datatype="FP32"),
    inputs(datatype="INT64", data=[1, 2, 3, 2**53]),
    inputs(datatype="UINT8", data=[1, 2, 3, 255]),
    inputs(datatype="BOOL", data=[True, False, True, True]),
    inputs(parameters={"anything": "x"}),
]
REFUSED = [
    *("", "{", "[]", "{}", '{"inputs": 1}', '{"inputs": []}', '{"inputs": [{}]}'),
    *(inputs(name=None), inputs(shape=None), inputs(datatype=None), inputs(datatype="FP1")),
    *(inputs(shape=[3, 2]), inputs(shape=["2", 2.5]), inputs(data=[1, 2, 3]), inputs(data=None)),
    *(inputs(data=["a", "b", "c", "d"]), inputs(data=[[1, 2], [3]])),
]


def both(ours: Server, theirs: str, body: str) -> tuple[Reply, Reply]:
    """Send a body to both servers."""
    headers = {"Content-Type": JSON}
    first, second = (
        call(url, "POST", INFER, body=body, headers=headers) for url in (ours.url, theirs)
    )
    return first, second


@pytest.mark.parametrize("body", SAME)
def test_both_answer_alike(ours: Server, theirs: str, body: str) -> None:
    found, expected = both(ours, theirs, body)

    assert found.status == expected.status == 200, (found.text, expected.text)
    for member in ("name", "datatype", "shape", "data"):
        assert found.json()["outputs"][0][member] == expected.json()["outputs"][0][member]
    for member in ("id", "model_name"):
        assert found.json()[member] == expected.json()[member]


@pytest.mark.parametrize("body", REFUSED)
def test_both_refuse(ours: Server, theirs: str, body: str) -> None:
    found, expected = both(ours, theirs, body)

    assert found.status == 400, found.text
    assert expected.status >= 400, expected.text


@pytest.mark.parametrize("length", ["5", "x", "0"])
def test_both_refuse_a_wrong_length_of_the_json(ours: Server, theirs: str, length: str) -> None:
    statuses = [
        call(url, "POST", INFER, body=inputs(), headers={LENGTH: length}).status
        for url in (ours.url, theirs)
    ]

    assert statuses[0] == 400
    assert statuses[1] >= 400
