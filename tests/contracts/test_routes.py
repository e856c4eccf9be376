"""Paths, methods, slashes and headers of DRUM's routes (rows R-01 to R-21, R-25 to R-28)."""

import gzip
import re
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.support.http_calls import call, send
from tests.support.serving import Server

ROWS = "a\n1\n2\n"
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/", id="R-01"),
        pytest.param("/ping", id="R-02-bare"),
        pytest.param("/ping/", id="R-02-slashed"),
        pytest.param("/health/", id="R-03"),
        pytest.param("/health", id="R-04-served-without-redirect"),
    ],
)
def test_a_living_server_says_ok(reg: Server, path: str) -> None:
    reply = reg.get(path)

    alive = {"status": "alive"} if path == "/" else {}  # D95
    assert (reply.status, reply.json()) == (200, {"message": "OK", **alive})
    assert reply.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/info?x=1", "/capabilities", "/stats"])
def test_a_missing_slash_is_served_directly(reg: Server, path: str) -> None:
    """R-05."""
    bare, _, query = path.partition("?")

    reply = reg.get(path)

    assert reply.status == 200
    assert reply.json().keys() == reg.get(f"{bare}/?{query}").json().keys()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/predict", id="R-06-predict"),
        pytest.param("/predictions", id="R-06-predictions"),
        pytest.param("/predict/", id="R-06-canonical"),
        pytest.param("/invocations", id="R-07"),
        pytest.param("/predictions/", id="R-09"),
    ],
)
def test_every_alias_predicts(reg: Server, path: str) -> None:
    reply = reg.csv(ROWS, path)

    assert (reply.status, reply.json()) == (200, {"predictions": [1.0, 2.0]})


def test_transform_without_a_slash(transform: Server) -> None:
    """R-06."""
    reply = transform.csv(ROWS, "/transform")

    assert reply.status == 200
    assert reply.headers.get_content_type() == "multipart/form-data"


@pytest.mark.parametrize("path", ["/predictUnstructured", "/predictionsUnstructured"])
def test_unstructured_without_a_slash(unstructured: Server, path: str) -> None:
    """R-06."""
    reply = unstructured.post(f"{path}?form=text", "abc")

    assert (reply.status, reply.text) == (200, "x")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/nope", id="R-10"),
        pytest.param("POST", "/nope", id="R-10-post"),
        pytest.param("GET", "/directAccess/", id="R-28"),
        pytest.param("GET", "/static/nope", id="R-10-static"),
    ],
)
def test_an_unknown_path_is_a_json_404(reg: Server, method: str, path: str) -> None:
    reply = call(reg.url, method, path, body=ROWS if method == "POST" else None)

    assert reply.status == 404
    assert reply.headers["Content-Type"] == "application/json"
    assert list(reply.json()) == ["message"]
    assert reply.message.startswith("ERROR: ")


def test_a_slash_more_is_served_as_well(reg: Server) -> None:
    """R-08 and R-25 by difference D3."""
    assert reg.csv(ROWS, "/invocations/").json() == reg.csv(ROWS, "/invocations").json()
    for path in ("/models", "/v1/models"):
        assert reg.get(f"{path}/").json() == reg.get(path).json()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        pytest.param("GET", "/predict/", {"POST", "OPTIONS"}, id="R-11"),
        pytest.param("GET", "/predict", {"POST", "OPTIONS"}, id="R-11-bare"),
        pytest.param("POST", "/ping/", {"GET", "HEAD", "OPTIONS"}, id="R-12"),
    ],
)
def test_a_wrong_method_is_a_json_405(
    reg: Server, method: str, path: str, allowed: set[str]
) -> None:
    reply = call(reg.url, method, path)

    assert reply.status == 405
    assert list(reply.json()) == ["message"]
    assert set(reply.headers["Allow"].split(", ")) >= allowed


def test_head_of_a_get_route_has_no_body(reg: Server) -> None:
    """R-13."""
    reply = call(reg.url, "HEAD", "/ping/")

    assert (reply.status, reply.body) == (200, b"")


