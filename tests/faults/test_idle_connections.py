"""Thousands of connections that do next to nothing, beside clients that want answers."""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from tests.faults.conftest import Tell
from tests.faults.scale import FULL, scaled
from tests.faults.senders import REQUESTS_S, Question, tried
from tests.live.test_slow_clients import HOOK, POST
from tests.support.raw_clients import connected, get_s, is_open
from tests.support.repeating import repeated
from tests.support.serving import Server, serve

N_IDLE = scaled(1500, 4200)
N_SLOW = scaled(100, 900)
N_NOT_READING = scaled(10, 40)
SECONDS = scaled(3, 60)
LIVEZ_S = 0.1 if FULL else 5.0
PING = b"GET /ping/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
PATH = "/predictUnstructured/?sleep=0.02&size=4"
SLOW = (b"", b"POST /pre", POST.format(1, 60_000).encode() + b"half")
TOKENS = (None, "a passphrase") if FULL else (None,)


@pytest.fixture(autouse=True)
def more_files() -> Iterator[None]:
    """Let this process have the connections, and the server as many more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * (N_IDLE + N_SLOW + N_NOT_READING) + 1024
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} open files, and the system allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(params=TOKENS, ids=str)
def token(request: pytest.FixtureRequest) -> str | None:
    found: str | None = request.param
    return found


@pytest.fixture
def server(token: str | None, tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "custom.py").write_text(HOOK)
    credentials = () if token is None else ("--passphrase", token)
    flags = ("--target-type", "unstructured", "--max-workers", "2", "--hook-threads", "8")
    with serve(tmp_path, *flags, *credentials, "--keep-alive-s", "300") as running:
        yield running


@pytest.fixture
def crowd(server: Server) -> Iterator[list[socket.socket]]:
    """Idle connections that are kept after an answer."""
    with connected(server, N_IDLE) as clients:
        yield clients


def trickle(clients: list[socket.socket]) -> None:
    """Send a byte over each connection that takes one."""
    for client in clients:
        with suppress(OSError):
            client.send(b"x", socket.MSG_DONTWAIT)


def livez_s(server: Server) -> list[float]:
    """Return the times of probes, ten a second, until all questions are answered."""
    found = []
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found.append(get_s(server))
        time.sleep(0.1)
    return sorted(found)


def test_thousands_of_idle_and_slow_connections_hold_nobody_up(
    server: Server, token: str | None, crowd: list[socket.socket], tell: Tell
) -> None:
    for client in crowd:
        client.sendall(PING)
    assert all(client.recv(65536).startswith(b"HTTP/1.1 200") for client in crowd)
    probes: list[float] = []

    with ExitStack() as stack:
        slow = stack.enter_context(connected(server, N_SLOW))
        for number, client in enumerate(slow):
            client.sendall(SLOW[number % len(SLOW)])
        for client in stack.enter_context(connected(server, N_NOT_READING)):
            bearer = f"Authorization: Bearer {token}\r\nHost"
            client.sendall(POST.format(20_000_000, 0).replace("Host", bearer).encode())
        stack.enter_context(repeated(lambda: trickle(slow), 1))
        prober = threading.Thread(target=lambda: probes.extend(livez_s(server)))
        prober.start()
        found = tried(
            server.url, [Question(PATH, b"rows", "text/plain", token)] * (REQUESTS_S * SECONDS)
        )
        prober.join()

    memory_mb = _largest_mb(server)
    p99_s = probes[int(len(probes) * 0.99)]
    tell(
        f"{N_IDLE} idle, {N_SLOW} slow, {N_NOT_READING} not reading: /livez p99 "
        f"{p99_s * 1000:.0f} ms, {len(found)} predictions, largest worker {memory_mb} MB"
    )
    assert [one.status for one in found if one.status != 200] == []
    assert p99_s <= LIVEZ_S
    assert sum(map(is_open, crowd)) == N_IDLE


def _largest_mb(server: Server) -> int:
    workers = psutil.Process(server.process.pid).children()
    return max(int(worker.memory_info().rss) for worker in workers) >> 20
