"""KServe's V1 protocol: models by name, `instances` or `inputs`, CloudEvents, explanations."""

import json
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_calls import call
from tests.support.models import ONE_WORKER, TEXT, served
from tests.support.more_models import CHAT, UNSTRUCTURED
from tests.support.serving import Server, serve
from tests.support.summing import JSON, MULTI, SUM, post

ROOT = Path(__file__).parents[2]
PREDICT = "/v1/models/sum:predict"
EVENT = {"ce-specversion": "1.0", "ce-id": "36", "ce-source": "me", "ce-type": "of.mine"}
ROWS = {"instances": [[1, 2], [3, 4]]}

server = served(SUM, *ONE_WORKER)
multi = served(MULTI, *ONE_WORKER)
writer = served(TEXT, "--model-name", "writer", *ONE_WORKER)
chatter = served(CHAT, "--model-name", "chatter", *ONE_WORKER)
unstructured = served(UNSTRUCTURED, "--model-name", "any", *ONE_WORKER)


@pytest.fixture(scope="module")
def binary() -> Iterator[Server]:
    """A template with contributions."""
    directory = ROOT / "model_templates" / "xgboost_binary"
    with serve(directory, "--model-name", "b", *ONE_WORKER) as running:
        yield running


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two models by their names, one that does not load."""
    root = tmp_path_factory.mktemp("models")
    for name in ("one", "two"):
        SUM.plus(**{"model-metadata.yaml": metadata(name)}).write(root / name)
    SUM.plus(custom_py="raise ValueError", **{"model-metadata.yaml": metadata("broken")}).write(
        root / "broken"
    )
    with serve(None, "--models", str(root), *ONE_WORKER) as running:
        yield running


def metadata(name: str) -> str:
    return f"name: {name}\ntype: inference\ntargetType: regression\n"


def predicted(server: Server, content: Any, path: str = PREDICT) -> Any:
    reply = post(server, path, content)
    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == JSON
    return reply.json()


def test_the_root_is_alive_to_kserve_and_ok_to_drum(server: Server) -> None:
    reply = server.get("/")

    assert (reply.status, reply.json()) == (200, {"message": "OK", "status": "alive"})
    assert reply.headers["Content-Type"] == JSON


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/"])
def test_models_are_listed(server: Server, path: str) -> None:
    assert server.get(path).json() == {"models": ["sum"]}


@pytest.mark.parametrize("path", ["/v1/models/sum", "/v1/models/sum/"])
def test_a_model_is_ready(server: Server, path: str) -> None:
    reply = server.get(path)

    assert (reply.status, reply.json()) == (200, {"name": "sum", "ready": True})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/models/nobody", None),
        ("POST", "/v1/models/nobody:predict", json.dumps(ROWS)),
        ("POST", "/v1/models/nobody:predict", "{broken"),
        ("POST", "/v1/models/nobody:explain", json.dumps(ROWS)),
    ],
)
def test_an_unknown_model_is_not_found(
    server: Server, method: str, path: str, body: str | None
) -> None:
    reply = call(server.url, method, path, body=body, headers={"Content-Type": JSON})

    assert (reply.status, reply.json()) == (
        404,
        {"error": "Model with name nobody does not exist."},
    )


@pytest.mark.parametrize("key", ["instances", "inputs"])
def test_rows_are_answered_in_order(server: Server, key: str) -> None:
    assert predicted(server, {key: [[1, 2], [3, 4]]}) == {"predictions": [3.0, 7.0]}
    assert predicted(server, {key: [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}) == {
        "predictions": [3.0, 7.0]
    }
    assert predicted(server, {key: [1, 2.5]}) == {"predictions": [1.0, 2.5]}
    assert predicted(server, {key: []}) == {"predictions": []}


def test_a_slash_at_the_end_does_not_redirect(server: Server) -> None:
    assert predicted(server, ROWS, f"{PREDICT}/") == {"predictions": [3.0, 7.0]}


def test_keys_beside_the_rows_change_nothing(server: Server) -> None:
    more = {"parameters": {"a": 1}, "signature_name": "serving_default"}

    assert predicted(server, ROWS | more) == {"predictions": [3.0, 7.0]}


def test_classes_are_answered_as_on_predict(multi: Server) -> None:
    found = predicted(multi, {"instances": [{"x": 1}]}, "/v1/models/multi:predict")

    assert found == multi.csv("x\n1\n").json()
    assert found == {"predictions": [{"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}]}


@pytest.mark.parametrize(
    "kind",
    [JSON, "application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"],
)
def test_bodies_of_any_type_are_json(server: Server, kind: str) -> None:
    reply = server.post(PREDICT, json.dumps(ROWS), kind)

    assert (reply.status, reply.json()) == (200, {"predictions": [3.0, 7.0]})


def test_a_body_without_a_type_is_json(server: Server) -> None:
    assert server.post(PREDICT, json.dumps(ROWS)).json() == {"predictions": [3.0, 7.0]}


def test_another_charset_is_read_and_an_unknown_one_is_refused(server: Server) -> None:
    wide = server.post(PREDICT, json.dumps(ROWS).encode("utf-16"), f"{JSON}; charset=utf-16")
    unknown = server.post(PREDICT, json.dumps(ROWS), f"{JSON}; charset=ebcdic")

    assert wide.json() == {"predictions": [3.0, 7.0]}
    assert (unknown.status, list(unknown.json())) == (415, ["error"])


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param('{"instances": {"a": 1}}', 'Expected "instances" to be a list', id="object"),
        pytest.param('{"inputs": 3}', 'Expected "inputs" to be a list', id="number"),
        pytest.param('{"instances": null}', 'Expected "instances" to be a list', id="null"),
        pytest.param('{"foo": 1}', "the body has neither", id="neither"),
        pytest.param("{}", "the body has neither", id="nothing"),
        pytest.param("[[1, 2]]", "the body has neither", id="list"),
        pytest.param('{"instances": [[1]], "inputs": [[2]]}', "the body has both", id="both"),
        pytest.param("{broken", "Unrecognized request format: ", id="broken"),
        pytest.param("", "Unrecognized request format: ", id="empty"),
        pytest.param("7", "Unrecognized request format: ", id="scalar"),
        pytest.param('{"instances": [[1]], "instances": [[2]]}', "more than once", id="twice"),
        pytest.param('{"instances": [["\\ud800"]]}', "surrogate", id="half"),
        pytest.param(b'{"instances": [["\xff"]]}', "UTF-8", id="bytes"),
        pytest.param('{"instances": [[1], [1, 2]]}', "number 1 (counted from 0)", id="ragged"),
        pytest.param('{"instances": [[1], {"a": 1}]}', "number 1 (counted from 0)", id="mixed"),
        pytest.param('{"instances": [[[1]]]}', "row 0 (counted from 0)", id="nested"),
        pytest.param('{"instances": [{}]}', "no column", id="no-column"),
        pytest.param(f'{{"instances": {"[" * 200}{"]" * 200}}}', "nested", id="deep"),
    ],
)
def test_a_wrong_body_is_the_callers_fault(server: Server, body: str | bytes, text: str) -> None:
    reply = server.post(PREDICT, body, JSON)

    assert reply.status == 400, reply.text
    assert list(reply.json()) == ["error"]
    assert text in reply.json()["error"]


def test_limits_hold_here_too(tmp_path: Path) -> None:
    limits = ("--max-columns", "2", "--max-rows", "2", *SUM.flags, *ONE_WORKER)
    with serve(SUM.write(tmp_path / "sum"), *limits) as small:
        fits = post(small, PREDICT, {"instances": [[1, 2], [3, 4]]})
        replies = [
            post(small, PREDICT, {"instances": rows})
            for rows in ([[1, 2, 3]], [{"a": 1, "b": 2}, {"c": 3}], [[1], [2], [3]])
        ]

    assert fits.status == 200
    assert [reply.status for reply in replies] == [413] * 3


def test_a_model_that_fails_is_a_500(server: Server) -> None:
    reply = post(server, PREDICT, {"instances": [{"fail": 1}]})

    assert (reply.status, list(reply.json())) == (500, ["error"])


def test_wrong_methods_and_verbs_are_refused_in_the_same_form(server: Server) -> None:
    replies = [
        call(server.url, "PUT", "/v1/models/sum"),
        post(server, "/v1/models/sum:other", ROWS),
        post(server, "/v1/models", ROWS),
        server.get("/v1/models/sum/versions/1"),
    ]

    assert [reply.status for reply in replies] == [405, 405, 405, 404]
    assert [list(reply.json()) for reply in replies] == [["error"]] * 4


def test_a_binary_cloud_event_is_answered_by_another(server: Server) -> None:
    headers = {"Content-Type": JSON, **EVENT}

    reply = call(server.url, "POST", PREDICT, body=json.dumps(ROWS), headers=headers)

    assert (reply.status, reply.json()) == (200, {"predictions": [3.0, 7.0]})
    assert reply.headers["Content-Type"] == JSON
    assert reply.headers["ce-specversion"] == "1.0"
    assert reply.headers["ce-type"] == "io.kserve.inference.response"
    assert reply.headers["ce-source"] == "io.kserve.inference.sum"
    assert reply.headers["ce-id"] not in ("", "36")
    assert reply.headers["ce-time"]


@pytest.mark.parametrize("missing", EVENT)
def test_a_request_with_some_of_the_headers_is_no_event(server: Server, missing: str) -> None:
    headers = {"Content-Type": JSON, **EVENT}
    del headers[missing]

    reply = call(server.url, "POST", PREDICT, body=json.dumps(ROWS), headers=headers)

    assert reply.status == 200
    assert "ce-id" not in reply.headers


def test_a_structured_cloud_event_is_answered_by_one(server: Server) -> None:
    kind = "application/cloudevents+json"
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "t"}

    good = server.post(PREDICT, json.dumps({**event, "data": ROWS}), kind)
    empty = server.post(PREDICT, json.dumps(event), kind)

    answer = good.json()
    assert (good.status, good.headers["Content-Type"]) == (200, kind)
    assert answer.pop("data") == {"predictions": [3.0, 7.0]}
    assert answer.pop("id") != answer.pop("time")
    assert answer == {
        "specversion": "1.0",
        "source": "io.kserve.inference.sum",
        "type": "io.kserve.inference.response",
    }
    assert "ce-id" not in good.headers
    assert (empty.status, list(empty.json())) == (400, ["error"])


@pytest.mark.parametrize("rows", [[[1, 2]], []])
def test_a_model_without_contributions_does_not_explain(server: Server, rows: Any) -> None:
    reply = post(server, "/v1/models/sum:explain", {"instances": rows})

    assert (reply.status, list(reply.json())) == (501, ["error"])
    assert "contributions" in reply.json()["error"]


def test_contributions_explain_predictions(binary: Server) -> None:
    sample = (ROOT / "model_templates/xgboost_binary/sample.csv").read_text()
    names, *lines = [line.split(",") for line in sample.strip().split("\n")]
    rows = [dict(zip(names, map(float, line), strict=True)) for line in lines[:3]]

    told = predicted(binary, {"instances": rows}, "/v1/models/b:predict")["predictions"]
    found = predicted(binary, {"instances": rows}, "/v1/models/b:explain")["explanations"]

    positive = next(iter(told[0]))
    assert len(found) == 3
    for chances, row in zip(told, found, strict=True):
        assert list(row) == ["contributions", "bias"]
        assert list(row["contributions"]) == names
        odds = chances[positive] / (1 - chances[positive])
        total = sum(row["contributions"].values()) + row["bias"]
        assert abs(total) == pytest.approx(abs(log(odds)), abs=1e-4)
    assert predicted(binary, {"instances": []}, "/v1/models/b:explain") == {"explanations": []}


def test_models_of_a_catalog_are_found_by_name(catalog: Server) -> None:
    listed = catalog.get("/v1/models").json()["models"]

    assert listed == ["broken", "one", "two"]
    assert catalog.get("/v1/models/two").json() == {"name": "two", "ready": True}
    assert predicted(catalog, ROWS, "/v1/models/two:predict") == {"predictions": [3.0, 7.0]}
    assert catalog.get("/v1/models/three").status == 404


def test_a_model_that_does_not_load_is_not_ready(catalog: Server) -> None:
    replies = [
        catalog.get("/v1/models/broken"),
        post(catalog, "/v1/models/broken:predict", ROWS),
    ]

    for reply in replies:
        assert (reply.status, reply.json()) == (
            503,
            {"error": "Model with name broken is not ready."},
        )


def test_a_server_whose_model_did_not_load_says_so(tmp_path: Path) -> None:
    directory = SUM.plus(custom_py="raise ValueError('boom')").write(tmp_path / "sum")
    with serve(directory, *SUM.flags, "--with-error-server", *ONE_WORKER) as broken:
        root, listed = broken.get("/"), broken.get("/v1/models")
        replies = [broken.get("/v1/models/sum"), post(broken, PREDICT, ROWS)]

    assert (root.status, list(root.json())) == (513, ["message"])
    assert listed.json() == {"models": ["sum"]}
    assert [(reply.status, list(reply.json())) for reply in replies] == [(503, ["error"])] * 2


def test_models_of_other_kinds_predict_no_rows(unstructured: Server) -> None:
    reply = post(unstructured, "/v1/models/any:predict", ROWS)

    assert (reply.status, list(reply.json())) == (400, ["error"])


@pytest.mark.parametrize("fixture", ["writer", "chatter"])
def test_language_models_are_listed_for_openais_clients_too(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    reply = request.getfixturevalue(fixture).get("/v1/models")

    assert reply.status == 200
    assert reply.json()["object"] == "list"
    assert isinstance(reply.json()["data"], list)
    assert reply.json()["models"] == [fixture]


def test_callers_need_their_scopes(tmp_path: Path) -> None:
    locked = ("--passphrase", "open sesame", *SUM.flags, *ONE_WORKER)
    with serve(SUM.write(tmp_path / "sum"), *locked) as shut:
        refused = [shut.get("/v1/models/sum"), shut.get("/v1/models"), post(shut, PREDICT, ROWS)]
        known = post(shut, PREDICT, ROWS, Authorization="Bearer open sesame")
        root = shut.get("/")

    assert [(reply.status, list(reply.json())) for reply in refused] == [(401, ["error"])] * 3
    assert (known.status, root.status) == (200, 200)


def test_routes_stand_below_the_prefix(tmp_path: Path) -> None:
    with serve(SUM.write(tmp_path / "sum"), *SUM.flags, "--url-prefix", "/m", *ONE_WORKER) as below:
        assert below.get("/m/v1/models").json() == {"models": ["sum"]}
        assert post(below, f"/m{PREDICT}", ROWS).json() == {"predictions": [3.0, 7.0]}
        assert below.get("/v1/models").status == 404


@pytest.mark.parametrize("choice", ["kserve", "KServe_V1"])
def test_a_caller_of_invocations_may_choose_it(server: Server, choice: str) -> None:
    good = post(server, "/invocations", ROWS, X_Scoring_Contract=choice)
    wrong = post(server, "/invocations", {"foo": 1}, X_Scoring_Contract=choice)

    assert (good.status, good.json()) == (200, {"predictions": [3.0, 7.0]})
    assert (wrong.status, list(wrong.json())) == (400, ["error"])
    assert {r.headers["X-Scoring-Contract"] for r in (good, wrong)} == {"kserve_v1"}


def test_without_the_contract_the_shared_routes_are_drums(tmp_path: Path) -> None:
    flags = (*SUM.flags, "--contracts", "probes,drum,chat", *ONE_WORKER)
    with serve(SUM.write(tmp_path / "sum"), *flags) as drums:
        assert drums.get("/").json() == {"message": "OK"}
        assert (drums.get("/v1/models").status, list(drums.get("/v1/models").json())) == (
            404,
            ["message"],
        )
