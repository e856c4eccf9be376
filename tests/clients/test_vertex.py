"""Vertex AI's LocalEndpoint; tests/parity sends requests to Google's own server of models."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve
from tests.support.summing import JSON, SUM

pytest.importorskip("google.cloud.aiplatform", reason="make clients installs it")

from google.cloud.aiplatform.prediction import LocalEndpoint

LOCAL = {"AIP_HEALTH_ROUTE": "/health", "AIP_PREDICT_ROUTE": "/predict"}
ROWS = {"instances": [[1, 2], [3, 4]], "parameters": {"a": 1}}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("sum"))
    with serve(directory, *SUM.flags, *ONE_WORKER, env=LOCAL) as server:
        yield server


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
