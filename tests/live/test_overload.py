"""More requests than a server can serve: probes are answered, others in time or with a 503."""

import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from werkzeug.security import generate_password_hash

from drum_like.http.auth.authenticator import PATIENCE_S
from tests.support.http_calls import Reply
from tests.support.raw_clients import get_s, is_open, whole
from tests.support.serving import Server, serve

N_CLIENTS = 24
"""More than the server has threads."""

HOOK = """
import time
from pathlib import Path

SERVED = Path(__file__).with_name("served")


def load_model(code_dir):
    return "model"


def score_unstructured(model, data, query, **kwargs):
    with SERVED.open("a") as served:
        served.write(f"{data[:9]}\\n")
    time.sleep(float(query.get("sleep", 0)))
    return data, {"mimetype": "application/octet-stream"}
"""

SLEEP_S, LIMIT_S = 0.5, 5.0
"""The hook serves ten in the limit; a busy machine costs it some."""

PROBES = ("/livez", "/readyz", "/ping/", "/health/", "/")

FLAGS = ("--target-type", "unstructured", "--max-workers", "1")


@pytest.fixture(name="model", scope="module")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("model")
    (directory / "custom.py").write_text(HOOK)
    return directory


@pytest.fixture(name="server", scope="module")
def one_at_a_time(model: Path) -> Iterator[Server]:
    """A server with 8 threads, whose hook serves one request at a time."""
    with serve(model, *FLAGS, "--queue-timeout-ms", f"{LIMIT_S * 1000:.0f}") as running:
        yield running


def sleep(server: Server, name: int = 0) -> Reply:
    """Have the hook sleep, and answer with a name."""
    return server.post(f"/predictUnstructured/?sleep={SLEEP_S}", str(name), "text/plain")


def timed(server: Server, path: str) -> tuple[int, float]:
    """Return status and seconds of a GET."""
    began = time.monotonic()
    return server.get(path).status, time.monotonic() - began


def test_probes_do_not_wait_for_hooks_and_others_are_served_in_time_or_refused(
    server: Server,
) -> None:
    with ThreadPoolExecutor(N_CLIENTS) as pool:
        began = time.monotonic()
        busy = [pool.submit(sleep, server, name) for name in range(N_CLIENTS)]
        time.sleep(SLEEP_S)
        probes = [timed(server, path) for _ in range(4) for path in PROBES]
        replies = [future.result() for future in busy]
        took_s = time.monotonic() - began

    assert {status for status, _ in probes} == {200}
    assert max(seconds for _, seconds in probes) < LIMIT_S / 2
    assert {reply.status for reply in replies} == {200, 503}
    refused = [reply for reply in replies if reply.status == 503]
    assert all(int(reply.headers["Retry-After"]) >= 1 for reply in refused)
    assert all(reply.message.startswith("ERROR: the server is busy") for reply in refused)
    served = {name for name, reply in enumerate(replies) if reply.status == 200}
    assert all(replies[name].body == str(name).encode() for name in served)
    assert LIMIT_S / SLEEP_S / 2 <= len(served) <= LIMIT_S / SLEEP_S + 2
    assert took_s < LIMIT_S + 4 * SLEEP_S + 2
    assert sleep(server).status == 200


NARROW_S = 2.0
"""Time that a request may wait for the only thread."""

LINE = b"POST /predictUnstructured/?sleep=%.1f HTTP/1.1\r\n"
REQUEST = LINE + b"Host: localhost\r\nContent-Length: %d\r\n\r\n%b"


@pytest.fixture(name="narrow", scope="module")
def one_thread(model: Path) -> Iterator[Server]:
    """A server with one thread for its hook."""
    flags = (*FLAGS, "--threads", "1", "--queue-timeout-ms", f"{NARROW_S * 1000:.0f}")
    with serve(model, *flags) as running:
        yield running


@pytest.fixture(name="clients")
def connected(narrow: Server) -> Iterator[list[socket.socket]]:
    """Two clients; the hook serves the first."""
    with narrow.connect() as first, narrow.connect() as second:
        yield [first, second]


def ask(client: socket.socket, body: bytes, seconds: float = 0.0) -> None:
    client.sendall(REQUEST % (seconds, len(body), body))


def answers(client: socket.socket, number: int) -> list[tuple[bytes, bytes]]:
    """Return head and body of this many answers."""
    found, data = list[tuple[bytes, bytes]](), b""
    while len(found) < number:
        while b"\r\n\r\n" not in data:
            data += received(client)
        head, _, data = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        while len(data) < length:
            data += received(client)
        found.append((head, data[:length]))
        data = data[length:]
    return found


def received(client: socket.socket) -> bytes:
    data = client.recv(1 << 20)
    assert data
    return data


def test_a_client_that_was_turned_away_may_go_on(clients: list[socket.socket]) -> None:
    ask(clients[0], b"first", 2.5 * NARROW_S)
    time.sleep(NARROW_S / 5)
    began = time.monotonic()
    ask(clients[1], b"second")
    [(refusal, _)] = answers(clients[1], 1)
    took_s = time.monotonic() - began
    [(head, body)] = answers(clients[0], 1)
    ask(clients[1], b"third")

    assert refusal.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1" in refusal
    assert b"\r\nConnection: keep-alive" in refusal
    assert took_s < 2 * NARROW_S
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b"first"
    assert answers(clients[1], 1)[0][1] == b"third"


