"""Azure ML's inference server beside ours, and the code that its studio shows for an endpoint."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER
from tests.support.ports import free_port
from tests.support.serving import Server, serve, stop
from tests.support.summing import JSON, SUM
from tests.support.waiting import until_answered

pytest.importorskip("azureml_inference_server_http", reason="make clients installs it")

SCRIPT = """
import json

def init():
    pass

def run(raw):
    rows = json.loads(raw)["data"]
    cells = [row.values() if isinstance(row, dict) else row for row in rows]
    return {"predictions": [float(sum(row)) for row in cells]}
"""
PAGE = "https://page.example"
CORS = {"AML_CORS_ORIGINS": f"{PAGE},http://other.example"}
DATA = '{"data": [[1, 2], [3, 4]]}'
NAMES = ("x-request-id", "x-ms-request-id", "x-ms-client-request-id", "TraceId")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("sum"))
    with serve(directory, *SUM.flags, *ONE_WORKER, env=CORS) as server:
        yield server


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("azure")
    (folder / "score.py").write_text(SCRIPT)
    port = free_port()
    program = Path(sys.executable).with_name("azmlinfsrv")
    command = [str(program), "--entry_script", "score.py", "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, env=os.environ | CORS)
    try:
        yield until_answered(f"http://127.0.0.1:{port}", process)
    finally:
        stop(process)


def sent(url: str, method: str, path: str, body: str | bytes | None, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {} if body is None else {"Content-Type": JSON}
    return call(url, method, path, body=body, headers={**kind, **named})


def both(ours: Server, theirs: str, *request: Any, **headers: str) -> tuple[Reply, Reply]:
    return sent(ours.url, *request, **headers), sent(theirs, *request, **headers)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/score", DATA),
        ("POST", "/score", '{"data": [{"a": 1, "b": 2}]}'),
        ("POST", "/score", '{"data": []}'),
        ("GET", "/score?data=[[1,2]]", None),
        ("GET", "/score?data=[1]&data=[2]", None),
    ],
)
def test_azures_server_answers_the_same(
    ours: Server, theirs: str, method: str, path: str, body: str | None
) -> None:
    one, other = both(ours, theirs, method, path, body)

    assert (one.status, one.json()) == (other.status, other.json()) == (200, one.json())
    for name in ("Content-Type", "x-ms-run-function-failed"):
        assert one.headers[name] == other.headers[name]
    assert (
        float(one.headers["x-ms-run-fn-exec-ms"]) > 0 < float(other.headers["x-ms-run-fn-exec-ms"])
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/score", None),
        ("POST", "/swagger.json", None),
        ("POST", "/score", b"\xff\xfe"),
        ("GET", "/swagger.json?version=9", None),
    ],
)
def test_azures_server_refuses_the_same(
    ours: Server, theirs: str, method: str, path: str, body: bytes | None
) -> None:
    one, other = both(ours, theirs, method, path, body)

    assert one.status == other.status
    assert list(one.json()) == list(other.json()) == ["message"]
    assert one.headers["x-ms-run-function-failed"] == other.headers["x-ms-run-function-failed"]


@pytest.mark.parametrize(
    "body", ["{broken", "", '{"foo": ["x"]}', '{"data": 3}', '{"data": [["x"]]}']
)
def test_what_breaks_a_script_does_not_break_ours(ours: Server, theirs: str, body: str) -> None:
    one, other = both(ours, theirs, "POST", "/score", body)

    assert other.status == 500
    assert one.status == 400 or one.headers["x-ms-run-function-failed"] == "True"
    assert list(one.json()) == ["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"x_request_id": "abc"},
        {"x_request_id": "abc", "x_ms_client_request_id": "cli"},
        {"x_request_id": "abc", "x_ms_request_id": "leg"},
        {"x_request_id": "abc", "x_ms_request_id": "leg", "x_ms_client_request_id": "cli"},
        {"x_request_id": "abc", "TraceId": "t"},
        {"x_request_id": "a" * 100},
        {"x_request_id": "a" * 101},
        {"x_request_id": "abc", "x_ms_client_request_id": "a" * 101},
        {"x_request_id": "abc", "x_ms_request_id": "a" * 101},
        {"x_request_id": 'a b;"c'},
    ],
)
def test_ids_come_back_as_from_azures_server(
    ours: Server, theirs: str, headers: dict[str, str]
) -> None:
    one, other = both(ours, theirs, "POST", "/score", DATA, **headers)

    assert one.status == other.status
    assert [one.headers[name] for name in NAMES] == [other.headers[name] for name in NAMES]
    if one.status == 431:
        assert one.json() == other.json()


@pytest.mark.parametrize("origin", [PAGE, "http://other.example", "https://evil.example"])
@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_pages_may_read_what_azures_server_lets_them(
    ours: Server, theirs: str, method: str, origin: str
) -> None:
    body = DATA if method == "POST" else None
    asking = {"Access_Control_Request_Method": "POST"} if method == "OPTIONS" else {}
    asking |= {"Access_Control_Request_Headers": "content-type"} if asking else {}

    one, other = both(ours, theirs, method, "/score", body, Origin=origin, **asking)

    assert one.status == other.status == 200
    allowed = [f"Access-Control-Allow-{what}" for what in ("Origin", "Methods", "Headers")]
    assert [one.headers[name] for name in allowed] == [other.headers[name] for name in allowed]


@pytest.mark.parametrize("query", ["", "?version=2", "?version=3", "?version=3.1"])
def test_swagger_has_the_same_operations(ours: Server, theirs: str, query: str) -> None:
    one, other = (
        reply.json() for reply in both(ours, theirs, "GET", f"/swagger.json{query}", None)
    )

    assert one.get("swagger") == other.get("swagger")
    assert one.get("openapi") == other.get("openapi")
    score = [tree["paths"]["/score"]["post"]["operationId"] for tree in (one, other)]
    assert score[0] == score[1]


def test_probes_find_both_alive(ours: Server, theirs: str) -> None:
    assert [reply.status for reply in both(ours, theirs, "GET", "/", None)] == [200, 200]


def test_the_code_that_the_studio_shows(ours: Server) -> None:
    """As a user copies it: urllib, a bearer key, and the name of a deployment."""
    body = json.dumps({"input_data": {"columns": ["a", "b"], "index": [0], "data": [[1, 2]]}})
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Authorization": "Bearer key",
        "azureml-model-deployment": "blue",
    }
    request = urllib.request.Request(f"{ours.url}/score", body.encode(), headers)

    with urllib.request.urlopen(request) as response:
        assert json.loads(response.read()) == [3.0]


def test_the_studios_code_prints_what_is_wrong(ours: Server) -> None:
    request = urllib.request.Request(f"{ours.url}/score", b"{broken")

    with pytest.raises(HTTPError) as raised:
        urllib.request.urlopen(request)

    assert raised.value.code == 400
    assert "JSON" in json.loads(raised.value.read())["message"]
