"""Hooks that raise, print or change their process, and clients that leave."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.faults.conftest import Tell
from tests.faults.scale import scaled
from tests.live.steered import events, eventually
from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER, Model, hooks, served
from tests.support.ports import free_port
from tests.support.raw_clients import connected, get_s, reset
from tests.support.serving import COMMAND, Server, environment, stop

SECRET = "canary4711"

RUDE = Model(
    hooks(f"""
import locale
import logging
import os
import signal
import socket
import sys
import time
import warnings
from pathlib import Path

COUNTED = Path(__file__).with_name("counted")
COUNTED.touch()

def raise_secret():
    raise ValueError("{SECRET}")

def count():
    with COUNTED.open("ab") as file:
        file.write(b".")
    time.sleep(0.2)

def print_unended():
    for stream in (sys.stdout, sys.stderr):
        stream.write("\\r{{ 10 %")
        stream.flush()

ACTIONS = {{
    "fine": lambda: None,
    "raise": raise_secret,
    "count": count,
    "counted": lambda: None,
    "print": lambda: print("x" * 100_000),
    "print odd": lambda: print("\\0\\x1b[31m\\r\\n" * 1000, file=sys.stderr),
    "print unended": print_unended,
    "print 100 kB": lambda: print("\\0{{x" * 33_000),
    "chdir": lambda: os.chdir("/"),
    "signal": lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN),
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C"),
    "warnings": lambda: warnings.simplefilter("error"),
    "logging": lambda: logging.basicConfig(level=logging.DEBUG, force=True),
    "timeout": lambda: socket.setdefaulttimeout(0.001),
    "umask": lambda: os.umask(0o777),
    "recursion": lambda: sys.setrecursionlimit(200),
    "switch": lambda: sys.setswitchinterval(1),
    "environ": os.environ.clear,
    "close 1": lambda: os.close(1),
    "close 2": lambda: os.close(2),
    "stdout": lambda: setattr(sys, "stdout", None),
}}

def score_unstructured(model, data, **kwargs):
    ACTIONS[data]()
    return str(COUNTED.stat().st_size)
"""),
    ("--target-type", "unstructured"),
)

N_THREADS = 4
quiet = served(RUDE, *ONE_WORKER, "--threads", str(N_THREADS), "--hide-errors")
pair = served(RUDE, "--max-workers", "2", "--threads", str(N_THREADS))
N_RAISED = scaled(100, 1000)
N_LEFT = scaled(100, 1000)
N_PRINTED = scaled(100, 1000)
TEXT = "text/plain"
N_QUEUED = 100


def act(server: Server, action: str) -> Reply:
    return server.post("/predictUnstructured/", action, TEXT)


def worker(server: Server) -> psutil.Process:
    (found,) = psutil.Process(server.process.pid).children()
    return found


def test_hooks_that_raise_cost_nothing_and_tell_nothing(quiet: Server, tell: Tell) -> None:
    """F-09."""
    act(quiet, "raise")
    before, rss = worker(quiet), worker(quiet).memory_info().rss

    replies = [act(quiet, "raise") for _ in range(N_RAISED)]

    grown = before.memory_info().rss - rss
    tell(f"{N_RAISED} raised, {grown / 1e6:.1f} MB more")
    assert {reply.status for reply in replies} == {500}
    assert all(SECRET not in reply.text for reply in replies)
    assert worker(quiet) == before
    assert grown <= 10 << 20


@pytest.fixture
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, since hooks change it for good."""
    yield from served(RUDE, *ONE_WORKER).__wrapped__(tmp_path_factory)


CHANGES = (
    *("print", "print odd", "print unended", "print 100 kB"),
    *("chdir", "signal", "locale", "warnings", "logging", "timeout"),
    *("umask", "recursion", "switch", "environ", "stdout", "close 1", "close 2"),
)


def test_hooks_that_change_their_process_leave_it_serving(changed: Server) -> None:
    """F-10."""
    before = worker(changed)
    for change in CHANGES:
        allowed = {200, 500} if change == "signal" else {200}  # Python: in the main thread only
        assert act(changed, change).status in allowed, change
        for _ in range(3):
            assert act(changed, "fine").status == 200, change
            assert changed.get("/ping/").status == 200, change
            assert changed.get("/stats/").status == 200, change
            assert changed.get("/readyz").status == 200, change
    assert worker(changed) == before


PRINTS = ("print 100 kB", "print odd", "print unended", "raise", "fine")


def test_what_hooks_print_breaks_no_record(tmp_path: Path, tell: Tell) -> None:
    """F-10: two workers, whose standard output and error are a pipe each."""
    asked = [PRINTS[number % len(PRINTS)] for number in range(N_PRINTED)]
    with (
        piped(RUDE.write(tmp_path), *RUDE.flags, "--max-workers", "2") as (url, outputs),
        ThreadPoolExecutor(4) as pool,
    ):
        took = list(pool.map(partial(_answered_s, url), asked))

    access, messages = (_records(lines) for lines in outputs)
    tell(
        f"{N_PRINTED} requests, {sum(map(len, outputs[0])) / 1e6:.1f} MB printed, each with its "
        f"record; the slowest answered in {max(took):.2f} s"
    )
    paths = [event["path"] for event in access if event["logger"] == "access"]
    assert paths.count("/predictUnstructured/") == N_PRINTED
    failed = [event for event in messages if event["msg"].endswith("/predictUnstructured/ failed")]
    assert len(failed) == asked.count("raise")