def test_options_lists_the_methods(reg: Server) -> None:
    """R-14."""
    reply = call(reg.url, "OPTIONS", "/predict/")

    assert (reply.status, reply.body) == (200, b"")
    assert "POST" in reply.headers["Allow"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("GET", "/ping/", None, id="R-15-200"),
        pytest.param("GET", "/nope", None, id="R-15-404"),
        pytest.param("GET", "/predict/", None, id="R-15-405"),
        pytest.param("POST", "/predict/", b"", id="R-15-422"),
        pytest.param("POST", "/predict/", b"case\nvalue-error\n", id="R-15-500"),
    ],
)
def test_every_reply_names_request_and_versions(
    steered: Server, method: str, path: str, body: bytes | None
) -> None:
    headers = call(steered.url, method, path, body=body).headers

    assert UUID4.fullmatch(headers["X_Request_ID"])
    assert headers["X-Drum-Version"] == "1.18.1"
    assert re.match(r"\d+\.\d+", headers["X-Drum-Like-Version"])


@pytest.mark.parametrize("name", ["X-Request-ID", "x-request-id"])
def test_the_request_id_is_echoed(reg: Server, name: str) -> None:
    """R-16."""
    reply = call(reg.url, "GET", "/ping/", headers={name: "abc"})

    assert reply.headers["X_Request_ID"] == "abc"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="R-17-none"),
        pytest.param({"X-Request-ID": ""}, id="R-17-empty"),
        pytest.param({"X_Request_ID": "abc"}, id="R-18"),
        pytest.param({"X-Request-ID": "a" * 129}, id="H-21-long"),
        pytest.param({"X-Request-ID": "${jndi:ldap://x}"}, id="H-21-jndi"),
    ],
)
def test_a_request_without_a_usable_id_gets_a_fresh_one(
    reg: Server, headers: dict[str, str]
) -> None:
    first, second = (
        call(reg.url, "GET", "/ping/", headers=headers).headers["X_Request_ID"] for _ in range(2)
    )

    assert UUID4.fullmatch(first)
    assert UUID4.fullmatch(second)
    assert first != second


def test_two_requests_share_a_connection(reg: Server) -> None:
    """R-19: the connection stays open."""
    connection = HTTPConnection(urlsplit(reg.url).netloc, timeout=30)
    first = send(connection, "GET", "/ping/")
    socket_of_first = connection.sock

    second = send(connection, "GET", "/ping/")

    assert (first.status, second.status) == (200, 200)
    assert connection.sock is socket_of_first
    connection.close()


def test_a_chunked_body_is_read(reg: Server) -> None:
    """R-20."""
    reply = call(reg.url, "POST", "/predict/", body=[b"a\n1", b"\n2\n"])

    assert (reply.status, reply.json()) == (200, {"predictions": [1.0, 2.0]})


def test_a_compressed_body_is_inflated_or_refused(reg: Server) -> None:
    """R-21: never 500, never rows made of compressed bytes."""
    body = gzip.compress(ROWS.encode())

    reply = reg.post("/predict/", body, "text/csv", Content_Encoding="gzip")

    assert reply.status in {200, 415, 422}
    assert reply.status != 200 or reply.json() == {"predictions": [1.0, 2.0]}


def test_models_are_listed_for_text_generation_only(reg: Server) -> None:
    """R-26."""
    reply = reg.get("/models")

    assert reply.status == 404
    assert reply.json() == {
        "message": "ERROR: get_supported_llm_models is supported only for TextGen models"
    }


@pytest.mark.parametrize("path", ["/directAccess/a", "/nim/a"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_no_direct_access_without_a_proxy_model(reg: Server, method: str, path: str) -> None:
    """R-27."""
    reply = call(reg.url, method, path)

    assert reply.status == 400
    assert reply.json() == {"message": "This endpoint is only supported by OpenAI based predictors"}
