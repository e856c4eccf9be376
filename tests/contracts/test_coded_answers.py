"""Answers that are compressed because Accept-Encoding asks for it, and those that never are."""

import gzip
import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import requests

from drum_like.http.accepted import _codings
from tests.support.http_calls import Part, Reply, call, form
from tests.support.models import ONE_WORKER, REG
from tests.support.serving import Server, serve

CSV = "text/csv"
LONG = b"a\n" + b"".join(b"%d.25\n" % at for at in range(2_000))
SHORT = b"a\n1.5\n"
NPY = "application/x-npy"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    extension = """
from flask import Response


def init_app(app):
    @app.get("/events")
    def events():
        return Response((b"data: x\\n\\n" * 2000,), content_type="text/event-stream")

    @app.get("/stream")
    def stream():
        return Response((b"x" * 1000 for _ in range(20)), content_type="text/plain")

    @app.get("/coded")
    def coded():
        headers = {"Content-Encoding": "br"}
        return Response(b"y" * 20_000, headers=headers, content_type="text/plain")

    @app.get("/long")
    def long():
        return Response(b"z" * 20_000, content_type="text/plain")
"""
    directory = REG.plus(custom_flask_py=extension).write(tmp_path_factory.mktemp("m") / "coded")
    with serve(directory, *REG.flags, *ONE_WORKER) as running:
        yield running


def ask(server: Server, accepted: str | None, body: bytes = LONG, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named = {"Content-Type": CSV, **named}
    if accepted is not None:
        named["Accept-Encoding"] = accepted
    return call(server.url, "POST", "/predict/", body=body, headers=named)


def unpacked(reply: Reply) -> bytes:
    """Return the body by the oracle of its coding."""
    coding = reply.headers["Content-Encoding"]
    assert int(reply.headers["Content-Length"]) == len(reply.body)
    if coding == "gzip":
        return gzip.decompress(reply.body)
    if coding == "zstd":
        with pa.CompressedInputStream(pa.BufferReader(reply.body), "zstd") as stream:
            return bytes(stream.read())
    assert coding is None
    return reply.body


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("zstd;q=0, *", "gzip"),
        ("*", "zstd"),
        ("gzip;q=0", None),
        ("gzip;q=0.000", None),
        ("gzip;q=2", None),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=0.5, identity;q=0.4", "gzip"),
        ("identity", None),
        ("br", None),
        ("", None),
        (None, None),
        ("identity;q=0, gzip", "gzip"),
        ("*;q=0", None),
        ("identity;q=0", None),
    ],
)
def test_the_coding_is_the_one_that_is_wanted_most(
    server: Server, accepted: str | None, coding: str | None
) -> None:
    plain = ask(server, None)

    reply = ask(server, accepted)

    assert (reply.status, reply.headers["Content-Encoding"]) == (200, coding)
    assert unpacked(reply) == plain.body
    assert reply.headers["Vary"] == "Accept-Encoding"  # Python's client says identity by itself
    assert reply.headers["Content-Type"] == "application/json"


def test_a_client_of_requests_sees_no_difference(server: Server) -> None:
    reply = requests.post(
        f"{server.url}/predict/", data=LONG, headers={"Content-Type": CSV}, timeout=30
    )

    assert reply.headers["Content-Encoding"] in {"gzip", "zstd"}
    assert reply.content == ask(server, None).body


def test_short_answers_stay_as_they_are(server: Server) -> None:
    reply = ask(server, "gzip, zstd", SHORT)

    assert (reply.headers["Content-Encoding"], reply.headers["Vary"]) == (None, None)


@pytest.mark.parametrize("body", [SHORT, b"a,b\n1\n"])
def test_who_refuses_them_as_they_are_gets_them_coded(server: Server, body: bytes) -> None:
    """Errors, too."""
    plain = ask(server, None, body)

    reply = ask(server, "gzip, identity;q=0", body)

    assert (reply.status, reply.headers["Content-Encoding"]) == (plain.status, "gzip")
    assert unpacked(reply) == plain.body


@pytest.mark.parametrize("media_type", [NPY, ARROW])
@pytest.mark.parametrize(("accepted", "coding"), [("gzip", None), ("gzip, zstd", "zstd")])
def test_arrays_are_packed_where_that_is_fast(
    server: Server, media_type: str, accepted: str, coding: str | None
) -> None:
    plain = ask(server, None, Accept=media_type)

    reply = ask(server, accepted, Accept=media_type)

    assert reply.headers["Content-Encoding"] == coding
    assert unpacked(reply) == plain.body


def test_parquet_is_compressed_in_itself(server: Server) -> None:
    reply = ask(server, "gzip, zstd", Accept=PARQUET)

    assert (reply.headers["Content-Encoding"], reply.body[:4]) == (None, b"PAR1")


def test_noise_stays_as_it_is(server: Server) -> None:
    noise = np.frombuffer(np.random.default_rng(1).bytes(80_000), np.uint64)
    sink = BytesIO()
    np.save(sink, (noise >> 12 | 0x3FF << 52).view(np.float64))  # random fractions

    reply = ask(server, "zstd", sink.getvalue(), Content_Type=NPY, Accept=NPY)

    assert len(unpacked(reply)) == 80_128
    assert len(reply.body) <= 80_128


@pytest.mark.parametrize("path", ["/events", "/stream", "/coded"])
def test_streams_and_coded_answers_stay_as_they_are(server: Server, path: str) -> None:
    plain = call(server.url, "GET", path)

    for accepted in ("gzip, zstd", "gzip, identity;q=0"):
        reply = call(server.url, "GET", path, headers={"Accept-Encoding": accepted})

        assert reply.body == plain.body
        assert reply.headers["Content-Encoding"] == plain.headers["Content-Encoding"]


def test_the_head_is_that_of_the_answer(server: Server) -> None:
    headers = {"Accept-Encoding": "gzip"}
    whole = call(server.url, "GET", "/long", headers=headers)

    head = call(server.url, "HEAD", "/long", headers=headers)

    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Encoding", "Content-Length", "Vary", "Content-Type"):
        assert head.headers[name] == whole.headers[name]
    assert whole.headers["Content-Encoding"] == "gzip"


def test_a_long_error_is_coded_like_an_answer(server: Server) -> None:
    reply = call(server.url, "GET", "/nowhere", headers={"Accept-Encoding": "gzip, identity;q=0"})

    assert reply.status == 404
    assert json.loads(gzip.decompress(reply.body)).keys() == {"message"}


def test_a_connection_goes_on_after_a_coded_answer(server: Server) -> None:
    with requests.Session() as session:
        for _ in range(3):
            reply = session.post(
                f"{server.url}/predict/", data=LONG, headers={"Content-Type": CSV}, timeout=30
            )
            assert len(reply.json()["predictions"]) == 2_000


@pytest.mark.parametrize("field", [";", ",,", "gzip;q", "gzip;q=x", "q=1", "\x00", "gzip" * 999])
def test_broken_fields_ask_for_nothing(field: str) -> None:
    assert _codings(field) == ((), False)


def test_a_request_may_be_coded_as_well(server: Server) -> None:
    body, kind = form(Part("X", gzip.compress(LONG), "rows.csv.gz"))
    headers: dict[str, Any] = {"Content-Type": kind, "Accept-Encoding": "gzip"}

    reply = call(server.url, "POST", "/predict/", body=body, headers=headers)

    assert unpacked(reply) == ask(server, None).body
