"""A loop whose parts fail: the connection ends, and no part of a body is read as a request."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from gunicorn.config import Config

from drum_like.http.auth.authenticator import Admission, Caller, authenticator
from drum_like.server.acceptor import ConnectionCounts
from drum_like.server.body_budget import BodyBudget
from drum_like.server.connection import Connection
from drum_like.server.event_loop import Loop, LoopCallbacks
from drum_like.server.leader import Answer
from drum_like.server.limits import ClientLimits, LoopLimits
from drum_like.server.request_head import Heads, Reading, Received

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + REQUEST
CHUNKS = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + REQUEST
LIMITS = LoopLimits(threads=2, cpus=1, clients=ClientLimits(connections=9), queue_s=9)


def fails(*_: Any) -> Any:
    raise MemoryError


def refuses(connection: Connection, _error: Exception) -> None:
    connection.sock.send(b"refused")


def answers(connection: Connection, _received: Received) -> None:
    connection.keep = True
    connection.sock.send(b"answered")


def allows(_environ: Mapping[str, Any], _caller: Caller | None) -> int:
    return 1 << 30


@contextmanager
def looped(reading: Reading, answer: Any = answers, refuse: Any = refuses) -> Iterator[Any]:
    """Run a loop, and yield a function that connects to it."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0)
    callbacks = LoopCallbacks(
        lambda sock, addresses: Connection(sock, addresses, reading),
        answer,
        refuse,
        turn_away=fails,
        drop=fails,
        is_probe=lambda _: False,
        awake=lambda: None,
    )
    loop = Loop([listener], callbacks, LIMITS, ConnectionCounts(1))
    loop.start()
    try:
        with listener:
            yield lambda: socket.create_connection(listener.getsockname(), timeout=10)
    finally:
        loop.end(5)


def whole(client: socket.socket) -> bytes:
    """Return all that is sent until the connection is closed."""
    data = b""
    try:
        while piece := client.recv(65536):
            data += piece
    except ConnectionResetError:  # closed, with bytes of ours unread
        pass
    return data


def answered(client: socket.socket, number: int) -> None:
    """Read so many answers."""
    data = b""
    while data.count(b"answered") < number:
        data += client.recv(65536)


@pytest.mark.parametrize("sent", [BODY, CHUNKS, REQUEST + BODY], ids=["length", "chunks", "second"])
@pytest.mark.parametrize("refuse", [refuses, fails], ids=["refused", "cut"])
def test_a_body_for_which_no_room_can_be_made_ends_its_connection(sent: bytes, refuse: Any) -> None:
    reading = Reading(Heads(Config()), fails)
    with looped(reading, refuse=refuse) as connect, connect() as client, connect() as other:
        client.sendall(sent)
        received = whole(client)
        other.sendall(REQUEST)

        assert other.recv(100) == b"answered"

    assert received.count(b"answered") == sent.startswith(REQUEST)


def test_a_request_that_fails_ends_its_connection() -> None:
    with looped(Reading(Heads(Config()), allows), answer=fails) as connect, connect() as client:
        client.sendall(REQUEST)

        assert whole(client) == b""


class _Forgetful(Admission):
    """Does not know at once who calls, and fails to find out."""

    def worked_out(self, environ: Mapping[str, Any], since: float) -> Caller:
        """Fail."""
        raise MemoryError(environ, since)

    def at_once(self, environ: Mapping[str, Any]) -> Caller | None:
        """Return None."""
        del environ
        return None


def test_a_caller_who_cannot_be_found_out_loses_the_connection() -> None:
    admission = _Forgetful(authenticator("correct horse", None, public=True), lambda _: True)
    reading = Reading(Heads(Config()), allows, admission)
    with looped(reading) as connect, connect() as client:
        client.sendall(REQUEST)

        assert whole(client) == b""


def test_a_connection_that_ends_gives_up_its_room() -> None:
    budget = BodyBudget(2_000_000)
    with looped(Reading(Heads(Config()), allows, budget=budget)) as connect:
        for _ in range(20):
            with connect() as client:
                client.sendall(BODY + b"x" * 900_000)
                client.shutdown(socket.SHUT_WR)

                assert whole(client) == b"refused"

    assert budget.take(2_000_000)


def noted(order: list[int]) -> Answer:
    """Return an answer that notes the ports of clients in the order in which they are served."""

    def answer(connection: Connection, received: Received) -> None:
        order.append(connection.peer[1])
        answers(connection, received)

    return answer


def served(client: socket.socket) -> int:
    """Ask once more, read the answer, and return the client's port."""
    client.sendall(REQUEST)
    assert client.recv(100) == b"answered"
    port: int = client.getsockname()[1]
    return port


def test_requests_that_are_sent_at_once_hold_up_no_other_client() -> None:
    order: list[int] = []
    reading = Reading(Heads(Config()), allows)
    with looped(reading, answer=noted(order)) as connect, ExitStack() as stack:
        hasty = [stack.enter_context(connect()) for _ in range(8)]  # more than there are threads
        for client in hasty:
            client.sendall(REQUEST * 2000)
        own = served(stack.enter_context(connect()))
        for client in hasty:
            answered(client, 2000)

    assert len(order) == 8 * 2000 + 1
    assert order.index(own) < 1000


def test_pieces_of_bodies_hold_up_no_other_client() -> None:
    """Many at once: a client that comes then is not behind a piece of each."""
    order: list[int] = []
    reading = Reading(Heads(Config()), allows)
    chunks = b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n"
    with looped(reading, answer=noted(order)) as connect, ExitStack() as stack:
        slow = [stack.enter_context(connect()) for _ in range(8)]
        for client in slow:
            client.sendall(CHUNKS.removesuffix(REQUEST) + chunks[:7])
        for client in slow:
            client.sendall(chunks[7:])
        own = served(stack.enter_context(connect()))
        for client in slow:
            answered(client, 1)

    assert len(order) == 9
    assert order.index(own) < 3
