"""KServe's client of the Open Inference Protocol; tests/parity asks KServe's own server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve
from tests.support.summing import SUM

pytest.importorskip("kserve", reason="make clients installs it")

import httpx
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

ROWS = np.array([[1.5, 2.0], [-3.25, 4.0]])
DTYPES = {"FP64": np.float64, "FP32": np.float32, "INT64": np.int64, "INT8": np.int8}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("a") / "sum")
    with serve(directory, *SUM.flags, *ONE_WORKER) as server:
        yield server


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
def test_the_client_gets_predictions(
    ours: Server, datatype: str, *, sent: bool, wanted: bool
) -> None:
    tensor = request(datatype, sent=sent, wanted=wanted)

    found = asked(lambda client: client.infer(ours.url, tensor, model_name="sum"))

    assert found.id == "7"
    assert (found.outputs[0].datatype, found.outputs[0].shape) == ("FP64", [2])
    sums = ROWS.astype(DTYPES[datatype]).astype(float).sum(axis=1)
    assert found.outputs[0].as_numpy().tolist() == sums.tolist()


def test_the_client_understands_errors(ours: Server) -> None:
    tensor = request("FP64", sent=True, wanted=True)

    with pytest.raises(httpx.HTTPStatusError, match="this server serves 'sum' only, '404"):
        asked(lambda client: client.infer(ours.url, tensor, model_name="nobody"))
