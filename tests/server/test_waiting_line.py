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
from drum_like.system.cpus import Deadline

ADDRESSES = (("127.0.0.1", 50000), ("127.0.0.1", 6789))
REQUEST = b"GET /%d HTTP/1.1\r\nHost: here\r\n\r\n"
LOYAL_S = 0.3
"""Longer than a client has to wait before it is looked at."""

Come = Callable[[WaitingLine], socket.socket]


@pytest.fixture(name="come")
def clients() -> Iterator[Come]:
    """A function that puts a request at the end of a line, and returns its client."""
    number = 0
    with ExitStack() as stack:

        def come(line: WaitingLine) -> socket.socket:
            nonlocal number
            ours, client = map(stack.enter_context, socket.socketpair())
            ours.settimeout(0)
            client.sendall(REQUEST % number)
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
    time.sleep(LOYAL_S)
    front = line.front()
    assert front is not None

    assert front.is_abandoned()
    assert line.abandon(front)
    assert not line.abandon(front)
    newest, oldest = [f"/{number}" for number in range(11, 3, -1)], ["/1", "/2", "/3"]
    assert names(line) == newest + oldest


def test_a_client_that_waits_or_has_sent_more_has_not_left(come: Come) -> None:
    line = WaitingLine(math.inf, Deadline())
    come(line)
    come(line).sendall(b"GET /next HTTP/1.1\r\n")
    time.sleep(LOYAL_S)
    quiet, talking = line.next(), line.next()

    assert quiet is not None
    assert talking is not None
    assert not quiet.is_abandoned()
    assert not talking.is_abandoned()
