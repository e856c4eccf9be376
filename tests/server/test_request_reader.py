"""Requests as they come over a real pair of sockets, in whatever pieces."""

import socket
import threading
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import InvalidHeader, InvalidRequestLine, LimitRequestHeaders

from drum_like.http.auth.authenticator import Admission, Caller, authenticator
from drum_like.http.refusals import LongBodyError
from drum_like.http.requests import FileLimit
from drum_like.server.request_head import Heads, Reading, Received
from drum_like.server.request_reader import ClosedError, RequestReader

MAX_BODY = 4_000_000
ADDRESSES = (("127.0.0.1", 50000), ("127.0.0.1", 6789))
POST = b"POST /predict/?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"

Pair = tuple[RequestReader, socket.socket]


def _limit(_environ: Mapping[str, Any], _caller: Caller | None) -> int:
    return MAX_BODY


def _limit_of_known(_environ: Mapping[str, Any], caller: Caller | None) -> int:
    return 0 if caller is None or caller.principal is None else MAX_BODY


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, client = socket.socketpair()
    ours.settimeout(0)
    client.settimeout(5)
    with ours, client:
        yield RequestReader(ours, ADDRESSES, Reading(Heads(Config()), _limit)), client


@pytest.fixture
def locked() -> Iterator[Pair]:
    """A connection to a server that asks who calls."""
    admission = Admission(authenticator("correct horse", None, public=True), lambda _: True)
    ours, client = socket.socketpair()
    ours.settimeout(0)
    client.settimeout(5)
    with ours, client:
        yield (
            RequestReader(ours, ADDRESSES, Reading(Heads(Config()), _limit_of_known, admission)),
            client,
        )


def received(pair: Pair, data: bytes, size: int) -> list[Received]:
    """Send the data in pieces of a size; return the requests."""
    reader, client = pair
    found = []
    for start in range(0, len(data), size):
        client.sendall(data[start : start + size])
        request = reader.receive()
        while request is not None:
            found.append(request)
            request = reader.buffered()
    return found


@pytest.mark.parametrize("size", [1, 2, 7, 60, 1000])
def test_requests_are_the_same_in_pieces_of_any_size(pair: Pair, size: int) -> None:
    get = b"\r\nGET /ping/ HTTP/1.1\r\nHost: x\r\n\r\n"

    requests = received(pair, POST + get + POST, size)

    assert [r.body for r in requests] == [b"hello", b"", b"hello"]
    assert [r.head.environ["PATH_INFO"] for r in requests] == ["/predict/", "/ping/", "/predict/"]
    assert requests[0].head.environ["QUERY_STRING"] == "q=1"
    assert pair[0].is_idle


def test_a_request_in_parts_is_not_idle(pair: Pair) -> None:
    assert received(pair, POST[:-1], 1000) == []

    assert not pair[0].is_idle


def test_nothing_to_read_is_no_request(pair: Pair) -> None:
    assert pair[0].receive() is None


def test_a_client_that_has_closed_is_known(pair: Pair) -> None:
    pair[1].close()

    with pytest.raises(ClosedError):
        pair[0].receive()


@pytest.mark.parametrize("bulk", [False, True], ids=["poller", "thread"])
def test_a_large_body_is_the_same_however_it_is_read(pair: Pair, *, bulk: bool) -> None:
    reader, client = pair
    body = bytes(range(256)) * 12_000
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    sender = threading.Thread(target=client.sendall, args=(head + body + POST,))
    sender.start()

    requests: list[Received] = []
    while len(requests) < 2:
        request = reader.receive_large() if bulk and reader.is_large else None
        request = request or reader.receive() or reader.buffered()
        requests += [request] if request else []
    sender.join()

    assert [r.body for r in requests] == [body, b"hello"]


@pytest.mark.parametrize("bulk", [False, True], ids=["poller", "thread"])
@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
def test_a_body_that_is_read_as_a_file_is_in_one_until_its_request_is_over(
    tmp_path: Path, *, bulk: bool, in_chunks: bool
) -> None:
    body = bytes(range(256)) * 12_000
    framing = b"Transfer-Encoding: chunked" if in_chunks else b"Content-Length: %d" % len(body)
    sent = b"%X\r\n%b\r\n0\r\n\r\n" % (len(body), body) if in_chunks else body
    reading = Reading(Heads(Config()), lambda *_: FileLimit(MAX_BODY, tmp_path))
    ours, client = socket.socketpair()
    ours.settimeout(0)
    with ours, client:
        reader = RequestReader(ours, ADDRESSES, reading)
        data = b"POST / HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n%b" % (framing, sent + POST)
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        request: Received | None = None
        while request is None:
            request = reader.receive_large() if bulk and reader.is_large else reader.receive()
        sender.join()

        assert request.file is not None
        assert request.file.read() == body
        assert reader.room.taken == 1 << 20
        reader.let_go()
        assert request.file.closed
        assert reader.room.taken == 0
        behind = reader.buffered() or reader.receive()
        assert behind is not None
        assert behind.body == b"hello"
        assert behind.file is None


def test_a_body_over_the_limit_is_not_waited_for(pair: Pair) -> None:
    (request,) = received(
        pair, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000001\r\n\r\n", 1000
    )

    assert request.body is None
    assert not request.head.is_chunked


