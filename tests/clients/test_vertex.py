"""Vertex AI's LocalEndpoint, and Google's own server of models beside ours: the same answers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER
from tests.support.ports import free_port
from tests.support.serving import Server, environment, serve, stop
from tests.support.summing import JSON, SUM
from tests.support.waiting import until_answered

pytest.importorskip("google.cloud.aiplatform", reason="make clients installs it")

from google.cloud.aiplatform.prediction import LocalEndpoint

ROUTES = {"AIP_HEALTH_ROUTE": "/h", "AIP_PREDICT_ROUTE": "/p"}
LOCAL = {"AIP_HEALTH_ROUTE": "/health", "AIP_PREDICT_ROUTE": "/predict"}
THEIRS = """
import os
import uvicorn
from google.cloud.aiplatform.prediction.model_server import CprModelServer

uvicorn.run(CprModelServer().app, host="127.0.0.1", port=int(os.environ["AIP_HTTP_PORT"]))
"""
PREDICTOR = """
from google.cloud.aiplatform.prediction.predictor import Predictor

class Sum(Predictor):
    def load(self, artifacts_uri, **kwargs):
        pass

    def predict(self, instances):
        rows = instances["instances"]
        cells = [row.values() if isinstance(row, dict) else row for row in rows]
        return {"predictions": [float(sum(row)) for row in cells]}
"""
HANDLER = {
    "HANDLER_MODULE": "google.cloud.aiplatform.prediction.handler",
    "HANDLER_CLASS": "PredictionHandler",
    "PREDICTOR_MODULE": "predictor",
    "PREDICTOR_CLASS": "Sum",
    "AIP_STORAGE_URI": "",
}
ROWS = {"instances": [[1, 2], [3, 4]], "parameters": {"a": 1}}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("sum"))
    with serve(directory, *SUM.flags, *ONE_WORKER, env=ROUTES) as server:
        yield server


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("sum"))
    with serve(directory, *SUM.flags, *ONE_WORKER, env=LOCAL) as server:
        yield server


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cpr")
    (folder / "server.py").write_text(THEIRS)
    (folder / "predictor.py").write_text(PREDICTOR)
    port = free_port()
    env = environment({**ROUTES, **HANDLER, "AIP_HTTP_PORT": str(port)})
    process = subprocess.Popen([sys.executable, str(folder / "server.py")], env=env, cwd=folder)
    try:
        yield until_answered(f"http://127.0.0.1:{port}", process)
    finally:
        stop(process)


@pytest.fixture(params=["/predict", "/invocations"])
def endpoint(request: pytest.FixtureRequest, local: Server) -> Any:
    """The half of Google's endpoint that speaks HTTP; the other half runs a container."""
    made = LocalEndpoint(
        serving_container_image_uri="none",
        serving_container_predict_route=request.param,
        serving_container_health_route="/health",
        host_port=urlsplit(local.url).port,
    )
    made.container_is_running = True
    return made


def test_the_endpoint_finds_the_server_healthy(endpoint: Any) -> None:
    assert endpoint.run_health_check().status_code == 200


@pytest.mark.parametrize("headers", [{"Content-Type": JSON}, None])
def test_the_endpoint_gets_predictions(
    endpoint: Any, tmp_path: Path, headers: dict[str, str] | None
) -> None:
    body = json.dumps(ROWS)
    (tmp_path / "rows.json").write_text(body)

    replies = [
        endpoint.predict(request=body, headers=headers),
        endpoint.predict(request_file=str(tmp_path / "rows.json"), headers=headers),
    ]

    assert [reply.json() for reply in replies] == [{"predictions": [3.0, 7.0]}] * 2


def test_the_endpoint_is_told_what_is_wrong(endpoint: Any) -> None:
    reply = endpoint.predict(request="{broken", headers={"Content-Type": JSON})

    assert 400 <= reply.status_code < 500


@pytest.mark.parametrize(
    "body",
    [
        '{"instances": [[1, 2], [3, 4]]}',
        '{"instances": [{"a": 1, "b": 2}]}',
        '{"instances": [[1, 2]], "parameters": {"a": 1}}',
        '{"instances": []}',
    ],
)
def test_googles_server_answers_the_same(ours: Server, theirs: str, body: str) -> None:
    one, other = (sent(url, body) for url in (ours.url, theirs))

    assert (one.status, one.json()) == (other.status, other.json()) == (200, one.json())


@pytest.mark.parametrize("body", ["{broken", ""])
def test_googles_server_refuses_the_same(ours: Server, theirs: str, body: str) -> None:
    one, other = (sent(url, body) for url in (ours.url, theirs))

    assert one.status == other.status == 400


@pytest.mark.parametrize("body", ['{"instances": 1}', '{"instances": ["a"]}', '{"foo": ["x"]}'])
def test_what_breaks_googles_server_does_not_break_ours(
    ours: Server, theirs: str, body: str
) -> None:
    one, other = (sent(url, body) for url in (ours.url, theirs))

    assert other.status == 500
    assert one.status in (200, 400) or "score" in one.json()["error"]


def test_both_are_healthy_and_refuse_other_methods(ours: Server, theirs: str) -> None:
    health = [call(url, "GET", "/h").status for url in (ours.url, theirs)]
    others = [
        call(url, method, "/p").status for url in (ours.url, theirs) for method in ("GET", "PUT")
    ]

    assert (health, others) == ([200, 200], [405] * 4)


def sent(url: str, body: str) -> Reply:
    return call(url, "POST", "/p", body=body, headers={"Content-Type": JSON})
