"""Workers that are held, recycled or left alone while requests come: F-05 to F-29."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.faults.conftest import Tell
from tests.faults.scale import FULL, scaled
from tests.faults.senders import REQUESTS_S, Question, asked
from tests.live.steered import boots, both, do, eventually, write
from tests.support.http_calls import Reply, send
from tests.support.models import Model, hooks
from tests.support.raw_clients import get_s
from tests.support.serving import Server, serve

QUICK = Model(
    hooks("""
import time

def score_unstructured(model, data, **kwargs):
    time.sleep(0.02)
    return data
"""),
    ("--target-type", "unstructured"),
)
"""Loads at once, and repeats what it is sent."""

ECHOED = Question("/predictUnstructured/", b"some text", "text/plain")
FLAGS = ("--target-type", "regression")
TWO = ("--max-workers", "2")


def workers(server: Server) -> list[psutil.Process]:
    """Return the workers of a server, loading ones, too."""
    return psutil.Process(server.process.pid).children()


@pytest.mark.skipif(not FULL, reason="tests/live/test_faults.py has four of them: make faults")
def test_no_exit_code_of_a_hook_ends_the_server(tmp_path: Path) -> None:
    """F-06."""
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1") as server:
        for code in (*range(11), 255):
            with pytest.raises((OSError, HTTPException)):
                do(server, "exit", code)
            assert do(server, "pid").status == 200
        assert server.process.poll() is None


def test_hooks_that_hang_are_answered_for_and_their_workers_replaced(tmp_path: Path) -> None:
    """F-07: every thread of both workers hangs; probes are answered all the while."""
    flags = (*FLAGS, *TWO, "--threads", "4", "--hook-threads", "4", "--request-timeout-s", "2")
    with (
        serve(write(tmp_path), *flags) as server,
        ThreadPoolExecutor(8) as clients,
        _shares(server, n_each=4) as connections,
    ):
        first = {one.pid for one in workers(server)}
        began = time.monotonic()
        calls = [clients.submit(_ask, one, "sleep", 30) for one in connections]

        slowest_s = _slowest_probe_s(server, until=lambda: all(call.done() for call in calls))

        statuses = [call.result().status for call in calls]
        # One that found its worker full has waited for a thread as long as it may.
        assert set(statuses) <= {503, 504}
        assert statuses.count(504) >= 6
        assert time.monotonic() - began < 20
        assert slowest_s < 5, "probes wait behind hooks"
        eventually(lambda: not {one.pid for one in workers(server)} & first, timeout_s=30)
        assert do(server, "pid").status == 200


@contextmanager
def _shares(server: Server, n_each: int) -> Iterator[list[HTTPConnection]]:
    """Give connections, of which each of two workers has so many."""
    both(server)
    found: dict[float, list[HTTPConnection]] = {}
    with ExitStack() as stack:
        while len(found) < 2 or min(map(len, found.values())) < n_each:
            connection = HTTPConnection(urlsplit(server.url).netloc, timeout=60)
            stack.callback(connection.close)
            (worker,) = _ask(connection, "pid").json()["predictions"]
            found.setdefault(worker, []).append(connection)
            assert sum(map(len, found.values())) < 20 * n_each
        yield [one for share in found.values() for one in share[:n_each]]


def _ask(connection: HTTPConnection, action: str, value: float = 0) -> Reply:
    headers = {"Content-Type": "text/csv"}
    body = f"do,value\n{action},{value}\n"
    return send(connection, "POST", "/predict/", body=body, headers=headers)


def _slowest_probe_s(server: Server, until: Callable[[], bool]) -> float:
    """Ask for the server's health until something is so; return the longest time of an answer."""
    slowest_s = 0.0
    while not until():
        slowest_s = max(slowest_s, get_s(server))
        time.sleep(0.05)
    return slowest_s


def test_workers_without_a_master_leave_and_their_port_is_free(tmp_path: Path) -> None:
    """F-25."""
    with serve(write(tmp_path), *FLAGS, *TWO) as server:
        left = workers(server)
        address = server.url.removeprefix("http://")

        server.process.kill()

        _, alive = psutil.wait_procs(left, timeout=10)
        assert alive == []
        with serve(tmp_path, *FLAGS, "--max-workers", "1", "--address", address) as second:
            assert do(second, "pid").status == 200


def test_recycled_workers_are_not_noticed(tmp_path: Path, tell: Tell) -> None:
    """F-29."""
    flags = ("--max-requests", "50", "--max-requests-jitter", "20")
    with serve(QUICK.write(tmp_path), *QUICK.flags, *TWO, *flags) as server:
        first = {one.pid for one in workers(server)}
        with asked(server.url, ECHOED) as answers:
            time.sleep(scaled(0, 60))
            eventually(lambda: len(answers) > scaled(150, REQUESTS_S * 20), timeout_s=120)
            eventually(lambda: not {one.pid for one in workers(server)} & first, timeout_s=60)

        assert server.process.poll() is None
    tell(f"{len(answers)} requests, each of them answered")
    assert {(answer.status, answer.body) for answer in answers} == {(200, b"some text")}


def test_all_that_is_in_flight_at_the_end_is_answered(tmp_path: Path) -> None:
    """F-24."""
    n_clients, seconds = scaled(16, 200), scaled(2, 4)
    many = ("--threads", str(n_clients), "--hook-threads", str(n_clients))
    with (
        serve(write(tmp_path), *FLAGS, *TWO, *many) as server,
        ThreadPoolExecutor(n_clients) as clients,
    ):
        both(server)
        calls = [clients.submit(do, server, "sleep", seconds) for _ in range(n_clients)]
        eventually(lambda: _n_connected(server) >= n_clients)
        time.sleep(0.5)

        server.process.send_signal(signal.SIGTERM)

        assert {call.result().status for call in calls} == {200}
        assert server.process.wait(seconds + 15) == 0


def _n_connected(server: Server) -> int:
    """Return the number of connections that the workers hold."""
    return sum(
        connection.status == psutil.CONN_ESTABLISHED
        for worker in workers(server)
        for connection in worker.net_connections("tcp")
    )


def test_a_model_that_ends_its_process_at_load_is_not_tried_again_for_ever(tmp_path: Path) -> None:
    """F-05: a worker that comes later; at the start it is exit code 4."""
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1") as server:
        first = workers(server)[0].pid
        write(tmp_path, "crash 11")
        os.kill(first, signal.SIGKILL)

        eventually(lambda: boots(tmp_path) >= 3)
        time.sleep(scaled(2, 50))

        assert boots(tmp_path) <= scaled(5, 9)
        assert server.process.poll() is None
        (tmp_path / "broken").unlink()
        assert do(server, "pid").status == 200
