"""Payloads that are broken, huge or hostile: the status, and that nothing else happens.

Ids are those of the catalogue of bad inputs. After every row the same worker still answers a known
row correctly, and no refusal, and no line of the log, repeats what was sent.
"""

import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.live.steered import eventually
from tests.support.artifacts import native_xgboost
from tests.support.bad_payloads import CANARY, CSV, MATRICES, MEDIA, MULTIPART, Bad
from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER, REG, served
from tests.support.raw_clients import whole
from tests.support.serving import Server, serve

REFUSED = range(400, 500)

boosted = served(native_xgboost(".json").model, *ONE_WORKER)
limited = served(REG, *ONE_WORKER, "--max-body-mb", "1")


def worker(server: Server) -> int:
    reply = server.csv("a,t\n7,x\n")
    assert (reply.status, reply.json()) == (200, {"predictions": [7.0]})
    return int(server.get("/stats/").json()["drum_info"][0]["pid"])


@pytest.fixture(autouse=True)
def _unharmed(reg: Server) -> Iterator[None]:
    before = worker(reg)
    yield
    assert reg.get("/ping/").status == 200
    assert worker(reg) == before


def check(server: Server, reply: Reply, allowed: set[int]) -> None:
    assert reply.status in allowed, reply.text[:300]
    if reply.status in REFUSED:
        assert list(reply.json()) == ["message"]
        assert reply.message.startswith("ERROR: ")
        assert len(reply.body) < 2000
        assert CANARY not in reply.text
    assert CANARY not in server.log()


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.row) for bad in (*MEDIA, *CSV)])
def test_media_types_and_csv(reg: Server, bad: Bad) -> None:
    reply = reg.post("/predict/", bad.body(), bad.content_type)

    check(reg, reply, bad.allowed)


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.row) for bad in MATRICES])
def test_matrix_market(reg: Server, bad: Bad) -> None:
    reply = reg.post("/predict/", bad.body(), "text/mtx")

    check(reg, reply, bad.allowed)


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.row) for bad in MULTIPART])
def test_multipart(reg: Server, bad: Bad) -> None:
    reply = reg.post("/predict/", bad.body(), bad.content_type)

    check(reg, reply, bad.allowed)


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_not_allowed(reg: Server, method: str) -> None:
    """H-19: and TRACE repeats nothing."""
    reply = call(reg.url, method, "/predict/", headers={"X-Secret": CANARY})

    assert reply.status == 405
    assert "POST" in reply.headers["Allow"]
    assert CANARY not in reply.text
    assert method == "HEAD" or list(reply.json()) == ["message"]


def test_an_unknown_path_repeats_nothing(reg: Server) -> None:
    """H-22."""
    reply = call(reg.url, "GET", "/no-such-path")

    assert reply.status == 404
    assert list(reply.json()) == ["message"]
    assert "no-such-path" not in reply.text


def test_a_missing_column_is_named(boosted: Server) -> None:
    """C-30, differences D2 and D7."""
    reply = boosted.csv(f"b,c\n{CANARY},2\n")

    check(boosted, reply, {422})
    assert re.search(r"\W[`'\"]?a[`'\"]?\W", reply.message)


@pytest.mark.parametrize("column", ["a", "b"])
def test_text_in_a_numeric_column_is_located(boosted: Server, column: str) -> None:
    """C-30, difference D2."""
    cells = {"a": "3", "b": "4"} | {column: CANARY}

    reply = boosted.csv(f"a,b\n1,2\n{cells['a']},{cells['b']}\n")

    check(boosted, reply, {422})
    assert re.search(r"\brow 2\b", reply.message)
    assert re.search(rf"\W[`'\"]?{column}[`'\"]?\W", reply.message)


