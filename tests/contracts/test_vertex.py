"""Vertex AI's custom containers: the routes that its variables name, `instances`, raw bodies."""

import json
import subprocess
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.http_calls import call
from tests.support.models import ONE_WORKER, READER, served
from tests.support.more_models import UNSTRUCTURED
from tests.support.ports import free_port
from tests.support.serving import COMMAND, Server, environment, run, serve, stop
from tests.support.summing import BYTES, JSON, SUM, post
from tests.support.waiting import until_answered

DEPLOYED = "/v1/endpoints/1/deployedModels/2"
ROWS = {"instances": [[1, 2], [3, 4]]}
CSV = "a,b\n1,2\n3,4\n"
ROUTES = {"AIP_HEALTH_ROUTE": "/h", "AIP_PREDICT_ROUTE": "/p"}
LOCAL = {"AIP_HEALTH_ROUTE": "/health", "AIP_PREDICT_ROUTE": "/predict"}
FORM = "application/x-www-form-urlencoded"

server = served(SUM, *ONE_WORKER, env=ROUTES)
local = served(SUM, *ONE_WORKER, env=LOCAL)
counter = served(BYTES, *ONE_WORKER, env=ROUTES)
reader = served(READER, *ONE_WORKER, env=ROUTES)
local_reader = served(READER, *ONE_WORKER, env=LOCAL)
unstructured = served(UNSTRUCTURED, *ONE_WORKER, env=ROUTES)


def predicted(server: Server, content: Any, path: str = "/p") -> Any:
    reply = post(server, path, content)
    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == JSON
    return reply.json()["predictions"]


def test_the_variables_of_the_platform_name_port_and_routes(tmp_path: Path) -> None:
    """Without --address, which wins over AIP_HTTP_PORT."""
    port = str(free_port())
    env = {**ROUTES, "AIP_HTTP_PORT": port, "AIP_STORAGE_URI": str(SUM.write(tmp_path / "sum"))}
    command = [*COMMAND, "server", *SUM.flags, *ONE_WORKER]
    process = subprocess.Popen(command, env=environment(env))
    try:
        url = until_answered(f"http://127.0.0.1:{port}", process)
        health = call(url, "GET", "/h")
        reply = call(url, "POST", "/p", body=json.dumps(ROWS), headers={"Content-Type": JSON})
    finally:
        stop(process)

    assert health.status == 200
    assert (reply.status, reply.json()) == (200, {"predictions": [3.0, 7.0]})


def test_the_usual_routes_may_be_named(tmp_path: Path) -> None:
    """V02: as the platform names them itself, without a redirect."""
    env = {"AIP_HEALTH_ROUTE": DEPLOYED, "AIP_PREDICT_ROUTE": f"{DEPLOYED}:predict"}
    with serve(SUM.write(tmp_path / "sum"), *SUM.flags, *ONE_WORKER, env=env) as vertex:
        assert predicted(vertex, ROWS, f"{DEPLOYED}:predict") == [3.0, 7.0]
        assert [vertex.get(end).status for end in (DEPLOYED, "/health")] == [200, 200]


def test_a_file_url_names_a_directory(tmp_path: Path) -> None:
    directory = SUM.write(tmp_path / "a model")
    env = {"AIP_STORAGE_URI": directory.as_uri()}
    with serve(None, *SUM.flags, *ONE_WORKER, env=env) as vertex:
        assert predicted(vertex, ROWS, f"{DEPLOYED}:predict") == [3.0, 7.0]


@pytest.mark.parametrize("uri", ["gs://bucket/model", "https://example.com/model"])
def test_a_bucket_ends_the_start_with_the_way_out(uri: str) -> None:
    failed = run("server", "--address", "127.0.0.1:0", env={"AIP_STORAGE_URI": uri})

    assert failed.returncode == 1
    assert "AIP_STORAGE_URI" in failed.stderr
    assert "--code-dir" in failed.stderr


def test_a_model_from_elsewhere_wins_over_a_bucket(tmp_path: Path) -> None:
    directory = SUM.write(tmp_path / "sum")
    with serve(directory, *SUM.flags, *ONE_WORKER, env={"AIP_STORAGE_URI": "gs://b/m"}) as vertex:
        assert vertex.get("/health").status == 200


def test_a_prefix_that_hides_the_routes_is_told(tmp_path: Path) -> None:
    flags = (*SUM.flags, "--url-prefix", "/m", *ONE_WORKER)
    env = {**ROUTES, "AIP_HTTP_PORT": str(free_port())}
    with serve(SUM.write(tmp_path / "sum"), *flags, env=env) as vertex:
        assert "Vertex AI calls its routes without the prefix /m" in vertex.log()
        assert predicted(vertex, ROWS, "/m/p") == [3.0, 7.0]


