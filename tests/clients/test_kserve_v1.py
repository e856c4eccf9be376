"""KServe's own client, and KServe's own server beside ours: the same requests, the same answers."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER
from tests.support.ports import free_port
from tests.support.serving import Server, serve, stop
from tests.support.summing import JSON, SUM
from tests.support.waiting import until_answered

pytest.importorskip("kserve", reason="make clients installs it")

import httpx
from kserve import InferenceRESTClient, RESTConfig

THEIRS = """
import sys
from kserve import Model, ModelServer

class Sum(Model):
    def predict(self, payload, headers=None):
        rows = payload.get("instances", payload.get("inputs"))
        cells = [row.values() if isinstance(row, dict) else row for row in rows]
        return {"predictions": [float(sum(row)) for row in cells]}

one = Sum("sum")
one.ready = True
ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([one])
"""
PREDICT = "/v1/models/sum:predict"
EVENT = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "me", "ce-type": "of.mine"}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("sum"))
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


SAME: tuple[tuple[str, str, str | None], ...] = (
    ("GET", "/v1/models", None),
    ("GET", "/v1/models/sum", None),
    ("GET", "/v1/models/nobody", None),
    ("GET", "/v1/models/sum:predict", None),
    ("POST", PREDICT, '{"instances": [[1, 2], [3, 4]]}'),
    ("POST", PREDICT, '{"inputs": [[1, 2], [3, 4]]}'),
    ("POST", PREDICT, '{"instances": [{"a": 1, "b": 2}]}'),
    ("POST", PREDICT, '{"instances": [[1, 2]], "parameters": {"x": 1}}'),
    ("POST", PREDICT, '{"instances": []}'),
    ("POST", PREDICT, '{"instances": {"a": 1}}'),
    ("POST", "/v1/models/nobody:predict", '{"instances": [[1]]}'),
    ("POST", "/v1/models/nobody:predict", "{broken"),
)
"""Requests that both servers answer alike."""


@pytest.mark.parametrize(("method", "path", "body"), SAME)
def test_kserves_server_answers_the_same(
    ours: Server, theirs: str, method: str, path: str, body: str | None
) -> None:
    one, other = (sent(url, method, path, body) for url in (ours.url, theirs))

    assert (one.status, one.json()) == (other.status, other.json())
    assert one.headers["Content-Type"] == other.headers["content-type"] == JSON


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", PREDICT, "{broken"),
        ("POST", PREDICT, ""),
        ("POST", "/v1/models/sum:explain", '{"instances": [[1, 2]]}'),
        ("PUT", "/v1/models/sum", None),
        ("POST", "/v1/models/sum:other", '{"instances": [[1, 2]]}'),
    ],
)
def test_kserves_server_refuses_the_same(
    ours: Server, theirs: str, method: str, path: str, body: str | None
) -> None:
    one, other = (sent(url, method, path, body) for url in (ours.url, theirs))

    assert one.status == other.status
    assert list(one.json()) == ["error"]


@pytest.mark.parametrize(
    "body", ['{"foo": 1}', "[1, 2]", '{"inputs": 3}', '{"instances": ["a"]}', '{"instances": [1]}']
)
def test_what_breaks_kserves_server_does_not_break_ours(
    ours: Server, theirs: str, body: str
) -> None:
    one, other = (sent(url, "POST", PREDICT, body) for url in (ours.url, theirs))

    assert other.status == 500
    assert one.status in (200, 400) or "score" in one.json()["error"]


def test_events_are_answered_alike(ours: Server, theirs: str) -> None:
    body = '{"instances": [[1, 2]]}'
    one, other = (sent(url, "POST", PREDICT, body, **EVENT) for url in (ours.url, theirs))

    assert one.json() == other.json()
    for name in ("ce-specversion", "ce-type", "ce-source", "content-type"):
        assert one.headers[name] == other.headers[name]
    assert {"ce-id", "ce-time"} <= {*map(str.lower, one.headers)}


def sent(url: str, method: str, path: str, body: str | None, **headers: str) -> Reply:
    kind = {} if body is None else {"Content-Type": JSON}
    return call(url, method, path, body=body, headers={**kind, **headers})


def test_the_root_satisfies_both(ours: Server, theirs: str) -> None:
    one, other = sent(ours.url, "GET", "/", None), sent(theirs, "GET", "/", None)

    assert json.loads(other.body).items() <= one.json().items()
