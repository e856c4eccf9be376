"""Connections that the poller finds ready, and their ends."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
from gunicorn.config import Config

from drum_like.server.acceptor import Acceptor, ConnectionCounts
from drum_like.server.connection import Connection
from drum_like.server.leader import Leader, Leadership
from drum_like.server.limits import ClientLimits, LoopLimits
from drum_like.server.poller import STOPPING_IDLE_S, OpenConnections, Poller
from drum_like.server.request_head import Heads, Reading, no_limit
from drum_like.server.side_work import Sending

ADDRESSES = (("127.0.0.1", 50000), ("127.0.0.1", 6789))
PATIENCE_S = 30
TIMEOUT_S = 10
LEADER = Leader[Connection]()


class Watched(NamedTuple):
    """A poller, the open connections of its worker, and one of them with its client."""

    poller: Poller
    connections: OpenConnections
    connection: Connection
    client: socket.socket
    steps: list[Connection]
    ends: list[str]

    def step(self, connection: Connection, _leader: Leader[Connection]) -> None:
        """Note that a step is taken."""
        self.steps.append(connection)

    def wait(self) -> None:
        """Let the poller wait until a client is ready, and take the steps."""
        self.poller.wait(TIMEOUT_S)
        while self.poller.ready:
            self.poller.ready.popleft()(LEADER)


@pytest.fixture
def watched() -> Iterator[Watched]:
    poller, ends = Poller(), list[str]()
    acceptor = Acceptor([], poller.selector, lambda _socket, _leader: None, 9, ConnectionCounts(1))
    connections = OpenConnections(
        poller,
        acceptor,
        lambda _, error: ends.append(f"refused: {error}"),
        lambda: ends.append("empty"),
        LoopLimits(threads=1, cpus=1, clients=ClientLimits(), queue_s=1),
    )
    ours, client = socket.socketpair()
    ours.settimeout(0)
    client.settimeout(TIMEOUT_S)
    with ours, client, poller.selector:
        connection = Connection(ours, ADDRESSES, Reading(Heads(Config()), no_limit))
        connections.add(connection)
        yield Watched(poller, connections, connection, client, [], ends)


def test_a_connection_takes_its_step_when_its_client_has_sent_something(watched: Watched) -> None:
    watched.poller.wait_for(watched.connection, watched.step, PATIENCE_S)
    watched.poller.wait(0)
    before = list(watched.poller.ready)

    watched.client.sendall(b"x")
    watched.wait()

    assert before == []
    assert watched.steps == [watched.connection]


def test_a_connection_with_bytes_left_takes_its_step_when_there_is_room(watched: Watched) -> None:
    watched.poller.wait_for(watched.connection, watched.step, PATIENCE_S)
    watched.connection.rest = memoryview(b"left")
    watched.poller.wait_for(watched.connection, watched.step, PATIENCE_S)

    watched.wait()

    assert watched.steps == [watched.connection]


def test_a_connection_that_a_thread_has_takes_no_step(watched: Watched) -> None:
    watched.poller.wait_for(watched.connection, watched.step, PATIENCE_S)
    watched.client.sendall(b"x")
    watched.poller.wait(TIMEOUT_S)

    watched.poller.release(watched.connection)
    watched.poller.ready.popleft()(LEADER)

    assert watched.steps == []


def test_the_thread_that_waits_can_be_woken(watched: Watched) -> None:
    waiting = threading.Thread(target=watched.wait)
    waiting.start()

    watched.poller.wake()
    waiting.join(TIMEOUT_S / 2)

    assert not waiting.is_alive()


def test_only_those_that_wait_for_their_client_are_overdue(watched: Watched) -> None:
    connections, late = watched.connections, time.monotonic() + PATIENCE_S + 1
    found = [list(connections.overdue(late))]
    watched.poller.wait_for(watched.connection, watched.step, PATIENCE_S)

    found += [list(connections.overdue(now)) for now in (late - PATIENCE_S, late)]

    assert found == [[], [], [watched.connection]]


def test_a_client_is_told_the_end_and_may_close_its_side(watched: Watched) -> None:
    watched.connections.linger(watched.connection)

    at_the_end = watched.client.recv(10)
    watched.client.sendall(b"too late")
    watched.wait()
    is_open = watched.connection in watched.connections
    watched.client.close()
    watched.wait()

    assert at_the_end == b""
    assert is_open
    assert not watched.connections
    assert watched.connection.sock.fileno() == -1


def test_a_connection_that_is_refused_ends(watched: Watched) -> None:
    watched.connections.refuse(watched.connection, ValueError("no HTTP"))

    assert watched.client.recv(10) == b""
    assert watched.ends == ["refused: no HTTP"]


@pytest.mark.parametrize(("sent", "is_soon"), [(b"", True), (b"GET / HT", False)])
def test_only_idle_connections_are_overdue_soon_when_the_worker_stops(
    watched: Watched, sent: bytes, *, is_soon: bool
) -> None:
    watched.poller.wait_for(watched.connection, watched.step, PATIENCE_S)
    watched.client.sendall(sent)
    watched.connection.reader.receive()

    watched.connections.drain()

    soon = time.monotonic() + STOPPING_IDLE_S
    assert list(watched.connections.overdue(soon)) == [watched.connection] * is_soon


@pytest.mark.parametrize(("stops", "expected"), [(False, []), (True, ["empty"])])
def test_the_last_to_end_says_so_when_the_worker_stops(
    watched: Watched, expected: list[str], *, stops: bool
) -> None:
    if stops:
        watched.connections.drain()

    watched.connections.close(watched.connection)

    assert watched.ends == expected


@contextmanager
def computing() -> Iterator[None]:
    """Compute in another thread, which wants the interpreter all the time."""
    ending = threading.Event()

    def compute() -> None:
        while not ending.is_set():
            sum(range(100))

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def test_a_client_that_is_ready_at_once_is_found_once(watched: Watched) -> None:
    """The thread that hands it back loses the interpreter when the system knows."""
    rounds, given = 50, threading.Semaphore(0)

    def step(connection: Connection, _leader: Leader[Connection]) -> None:
        watched.steps.append(connection)
        watched.poller.release(connection)
        given.release()

    def hand_back() -> None:
        while given.acquire(timeout=1):
            watched.poller.wait_for(watched.connection, step, PATIENCE_S)

    watched.client.sendall(b"x")
    thread = threading.Thread(target=hand_back)
    thread.start()
    given.release()
    with computing():
        for _ in range(rounds):
            watched.wait()
    thread.join()

    assert len(watched.steps) == rounds


def test_a_postponed_step_comes_after_those_of_clients_that_are_ready(watched: Watched) -> None:
    poller, order = watched.poller, list[str]()
    ours, client = socket.socketpair()
    ours.settimeout(0)
    with ours, client:
        other = Connection(ours, ADDRESSES, Reading(Heads(Config()), no_limit))
        for _ in range(3):
            poller.postpone(watched.connection, lambda *_: order.append("postponed"), LEADER)
        poller.wait_for(other, lambda *_: order.append("ready"), PATIENCE_S)
        client.sendall(b"x")
        while poller.postponed:
            watched.wait()

    assert order[:2] == ["ready", "postponed"]
    assert order.count("postponed") == 3
    assert order.count("ready") >= 2, "clients that are ready have their turn between two of them"


def test_the_end_of_an_answer_is_told_once(watched: Watched) -> None:
    connection, told = watched.connection, list[str]()
    sending = Sending(
        watched.poller,
        watched.connections,
        Leadership(lambda _: None),
        ClientLimits(),
        1,
    )
    sending.done = watched.step
    connection.on_sent = lambda: told.append("sent")
    for _ in range(2):
        connection.rest = memoryview(b"rest")
        sending.begin(connection)
        watched.wait()

    assert watched.client.recv(9) == b"restrest"
    assert watched.steps == [connection, connection]
    assert told == ["sent"]
