"""Azure ML's inference server: `/score`, ids, forms of rows, web pages, Swagger."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from openapi_spec_validator import (
    OpenAPIV2SpecValidator,
    OpenAPIV30SpecValidator,
    OpenAPIV31SpecValidator,
)

from tests.support.http_calls import Reply, call
from tests.support.models import ECHO, ONE_WORKER, served
from tests.support.more_models import UNSTRUCTURED
from tests.support.serving import Server, serve
from tests.support.summing import JSON, MULTI, SUM, post

ROOT = Path(__file__).parents[2]
DATA = {"data": [[1, 2], [3, 4]]}
SPLIT = {"columns": ["a", "b"], "index": [0, 1], "data": [[1, 2], [3, 4]]}
NAMED = {"predictions": [3.0, 7.0]}
PAGE = "https://page.example"
ID, CLIENT, LEGACY = "x-request-id", "x-ms-client-request-id", "x-ms-request-id"

server = served(SUM, *ONE_WORKER)
echo = served(ECHO, *ONE_WORKER)
multi = served(MULTI, *ONE_WORKER)
unstructured = served(UNSTRUCTURED, *ONE_WORKER)
shared = served(SUM, *ONE_WORKER, env={"AML_CORS_ORIGINS": f"{PAGE}, http://other.example"})
open_to_all = served(SUM, *ONE_WORKER, env={"AML_CORS_ORIGINS": "*"})


@pytest.fixture(scope="module")
def iris() -> Iterator[Server]:
    with serve(ROOT / "model_templates" / "lightgbm_multiclass", *ONE_WORKER) as running:
        yield running


def scored(server: Server, content: Any) -> Any:
    reply = post(server, "/score", content)
    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == JSON
    return reply.json()


def asked(server: Server, method: str, path: str = "/score", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(server.url, method, path, headers=named)


def test_data_is_answered_with_predictions(server: Server) -> None:
    reply = post(server, "/score", DATA)

    assert (reply.status, reply.json()) == (200, NAMED)
    assert reply.headers["x-ms-run-function-failed"] == "False"
    assert float(reply.headers["x-ms-run-fn-exec-ms"]) > 0
    assert reply.headers["X-Scoring-Contract"] == "azureml"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"data": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}, id="objects"),
        pytest.param({**DATA, "method": "predict"}, id="method"),
        pytest.param({"dataframe_split": SPLIT}, id="split"),
        pytest.param({"dataframe_records": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}, id="records"),
        pytest.param({"instances": [[1, 2], [3, 4]]}, id="instances"),
        pytest.param({"inputs": {"a": [1, 3], "b": [2, 4]}}, id="inputs"),
        pytest.param([[1, 2], [3, 4]], id="list"),
    ],
)
def test_other_forms_are_answered_alike(server: Server, content: Any) -> None:
    assert scored(server, content) == NAMED


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(SPLIT, id="split"),
        pytest.param([[1, 2], [3, 4]], id="lists"),
        pytest.param([{"a": 1, "b": 2}, {"a": 3, "b": 4}], id="objects"),
        pytest.param({"a": [1, 3], "b": [2, 4]}, id="columns"),
    ],
)
def test_input_data_is_answered_with_a_bare_list(server: Server, rows: Any) -> None:
    assert scored(server, {"input_data": rows}) == [3.0, 7.0]
    assert scored(server, {"input_data": rows, "params": {"x": 1}}) == [3.0, 7.0]


def test_no_rows_have_no_predictions(server: Server) -> None:
    assert scored(server, {"data": []}) == {"predictions": []}
    assert scored(server, []) == {"predictions": []}
    assert scored(server, {"input_data": []}) == []
    assert scored(server, {"input_data": {"columns": ["a"], "index": [], "data": []}}) == []


def test_classes_are_answered_as_on_predict(multi: Server) -> None:
    expected = multi.csv("x\n1\n").json()

    assert scored(multi, {"data": [{"x": 1}]}) == expected
    assert scored(multi, {"input_data": [{"x": 1}]}) == expected["predictions"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "x/y", None])
def test_the_type_of_a_body_is_not_looked_at(server: Server, kind: str | None) -> None:
    assert server.post("/score", json.dumps(DATA), kind).json() == NAMED


def test_a_query_need_not_be_encoded(server: Server) -> None:
    """A05, as a user types it."""
    assert server.get("/score?data=[[1,2]]").json() == {"predictions": [3.0]}


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ({"data": "[[1,2],[3,4]]"}, NAMED),
        ([("data", "[1,2]"), ("data", "[3,4]")], NAMED),
        ({"input_data": "[[1,2],[3,4]]"}, [3.0, 7.0]),
        ({"a": "3", "b": "4"}, {"predictions": [7.0]}),
    ],
)
def test_rows_may_stand_in_the_query(server: Server, query: Any, answer: Any) -> None:
    reply = server.get(f"/score?{urlencode(query)}")

    assert (reply.status, reply.json()) == (200, answer)
    assert reply.headers["x-ms-run-function-failed"] == "False"
    assert "x-ms-run-fn-exec-ms" in reply.headers


def test_a_text_of_a_query_is_text(echo: Server) -> None:
    reply = echo.get(f"/score?{urlencode({'a': 'say {it', 'b': '01', 'c': '[7]x'})}")

    seen = json.loads(reply.json()["predictions"][0])
    assert seen["columns"] == ["'a'", "'b'", "'c'"]
    assert seen["rows"][0][0] == "'say {it'"
    assert seen["rows"][0][2] == "'[7]x'"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "query"),
        ("?data=[[1,2],[3]]", "number 1"),
        (f"?data={'[' * 200}{']' * 200}", "nested"),
        ("?data=7", "list"),
        ("?data=[[1]]&input_data=[[1]]", "several forms"),
    ],
)
def test_a_wrong_query_is_the_callers_fault(server: Server, query: str, text: str) -> None:
    reply = server.get(f"/score{query}")

    assert (reply.status, list(reply.json())) == (400, ["message"]), reply.text
    assert text in reply.json()["message"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(b"\xff\xfe", "UTF-8", id="bytes"),
        pytest.param("{broken", "JSON", id="broken"),
        pytest.param("", "JSON", id="empty"),
        pytest.param("7", "JSON", id="scalar"),
        pytest.param('{"data": [[1], [1, 2]]}', "number 1 (counted from 0)", id="ragged"),
        pytest.param('{"data": [[1], {"a": 1}]}', "number 1 (counted from 0)", id="mixed"),
        pytest.param('{"data": 3}', "list", id="data-number"),
        pytest.param('{"data": {"a": [1]}}', "list", id="data-object"),
        pytest.param('{"input_data": 3}', "list", id="number"),
        pytest.param('{"input_data": null}', "list", id="null"),
        pytest.param('{"input_data": [[1]], "data": [[1]]}', "several forms", id="two-forms"),
        pytest.param('{"data": [[1]], "instances": [[1]]}', "several forms", id="two-others"),
        pytest.param('{"input_data": {"columns": ["a", "a"], "data": [[1]]}}', "once", id="twice"),
        pytest.param('{"data": [[1]], "data": [[2]]}', "more than once", id="key-twice"),
        pytest.param(f'{{"data": {"[" * 200}{"]" * 200}}}', "nested", id="deep"),
    ],
)
def test_a_wrong_body_is_the_callers_fault(server: Server, body: str | bytes, text: str) -> None:
    reply = server.post("/score", body, JSON)

    assert (reply.status, list(reply.json())) == (400, ["message"]), reply.text
    assert text in reply.json()["message"]
    assert reply.headers["x-ms-run-function-failed"] == "False"
    assert reply.headers[ID] == reply.headers[LEGACY]


def test_limits_hold_here_too(tmp_path: Path) -> None:
    limits = ("--max-columns", "2", "--max-rows", "2", *SUM.flags, *ONE_WORKER)
    with serve(SUM.write(tmp_path / "sum"), *limits) as small:
        replies = [
            *(post(small, "/score", {"data": rows}) for rows in ([[1, 2, 3]], [[1], [2], [3]])),
            small.get("/score?data=[[1,2,3]]"),
        ]

    assert [(reply.status, list(reply.json())) for reply in replies] == [(413, ["message"])] * 3


def test_a_model_that_fails_says_so(server: Server) -> None:
    reply = post(server, "/score", {"data": [{"fail": 1}]})

    assert (reply.status, list(reply.json())) == (500, ["message"])
    assert reply.headers["x-ms-run-function-failed"] == "True"
    assert "x-ms-run-fn-exec-ms" not in reply.headers


def test_a_model_that_did_not_load_is_unavailable(tmp_path: Path) -> None:
    directory = SUM.plus(custom_py="raise ValueError").write(tmp_path / "sum")
    with serve(directory, *SUM.flags, "--with-error-server", *ONE_WORKER) as broken:
        reply = post(broken, "/score", DATA)

    assert (reply.status, list(reply.json())) == (503, ["message"])
    assert reply.headers["x-ms-run-function-failed"] == "False"


def test_models_of_other_kinds_predict_no_rows(unstructured: Server) -> None:
    assert post(unstructured, "/score", DATA).status == 400


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({ID: "abc", CLIENT: "cli"}, {ID: "abc", LEGACY: "cli", CLIENT: "cli"}),
        ({ID: "abc"}, {ID: "abc", LEGACY: "abc", CLIENT: None}),
        ({LEGACY: "leg", ID: "abc"}, {ID: "abc", LEGACY: "leg", CLIENT: "leg"}),
        ({LEGACY: "leg", CLIENT: "cli", ID: "a"}, {ID: "a", LEGACY: "leg", CLIENT: "cli"}),
        ({ID: 'a b;"c', "TraceId": "t"}, {ID: 'a b;"c', LEGACY: 'a b;"c', "TraceId": "t"}),
        ({ID: "a" * 100}, {ID: "a" * 100}),
    ],
)
def test_ids_come_back(server: Server, sent: dict[str, str], found: dict[str, str | None]) -> None:
    reply = call(server.url, "POST", "/score", body=json.dumps(DATA), headers=sent)

    assert reply.status == 200
    assert {name: reply.headers[name] for name in found} == found


def test_a_request_without_an_id_gets_a_new_one(server: Server) -> None:
    one, other = (post(server, "/score", DATA).headers for _ in range(2))

    assert one[ID] == one[LEGACY] == one["X_Request_ID"]
    assert one[ID] != other[ID]
    assert one[CLIENT] is None


@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        (ID, "x-request-id must not exceed 100 characters", False),
        (CLIENT, "x-ms-request-id and x-ms-client-request-id must not exceed 100 characters", True),
        (LEGACY, "x-ms-request-id and x-ms-client-request-id must not exceed 100 characters", True),
    ],
)
def test_long_ids_are_refused(
    server: Server, method: str, name: str, text: str, *, kept: bool
) -> None:
    reply = call(server.url, method, "/score", headers={name: "a" * 101})

    assert (reply.status, reply.json()) == (431, {"message": text})
    assert (ID in reply.headers) is kept
    assert LEGACY not in reply.headers


def test_other_methods_and_paths_are_refused_in_the_same_form(server: Server) -> None:
    replies = [
        asked(server, "PUT"),
        asked(server, "DELETE"),
        asked(server, "POST", "/swagger.json"),
        asked(server, "GET", "/score/more"),
    ]

    assert [reply.status for reply in replies] == [405, 405, 405, 404]
    assert [list(reply.json()) for reply in replies] == [["message"]] * 4


def test_a_slash_at_the_end_does_not_redirect(server: Server) -> None:
    assert post(server, "/score/", DATA).json() == NAMED


def test_options_are_empty_without_origins(server: Server) -> None:
    reply = asked(server, "OPTIONS", Origin=PAGE, Access_Control_Request_Method="POST")

    assert (reply.status, reply.body) == (200, b"")
    assert not [name for name in reply.headers if name.startswith("Access-Control")]


def test_a_page_that_the_operator_names_may_ask(shared: Server) -> None:
    reply = asked(
        shared,
        "OPTIONS",
        Origin=PAGE,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type",
    )
    answer = post(shared, "/score", DATA, Origin=PAGE)
    wrong = post(shared, "/score", {"data": [[1], 2]}, Origin=PAGE)

    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == PAGE
    assert reply.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert reply.headers["Access-Control-Allow-Headers"] == "content-type"
    assert {r.headers["Access-Control-Allow-Origin"] for r in (answer, wrong)} == {PAGE}
    assert {r.headers["Vary"] for r in (reply, answer, wrong)} == {"Origin"}
    assert (answer.json(), wrong.status) == (NAMED, 400)


@pytest.mark.parametrize("origin", ["https://evil.example", f"{PAGE}.evil.example", "null", ""])
def test_other_pages_may_not(shared: Server, origin: str) -> None:
    replies = [
        asked(shared, "OPTIONS", Origin=origin, Access_Control_Request_Method="POST"),
        post(shared, "/score", DATA, Origin=origin),
        post(shared, "/score", DATA),
    ]

    assert [reply.headers["Access-Control-Allow-Origin"] for reply in replies] == [None] * 3


def test_a_star_lets_every_page_ask(open_to_all: Server) -> None:
    reply = post(open_to_all, "/score", DATA, Origin="https://any.example")

    assert reply.headers["Access-Control-Allow-Origin"] == "https://any.example"


def test_a_page_asks_before_it_shows_a_credential(tmp_path: Path) -> None:
    locked = ("--passphrase", "open sesame", "--cors-origins", PAGE, *SUM.flags, *ONE_WORKER)
    with serve(SUM.write(tmp_path / "sum"), *locked) as shut:
        preflight = asked(shut, "OPTIONS", Origin=PAGE, Access_Control_Request_Method="POST")
        stranger = post(shut, "/score", DATA, Origin=PAGE)
        known = post(shut, "/score", DATA, Origin=PAGE, Authorization="Bearer open sesame")

    assert (preflight.status, stranger.status, known.status) == (200, 401, 200)
    assert list(stranger.json()) == ["message"]
    assert stranger.headers["Access-Control-Allow-Origin"] == PAGE


@pytest.mark.parametrize(
    ("query", "key", "version", "validator"),
    [
        ("", "swagger", "2.0", OpenAPIV2SpecValidator),
        ("?version=2", "swagger", "2.0", OpenAPIV2SpecValidator),
        ("?version=3", "openapi", "3.0.3", OpenAPIV30SpecValidator),
        ("?version=3.1", "openapi", "3.1.0", OpenAPIV31SpecValidator),
    ],
)
def test_swagger_describes_the_model(
    iris: Server, query: str, key: str, version: str, validator: Any
) -> None:
    document = iris.get(f"/swagger.json{query}").json()

    assert document[key] == version
    assert not list(validator(document).iter_errors())
    assert document["paths"].keys() == {"/", "/score"}
    schemas = document.get("definitions") or document["components"]["schemas"]
    columns = schemas["ServiceInput"]["properties"]["data"]["items"]["properties"]
    assert len(columns) == 4
    assert {column["type"] for column in columns.values()} == {"number"}


def test_an_unknown_version_of_swagger_is_not_found(server: Server) -> None:
    reply = server.get("/swagger.json?version=9")

    assert reply.status == 404
    assert reply.json() == {
        "message": "Swagger version is not valid. Supported versions: [2, 3, 3.1]."
    }


@pytest.mark.parametrize(
    ("content", "answer"),
    [(DATA, NAMED), ({"input_data": SPLIT}, [3.0, 7.0])],
)
def test_its_forms_are_known_on_invocations(server: Server, content: Any, answer: Any) -> None:
    by_keys = post(server, "/invocations", content)
    chosen = post(server, "/invocations", content, X_Scoring_Contract="azure")

    for reply in (by_keys, chosen):
        assert (reply.status, reply.json()) == (200, answer)
        assert reply.headers["X-Scoring-Contract"] == "azureml"


def test_a_row_with_a_column_called_data_is_for_others(server: Server) -> None:
    reply = post(server, "/invocations", {"data": 3, "b": 4})

    assert reply.headers["X-Scoring-Contract"] != "azureml"


def test_who_chooses_it_on_invocations_is_answered_in_its_form(server: Server) -> None:
    reply = server.post("/invocations", "{broken", JSON, X_Scoring_Contract="azureml")

    assert (reply.status, list(reply.json())) == (400, ["message"])


def test_its_variables_name_port_and_model(tmp_path: Path) -> None:
    env = {"AZUREML_MODEL_DIR": str(SUM.write(tmp_path / "sum"))}
    with serve(None, *SUM.flags, *ONE_WORKER, env=env) as azure:
        assert azure.get("/").status == 200
        assert scored(azure, DATA) == NAMED
