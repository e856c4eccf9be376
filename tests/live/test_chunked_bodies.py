"""Bodies in chunks from clients that are slow, wrong or unknown: no thread, no second request."""

import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest

from tests.faults.scale import scaled
from tests.live.steered import errors
from tests.support.framing import BAD_CHUNKS, BAD_HEADS, CHUNKED, GOOD_CHUNKS, GOOD_HEADS, NEXT
from tests.support.raw_clients import connected, get_s, until_closed
from tests.support.serving import Server, connect, serve
from tests.support.stock import stock_gunicorn

N_CLIENTS = 40
WATCHED_S = scaled(3, 30)

HOOK = """
def load_model(code_dir):
    return "model"


def score_unstructured(model, data, query, **kwargs):
    # The answer ends the connection for nobody: it has a length.
    return f"<{query['n']}:{(data or b'').hex()}>", {"mimetype": "text/plain"}
"""

ECHO = """
from urllib.parse import parse_qs


def app(environ, start_response):
    data = environ["wsgi.input"].read()
    body = f"<{parse_qs(environ['QUERY_STRING'])['n'][0]}:{data.hex()}>".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
"""Answers as the hook does."""

STRANGER = b"POST /predict/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
PING = b"GET /ping/ HTTP/1.1\r\nHost: localhost\r\n\r\n"

FLOODS = {
    "tiny-chunks": (CHUNKED, b"1\r\na\r\n" * 20_000),
    "extensions": (CHUNKED, (b"1;" + b"a" * 8000 + b"\r\na\r\n") * 20),
    "requests": (b"", PING * 5000),
}
"""Bytes that are sent once on a connection, and bytes that are sent again and again."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("model")
    (directory / "custom.py").write_text(HOOK)
    flags = ("--target-type", "unstructured", "--max-workers", "1", "--threads", "2")
    with serve(directory, *flags, "--max-body-mb", "1") as running:
        yield running


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks who calls, with fewer threads than clients."""
    directory = tmp_path_factory.mktemp("model")
    (directory / "custom.py").write_text(HOOK)
    flags = ("--target-type", "unstructured", "--max-workers", "2", "--passphrase", "open sesame")
    with serve(directory, *flags) as running:
        yield running


def answered(server: Server, stream: bytes) -> bytes:
    """Send a stream, and return all that is answered until the server closes."""
    with connected(server) as (client,):
        client.sendall(stream)
        return until_closed(client)


def echoes(answers: bytes) -> list[bytes]:
    """Return the bodies that answers 200 tell of."""
    parts = answers.split(b"HTTP/1.1 ")[1:]
    return [part[part.index(b"<") :] for part in parts if part.startswith(b"200 ")]


def test_clients_that_trickle_chunks_hold_nobody_up(server: Server, locked: Server) -> None:
    """40 connections, some without an end of a line, of a chunk, of the fields behind it."""
    beginnings = [b"3\r\nabc\r\n", b"3;" + b"a" * 100, b"ffff\r\n", b"0\r\nA: b\r\n", b"3\r\nabc"]
    for victim, head in ((server, CHUNKED), (locked, STRANGER)):
        with connected(victim, N_CLIENTS) as clients:
            for number, client in enumerate(clients):
                client.sendall(head + beginnings[number % len(beginnings)])

            slowest = max(_asked_while_trickling(victim, clients))

        assert slowest <= 1


def _asked_while_trickling(server: Server, clients: list[socket.socket]) -> Iterator[float]:
    """Give how long each question after the server's health took, while the clients go on."""
    end = time.monotonic() + WATCHED_S
    while time.monotonic() < end:
        for client in clients:
            try:
                client.send(b"a")
            except OSError:  # answered, and closed
                continue
        yield get_s(server)
        time.sleep(0.05)