def test_columns_are_matched_by_name(boosted: Server) -> None:
    """D7."""
    plain = boosted.csv("a,b\n1.5,-0.5\n").json()

    assert boosted.csv("b,x,a\n-0.5,text,1.5\n").json() == plain


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        ("Content-Length: 500", b"a\n1\n2\n", 400),
        ("Transfer-Encoding: chunked", b"4\r\na\n1\n\r\n", 400),
        ("Transfer-Encoding: chunked", b"ZZ\r\na\n1\n\r\n0\r\n\r\n", 400),
    ],
    ids=["short", "chunks-cut", "chunks-malformed"],
)
def test_a_body_that_is_cut_off_is_not_scored(
    reg: Server, head: str, body: bytes, status: int
) -> None:
    reply = raw(
        reg, f"POST /predict/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n{head}", body
    )

    assert reply.startswith(b"HTTP/1.1 %d " % status)
    assert b"predictions" not in reply


def test_a_chunked_body_over_the_limit_is_not_cut(limited: Server) -> None:
    rows = b"a\n" + b"1\n" * 600_000
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(rows), rows)

    head = "POST /predict/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
    reply = raw(limited, f"{head}Transfer-Encoding: chunked", chunk)

    assert reply.startswith(b"HTTP/1.1 413 ")
    assert b"--max-body-mb" in reply


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("POST /nowhere", 404),
        ("PUT /predict/", 405),
        ("POST /livez", 405),
        ("GET /livez", 200),
        ("GET /ping/", 200),
    ],
)
@pytest.mark.parametrize("framing", ["Content-Length: 500000000", "Transfer-Encoding: chunked"])
def test_a_body_that_no_route_reads_is_not_waited_for(
    reg: Server, asked: str, status: int, framing: str
) -> None:
    with reg.connect() as client:
        client.sendall(f"{asked} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n".encode())
        answer = whole(client)

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nConnection: close\r\n" in answer


ROUTES = {
    "/predict/": {"message"},
    "/model/score": {"detail"},
    "/invocate": {"detail"},
    "/invocations": {"error_code", "message"},
    "/v1/api/models/list": {"code", "msg"},
}
"""Routes, and the keys of their errors; those of MLflow for JSON that is not read."""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all contracts whose memory for bodies others have taken."""
    directory, store = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("store")
    REG.write(directory)
    flags = ("--store", str(store), "--max-bodies-mb", "1")
    with serve(directory, *REG.flags, *ONE_WORKER, *flags) as server, server.connect() as other:
        other.sendall(
            b"POST /predict/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
        )
        other.sendall(b"x" * 999_999)
        eventually(lambda: server.csv("1" * 200_000).status == 503)
        yield server


@pytest.mark.parametrize("path", ROUTES)
def test_a_body_without_room_is_503_in_the_form_of_its_contract(crowded: Server, path: str) -> None:
    reply = crowded.post(path, b"{" * 200_000, "application/json")

    assert reply.status == 503
    assert (reply.headers["Retry-After"], reply.headers["Connection"]) == ("1", "close")
    assert "the memory for bodies is taken by other requests at the moment" in reply.text
    assert set(reply.json()) == ROUTES[path]


@pytest.mark.parametrize("path", ROUTES)
def test_a_body_that_never_has_room_is_413_and_names_the_flag(crowded: Server, path: str) -> None:
    reply = crowded.post(path, b"{" * 2_000_000, "application/json")

    assert reply.status == 413
    assert "longer than the 1 MiB that this server has for all bodies" in reply.text
    assert "--max-bodies-mb" in reply.text


def test_an_upload_needs_room_for_its_part_in_memory(crowded: Server) -> None:
    """The rest lies on the disk, so that it is not too long for the memory."""
    body = b"{" * 2_000_000
    reply = crowded.post("/v1/api/models/upload", body, "multipart/form-data; boundary=b")

    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert set(reply.json()) == {"msg", "code"}
    assert "the memory for bodies is taken by other requests at the moment" in reply.text


def raw(server: Server, head: str, body: bytes) -> bytes:
    """Send a request as it stands, stop sending, and return what comes back."""
    with server.connect() as client:
        client.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode() + body)
        client.shutdown(socket.SHUT_WR)
        pieces = []
        with suppress(ConnectionResetError):
            while piece := client.recv(65536):
                pieces.append(piece)
        return b"".join(pieces)
