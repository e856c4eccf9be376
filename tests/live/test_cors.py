"""Web pages of origins that the operator names: they may predict, and read what is answered."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.live.steered import MODEL
from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER, REG
from tests.support.serving import Server, serve, start_failure

PAGE = "https://app.example"
SECRET = "correct horse"
KNOWN = {"Authorization": f"Bearer {SECRET}"}
JSON = {"Content-Type": "application/json"}
CHANGES = ("/v1/api/models/delete_model", "/v1/api/workspaces/create", "/v1/graphql")

ASKED = (
    *("/predict/", "/predict", "/predictions/", "/transform/", "/predictUnstructured/"),
    *("/invocations", "/invocate", "/model/score", "/v1/models/m:predict", "/v2/models/m/infer"),
    *("/v1/chat/completions", "/v1/api/pipelines/infer/d-1/p", "/v1/models/m:explain"),
    *("/models/m/predict/", "/serving-endpoints/m/invocations", "/endpoints/m/invocations"),
)
"""Paths at which the contracts predict."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks who calls, and names a page."""
    root = tmp_path_factory.mktemp("shared")
    pages = ("--cors-origins", f"{PAGE},HTTP://Other.example:3000")
    flags = (*REG.flags, *pages, "--store", str(root / "store"), "--model-name", "m")
    env = {"DRUM_LIKE_PASSPHRASE": SECRET}
    with serve(REG.write(root / "m"), *flags, *ONE_WORKER, env=env) as running:
        yield running


def allowed(reply: Reply) -> Mapping[str, str]:
    """Return the headers by which a browser decides."""
    start = "access-control-"
    return {
        name.lower().removeprefix(start): value
        for name, value in reply.headers.items()
        if name.lower().startswith(start)
    }