def test_tiny_chunks_hold_nobody_up(server: Server) -> None:
    flood = b"1\r\na\r\n" * 40_000
    with connected(server, 10) as clients, ThreadPoolExecutor(10) as pool:
        sent = [pool.submit(client.sendall, CHUNKED + flood) for client in clients]

        took_s = get_s(server)

        for done in sent:
            done.result()

    assert took_s <= 5, "some steps of ten clients on a busy machine, not all of their chunks"


@pytest.mark.parametrize("name", FLOODS)
def test_clients_that_never_stop_sending_hold_nobody_up(server: Server, name: str) -> None:
    times_s = []
    with _flooded(server.url, *FLOODS[name]):
        end = time.monotonic() + WATCHED_S
        while time.monotonic() < end:
            times_s.append(get_s(server))
            time.sleep(0.05)

    assert statistics.median(times_s) <= 0.7
    assert max(times_s) <= scaled(5, 1)


@contextmanager
def _flooded(url: str, head: bytes, piece: bytes) -> Iterator[None]:
    """Send from connections of another process, whose interpreter is not that of the questions."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_flood, args=(url, head, piece), daemon=True)
    process.start()
    try:
        time.sleep(1)
        yield
        assert process.is_alive()
    finally:
        process.kill()
        process.join()


def _flood(url: str, head: bytes, piece: bytes) -> None:
    for _ in range(N_CLIENTS):
        threading.Thread(target=_send_for_ever, args=(url, head, piece)).start()


def _send_for_ever(url: str, head: bytes, piece: bytes) -> None:
    while True:
        with connect(url) as client, suppress(OSError):
            client.settimeout(1)
            client.sendall(head)
            while True:
                client.sendall(piece)
                with suppress(BlockingIOError):
                    client.recv(1 << 20, socket.MSG_DONTWAIT)


def test_a_request_in_chunks_is_read_byte_by_byte(server: Server) -> None:
    with connected(server) as (client,):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in (
            CHUNKED + GOOD_CHUNKS["trailers"] + NEXT.replace(b"Host", b"Connection: close\r\nHost")
        ):
            client.send(bytes([byte]))

        assert echoes(until_closed(client)) == [b"<1:616263>", b"<2:656e64>"]


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_malformed_chunks_are_answered_and_the_connection_closed(server: Server, name: str) -> None:
    answers = answered(server, CHUNKED + BAD_CHUNKS[name] + NEXT)

    assert answers.count(b"HTTP/1.1 ") == 1
    assert answers.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
    assert b"\r\nConnection: close\r\n" in answers
    assert b'{"message":"ERROR: ' in answers
    assert b"<" not in answers
    assert server.get("/livez").status == 200


@pytest.mark.parametrize("name", BAD_HEADS)
def test_framing_that_is_not_clear_is_answered_and_the_connection_closed(
    server: Server, name: str
) -> None:
    answers = answered(server, BAD_HEADS[name] + NEXT)

    assert answers.count(b"HTTP/1.1 ") == 1
    assert answers.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 415 ", b"HTTP/1.1 501 "))
    assert b"connection: close\r\n" in answers.lower()
    assert b"<" not in answers


def test_nothing_of_all_this_was_unexpected(server: Server) -> None:
    assert errors(server.log()) == []


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A plain gunicorn that keeps connections; its application answers as the hook does."""
    directory = tmp_path_factory.mktemp("echo")
    (directory / "echo.py").write_text(ECHO)
    with stock_gunicorn(directory, "echo:app", "--threads", "4", "--keep-alive", "1") as url:
        yield url


STREAMS = {
    **{f"chunks, {name}": CHUNKED + body for name, body in (GOOD_CHUNKS | BAD_CHUNKS).items()},
    **{f"head, {name}": head for name, head in (GOOD_HEADS | BAD_HEADS).items()},
}