def test_probes_are_answered_while_the_only_thread_serves(
    narrow: Server, clients: list[socket.socket]
) -> None:
    ask(clients[0], b"first", 2 * NARROW_S)
    time.sleep(NARROW_S / 5)

    probes = [timed(narrow, path) for path in PROBES]

    assert {status for status, _ in probes} == {200}
    assert max(seconds for _, seconds in probes) < NARROW_S
    assert is_open(clients[0]), "the first has not been answered yet"
    clients[0].settimeout(20)
    assert answers(clients[0], 1)[0][1] == b"first"


def test_large_bodies_are_read_while_all_threads_serve(clients: list[socket.socket]) -> None:
    large = b"x" * 3_000_000
    ask(clients[0], b"first", NARROW_S / 2)
    time.sleep(NARROW_S / 5)
    ask(clients[1], large)

    assert answers(clients[1], 1)[0][1] == large


def test_requests_that_are_sent_at_once_wait_and_are_answered_in_their_order(
    clients: list[socket.socket],
) -> None:
    ask(clients[0], b"first", NARROW_S / 2)
    time.sleep(NARROW_S / 5)
    clients[1].sendall(b"".join(REQUEST % (0, 1, b"%d" % number) for number in range(5)))

    assert [body for _, body in answers(clients[1], 5)] == [b"%d" % n for n in range(5)]


def test_a_request_whose_client_has_left_is_not_served(
    narrow: Server, clients: list[socket.socket], model: Path
) -> None:
    ask(clients[0], b"first", 0.9 * NARROW_S)
    time.sleep(NARROW_S / 10)
    with narrow.connect() as leaving:
        ask(leaving, b"gone")
    answers(clients[0], 1)
    ask(clients[1], b"last")

    assert answers(clients[1], 1)[0][1] == b"last"
    served = (model / "served").read_text()
    assert "first" in served
    assert "gone" not in served


@pytest.fixture(name="patient", scope="module")
def one_patient_thread(model: Path) -> Iterator[Server]:
    """A server with one thread, in which requests may wait long."""
    with serve(model, *FLAGS, "--threads", "1") as running:
        yield running


@pytest.fixture(name="queue")
def queued(patient: Server) -> Iterator[list[socket.socket]]:
    """Two clients; the hook serves the first for a while."""
    with patient.connect() as first, patient.connect() as second:
        ask(first, b"first", 2 * NARROW_S)
        time.sleep(NARROW_S / 5)
        yield [first, second]


@pytest.mark.parametrize("minor", [0, 1])
def test_a_client_that_only_says_that_it_sends_no_more_is_answered(
    queue: list[socket.socket], minor: int
) -> None:
    request = REQUEST % (0, 6, b"second")
    queue[1].sendall(request.replace(b"HTTP/1.1", b"HTTP/1.%d" % minor))
    queue[1].shutdown(socket.SHUT_WR)
    told = b"" if not minor else received(queue[1])
    answer = whole(queue[1])

    assert answers(queue[0], 1)[0][1] == b"first"
    assert told == (b"HTTP/1.1 100 Continue\r\n\r\n" if minor else b"")
    assert answer.startswith(b"HTTP/1.%d 200 " % minor)
    assert answer.endswith(b"\r\n\r\nsecond")


def test_a_client_that_sends_several_requests_and_no_more_is_asked_once_and_answered(
    queue: list[socket.socket],
) -> None:
    queue[1].sendall(b"".join(REQUEST % (0.1, 1, b"%d" % number) for number in range(3)))
    queue[1].shutdown(socket.SHUT_WR)

    answer = whole(queue[1])

    assert answer.count(b"HTTP/1.1 100 Continue\r\n\r\n") == 1
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[2:]] == [b"200"] * 3
    assert [part[-1:] for part in answer.split(b"HTTP/1.1 ")[2:]] == [b"0", b"1", b"2"]


@pytest.mark.usefixtures("queue")
def test_a_client_that_an_ordinary_library_half_closes_gets_its_answer(patient: Server) -> None:
    with closing(HTTPConnection(urlsplit(patient.url).netloc, timeout=10)) as connection:
        connection.request("POST", "/predictUnstructured/", b"second")
        connection.sock.shutdown(socket.SHUT_WR)
        response = connection.getresponse()

        assert (response.status, response.read()) == (200, b"second")


def test_callers_are_found_out_when_a_thread_is_free_again(model: Path) -> None:
    credentials = model / "credentials.yaml"
    hashed = generate_password_hash("secret", "pbkdf2:sha256:20000")
    credentials.write_text(f"- name: a\n  passphrase_hash: {hashed}\n  scopes: [predict]\n")
    flags = (*FLAGS, "--threads", "1", "--credentials", str(credentials))
    with serve(model, *flags) as server, ThreadPoolExecutor(6) as pool:

        def call(word: str, seconds: float) -> "Future[Reply]":
            path, header = f"/predictUnstructured/?sleep={seconds}", f"Bearer {word}"
            return pool.submit(server.post, path, "x", "text/plain", Authorization=header)

        busy = call("secret", 1.5 * PATIENCE_S)
        time.sleep(SLEEP_S)
        words = ["wrong", "secret", "other"]
        calls = [call(word, 0) for word in words]

        assert get_s(server) < PATIENCE_S
        assert [one.result().status for one in calls] == [401, 200, 401]
        assert busy.result().status == 200


def test_the_last_requests_are_served_when_the_server_stops(model: Path) -> None:
    with serve(model, *FLAGS, "--threads", "1") as server, ThreadPoolExecutor(5) as pool:
        busy = [pool.submit(sleep, server, name) for name in range(5)]
        time.sleep(SLEEP_S)
        server.process.send_signal(signal.SIGTERM)

        assert [future.result().status for future in busy] == [200] * 5
