"""Workers, connections and the life of the server process (rows S-01 to S-15, L-33 to L-36)."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.live.steered import eventually
from tests.support.http_calls import Reply
from tests.support.models import ONE_WORKER, Model, hooks, served
from tests.support.serving import Server, run, serve, start_failure

PROCESS = Model(
    hooks('''
import os
import time

import pandas as pd

calls = 0

def score(data, model, **kwargs):
    """Sleeps as long as the first cell says; columns pid and call tell who answered."""
    global calls
    calls += 1
    time.sleep(float(data["sleep"].iloc[0]))
    return pd.DataFrame({"Predictions": [1.0], "pid": [os.getpid()], "call": [calls]})
'''),
    ("--target-type", "regression"),
)
NOW = "sleep\n0\n"

one = served(PROCESS, *ONE_WORKER)
patient = served(PROCESS, *ONE_WORKER, "--hook-threads", "2")


def parameter(name: str, value: object, kind: str = "string") -> dict[str, str]:
    return {f"MLOPS_RUNTIME_PARAM_{name}": json.dumps({"type": kind, "payload": value})}


def answerer(reply: Reply) -> tuple[int, int]:
    """Return the process that answered, and which of its calls it was."""
    assert reply.status == 200, reply.text
    pid, count = reply.json()["extraModelOutput"]["data"][0]
    return pid, count


def pids(server: Server, n_calls: int = 12) -> set[int]:
    """Return the processes that answer calls that overlap."""
    with ThreadPoolExecutor(n_calls) as pool:
        replies = pool.map(lambda _: server.csv("sleep\n0.2\n"), range(n_calls))
        return {answerer(reply)[0] for reply in replies}


def elapsed(action: Callable[[], object]) -> float:
    start = time.monotonic()
    action()
    return time.monotonic() - start


def two_slow_calls(server: Server) -> float:
    with ThreadPoolExecutor(2) as pool:
        return elapsed(lambda: list(pool.map(server.csv, ["sleep\n2\n"] * 2)))


@pytest.fixture
def idle(one: Server) -> Iterator[socket.socket]:
    """Hold a connection that says nothing."""
    with one.connect() as connection:
        yield connection


def test_the_server_is_gunicorn(one: Server) -> None:
    """S-01."""
    assert one.get("/ping/").headers["Server"] == "gunicorn"


def test_state_of_custom_py_persists(one: Server) -> None:
    """S-15."""
    first, second = answerer(one.csv(NOW)), answerer(one.csv(NOW))

    assert (second[0], second[1] - first[1]) == (first[0], 1)


def test_hooks_of_one_worker_take_turns(one: Server) -> None:
    """S-08."""
    assert 3.9 <= two_slow_calls(one) < 8


def test_hooks_may_be_allowed_to_overlap(patient: Server) -> None:
    """S-08 with --hook-threads 2."""
    assert 1.9 <= two_slow_calls(patient) < 3.9


def test_liveness_does_not_wait_for_a_hook(one: Server) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(one.csv, "sleep\n3\n")
        time.sleep(0.3)
        waited = elapsed(lambda: one.get("/livez"))
        assert slow.result().status == 200

    assert waited < 2


@pytest.mark.parametrize("sent", [b"", b"POST /predict/ HTT", b"POST /predict/ HTTP/1.1\r\nHo"])
def test_an_idle_connection_stops_nobody(one: Server, idle: socket.socket, sent: bytes) -> None:
    """S-12, S-13."""
    idle.sendall(sent)

    waited = elapsed(lambda: answerer(one.csv(NOW)))

    assert waited < 2


@pytest.mark.parametrize(
    ("flags", "env"),
    [
        pytest.param((), parameter("CUSTOM_MODEL_WORKERS", 2, "numeric"), id="S-04"),
        pytest.param(("--max-workers", "2"), {}, id="S-05-by-D19"),
        pytest.param((), {"MAX_WORKERS": "2"}, id="S-06"),
    ],
)
def test_two_workers_are_two_processes(
    tmp_path: Path, flags: tuple[str, ...], env: dict[str, str]
) -> None:
    """S-07 too: slow requests overlap."""
    with serve(PROCESS.write(tmp_path), *PROCESS.flags, *flags, env=env) as server:
        seen = eventually(lambda: found if len(found := pids(server)) > 1 else None, timeout_s=60)

    assert len(seen) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("DRUM_SERVER_TYPE", "werkzeug", id="S-02"),
        pytest.param("DRUM_SERVER_TYPE", "zzz", id="S-03"),
        pytest.param("DRUM_GUNICORN_WORKER_CLASS", "gevent", id="S-10"),
    ],
)
def test_other_servers_are_named_and_not_used(tmp_path: Path, name: str, value: str) -> None:
    env = parameter(name, value)

    with serve(PROCESS.write(tmp_path), *PROCESS.flags, *ONE_WORKER, env=env) as server:
        reply = server.get("/ping/")
        lines = [line for line in server.log().splitlines() if value in line]

    assert reply.headers["Server"] == "gunicorn"
    assert reply.headers["Connection"] != "close"
    assert len(lines) == 1


def test_a_call_that_takes_too_long_ends(tmp_path: Path) -> None:
    """S-09: the caller gets an error before the hook is done, and the worker is replaced."""
    env = parameter("DRUM_CLIENT_REQUEST_TIMEOUT", 2, "numeric")
    with serve(PROCESS.write(tmp_path), *PROCESS.flags, *ONE_WORKER, env=env) as server:
        start = time.monotonic()
        reply = server.csv("sleep\n120\n")
        waited = time.monotonic() - start
        serving_again = any(server.csv(NOW).status == 200 for _ in range(10))

    assert reply.status in {500, 503, 504}
    assert waited < 12
    assert serving_again


def test_a_malformed_runtime_parameter_stops_the_start(tmp_path: Path) -> None:
    """S-11."""
    env = {"MLOPS_RUNTIME_PARAM_CUSTOM_MODEL_WORKERS": "60"}

    done = start_failure(PROCESS.write(tmp_path), *PROCESS.flags, env=env)

    assert done.returncode == 1
    assert "CUSTOM_MODEL_WORKERS" in done.stderr


def test_a_worker_is_replaced_after_its_requests(tmp_path: Path) -> None:
    """S-14: nobody notices."""
    env = parameter("DRUM_GUNICORN_MAX_REQUESTS", 5, "numeric")
    with serve(PROCESS.write(tmp_path), *PROCESS.flags, *ONE_WORKER, env=env) as server:
        seen = {answerer(server.csv(NOW))[0] for _ in range(20)}

    assert len(seen) >= 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["L-36-TERM", "L-36-INT"])
def test_a_signal_ends_the_server_with_zero(tmp_path: Path, number: signal.Signals) -> None:
    with serve(PROCESS.write(tmp_path), *PROCESS.flags, *ONE_WORKER) as server:
        server.process.send_signal(number)

        assert server.process.wait(20) == 0


def test_a_request_in_flight_is_answered_before_the_end(tmp_path: Path) -> None:
    """L-36."""
    with serve(PROCESS.write(tmp_path), *PROCESS.flags, *ONE_WORKER) as server:
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(server.csv, "sleep\n1.5\n")
            time.sleep(0.5)
            server.process.send_signal(signal.SIGTERM)
            reply = slow.result()

        assert reply.status == 200
        assert server.process.wait(20) == 0


def test_a_port_in_use_is_an_error(one: Server, tmp_path: Path) -> None:
    """L-35."""
    address = urlsplit(one.url).netloc

    done = run(
        "server", "--code-dir", PROCESS.write(tmp_path), *PROCESS.flags, "--address", address
    )

    assert done.returncode == 1
    assert address in done.stderr


def test_a_host_alone_means_port_6789(tmp_path: Path) -> None:
    """L-34 by difference D19, on a loopback address of this process's own."""
    host = f"127.77.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
    flags = (*PROCESS.flags, *ONE_WORKER, "--address", host)

    with serve(PROCESS.write(tmp_path), *flags) as server:
        assert server.url == f"http://{host}:6789"
        assert server.csv(NOW).status == 200


def test_production_needs_workers(tmp_path: Path) -> None:
    """L-33."""
    done = start_failure(PROCESS.write(tmp_path), *PROCESS.flags, "--production")

    assert done.returncode == 1
    expected = "Production mode requires a non-zero number of workers [--max-workers > 0]."
    assert expected in done.stdout + done.stderr
