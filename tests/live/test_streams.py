"""Answers that are made in parts, for clients that read them late, slowly or not at all."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.scale import FULL, scaled
from tests.live.steered import begin, boots, events, eventually
from tests.support.raw_clients import connected, get_s, whole
from tests.support.serving import Server, serve

N_CLIENTS = 40
"""Five times as many as the server has threads."""

LARGE = 10_000_000
"""Bytes that no socket holds for a client that does not read."""

PAUSE_S = 1.5

FLAGS = ("--target-type", "textgeneration", "--max-workers", "1", "--threads", "8")
ENV = {"TARGET_NAME": "answer"}

CUSTOM = """
import os
import time
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent


class Chunk:
    object = "chat.completion.chunk"

    def __init__(self, number, size):
        self.text = f"{number}:" + "x" * size

    def to_json(self, indent=None):
        return self.text


def load_model(code_dir):
    with (HERE / "boots").open("a") as boots:
        boots.write(f"{os.getpid()}\\n")
    return "model"


def score(data, model, **kwargs):
    return pd.DataFrame({"answer": ["yes"] * len(data)})


def chat(params, model):
    def chunks():
        try:
            for number in range(params["n"]):
                if "pause" in params:
                    time.sleep(params["pause"])
                yield Chunk(number, params.get("size", 0))
        finally:
            with (HERE / "ends").open("a") as ends:
                ends.write("end\\n")

    return chunks()
"""

CUSTOM_FLASK = """
from flask import Response, g, request, stream_with_context


def init_app(app):
    @app.get("/parts")
    def parts():
        g.size = int(request.args["size"])

        def made():
            sent = 0
            while sent < g.size:
                yield request.args["letter"] * 100_000
                sent += 100_000

        return Response(stream_with_context(made()))

    @app.get("/exits")
    def exits():
        def made():
            yield "first"
            raise SystemExit(3)

        return Response(made())
