"""Clients that are slow, silent or greedy, beside others that are none of it."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.scale import FULL
from tests.support.raw_clients import connected, get_s, whole
from tests.support.serving import Server, serve

N_CLIENTS = 20
"""More than the server has threads."""

AT_ONCE_S = 3.0
"""On a busy machine; who waits for a client that does nothing waits for ten seconds and more."""

HOOK = """
import time


def load_model(code_dir):
    return "model"


def score_unstructured(model, data, query, **kwargs):
    time.sleep(float(query.get("sleep", 0)))
    size = len(data) if "echo" in query else int(query.get("size", 1))
    return b"x" * size, {"mimetype": "application/octet-stream"}
"""

POST = (
    "POST /predictUnstructured/?size={} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("model")
    (directory / "custom.py").write_text(HOOK)
    flags = ("--target-type", "unstructured", "--max-workers", "1", "--threads", "2")
    with serve(directory, *flags, "--max-body-mb", "10") as running:
        yield running


@pytest.fixture(name="clients")
def fixture_clients(server: Server) -> Iterator[list[socket.socket]]:
    with connected(server, N_CLIENTS) as clients:
        yield clients


@pytest.mark.parametrize("sent", [b"", b"POST /pre", POST.format(1, 100).encode() + b"half"])
def test_silent_clients_hold_nobody_up(
    server: Server, clients: list[socket.socket], sent: bytes
) -> None:
    for client in clients:
        client.sendall(sent)

    assert get_s(server, "/ping/") < AT_ONCE_S


def test_a_request_in_small_pieces_is_answered(
    server: Server, clients: list[socket.socket]
) -> None:
    request = POST.format(3, 4).encode() + b"rows"

    for piece in request[:20], request[20:70], request[70:-2], request[-2:]:
        clients[0].sendall(piece)
        assert get_s(server, "/ping/") < AT_ONCE_S

    assert clients[0].recv(65536).endswith(b"\r\n\r\nxxx")


def test_clients_that_do_not_read_hold_nobody_up_and_lose_nothing(
    server: Server, clients: list[socket.socket]
) -> None:
    size = 20_000_000
    for client in clients[:4]:
        client.sendall(POST.format(size, 0).encode().replace(b"Host", b"Connection: close\r\nHost"))

    assert get_s(server, "/ping/") < AT_ONCE_S
    for client in clients[:4]:
        assert len(whole(client).partition(b"\r\n\r\n")[2]) == size


def test_an_answer_that_is_not_read_waits_no_longer_than_a_request_may_take(
    tmp_path: Path,
) -> None:
    (tmp_path / "custom.py").write_text(HOOK)
    flags = ("--target-type", "unstructured", "--max-workers", "1", "--request-timeout-s", "2")
    with serve(tmp_path, *flags) as server, server.connect() as client:
        client.sendall(POST.format(20_000_000, 0).encode())
        time.sleep(5)

        with pytest.raises(ConnectionResetError):  # cut off, else all would be read now
            whole(client)


def test_an_answer_that_is_read_slowly_all_the_time_is_not_cut_off(tmp_path: Path) -> None:
    """A socket is writable again only when a third of the megabytes in its buffer are taken."""
    (tmp_path / "custom.py").write_text(HOOK)
    flags = ("--target-type", "unstructured", "--max-workers", "1", "--request-timeout-s", "2")
    with serve(tmp_path, *flags) as server, server.connect() as client:
        request = POST.format(20_000_000, 0).replace("Host", "Connection: close\r\nHost")
        client.sendall(request.encode())
        n_read = 0
        for _ in range(32):
            n_read += len(client.recv(1 << 17))
            time.sleep(0.25)
        n_read += len(whole(client))

    assert n_read > 20_000_000


def test_a_kept_connection_goes_on_after_an_answer_that_was_read_slowly(
    clients: list[socket.socket],
) -> None:
    last = POST.format(1, 0).replace("Host", "Connection: close\r\nHost").encode()
    clients[0].sendall(POST.format(10_000_000, 0).encode() + last)
    time.sleep(0.2)

    answers = whole(clients[0])

    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert len(answers) > 10_000_000


def test_requests_sent_at_once_are_answered_in_their_order(
    clients: list[socket.socket],
) -> None:
    last = POST.format(9, 0).replace("Host", "Connection: close\r\nHost").encode()
    clients[0].sendall(b"".join(POST.format(n, 2).encode() + b"ab" for n in range(1, 9)) + last)

    answers = whole(clients[0])

    assert [len(part.partition(b"\r\n\r\n")[2]) for part in answers.split(b"HTTP/1.1 ")[1:]] == [
        *range(1, 10)
    ]


def test_chunks_are_put_together(clients: list[socket.socket]) -> None:
    head = b"POST /predictUnstructured/?size=2 HTTP/1.1\r\nHost: localhost\r\n"
    head += b"Transfer-Encoding: chunked\r\n"
    clients[0].sendall(head + b"\r\n3\r\nabc\r\n")
    clients[0].sendall(b"2\r\nde\r\n0\r\n\r\n" + head + b"Connection: close\r\n\r\n0\r\n\r\n")

    assert whole(clients[0]).count(b"\r\n\r\nxx") == 2


def test_large_bodies_that_come_slowly_hold_nobody_up_and_are_whole(
    server: Server, clients: list[socket.socket]
) -> None:
    size = 3_000_000
    head = POST.replace("Host", "Connection: close\r\nHost").format("1&echo=1", size).encode()
    for client in clients[:6]:
        client.sendall(head + b"x" * 70_000)

    assert get_s(server, "/ping/") < AT_ONCE_S
    for client in clients[:6]:
        client.sendall(b"x" * 1_000_000)
    assert get_s(server, "/ping/") < AT_ONCE_S
    for client in clients[:6]:
        client.sendall(b"x" * (size - 1_070_000))
        assert len(whole(client).partition(b"\r\n\r\n")[2]) == size


def test_a_large_body_that_is_cut_off_is_not_scored(clients: list[socket.socket]) -> None:
    clients[0].sendall(POST.format(1, 3_000_000).encode() + b"x" * 70_000)
    clients[0].shutdown(socket.SHUT_WR)

    assert whole(clients[0]).startswith(b"HTTP/1.1 400 ")


def test_the_answer_to_a_body_over_the_limit_arrives_while_it_is_sent(
    clients: list[socket.socket],
) -> None:
    clients[0].sendall(POST.format(1, 30_000_000).encode())
    clients[0].sendall(b"x" * 30_000_000)

    answer = whole(clients[0])

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"}")


def test_slow_requests_hold_up_no_quick_one(server: Server, clients: list[socket.socket]) -> None:
    slow = POST.replace("size", "sleep").format(4, 0).encode()
    clients[0].sendall(slow)

    assert max(get_s(server, "/ping/") for _ in range(20)) < AT_ONCE_S
    assert clients[0].recv(65536).endswith(b"\r\n\r\nx")


@pytest.mark.skipif(not FULL, reason="takes longer than the limit for a head, 30 s: make faults")
def test_a_head_that_never_ends_is_cut_off_though_bytes_keep_coming(
    server: Server, clients: list[socket.socket]
) -> None:
    began = time.monotonic()
    for client in clients:
        client.sendall(b"POST /predict/ HTTP/1.1\r\nX-Never: ")
        client.settimeout(1)

    trickle(clients, 45)

    assert 25 < time.monotonic() - began < 45, "every client was cut off by the limit"
    assert get_s(server, "/ping/") < AT_ONCE_S


def trickle(clients: list[socket.socket], timeout_s: float) -> None:
    """Send a byte a second over each connection until the server has closed all of them."""
    deadline = time.monotonic() + timeout_s
    open_ = list(clients)
    while open_ and time.monotonic() < deadline:
        time.sleep(1)
        open_ = [client for client in open_ if took(client, b"x")]


def took(client: socket.socket, data: bytes) -> bool:
    """Return whether the connection still takes bytes: the server has neither answered nor left."""
    try:
        client.sendall(data)
        client.settimeout(0)
        client.recv(65536)
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        client.settimeout(1)
    return False
