"""How a server ends."""

import http.client
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.live.steered import begin, boots, do, errors, eventually, pids, write
from tests.support.http_calls import Reply, send
from tests.support.serving import serve

FLAGS = ("--target-type", "regression")
STOP_S = 15.0


def test_sigterm_answers_what_is_in_flight_and_leaves_with_0(tmp_path: Path) -> None:
    flags = (*FLAGS, "--max-workers", "2", "--hook-threads", "4")
    with serve(write(tmp_path), *flags) as server, ThreadPoolExecutor(4) as clients:
        busy = [clients.submit(do, server, "sleep", 2) for _ in range(4)]
        eventually(lambda: _connections(server.process.pid) >= 4)

        server.process.send_signal(signal.SIGTERM)
        statuses = [call.result().status for call in busy]

        assert statuses == [200] * 4
        assert server.process.wait(STOP_S) == 0
        assert errors(server.log()) == []


def _connections(master: int) -> int:
    """Return how many connections the workers of a master hold."""
    workers = psutil.Process(master).children()
    return sum(
        connection.status == psutil.CONN_ESTABLISHED
        for worker in workers
        for connection in worker.net_connections("tcp")
    )


def test_readiness_ends_with_the_drain(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1") as server:
        probe = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=STOP_S)
        before = send(probe, "GET", "/readyz").status
        busy = begin(lambda: do(server, "sleep", 2))
        eventually(lambda: _connections(server.process.pid) == 2)

        server.process.send_signal(signal.SIGTERM)
        drained = eventually(lambda: _last_answer(probe))

        assert (before, drained.status) == (200, 503)
        assert drained.headers["Connection"] == "close"
        assert busy.result().status == 200
        probe.close()


def _last_answer(probe: http.client.HTTPConnection) -> Reply | None:
    """Return the answer that closes the connection, None as long as the drain has not begun."""
    reply = send(probe, "GET", "/readyz")
    return reply if reply.headers["Connection"] == "close" else None


@pytest.mark.parametrize("name", ["SIGINT", "SIGQUIT"])
def test_sigint_does_not_wait_for_requests(name: str, tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1") as server:
        busy = begin(lambda: do(server, "sleep", 60))
        eventually(lambda: _connections(server.process.pid) == 1)

        server.process.send_signal(signal.Signals[name])

        assert server.process.wait(10) == 0
        with pytest.raises((OSError, http.client.HTTPException)):
            busy.result()


def test_sigterm_ends_a_server_that_still_loads(tmp_path: Path) -> None:
    with serve(write(tmp_path, "sleep 60"), *FLAGS, ready=False) as server:
        eventually(lambda: boots(tmp_path))

        server.process.send_signal(signal.SIGTERM)

        assert server.process.wait(10) == 0


def test_sighup_loads_the_model_anew_without_losing_a_request(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "2") as server:
        eventually(lambda: boots(tmp_path) == 2)
        old = pids(server)

        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: not pids(server, 10) & old)

        assert boots(tmp_path) == 4
        assert errors(server.log()) == []


def test_a_reload_that_fails_leaves_the_old_workers_serving(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1") as server:
        old = pids(server)
        write(tmp_path, "raise nosuch")

        server.process.send_signal(signal.SIGHUP)
        (message,) = eventually(lambda: errors(server.log()))

        assert "nosuch" in message
        assert pids(server) == old
