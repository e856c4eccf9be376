"""The line of requests that wait for a thread: their order, and how long it may get."""

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from gunicorn.config import Config

from drum_like.server.connection import Connection
from drum_like.server.request_head import Heads, Reading, Received, no_limit
from drum_like.server.waiting_line import Waiting, WaitingLine
from drum_like.system.deadline import Deadline
from drum_like.system.instruments import SERIES
from drum_like.system.metrics import WAITING_FOR_MODEL
from tests.support.raw_clients import reset

ADDRESSES = (("127.0.0.1", 50000), ("127.0.0.1", 6789))
REQUEST = b"GET /%d HTTP/1.%d\r\nHost: here\r\n\r\n"
Come = Callable[..., socket.socket]


@pytest.fixture(name="come")
def clients() -> Iterator[Come]:
    """A function that puts a request at the end of a line, and returns its client."""
    number = 0
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:

        def come(line: WaitingLine, minor: int = 1) -> socket.socket:
            nonlocal number
            client = stack.enter_context(socket.create_connection(listener.getsockname()))
            ours, _ = listener.accept()
            stack.enter_context(ours).settimeout(0)
            client.sendall(REQUEST % (number, minor))
            number += 1
            connection = Connection(ours, ADDRESSES, Reading(Heads(Config()), no_limit))
            received = connection.reader.receive()
            assert received is not None
            line.join(connection, received)
            return client

        yield come


def name(received: Received) -> str:
    return str(received.head.environ["PATH_INFO"])


def names(line: WaitingLine) -> list[str]:
    """Return the paths of all requests that wait, in the order of their turns."""
    found: list[Waiting] = []
    while (waiting := line.next()) is not None:
        found.append(waiting)
    return [name(waiting.received) for waiting in found]


def test_the_first_to_come_is_served_first(come: Come) -> None:
    line = WaitingLine(math.inf, Deadline())
    for _ in range(3):
        come(line)

    assert len(line) == 3
    assert names(line) == ["/0", "/1", "/2"]
    assert line.next() is None


def test_a_request_is_overdue_when_it_has_waited_too_long(come: Come) -> None:
    line = WaitingLine(1, Deadline())
    come(line)
    fresh = line.overdue()
    time.sleep(1.1)
    come(line)

    late = line.overdue()

    assert fresh is None
    assert late is not None
    assert name(late.received) == "/0"
    assert line.overdue() is None or line.left_s() <= 0


@pytest.mark.parametrize(("limit_s", "shortest", "longest"), [(0.001, 0.01, 9), (1000, 0, 0)])
def test_the_speed_of_the_line_tells_how_long_the_next_would_wait(
    come: Come, limit_s: float, shortest: float, longest: float
) -> None:
    line = WaitingLine(limit_s, Deadline())
    for _ in range(9):
        come(line)
    at_first = line.excess_s()
    for _ in range(5):
        time.sleep(0.004)
        line.next()

    assert at_first == 0
    assert shortest <= line.excess_s() <= longest


def test_requests_that_wait_for_the_model_are_ahead_of_the_line(come: Come) -> None:
    deadline, lock = Deadline(), threading.Lock()
    line = WaitingLine(0.001, deadline)
    lock.acquire()
    come(line)
    for _ in range(6):
        come(line)
        time.sleep(0.01)
        line.next()
    alone_s = line.excess_s()
    waiting = threading.Thread(target=deadline.wait, args=[lock])
    waiting.start()
    while not deadline.waiting:
        time.sleep(0.001)

    assert line.excess_s() > 1.5 * alone_s > 0
    lock.release()
    waiting.join()


class Slow(set[int]):
    """A set whose length is old news by the time that it is told, unless nothing is in it."""

    def __len__(self) -> int:
        """Return the length, later."""
        found = super().__len__()
        time.sleep(0.2 * found)
        return found


def test_no_request_is_shown_to_wait_for_the_model_when_all_have_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Deadline, "waiting", Slow())
    locks = [threading.Lock(), threading.Lock()]
    threads = [threading.Thread(target=Deadline().wait, args=[lock]) for lock in locks]
    for lock in locks:
        lock.acquire()
    for thread in threads:
        thread.start()
    time.sleep(1)  # both wait
    for lock in locks:
        lock.release()
    for thread in threads:
        thread.join()

    assert SERIES.totals()[(WAITING_FOR_MODEL.name,)] == [0]


def test_an_empty_line_takes_the_next_however_long_ago_it_moved(come: Come) -> None:
    line = WaitingLine(0.001, Deadline())
    for _ in range(6):
        come(line)
    for _ in range(6):
        line.next()
    time.sleep(0.05)

    assert line.excess_s() == 0


def test_a_thread_that_waited_in_vain_tells_nothing_of_the_speed(come: Come) -> None:
    deadline = Deadline()
    line = WaitingLine(0.001, deadline)
    for _ in range(12):
        come(line)
    for _ in range(6):
        time.sleep(0.002)
        deadline.has_passed = True
        line.next()

    assert line.excess_s() == 0


def test_the_newest_are_served_first_after_a_client_has_left(come: Come) -> None:
    line = WaitingLine(math.inf, Deadline())
    come(line).close()
    for _ in range(11):
        come(line)

    left = line.abandoned()

    assert [name(waiting.received) for waiting in left] == ["/0"]
    assert line.abandoned() == []
    newest, oldest = [f"/{number}" for number in range(11, 3, -1)], ["/1", "/2", "/3"]
    assert names(line) == newest + oldest


def send_and_close(client: socket.socket) -> None:
    client.sendall(b"GET /next HTTP/1.1\r\n\r\n")
    client.close()


@pytest.mark.parametrize("leave", [socket.socket.close, reset, send_and_close])
def test_clients_that_have_left_are_found_wherever_they_wait(
    come: Come, leave: Callable[[socket.socket], None]
) -> None:
    line = WaitingLine(math.inf, Deadline())
    for client in [come(line) for _ in range(6)][1:4]:
        leave(client)

    assert [name(waiting.received) for waiting in line.abandoned()] == ["/1", "/2", "/3"]
    assert sorted(names(line)) == ["/0", "/4", "/5"]


def test_a_client_that_sends_more_or_no_more_has_not_left(come: Come) -> None:
    line = WaitingLine(math.inf, Deadline())
    clients = [come(line), come(line), come(line), come(line, 0)]
    clients[1].sendall(b"GET /next HTTP/1.1\r\n")
    for client in clients[2:]:
        client.shutdown(socket.SHUT_WR)

    assert [line.abandoned(), line.abandoned()] == [[], []]
    assert names(line) == ["/0", "/1", "/2", "/3"]
    assert clients[2].recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    for client in (*clients[:2], clients[3]):
        client.settimeout(0)
        with pytest.raises(BlockingIOError):
            client.recv(100)