@pytest.mark.parametrize("name", STREAMS)
def test_what_is_answered_is_what_gunicorn_answers(server: Server, stock: str, name: str) -> None:
    """Nothing that it refuses; the same bodies, and the same requests behind them."""
    stream = STREAMS[name] + NEXT.replace(b"Host", b"Connection: close\r\nHost")

    ours = echoes(answered(server, stream))
    theirs = echoes(_by_stock(stock, stream))

    assert ours == theirs[: len(ours)]
    if name.split(", ", 1)[1] in {**GOOD_CHUNKS, **GOOD_HEADS}:
        assert ours == theirs
        assert ours[-1] == b"<2:656e64>"


def _by_stock(url: str, stream: bytes) -> bytes:
    with connect(url) as client:
        client.sendall(stream)
        client.shutdown(socket.SHUT_WR)
        return until_closed(client)


@pytest.mark.parametrize("body", [b"", b"3\r\nabc\r\n", b"fffff\r\nabc"])
def test_a_stranger_is_refused_before_the_chunks_come_and_the_connection_closed(
    locked: Server, body: bytes
) -> None:
    answers = answered(locked, STRANGER + body)

    assert answers.startswith(b"HTTP/1.1 401 ")
    assert b"Connection: close\r\n" in answers


def test_what_a_stranger_sends_on_is_no_request(locked: Server) -> None:
    with connected(locked) as (client,):
        client.sendall(STRANGER)
        time.sleep(0.2)  # the answer is on its way before the rest is
        client.sendall(PING + PING)

        answers = until_closed(client)

    assert answers.count(b"HTTP/1.1 ") <= 1
    assert b" 200 " not in answers


def test_chunks_over_the_limit_are_413_as_soon_as_they_say_so(server: Server) -> None:
    declared = answered(server, CHUNKED + b"fffffff\r\n")
    added = answered(server, CHUNKED + (b"10000\r\n" + b"a" * 65536 + b"\r\n") * 17)

    assert declared.startswith(b"HTTP/1.1 413 ")
    assert added.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close\r\n" in declared


def test_chunks_that_are_cut_off_are_not_scored(server: Server) -> None:
    with connected(server) as (client,):
        client.sendall(CHUNKED + b"3\r\nabc\r\n")
        client.shutdown(socket.SHUT_WR)

        assert until_closed(client).startswith(b"HTTP/1.1 400 ")


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose requests may take two seconds."""
    directory = tmp_path_factory.mktemp("model")
    (directory / "custom.py").write_text(HOOK)
    flags = ("--target-type", "unstructured", "--max-workers", "1", "--request-timeout-s", "2")
    with serve(directory, *flags) as running:
        yield running


@pytest.mark.parametrize(
    ("begun", "more"),
    [
        (CHUNKED, b"1\r\na\r\n"),
        (CHUNKED + b"3;", b"a"),
        (CHUNKED + b"fff\r\n", b"a"),
        (CHUNKED + b"0\r\nA:", b"a"),
        (NEXT.replace(b"Content-Length: 3", b"Content-Length: 900"), b"a"),
        (NEXT.replace(b"Content-Length: 3", b"Content-Length: 900000"), b"a"),
    ],
    ids=["chunks", "extension", "chunk", "trailer", "body", "large body"],
)
def test_a_body_that_trickles_has_the_time_of_a_request(
    hasty: Server, begun: bytes, more: bytes
) -> None:
    began = time.monotonic()
    with connected(hasty) as (client,):
        client.sendall(begun)
        client.settimeout(0.2)
        answer = b""
        while not answer:
            assert time.monotonic() - began < 10
            client.send(more)
            with suppress(TimeoutError):
                answer = client.recv(65536)
        client.settimeout(10)
        answer += until_closed(client)

    assert time.monotonic() - began > 1.5
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert answer.endswith(b'{"message":"ERROR: the request did not come whole in time"}')


def test_a_large_body_that_comes_steadily_gets_more_time(hasty: Server) -> None:
    with connected(hasty) as (client,):
        client.sendall(CHUNKED)
        for _ in range(8):
            client.sendall(b"40000\r\n" + b"a" * 0x40000 + b"\r\n")
            time.sleep(0.5)
        client.sendall(b"0\r\n\r\n")

        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