@contextmanager
def piped(directory: Path, *flags: str) -> Iterator[tuple[str, tuple[list[bytes], list[bytes]]]]:
    """Serve a model; give the lines of standard output and error, which are read as they come."""
    url = f"http://127.0.0.1:{free_port()}"
    address = ("--address", urlsplit(url).netloc)
    command = [*COMMAND, "server", "--code-dir", str(directory), *address, *flags]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert process.stdout is not None
    assert process.stderr is not None
    outputs: tuple[list[bytes], list[bytes]] = ([], [])
    with ThreadPoolExecutor(2) as pool:
        for stream, lines in zip((process.stdout, process.stderr), outputs, strict=True):
            pool.submit(lines.extend, stream)
        try:
            eventually(lambda: any(b"listening" in line for line in outputs[1]))
            yield url, outputs
        finally:
            stop(process)
    process.communicate()


def _answered_s(url: str, action: str) -> float:
    began = time.monotonic()
    reply = call(url, "POST", "/predictUnstructured/", body=action, headers={"Content-Type": TEXT})
    assert reply.status == (500 if action == "raise" else 200)
    return time.monotonic() - began


def _records(lines: list[bytes]) -> list[dict[str, str]]:
    """Return the records among lines; every line that holds one, or a part of one, is one."""
    return [json.loads(line) for line in lines if b'"logger"' in line]


@pytest.mark.parametrize("number", [1, 2])
def test_no_client_gets_what_was_meant_for_a_closed_log(changed: Server, number: int) -> None:
    """F-10: the next connection may have the number of the closed descriptor."""
    act(changed, f"close {number}")
    with connected(changed, 4) as clients:
        for client in clients:
            client.sendall(_request("raise"))
            answer = client.recv(65536)
            assert answer.startswith(b"HTTP/1.1 500 ")
            assert answer.endswith(b"}")
        time.sleep(0.3)

        for client in clients:
            client.settimeout(0)
            with pytest.raises(BlockingIOError):
                client.recv(65536)


def _request(action: str) -> bytes:
    body = action.encode()
    head = b"POST /predictUnstructured/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def test_clients_that_leave_in_the_middle_of_a_body_leave_nothing(
    quiet: Server, tell: Tell
) -> None:
    """F-16."""
    assert act(quiet, "fine").status == 200
    process = worker(quiet)
    before = eventually(lambda: _settled(process))
    head = (
        b"POST /predictUnstructured/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 200000\r\n\r\n"
    )

    for number in range(N_LEFT):
        with quiet.connect() as client:
            client.sendall(head + b"x" * 100_000)
            if number % 2:  # a reset, not an end
                reset(client)

    assert get_s(quiet, "/ping/") < 5
    eventually(lambda: process.num_fds() <= before[0] and process.num_threads() <= before[1])
    tell(f"{N_LEFT} clients left, descriptors and threads {before} as before")


def _settled(process: psutil.Process) -> tuple[int, int] | None:
    first = process.num_fds(), process.num_threads()
    time.sleep(0.5)
    return first if first == (process.num_fds(), process.num_threads()) else None


def _asks_for_more(client: socket.socket) -> None:
    """Leave behind a request that is not read before the first one is answered."""
    client.sendall(_request("count"))
    client.close()


@pytest.mark.parametrize("leave", [socket.socket.close, reset, _asks_for_more])
@pytest.mark.parametrize(("name", "n_workers"), [("quiet", 1), ("pair", 2)])
def test_requests_whose_clients_have_left_are_not_computed(
    request: pytest.FixtureRequest,
    name: str,
    n_workers: int,
    leave: Callable[[socket.socket], None],
    tell: Tell,
) -> None:
    """F-17: at most those that had a thread already."""
    server: Server = request.getfixturevalue(name)
    before, lines = int(act(server, "counted").text), len(server.log().splitlines())
    with connected(server, N_QUEUED) as clients:
        for client in clients:
            client.sendall(_request("count"))
        for client in clients:
            leave(client)

    computed = eventually(lambda: _resting(server)) - before

    tell(f"{N_QUEUED} left, {computed} computed by {n_workers} x {N_THREADS} threads")
    assert 0 < computed <= n_workers * N_THREADS
    log = events("\n".join(server.log().splitlines()[lines:]))
    told = computed if leave is reset else 0  # the others learn it from the answer, if at all
    assert [event.get("status") for event in log].count(499) >= N_QUEUED - computed + told


def _resting(server: Server) -> int | None:
    """Return how many calls were counted, once that stays the same."""
    first = int(act(server, "counted").text)
    time.sleep(0.5)
    return first if first == int(act(server, "counted").text) else None
