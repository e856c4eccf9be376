"""Requests that run too long, on a clock of the test's own."""

import socket
from collections.abc import Callable, Iterator

import pytest

from drum_like.http.refusals import ServerRefusal
from drum_like.server.refusals import plain
from drum_like.server.timeouts import LATE, InFlight, Timed, Watchdog

LIMIT_S = 2.0

ANSWER = plain({}, ServerRefusal(504, LATE)).last()


class Worker:
    """A watchdog, what it watches, and what it has done.

    Attributes:
        now: The time in seconds.
        done: "retire" and "abandon", as they were called.
    """

    def __init__(self) -> None:
        self.now = 100.0
        self.done: list[str] = []
        self.calls = InFlight(lambda: self.now)
        self.watchdog = Watchdog(
            self.calls,
            LIMIT_S,
            retire=lambda: self.done.append("retire"),
            abandon=lambda: self.done.append("abandon"),
            clock=lambda: self.now,
        )

    def look_after(self, seconds: float) -> None:
        """Let time pass, then let the watchdog look."""
        self.now += seconds
        self.watchdog.check()


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, client = socket.socketpair()
    client.settimeout(5)
    with ours, client:
        yield ours, client


def environ(connection: socket.socket) -> dict[str, object]:
    return {"REQUEST_METHOD": "POST", "PATH_INFO": "/predict/", "gunicorn.socket": connection}


def start_response(*_: object) -> None:
    """Take what an application says about its answer."""


Pair = tuple[socket.socket, socket.socket]


def test_a_request_in_time_is_left_alone(worker: Worker, connection: Pair) -> None:
    ours, client = connection
    call = worker.calls.enter(environ(ours))

    worker.look_after(LIMIT_S)

    assert worker.calls.may_answer(call)
    ours.sendall(b"answer")
    assert client.recv(100) == b"answer"


def test_a_request_that_ends_as_its_time_is_over_leaves_its_connection_to_the_next(
    worker: Worker, connection: Pair
) -> None:
    ours, client = connection
    call = worker.calls.enter(environ(ours))
    assert worker.calls.may_answer(call)
    worker.now += LIMIT_S + 0.1
    (late,) = worker.calls.older_than(LIMIT_S)
    worker.calls.leave(call)

    assert not worker.calls.expire(late, LIMIT_S)
    ours.sendall(b"next answer")
    assert client.recv(100) == b"next answer"


def test_a_late_request_is_answered_once_and_cut_off(worker: Worker, connection: Pair) -> None:
    ours, client = connection
    call = worker.calls.enter(environ(ours))

    worker.look_after(LIMIT_S + 0.1)
    worker.look_after(0.1)

    assert client.recv(1000) == ANSWER
    assert client.recv(1000) == b""
    assert not worker.calls.may_answer(call)
    assert worker.done == []


def test_a_late_answer_that_has_begun_is_cut_off_without_words(
    worker: Worker, connection: Pair
) -> None:
    ours, client = connection
    worker.calls.may_answer(worker.calls.enter(environ(ours)))

    worker.look_after(LIMIT_S + 0.1)

    assert client.recv(1000) == b""


def test_a_client_that_has_left_changes_nothing(worker: Worker, connection: Pair) -> None:
    ours, client = connection
    client.close()
    call = worker.calls.enter(environ(ours))

    worker.look_after(LIMIT_S + 0.1)

    assert not worker.calls.may_answer(call)


def test_a_request_that_does_not_end_retires_the_worker_once(
    worker: Worker, connection: Pair
) -> None:
    worker.calls.enter(environ(connection[0]))

    for _ in range(5):
        worker.look_after(LIMIT_S)

    assert worker.done == ["retire"]


def test_a_request_that_ends_when_it_is_cut_off_retires_nobody(
    worker: Worker, connection: Pair
) -> None:
    call = worker.calls.enter(environ(connection[0]))
    worker.look_after(LIMIT_S + 0.1)

    worker.calls.leave(call)
    worker.look_after(100)

    assert worker.done == []


def test_a_retired_worker_with_nothing_but_stuck_requests_leaves(
    worker: Worker, connection: Pair
) -> None:
    worker.calls.enter(environ(connection[0]))
    worker.look_after(LIMIT_S + 5)

    worker.look_after(30)

    assert worker.done == ["retire", "abandon"]


def test_a_retired_worker_waits_for_requests_that_still_have_time(
    worker: Worker, connection: Pair
) -> None:
    worker.calls.enter(environ(connection[0]))
    worker.look_after(LIMIT_S + 5)
    worker.now += 30
    worker.calls.enter(environ(connection[0]))

    worker.watchdog.check()

    assert worker.done == ["retire"]


def test_a_draining_worker_is_not_retired_but_does_not_wait_for_ever(
    worker: Worker, connection: Pair
) -> None:
    worker.calls.enter(environ(connection[0]))

    worker.watchdog.drain()
    worker.look_after(LIMIT_S + 5)
    assert worker.done == []
    worker.look_after(30)

    assert worker.done == ["abandon"]


def test_the_watch_runs_by_itself_from_start_to_stop(connection: Pair) -> None:
    ours, client = connection
    calls = InFlight()
    watchdog = Watchdog(calls, 0.05, retire=lambda: None, abandon=lambda: None)
    calls.enter(environ(ours))

    watchdog.start()

    assert client.recv(1000) == ANSWER
    watchdog.stop()


def test_an_application_in_time_answers_and_is_forgotten(worker: Worker, connection: Pair) -> None:
    timed = Timed(lambda *_: [b"an", b"swer"], worker.calls)

    answer = timed(environ(connection[0]), start_response)

    assert b"".join(answer) == b"answer"
    answer.close()  # type: ignore[attr-defined] # as a WSGI server does
    assert worker.calls.older_than(-1) == []


def test_an_answer_that_does_not_close_well_is_forgotten(worker: Worker, connection: Pair) -> None:
    class Unclosable(list[bytes]):
        def close(self) -> None:
            raise ValueError("x")

    answer = Timed(lambda *_: Unclosable(), worker.calls)(environ(connection[0]), start_response)

    with pytest.raises(ValueError, match="x"):
        answer.close()  # type: ignore[attr-defined] # as a WSGI server does
    assert worker.calls.older_than(-1) == []


def test_an_application_that_is_late_answers_nobody(worker: Worker, connection: Pair) -> None:
    closed: list[str] = []

    class Answer:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"late"])

        def close(self) -> None:
            closed.append("closed")

    def slow(*_: object) -> Answer:
        worker.look_after(LIMIT_S + 0.1)
        return Answer()

    with pytest.raises(BrokenPipeError):
        Timed(slow, worker.calls)(environ(connection[0]), start_response)

    assert connection[1].recv(1000) == ANSWER
    assert worker.calls.older_than(-1) == []
    assert closed == ["closed"]


def raising(error: BaseException) -> Callable[..., list[bytes]]:
    def application(*_: object) -> list[bytes]:
        raise error

    return application


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (SystemExit(3), RuntimeError),
        (KeyboardInterrupt(), RuntimeError),
        (ValueError("x"), ValueError),
        (GeneratorExit(), GeneratorExit),
    ],
)
def test_an_application_that_raises_fails_its_request_only(
    error: BaseException, raised: type[BaseException], worker: Worker, connection: Pair
) -> None:
    timed = Timed(raising(error), worker.calls)

    with pytest.raises(raised):
        timed(environ(connection[0]), start_response)

    assert worker.calls.older_than(-1) == []