@pytest.mark.parametrize("path", ["/h", "/h/", DEPLOYED, f"{DEPLOYED}:predict"])
def test_health_is_answered_where_it_is_asked(server: Server, path: str) -> None:
    reply = server.get(path)

    assert (reply.status, reply.json()) == (200, {"message": "OK"})


@pytest.mark.parametrize("path", ["/h", DEPLOYED])
def test_a_model_that_did_not_load_is_not_healthy(tmp_path: Path, path: str) -> None:
    directory = SUM.plus(custom_py="raise ValueError").write(tmp_path / "sum")
    flags = (*SUM.flags, "--with-error-server", *ONE_WORKER)
    with serve(directory, *flags, env=ROUTES) as broken:
        health, scored = broken.get(path), post(broken, "/p", ROWS)

    assert (health.status, list(health.json())) == (503, ["error"])
    assert (scored.status, list(scored.json())) == (503, ["error"])


@pytest.mark.parametrize(
    "path", ["/p", "/p/", f"{DEPLOYED}:predict", "/v1/endpoints/e/deployedModels/d:predict/"]
)
def test_instances_are_answered_one_by_one(server: Server, path: str) -> None:
    assert predicted(server, ROWS, path) == [3.0, 7.0]
    assert predicted(server, {"instances": [{"a": 1, "b": 2}, {"b": 3}]}, path) == [3.0, 3.0]
    assert predicted(server, {"instances": [1, 2.5]}, path) == [1.0, 2.5]
    assert predicted(server, {"instances": []}, path) == []


@pytest.mark.parametrize("parameters", [{"a": 1}, None, {}])
def test_parameters_change_nothing(server: Server, parameters: Any) -> None:
    assert predicted(server, {**ROWS, "parameters": parameters}) == [3.0, 7.0]


@pytest.mark.parametrize("kind", [JSON, f"{JSON}; charset=utf-8", "text/plain", FORM, None])
def test_json_is_known_by_its_looks_as_well(server: Server, kind: str | None) -> None:
    reply = server.post("/p", json.dumps(ROWS), kind)

    assert (reply.status, reply.json()) == (200, {"predictions": [3.0, 7.0]})


def test_other_forms_of_rows_are_read_too(server: Server) -> None:
    split = {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]]}}

    assert predicted(server, split) == [3.0]
    assert predicted(server, {"inputs": {"a": [1, 2], "b": [3, 4]}}) == [4.0, 6.0]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param("{broken", "JSON", id="broken"),
        pytest.param("", "JSON", id="empty"),
        pytest.param("7", "JSON", id="scalar"),
        pytest.param('{"instances": {"a": 1}}', "list", id="object"),
        pytest.param('{"instances": null}', "list", id="null"),
        pytest.param('{"instances": [[1], [1, 2]]}', "number 1 (counted from 0)", id="ragged"),
        pytest.param('{"instances": [[1], {"a": 1}]}', "number 1 (counted from 0)", id="mixed"),
        pytest.param('{"instances": [[[1]]]}', "row 0 (counted from 0)", id="nested"),
        pytest.param('{"instances": [{"b64": "%%"}]}', "base64", id="not-base64"),
        pytest.param('{"instances": [{"b64": 7}]}', "base64", id="no-text"),
        pytest.param('{"instances": [{"b64": "\\u00e9"}]}', "base64", id="not-ascii"),
        pytest.param('{"instances": [[1]], "instances": [[2]]}', "more than once", id="twice"),
        pytest.param(f'{{"instances": {"[" * 200}{"]" * 200}}}', "nested", id="deep"),
    ],
)
def test_wrong_json_is_the_callers_fault(server: Server, body: str, text: str) -> None:
    reply = server.post("/p", body, JSON)

    assert (reply.status, list(reply.json())) == (400, ["error"]), reply.text
    assert text in reply.json()["error"]


def test_limits_hold_here_too(tmp_path: Path) -> None:
    limits = ("--max-columns", "2", "--max-rows", "2", *SUM.flags, *ONE_WORKER)
    with serve(SUM.write(tmp_path / "sum"), *limits, env=ROUTES) as small:
        replies = [
            post(small, "/p", {"instances": rows}) for rows in ([[1, 2, 3]], [[1], [2], [3]])
        ]

    assert [(reply.status, list(reply.json())) for reply in replies] == [(413, ["error"])] * 2


def test_bytes_reach_the_hook(counter: Server) -> None:
    whole, part = ({"b64": b64encode(data).decode()} for data in (b"\xff" * 5, b""))

    assert predicted(counter, {"instances": [whole, part]}) == [5.0, 0.0]
    assert predicted(counter, {"instances": [{"image": whole}, {"image": part}]}) == [5.0, 0.0]
    assert predicted(counter, {"instances": [[whole], [part]]}) == [5.0, 0.0]


