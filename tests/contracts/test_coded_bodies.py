"""Bodies that are compressed: refused in the form of the contract of their route, never misread."""

import gzip
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER, REG
from tests.support.serving import Server, serve
from tests.support.wallaroo_api import Api

ROWS = b"a\n1.5\n"
CSV = "text/csv"
JSON = "application/json"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    extension = """
import gzip
from flask import request


def init_app(app):
    @app.post("/unpacks")
    def unpacks():
        return gzip.decompress(request.get_data())
"""
    directory = REG.plus(custom_flask_py=extension).write(tmp_path_factory.mktemp("model"))
    with serve(directory, *REG.flags, *ONE_WORKER, "--passphrase", "open sesame") as running:
        yield running


def post(server: Server, path: str, body: bytes, **headers: str) -> Reply:
    """POST as somebody who may."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named = {"Content-Type": CSV, "Authorization": "Bearer open sesame", **named}
    return call(server.url, "POST", path, body=body, headers=named)


FORMS: Mapping[str, Any] = {
    "/predict/": lambda text: {"message": f"ERROR: 415 Unsupported Media Type: {text}"},
    "/predictUnstructured/": lambda text: {"message": f"ERROR: 415 Unsupported Media Type: {text}"},
    "/invocations": lambda text: {"message": f"ERROR: 415 Unsupported Media Type: {text}"},
    "/v1/chat/completions": lambda text: {"message": f"ERROR: 415 Unsupported Media Type: {text}"},
    "/model/score": lambda text: {"detail": text},
    "/dep/model/contribution": lambda text: {"detail": text},
    "/invocate": lambda text: {"detail": text},
    "/response": lambda text: {"detail": text},
}


@pytest.mark.parametrize("path", FORMS)
def test_each_contract_says_it_in_its_form(server: Server, path: str) -> None:
    reply = post(server, path, gzip.compress(ROWS), Content_Encoding="gzip")

    assert reply.status == 415
    assert reply.json() == FORMS[path](
        "the body is coded: Content-Encoding is gzip, which this server does not read; send the "
        "body as it is, without Content-Encoding"
    )
    assert reply.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("models/upload", {"msg", "code"}),
        ("models/upload_stream", {"msg", "code"}),
        ("workspaces/list", {"msg", "code"}),
        ("pipelines/infer/a-1/a", {"code", "status", "error", "source"}),
    ],
)
def test_wallaroo_says_it_in_its_forms(store_api: Api, path: str, form: set[str]) -> None:
    headers = {"Content-Type": JSON, "Content-Encoding": "gzip"}

    reply = call(
        store_api.server.url, "POST", f"/v1/api/{path}", body=gzip.compress(b"{}"), headers=headers
    )

    assert reply.status == 415
    assert reply.json().keys() == form
    assert reply.json()["code"] == 415
    assert "gzip" in reply.text


@pytest.mark.parametrize(
    ("coding", "named"),
    [
        ("GZip", "gzip"),
        ("gzip, gzip", "gzip, gzip"),
        ("identity, br", "br"),
        ("zstd", "zstd"),
        ("x" * 41, "(malformed)"),
        ("<script>", "(malformed)"),
    ],
)
def test_the_coding_is_named(server: Server, coding: str, named: str) -> None:
    reply = post(server, "/predict/", ROWS, Content_Encoding=coding)

    assert reply.status == 415
    assert f"Content-Encoding is {named}, which" in reply.message


@pytest.mark.parametrize("coding", ["identity", "", " Identity ", "identity, identity", ","])
def test_a_body_as_it_is_may_say_so(server: Server, coding: str) -> None:
    assert post(server, "/predict/", ROWS, Content_Encoding=coding).json() == {"predictions": [1.5]}


def test_chunks_may_hold_a_coded_body_no_more_than_others(server: Server) -> None:
    chunks = [ROWS[:3], ROWS[3:]]
    headers = {"Content-Type": CSV, "Authorization": "Bearer open sesame"}

    plain = call(server.url, "POST", "/predict/", body=chunks, headers=headers)
    coded = call(
        server.url, "POST", "/predict/", body=chunks, headers={**headers, "Content-Encoding": "br"}
    )

    assert plain.json() == {"predictions": [1.5]}
    assert coded.status == 415


@pytest.mark.parametrize(
    ("path", "coding", "said"),
    [
        ("/predict/", "gzip, chunked", b'{"message":"ERROR: 415 Unsupported Media Type: the body '),
        ("/predict/", "deflate, chunked", b"Transfer-Encoding is deflate, chunked, which"),
        ("/model/score", "gzip, chunked", b'{"detail":"the body is coded: Transfer-Encoding is gz'),
        (
            "/predict/",
            "br, chunked",
            b'{"message":"ERROR: the body is coded: Transfer-Encoding is ',
        ),
    ],
)
def test_coded_chunks_are_refused_unread(
    server: Server, path: str, coding: str, said: bytes
) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {CSV}\r\n"
        f"Authorization: Bearer open sesame\r\nTransfer-Encoding: {coding}\r\n\r\n"
    )
    with server.connect() as client:
        client.sendall(head.encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 415 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert said in answer


def test_a_stranger_is_not_told(server: Server) -> None:
    reply = post(server, "/predict/", ROWS, Content_Encoding="gzip", Authorization="Bearer wrong")

    assert reply.status == 401


def test_without_a_body_nothing_is_coded(server: Server) -> None:
    headers = {"Authorization": "Bearer open sesame", "Content-Encoding": "gzip"}

    assert call(server.url, "GET", "/info/", headers=headers).status == 200


def test_a_route_of_the_model_reads_what_it_likes(server: Server) -> None:
    reply = post(server, "/unpacks", gzip.compress(b"inside"), Content_Encoding="gzip")

    assert (reply.status, reply.text) == (200, "inside")
