"""KServe's own client; tests/parity sends the same requests to KServe's own server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve
from tests.support.summing import SUM

pytest.importorskip("kserve", reason="make clients installs it")

import httpx
from kserve import InferenceRESTClient, RESTConfig


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("sum"))
    with serve(directory, *SUM.flags, *ONE_WORKER) as server:
        yield server


def asked(ask: Callable[[InferenceRESTClient], Awaitable[Any]]) -> Any:
    """Return the answer to a call of KServe's client."""

    async def answer() -> Any:
        async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
            return await ask(client)

    return asyncio.run(answer())


def test_the_client_finds_the_server_and_the_model(ours: Server) -> None:
    url = ours.url

    assert asked(lambda client: client.is_server_live(url)) is True
    assert asked(lambda client: client.is_model_ready(url, "sum")) is True


@pytest.mark.parametrize("key", ["instances", "inputs"])
def test_the_client_gets_predictions(ours: Server, key: str) -> None:
    data = {key: [[1, 2], [3, 4]]}

    found = asked(lambda client: client.infer(ours.url, data, model_name="sum"))

    assert found == {"predictions": [3.0, 7.0]}


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        pytest.param(
            lambda client, url: client.infer(url, {"instances": [[1]]}, model_name="nobody"),
            "Model with name nobody does not exist., '404",
            id="unknown",
        ),
        pytest.param(
            lambda client, url: client.infer(url, {"instances": 1}, model_name="sum"),
            'Expected "instances" to be a list, \'400',
            id="no-list",
        ),
        pytest.param(
            lambda client, url: client.explain(url, "sum", {"instances": [[1]]}),
            "'501",
            id="explain",
        ),
        pytest.param(
            lambda client, url: client.is_model_ready(url, "nobody"), "'404", id="not-ready"
        ),
    ],
)
def test_the_client_understands_errors(
    ours: Server, ask: Callable[[InferenceRESTClient, str], Awaitable[Any]], text: str
) -> None:
    with pytest.raises(httpx.HTTPStatusError, match=r".") as raised:
        asked(lambda client: ask(client, ours.url))

    assert text in str(raised.value)


def test_the_client_is_told_by_503_that_a_model_is_not_ready(tmp_path: Path) -> None:
    directory = SUM.plus(custom_py="raise ValueError").write(tmp_path / "sum")
    with serve(directory, *SUM.flags, "--with-error-server", *ONE_WORKER) as broken:
        ready = asked(lambda client: client.is_model_ready(broken.url, "sum"))

    assert ready is False