def preflight(server: Server, path: str, method: str = "POST", origin: str = PAGE) -> Reply:
    """Ask as a browser does, which shows no credential then."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return call(server.url, "OPTIONS", path, headers=headers)


@pytest.mark.parametrize("path", ASKED)
def test_a_page_may_ask_every_contract(shared: Server, path: str) -> None:
    reply = preflight(shared, path)
    found = allowed(reply)

    assert (reply.status, reply.body) == (204, b"")
    assert found["allow-origin"] == PAGE
    assert found["allow-methods"].split(", ")[-1] == "POST"
    assert found["allow-headers"] == "authorization,content-type"
    assert "allow-credentials" not in found
    assert reply.headers.get_all("Vary") == ["Origin"]
    assert reply.headers["X_Request_ID"]


@pytest.mark.parametrize("path", ASKED)
def test_a_page_reads_refusals(shared: Server, path: str) -> None:
    """A status alone would tell a page nothing: its browser hides the rest."""
    unknown = shared.post(path, "{", "application/json", Origin=PAGE)
    broken = shared.post(path, "{", "application/json", Origin=PAGE, **KNOWN)

    assert unknown.status == 401
    assert broken.status >= 400 or path == "/invocate"  # whose errors are answered 200
    for reply in (unknown, broken):
        assert allowed(reply)["allow-origin"] == PAGE
        assert "Origin" in reply.headers.get_all("Vary", [])


@pytest.mark.parametrize("origin", [PAGE, "HTTPS://App.Example", "http://other.example:3000"])
def test_a_page_predicts_and_reads(shared: Server, origin: str) -> None:
    reply = shared.post("/predict/", "a\n1.5\n", "text/csv", Origin=origin, **KNOWN)

    assert reply.json() == {"predictions": [1.5]}
    assert allowed(reply).keys() == {"allow-origin", "expose-headers"}
    assert allowed(reply)["allow-origin"] == origin
    assert "X_Request_ID" in allowed(reply)["expose-headers"]


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", f"{PAGE}.evil.example", "http://app.example", f"{PAGE}:444"),
        *("null", "", "*", f"{PAGE},{PAGE}", "http://other.example"),
    ],
)
def test_other_pages_read_nothing(shared: Server, origin: str) -> None:
    asked = preflight(shared, "/predict/", origin=origin)
    answered = shared.post("/predict/", "a\n1.5\n", "text/csv", Origin=origin, **KNOWN)

    assert asked.status == 401
    assert answered.status == 200
    assert not allowed(asked)
    assert not allowed(answered)
    # A cache must not give this answer to a page that may read it, nor the other way round.
    assert answered.headers.get_all("Vary") == ["Origin"]


def test_programs_are_answered_as_ever(shared: Server) -> None:
    reply = shared.post("/predict/", "a\n1.5\n", "text/csv", **KNOWN)

    assert reply.json() == {"predictions": [1.5]}
    assert not allowed(reply)
    assert reply.headers.get_all("Vary") == ["Origin"]


@pytest.mark.parametrize(
    ("path", "method"),
    [
        *((path, "POST") for path in CHANGES),
        *((path, "GET") for path in ("/info/", "/stats/", "/metrics", "/capabilities/", "/no")),
        *(("/predict/", method) for method in ("GET", "DELETE", "post", "")),
        ("/models/m/predict/more", "POST"),
        ("/v2/repository/models/m/load", "POST"),
        ("/api/v1/mlrun-runtime/configurations", "DELETE"),
    ],
)
def test_pages_read_predictions_only(shared: Server, path: str, method: str) -> None:
    asked = preflight(shared, path, method)
    answered = call(shared.url, method or "GET", path, headers={"Origin": PAGE, **KNOWN})

    may_ask = method in allowed(asked).get("allow-methods", "").split(", ")
    assert not may_ask or not method
    assert "allow-origin" not in allowed(answered)


@pytest.mark.parametrize("path", CHANGES)
def test_a_page_that_may_predict_changes_nothing(shared: Server, path: str) -> None:
    headers = {"Origin": PAGE, **JSON, **KNOWN}
    reply = call(shared.url, "POST", path, body="{}", headers=headers)

    assert reply.status == 403
    assert "web page" in reply.text
    assert not allowed(reply)


def test_what_was_accepted_is_no_word_of_a_page(shared: Server) -> None:
    body = json.dumps({"uuid": "u", "offers_accepted": []})
    reply = shared.post("/response", body, "application/json", Origin=PAGE, **KNOWN)

    assert reply.status == 403


def test_a_page_reads_what_the_server_itself_refuses(tmp_path: Path) -> None:
    flags = ("--cors-origins", PAGE, "--request-timeout-s", "1", "--max-body-mb", "1")
    with serve(MODEL.write(tmp_path), *MODEL.flags, *flags, *ONE_WORKER) as server:
        late = server.post("/predict/", "do,value\nsleep,3\n", "text/csv", Origin=PAGE)
        long = server.post("/predict/", b"a\n" * (1 << 20), "text/csv", Origin=PAGE)

    assert (late.status, long.status) == (504, 413)
    assert allowed(late)["allow-origin"] == allowed(long)["allow-origin"] == PAGE


def test_a_star_is_every_page_and_no_credential(tmp_path: Path) -> None:
    with serve(REG.write(tmp_path), *REG.flags, "--cors-origins", "*", *ONE_WORKER) as server:
        replies = [
            server.post("/predict/", "a\n1.5\n", "text/csv", Origin=origin)
            for origin in (PAGE, "https://any.example", "null")
        ]
        foreign = server.post("/predict/", "a\n1.5\n", "text/csv", Origin=PAGE, Host="evil.example")

    assert [allowed(reply)["allow-origin"] for reply in replies] == [
        PAGE, "https://any.example", "null",
    ]  # fmt: skip
    assert not any("allow-credentials" in allowed(reply) for reply in replies)
    assert foreign.status == 403  # a page has a name of its own for this machine


@pytest.mark.parametrize(
    "origins",
    ["app.example", "https://app.example/", "https://*.app.example", "https://a b", "//a", "null"],
)
def test_origins_are_as_browsers_name_them(tmp_path: Path, origins: str) -> None:
    done = start_failure(REG.write(tmp_path), *REG.flags, "--cors-origins", origins)

    assert done.returncode == 2
    assert "--cors-origins: must be origins of web pages" in done.stderr
