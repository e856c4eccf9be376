"""Workers that are killed, held, recycled or left alone while requests come: F-01 to F-29."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.faults.conftest import Tell
from tests.faults.scale import FULL, scaled
from tests.faults.steady import Steady, steady
from tests.live.steered import boots, do, eventually, pids, write
from tests.support.models import Model, hooks
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

FLAGS = ("--target-type", "regression")
TWO = ("--max-workers", "2")


def workers(server: Server) -> list[psutil.Process]:
    """Return the workers of a server, loading ones, too."""
    return psutil.Process(server.process.pid).children()


@contextmanager
def killing(server: Server, pause_s: float) -> Iterator[list[int]]:
    """Kill a worker of any kind, again and again, until the block ends; give those killed."""
    ending, killed, chance = threading.Event(), list[int](), random.Random(16)

    def kill() -> None:
        while not ending.wait(pause_s):
            if found := workers(server):
                victim = chance.choice(found).pid
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ending.set()
        thread.join()


def figures(account: Steady, killed: list[int]) -> str:
    return (
        f"{len(killed)} kills, {account.failed} of {account.asked} requests failed, "
        f"{account.lost} after a retry, p99 {account.p99_s * 1000:.0f} ms"
    )


@pytest.mark.xfail(
    strict=True, reason="a worker that is killed while it loads counts as one that cannot load"
)
def test_kills_cost_the_requests_of_the_killed_alone(tmp_path: Path, tell: Tell) -> None:
    """F-01: a load of some milliseconds, a kill every half second."""
    pause_s = 0.5 if FULL else 1.0
    with serve(QUICK.write(tmp_path), *QUICK.flags, *TWO) as server:
        with killing(server, pause_s) as killed, steady(server.url) as account:
            time.sleep(scaled(5, 60))

        tell(figures(account, killed))
        assert len(killed) > scaled(1, 100)
        assert account.wrong == []
        assert account.lost == 0
        assert account.failed <= 0.75 * len(killed) + scaled(3, 0)
        assert not FULL or account.p99_s <= 0.25
        assert _zombies(server) == []


@pytest.mark.skipif(not FULL, reason="takes 20 s: make faults")
def test_kills_while_the_model_takes_long_to_load_refuse_nobody(tmp_path: Path, tell: Tell) -> None:
    """F-02: a load of two seconds."""
    slow = QUICK.plus(custom_py=str(QUICK.files["custom.py"]).replace(
        'return "model"', '__import__("time").sleep(2)\n    return "model"'
    ))  # fmt: skip
    with serve(slow.write(tmp_path), *slow.flags, *TWO) as server:
        with killing(server, 2.5) as killed, steady(server.url) as account:
            time.sleep(20)

        tell(figures(account, killed))
        assert account.wrong == []
        assert account.failed <= len(killed)


def _zombies(server: Server) -> list[int]:
    return [one.pid for one in workers(server) if one.status() == psutil.STATUS_ZOMBIE]


@pytest.mark.skipif(not FULL, reason="tests/live/test_faults.py has four of them: make faults")
def test_no_exit_code_of_a_hook_ends_the_server(tmp_path: Path) -> None:
    """F-06."""
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1") as server:
        for code in (*range(11), 255):
            with pytest.raises((OSError, Exception)):
                do(server, "exit", code)
            assert do(server, "pid").status == 200
        assert server.process.poll() is None


@pytest.mark.xfail(strict=True, reason="probes wait behind hooks")
def test_hooks_that_hang_are_answered_for_and_their_workers_replaced(tmp_path: Path) -> None:
    """F-07: every thread of both workers hangs; probes are answered all the while."""
    flags = (*FLAGS, *TWO, "--threads", "4", "--hook-threads", "4", "--request-timeout-s", "2")
    with serve(write(tmp_path), *flags) as server, ThreadPoolExecutor(8) as clients:
        first = eventually(lambda: _two(pids(server, 10)))
        began = time.monotonic()
        calls = [clients.submit(do, server, "sleep", 30) for _ in range(8)]

        slowest_s = _slowest_probe_s(server, until=lambda: all(call.done() for call in calls))

        assert [call.result().status for call in calls] == [504] * 8
        assert time.monotonic() - began < 8
        assert slowest_s < 2
        eventually(lambda: not {one.pid for one in workers(server)} & first, timeout_s=30)
        assert do(server, "pid").status == 200


def _two(found: set[int]) -> set[int]:
    return found if len(found) == 2 else set()


def _slowest_probe_s(server: Server, until: Callable[[], bool]) -> float:
    """Ask for the server's health until something is so; return the longest time of an answer."""
    slowest_s = 0.0
    while not until():
        began = time.monotonic()
        assert server.get("/livez").status == 200
        slowest_s = max(slowest_s, time.monotonic() - began)
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
        with steady(server.url, rate=scaled(50, 100)) as account:
            time.sleep(scaled(5, 60))

        assert server.process.poll() is None
    tell(f"{account.failed} of {account.asked} requests failed")
    assert account.wrong == []
    assert account.failed == 0
    assert account.asked > scaled(50, 3000)


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
