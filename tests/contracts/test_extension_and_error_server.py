"""custom_flask.py, and the error server of a model that does not load (rows X-12 to X-20)."""

import pytest

from tests.support.http_calls import call
from tests.support.models import ONE_WORKER, REG, Model, served
from tests.support.serving import Server

EXTENSION = """
from flask import jsonify, request


def init_app(app):
    @app.before_request
    def check():
        if request.endpoint == "model_api.ping":
            return None
        if request.headers.get("Authorization") == "none":
            return "who?", 401
        return None

    @app.route("/mine/<name>")
    def mine(name):
        return jsonify(hello=name)
"""
SESSIONS = """
from flask import session


def init_app(app):
    app.secret_key = {key}

    @app.route("/visits")
    def visits():
        known = session.get("visits", 0)
        session["visits"] = known + 1
        return str(known)
"""
FLAGS = ("--target-type", "regression", "--with-error-server")

extended = served(REG.plus(**{"deep/custom_flask_py": EXTENSION}), *ONE_WORKER)
with_sessions = served(REG.plus(custom_flask_py=SESSIONS.format(key="'mine'")), *ONE_WORKER)
without_key = served(REG.plus(custom_flask_py=SESSIONS.format(key=None)), *ONE_WORKER)
raising = served(Model({"custom.py": "raise ValueError('at import')\n"}, FLAGS))
missing_module = served(Model({"custom.py": "import no_such_module\n"}, FLAGS))
broken_metadata = served(
    Model({**REG.files, "model-metadata.yaml": "name: x\ntype: inference\n"}, FLAGS)
)
by_variable = served(
    Model({"custom.py": "raise ValueError('at import')\n"}, FLAGS[:2]),
    env={"WITH_ERROR_SERVER": "1", "URL_PREFIX": "/pre"},
)


def test_an_extension_may_refuse_requests(extended: Server) -> None:
    """X-12: the headers of every reply are still there."""
    reply = call(extended.url, "GET", "/info/", headers={"Authorization": "none"})

    assert (reply.status, reply.text) == (401, "who?")
    assert reply.headers["X-Drum-Version"] == "1.18.1"
    assert reply.headers["X_Request_ID"]


def test_an_extension_sees_the_names_of_endpoints(extended: Server) -> None:
    """X-12."""
    reply = call(extended.url, "GET", "/ping/", headers={"Authorization": "none"})

    assert reply.status == 200


def test_an_extension_may_add_a_route(extended: Server) -> None:
    """X-13."""
    assert extended.get("/mine/you").json() == {"hello": "you"}
    assert extended.csv("a\n1\n").json() == {"predictions": [1.0]}


def test_an_extension_with_a_secret_key_has_sessions(with_sessions: Server) -> None:
    first = with_sessions.get("/visits")
    cookie = first.headers["Set-Cookie"].partition(";")[0]

    assert (first.text, with_sessions.get("/visits", Cookie=cookie).text) == ("0", "1")
    assert with_sessions.csv("a\n1\n").headers["Set-Cookie"] is None


def test_an_extension_without_a_secret_key_has_none(without_key: Server) -> None:
    reply = without_key.get("/visits")

    assert reply.status == 500
    assert "secret key" in without_key.log()
    assert without_key.csv("a\n1\n").status == 200


GET_ROUTES = ["/", "/ping", "/ping/", "/health/"]
POST_ROUTES = [
    "/predict/",
    "/predictions/",
    "/predictUnstructured/",
    "/predictionsUnstructured/",
    "/invocations",
    "/transform/",
]


@pytest.mark.parametrize("path", GET_ROUTES + POST_ROUTES)
def test_every_scoring_and_health_route_tells_the_fault(raising: Server, path: str) -> None:
    """X-15."""
    reply = raising.get(path) if path in GET_ROUTES else raising.csv("a\n1\n", path)

    assert reply.status == 513
    assert list(reply.json()) == ["message"]
    assert reply.message.startswith("ERROR: ")
    assert "at import" in reply.message


def test_a_runtime_and_a_model_server_tell_the_fault_in_their_forms(raising: Server) -> None:
    decided = raising.post("/invocate", "{}", "application/json")
    name = decided.json()["id"]
    rows = f'{{"model_id": "{name}", "instances": [{{"a": 1}}]}}'
    predicted = raising.post("/invocations", rows, "application/json")

    assert (decided.status, decided.json()["ErrorMessage"]) == (200, "at import")
    assert (predicted.status, predicted.json()) == (513, {"detail": "at import"})


def test_the_fault_is_told_in_the_words_of_custom_py(raising: Server) -> None:
    """X-15."""
    assert raising.get("/ping/").json() == {"message": "ERROR: at import"}


@pytest.mark.parametrize("path", ["/info/", "/stats/", "/capabilities/", "/models", "/nope"])
def test_other_routes_do_not_exist(raising: Server, path: str) -> None:
    """X-15."""
    reply = raising.get(path)

    assert reply.status == 404
    assert reply.headers["Content-Type"] == "application/json"


def test_a_wrong_method_stays_one(raising: Server) -> None:
    assert raising.get("/predict/").status == 405


def test_probes_of_a_broken_model(raising: Server) -> None:
    """The process lives, the model is not ready."""
    live, ready = raising.get("/livez"), raising.get("/readyz")

    assert live.status == 200
    assert (ready.status, ready.body) == (503, b"Not ready")
    assert ready.headers.get_content_type() == "text/plain"


def test_a_missing_module_is_named(missing_module: Server) -> None:
    """X-16: files are named relative to the model directory."""
    message = missing_module.get("/ping/").message

    assert message.startswith(
        "ERROR: \n\nRunning environment language: Python.\nFailed loading hooks from ["
    )
    assert "custom.py]" in message
    assert message.endswith("No module named 'no_such_module'")
    assert "/custom.py" not in message


def test_broken_metadata_are_told(broken_metadata: Server) -> None:
    """X-17, where DRUM says only `1`."""
    reply = broken_metadata.get("/ping/")

    assert reply.status == 513
    assert reply.message.startswith("ERROR: ")
    assert "targetType" in reply.message


def test_a_variable_asks_for_the_error_server(by_variable: Server) -> None:
    """X-20; the prefix of paths holds there too."""
    reply = by_variable.get("/pre/ping/")

    assert (reply.status, reply.json()) == (513, {"message": "ERROR: at import"})
    assert by_variable.get("/ping/").status == 404