def test_raw_bodies_are_answered_as_on_drums_routes(server: Server) -> None:
    for kind, body in (("text/csv", CSV), ("text/csv", "a\nx\n"), ("text/csv", ""), ("x/y", CSV)):
        ours, drums = server.post("/p", body, kind), server.post("/predict/", body, kind)

        assert (ours.status, ours.body) == (drums.status, drums.body)
    assert server.post("/p", CSV, "text/csv").json() == {"predictions": [3.0, 7.0]}


def test_accept_asks_for_another_format(server: Server) -> None:
    array = server.post("/p", json.dumps(ROWS), JSON, Accept="application/x-npy")
    browser = server.post("/p", json.dumps(ROWS), JSON, Accept="text/html,*/*;q=0.8")

    assert array.headers["Content-Type"] == "application/x-npy"
    assert np.load(BytesIO(array.body)).tolist() == [3.0, 7.0]
    assert browser.json() == {"predictions": [3.0, 7.0]}


def test_the_local_default_is_drums_own_route(local: Server) -> None:
    ours = post(local, "/predict", {**ROWS, "parameters": {}})
    whole = post(local, "/predict/", ROWS)
    drums = local.csv(CSV, "/predict")
    wrong = post(local, "/predict", {"instances": 1})

    assert (ours.status, ours.json()) == (200, {"predictions": [3.0, 7.0]})
    assert whole.json() == drums.json() == ours.json()
    assert ours.headers["X-Scoring-Contract"] == "vertex"
    assert (wrong.status, list(wrong.json())) == (400, ["error"])
    assert local.csv("", "/predict").message.startswith("ERROR: Samples")
    assert local.csv(CSV, "/predictions/").json() == drums.json()
    assert local.get("/health").json() == {"message": "OK"}


@pytest.mark.parametrize("path", ["/invocations", "/invocations/"])
def test_invocations_stays_the_route_of_all(tmp_path: Path, path: str) -> None:
    env = {"AIP_PREDICT_ROUTE": path}
    with serve(SUM.write(tmp_path / "sum"), *SUM.flags, *ONE_WORKER, env=env) as shared:
        chosen = post(shared, "/invocations", ROWS, X_Scoring_Contract="vertex")
        raw = shared.csv(CSV, "/invocations")

    assert (chosen.status, chosen.json()) == (200, {"predictions": [3.0, 7.0]})
    assert chosen.headers["X-Scoring-Contract"] == "vertex"
    assert raw.headers["X-Scoring-Contract"] == "drum"


def test_a_hook_that_reads_bodies_gets_all_but_instances(
    reader: Server, local_reader: Server
) -> None:
    other, raw = post(reader, "/p", {"foo": 1}), reader.csv(CSV, "/p")
    mine = post(local_reader, "/predict", ROWS)

    assert other.json() == {"predictions": [repr(b'{"foo": 1}')]}
    assert raw.json() == {"predictions": [repr(CSV.encode())]}
    assert mine.json() == {"predictions": [repr(json.dumps(ROWS).encode())]}
    assert "1" in predicted(reader, {"instances": [{"a": 1}]})[0]


def test_a_model_that_fails_is_a_500(server: Server) -> None:
    reply = post(server, "/p", {"instances": [{"fail": 1}]})

    assert (reply.status, list(reply.json())) == (500, ["error"])


def test_models_of_other_kinds_predict_no_rows(unstructured: Server) -> None:
    assert post(unstructured, "/p", ROWS).status == 400


def test_wrong_methods_are_refused_in_the_same_form(server: Server) -> None:
    replies = [
        call(server.url, method, path)
        for method, path in (("GET", "/p"), ("PUT", f"{DEPLOYED}:predict"), ("POST", "/h"))
    ]

    assert [(reply.status, list(reply.json())) for reply in replies] == [(405, ["error"])] * 3


def test_callers_need_a_credential_and_probes_none(tmp_path: Path) -> None:
    locked = ("--passphrase", "open sesame", *SUM.flags, *ONE_WORKER)
    with serve(SUM.write(tmp_path / "sum"), *locked, env=LOCAL) as shut:
        stranger = post(shut, "/predict", ROWS)
        known = post(shut, "/predict", ROWS, Authorization="Bearer open sesame")
        health = shut.get("/health")

    assert (stranger.status, list(stranger.json())) == (401, ["error"])
    assert (known.status, health.status) == (200, 200)


def test_without_its_variables_there_are_the_default_routes(tmp_path: Path) -> None:
    with serve(SUM.write(tmp_path / "sum"), *SUM.flags, *ONE_WORKER) as plain:
        assert predicted(plain, ROWS, f"{DEPLOYED}:predict") == [3.0, 7.0]
        assert plain.get("/h").status == 404
        assert predicted(plain, ROWS, "/predict") == [3.0, 7.0]
