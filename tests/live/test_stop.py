"""Ends of a server."""

import http.client
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.live.steered import begin, boots, both, do, errors, events, eventually, pid, pids, write
from tests.support.http_calls import Reply, send
from tests.support.serving import Server, serve

FLAGS = ("--target-type", "regression")
LISTENING = ("--server-log-level", "debug", "--logging-level", "debug")
"""Says where a server listens before its model is ready."""
STOP_S = 15.0
N_WAITING = 40
PING = b"GET /ping/ HTTP/1.1\r\nHost: localhost\r\n\r\n"


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
    """Return the number of connections that the workers of a master hold."""
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


def test_new_connections_are_taken_and_readiness_is_off_during_the_delay(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "2", "--drain-delay-s", "5") as server:
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: _drains(server))
        began = time.monotonic()
        statuses = [do(server, "pid").status for _ in range(20)]

        assert statuses == [200] * 20
        assert server.process.wait(STOP_S) == 0
        assert time.monotonic() - began > 1


def _drains(server: Server) -> bool:
    """Return whether the worker that answers is not ready, and ends its connections."""
    reply = server.get("/readyz")
    return reply.status == 503 and reply.headers["Connection"] == "close"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_clients_that_wait_to_be_accepted_are_answered_at_the_end(
    workers: str, tmp_path: Path
) -> None:
    """Those of the kernel's backlog, which is full while the interpreters are held."""
    with serve(write(tmp_path), *FLAGS, "--max-workers", workers) as server, ExitStack() as stack:
        eventually(lambda: len(pids(server)) == int(workers))
        for _ in range(2 * int(workers)):
            begin(lambda: do(server, "hold", 1))
        time.sleep(0.5)
        clients = [stack.enter_context(server.connect()) for _ in range(N_WAITING)]
        for client in clients[1::2]:
            client.sendall(PING)

        server.process.send_signal(signal.SIGTERM)
        for client in clients[::2]:
            client.sendall(PING)
        answers = [client.recv(65536) for client in clients]

        assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * N_WAITING
        assert server.process.wait(STOP_S) == 0
        assert errors(server.log()) == []


def test_a_worker_that_leaves_already_answers_those_that_wait_at_the_end(tmp_path: Path) -> None:
    """While the one that replaces it loads, no other can."""
    flags = (*FLAGS, "--max-workers", "1", "--hook-threads", "4")
    with serve(write(tmp_path), *flags) as server, ExitStack() as stack:
        first = pid(server)
        busy = begin(lambda: do(server, "sleep", 8))
        eventually(lambda: _connections(server.process.pid) == 1)
        write(tmp_path, "sleep 60")
        os.kill(first, signal.SIGTERM)
        eventually(lambda: boots(tmp_path) == 2)
        clients = [stack.enter_context(server.connect()) for _ in range(N_WAITING)]
        for client in clients:
            client.sendall(PING)

        server.process.send_signal(signal.SIGTERM)
        answers = [client.recv(65536) for client in clients]

        assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * N_WAITING
        assert busy.result().status == 200
        assert server.process.wait(STOP_S) == 0


def test_no_client_that_could_connect_is_lost_while_the_server_stops(tmp_path: Path) -> None:
    """Those that come later cannot connect: no server is there any more."""
    with serve(write(tmp_path), *FLAGS, "--max-workers", "2") as server:
        both(server)
        answered = [0] * 8
        with ThreadPoolExecutor(8) as clients:
            calls = [clients.submit(_connect_and_ask, server, answered, n) for n in range(8)]
            eventually(lambda: min(answered) > 1 or any(call.done() for call in calls))
            server.process.send_signal(signal.SIGTERM)
            for call in calls:
                call.result()

        assert server.process.wait(STOP_S) == 0
        assert min(answered) > 1


def _connect_and_ask(server: Server, answered: list[int], number: int) -> None:
    """Ask over new connections until none can be made; count those that were answered."""
    while True:
        try:
            client = server.connect()
        except ConnectionRefusedError:
            return
        with client:
            client.sendall(PING)
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
        answered[number] += 1


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
    with serve(write(tmp_path, "sleep 60"), *FLAGS, *LISTENING, ready=False) as server:
        eventually(lambda: boots(tmp_path))

        server.process.send_signal(signal.SIGTERM)

        assert server.process.wait(10) == 0


def test_sigterm_ends_a_load_whose_failure_would_be_served(tmp_path: Path) -> None:
    flags = (*FLAGS, *LISTENING, "--max-workers", "1", "--with-error-server")
    with serve(write(tmp_path, "sleep 60"), *flags, ready=False) as server:
        eventually(lambda: boots(tmp_path))

        server.process.send_signal(signal.SIGTERM)

        assert server.process.wait(10) == 0


def test_sighup_loads_the_model_anew_without_losing_a_request(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "2") as server:
        old = both(server)

        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: boots(tmp_path) >= 4 and not pids(server, 10) & old)

        assert boots(tmp_path) == 4
        assert errors(server.log()) == []


def test_a_sighup_while_workers_load_starts_no_more_of_them(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1") as server:
        old = pids(server, 4)
        write(tmp_path, "sleep 3")

        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: boots(tmp_path) == 2)
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: _ignored(server.log()) == 1)
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: _ignored(server.log()) == 2)

        eventually(lambda: not pids(server, 4) & old)
        assert boots(tmp_path) == 2


def _ignored(log: str) -> int:
    return sum("SIGHUP is ignored" in event["msg"] for event in events(log))


def test_a_draining_worker_is_replaced_before_it_is_gone(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1", "--hook-threads", "4") as server:
        first = pid(server)
        busy = begin(lambda: do(server, "sleep", 8))
        eventually(lambda: _connections(server.process.pid) == 1)

        os.kill(first, signal.SIGTERM)

        assert eventually(lambda: boots(tmp_path) == 2, timeout_s=6)
        assert pid(server) != first
        assert not busy.done()
        assert busy.result().status == 200


def test_a_reload_that_fails_leaves_the_old_workers_serving(tmp_path: Path) -> None:
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1") as server:
        old = pids(server)
        write(tmp_path, "raise nosuch")

        server.process.send_signal(signal.SIGHUP)
        (message,) = eventually(lambda: errors(server.log()))

        assert "nosuch" in message
        assert pids(server) == old