@pytest.mark.parametrize(("length", "is_read"), [(5, True), (100_000, False)])
def test_only_small_bodies_of_strangers_are_read(
    locked: Pair, length: int, *, is_read: bool
) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer stranger\r\nContent-Length: %d"

    requests = received(locked, head % length + b"\r\n\r\n" + b"x" * 5, 1000)

    assert [r.body for r in requests] == ([b"xxxxx"] if is_read else [None])


def test_chunks_of_strangers_are_not_waited_for(locked: Pair) -> None:
    data = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"

    (request,) = received(locked, data, 1000)

    assert request.body is None


@pytest.mark.parametrize("size", [1, 2, 3, 7, 60, 1000])
def test_chunks_are_put_together_from_pieces_of_any_size(pair: Pair, size: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b'5;a=b;c="d e"\r\nhello\r\n00A ;x\r\n, world, x\r\n0\r\nA: b\r\nC: d\r\n\r\n'

    requests = received(pair, head + chunks + head + b"0\r\n\r\n" + POST, size)

    assert [r.body for r in requests] == [b"hello, world, x", b"", b"hello"]
    assert pair[0].is_idle


@pytest.mark.parametrize("size", [1, 999, 4096])
def test_chunks_of_all_sizes_are_read_once(pair: Pair, size: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [bytes([65 + n % 26]) * n for n in range(1, 120)]
    chunks = b"".join(b"%x%s\r\n%s\r\n" % (len(p), b";a" * (len(p) % 9 == 0), p) for p in parts)

    requests = received(pair, head + chunks + b"0\r\n\r\n" + POST, size)

    assert [r.body for r in requests] == [b"".join(parts), b"hello"]


def test_many_chunks_that_come_at_once_are_read_in_turns(pair: Pair) -> None:
    """Else each new client keeps all others waiting for the time that 10,000 chunks take."""
    reader, client = pair
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.sendall(head + b"1\r\na\r\n" * 10_000 + b"0\r\n\r\n" + POST)

    turns, request = [0], reader.receive()
    while request is None:
        assert reader.has_come
        turns.append(reader.n_received or 0)
        request = reader.receive()

    assert request.body == b"a" * 10_000
    assert max(after - before for before, after in pairwise(turns)) <= 3_000
    assert (following := reader.buffered()) is not None
    assert following.body == b"hello"


@pytest.mark.parametrize("chunk", [b"400000", b"3d0901", b"10\r\n0123456789abcdef\r\n3d08f1"])
def test_chunks_over_the_limit_are_not_waited_for(pair: Pair, chunk: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    (request,) = received(pair, head + chunk + b"\r\n", 1000)

    assert request.body is None
    assert request.unread is LongBodyError


def test_coded_chunks_are_not_waited_for(pair: Pair) -> None:
    (request,) = received(
        pair, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 1000
    )

    assert request.body is None


def test_a_client_that_waits_for_a_word_gets_it_every_time(pair: Pair) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"

    for _ in range(2):
        assert received(pair, head, 1000) == []
        assert pair[1].recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert [r.body for r in received(pair, b"ok", 1000)] == [b"ok"]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"GET / HTTP/1.1\nHost: x\n\n", InvalidRequestLine),
        (b"GET / HTTP/1.1\r\nHost: x\nA: b\n\n", InvalidHeader),
        (b"nonsense\r\n\r\n", InvalidRequestLine),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * (1 << 18), LimitRequestHeaders),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", InvalidHeader),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            InvalidHeader,
        ),
    ],
    ids=["bare-lf", "bare-lf-in-fields", "nonsense", "endless", "two-lengths", "two-framings"],
)
def test_what_is_not_http_is_refused(pair: Pair, data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        received(pair, data, 60_000)


def test_a_head_is_read_once_but_never_one_with_a_secret(pair: Pair) -> None:
    plain = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    secret = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n"

    first, second, third, fourth = received(pair, 2 * plain + 2 * secret, 1000)

    assert first.head is second.head
    assert third.head is not fourth.head
    assert fourth.head.environ["HTTP_AUTHORIZATION"] == "Bearer t"


@pytest.mark.parametrize("size", [10, 1000])
@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 0\r\n\r\n",
        b"Content-Length: 5\r\n\r\nhello",
        b"Content-Length: 4000001\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_a_head_is_not_kept_longer_than_its_request(pair: Pair, body: bytes, size: int) -> None:
    data = b"POST / HTTP/1.1\r\nHost: x\r\nCookie: secret\r\n" + body
    reader, client = pair
    found = None
    for start in range(0, len(data), size):
        client.sendall(data[start : start + size])
        found = found or reader.receive()

    assert found is not None
    assert found.head.environ["HTTP_COOKIE"] == "secret"
    assert reader.head is None


@pytest.mark.parametrize("length", [5, 100_000])
def test_a_head_of_a_caller_who_is_asked_for_is_not_kept(locked: Pair, length: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer stranger\r\nContent-Length: %d"
    reader, client = locked
    client.sendall(head % length + b"\r\n\r\nhello")
    found = reader.receive()
    if found is None:
        reader.authenticate()
        found = reader.go_on()

    assert found is not None
    assert reader.head is None