"""

CHAT = "POST /chat/completions HTTP/1.{}\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def chat(minor: int = 1, **params: float) -> bytes:
    """Return a request for a stream of `n` chunks, each of `size` bytes and after a `pause`."""
    body = "{" + ", ".join(f'"{name}": {value}' for name, value in params.items()) + "}"
    return f"{CHAT.format(minor)}Content-Length: {len(body)}\r\n\r\n{body}".encode()


@contextmanager
def streaming(directory: Path, *flags: str) -> Iterator[Server]:
    """Serve the hooks above."""
    (directory / "custom.py").write_text(CUSTOM)
    (directory / "custom_flask.py").write_text(CUSTOM_FLASK)
    with serve(directory, *FLAGS, *flags, env=ENV) as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with streaming(tmp_path_factory.mktemp("model")) as running:
        yield running


@pytest.fixture(name="clients")
def fixture_clients(server: Server) -> Iterator[list[socket.socket]]:
    with connected(server, N_CLIENTS) as clients:
        yield clients


def until_done(client: socket.socket) -> bytes:
    """Return a stream to its end."""
    received = b""
    while not received.endswith(b"[DONE]\n\n\r\n0\r\n\r\n"):
        piece = client.recv(1 << 20)
        assert piece, "the stream was cut off"
        received += piece
    return received


def test_clients_that_do_not_read_their_streams_hold_nobody_up(
    server: Server, clients: list[socket.socket]
) -> None:
    for client in clients:
        client.sendall(chat(n=1_000_000, size=scaled(10_000, 1000)))

    took_s = []
    for _ in range(scaled(20, 1000)):
        took_s.append(get_s(server))
        assert server.csv("question\nwhy\n").status == 200
        time.sleep(scaled(0, 10) / 1000)

    took_s.sort()
    p99_s = took_s[int(0.99 * len(took_s))]
    assert p99_s < 0.1 or not FULL, f"p50 {took_s[len(took_s) // 2]}, p99 {p99_s} s"


def test_a_stream_that_is_read_late_is_whole(clients: list[socket.socket]) -> None:
    n_chunks = LARGE // 10_000
    for client in clients[:6]:
        client.sendall(chat(n=n_chunks, size=10_000))
    time.sleep(0.5)

    for client in clients[:6]:
        events = until_done(client).split(b"data: ")[1:-1]
        found = [int(event.partition(b":")[0]) for event in events]
        assert found == list(range(n_chunks))


def test_the_requests_own_context_is_there_whichever_thread_goes_on(
    clients: list[socket.socket],
) -> None:
    for number, client in enumerate(clients[:20]):
        letter = chr(ord("a") + number)
        client.sendall(
            f"GET /parts?letter={letter}&size={LARGE} HTTP/1.1\r\nHost: localhost\r\n"
            "Connection: close\r\n\r\n".encode()
        )
    time.sleep(0.5)

    for number, client in enumerate(clients[:20]):
        body = whole(client).partition(b"\r\n\r\n")[2]
        assert body.endswith(b"\r\n0\r\n\r\n")
        assert body.count(chr(ord("a") + number).encode() * 100_000) == LARGE // 100_000


def test_a_connection_goes_on_after_a_stream(clients: list[socket.socket]) -> None:
    clients[0].sendall(chat(n=LARGE // 10_000, size=10_000) + chat(n=2))
    time.sleep(0.2)

    received = b""
    while received.count(b"[DONE]") < 2:
        received += clients[0].recv(1 << 20)

    assert received.count(b"data: ") == LARGE // 10_000 + 1 + 3


def test_parts_come_as_they_are_made(clients: list[socket.socket]) -> None:
    began = time.monotonic()
    clients[0].sendall(chat(n=3, pause=PAUSE_S))

    assert b"0:" in first_part(clients[0])
    assert time.monotonic() - began < 2.9 * PAUSE_S
    until_done(clients[0])
    assert time.monotonic() - began >= 3 * PAUSE_S


def test_parts_come_as_they_are_made_over_http_1_0(clients: list[socket.socket]) -> None:
    began = time.monotonic()
    clients[0].sendall(chat(0, n=3, pause=PAUSE_S))

    first = first_part(clients[0])
    assert b"0:" in first
    assert time.monotonic() - began < 2.9 * PAUSE_S
    assert (first + whole(clients[0])).partition(b"\r\n\r\n")[2] == (
        b"data: 0:\n\ndata: 1:\n\ndata: 2:\n\ndata: [DONE]\n\n"
    )


def first_part(client: socket.socket) -> bytes:
    """Return the head and the first event."""
    received = b""
    while b"data: " not in received:
        received += client.recv(1 << 16)
    return received


def test_hooks_that_exit_in_a_stream_take_no_thread_along(server: Server) -> None:
    for _ in range(12):
        with server.connect() as client:
            client.sendall(b"GET /exits HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = whole(client)
            assert answer.endswith(b"5\r\nfirst\r\n")

    assert get_s(server) < 3


def test_one_thread_makes_several_streams_in_turns(tmp_path: Path) -> None:
    with streaming(tmp_path, "--threads", "1") as server, connected(server, 3) as clients:
        for client in clients:
            client.sendall(chat(n=20, pause=0.05))

        probes_s = [get_s(server) for _ in range(5)]

        assert max(probes_s) < 2
        assert [until_done(client).count(b"data: ") for client in clients] == [21] * 3


def test_a_hook_learns_that_its_client_left(tmp_path: Path) -> None:
    with streaming(tmp_path) as server:
        for size in (0, 100_000):  # one is asked for more when the client leaves, one is not
            with server.connect() as client:
                client.sendall(chat(n=1_000_000, size=size, pause=0.001))
                client.recv(100)
                time.sleep(0.3)

        eventually(lambda: ends(tmp_path) == 2)
        eventually(lambda: [event.get("status") for event in events(server.log())].count(499) == 2)


def test_a_stream_ends_with_the_time_of_its_request_though_nobody_reads_it(
    tmp_path: Path,
) -> None:
    with (
        streaming(tmp_path, "--request-timeout-s", "2") as server,
        connected(server, 10) as clients,
    ):
        for client in clients:
            client.sendall(chat(n=1_000_000, size=100_000))

        eventually(lambda: ends(tmp_path) == 10)

        time.sleep(1.5)  # the time after which a request that does not end costs its worker
        assert boots(tmp_path) == 1


def test_running_streams_end_well_when_the_server_stops(tmp_path: Path) -> None:
    with streaming(tmp_path) as server, server.connect() as late, server.connect() as slow:
        late.sendall(chat(n=LARGE // 10_000, size=10_000))
        slow.sendall(chat(n=10, pause=0.3))
        first_part(slow)

        server.process.terminate()
        reading = begin(lambda: until_done(slow))
        time.sleep(2.5)

        assert b"[DONE]" in until_done(late)
        assert b"[DONE]" in reading.result()
        assert server.process.wait(20) == 0


def ends(directory: Path) -> int:
    """Return the number of streams that have ended, in whatever way."""
    log = directory / "ends"
    return len(log.read_text().splitlines()) if log.exists() else 0
