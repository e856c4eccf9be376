"""Workers are killed again and again, also while they load, and hardly a request is lost."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.faults.conftest import Tell
from tests.faults.scale import FULL, scaled
from tests.faults.senders import REQUESTS_S, TIMEOUT_S, Question, Tried, tried
from tests.live.steered import errors, eventually
from tests.support.repeating import repeated
from tests.support.serving import Server, serve

HOOK = """
import time
from pathlib import Path

import pandas as pd


def load_model(code_dir):
    time.sleep(float(Path(code_dir, "load_s").read_text()))
    return "model"


def score(data, model, **kwargs):
    time.sleep(0.02)
    return pd.DataFrame({"Predictions": data["a"] * 2.0})
"""
RATE = scaled(10, REQUESTS_S)
# By default a worker calls one hook at a time, and alone would serve 45 requests a second.
FLAGS = ("--target-type", "regression", "--max-workers", "2", "--hook-threads", "4")


@contextmanager
def served(directory: Path, load_s: float) -> Iterator[Server]:
    """Serve a hook of 20 ms from two workers, which take so long to load."""
    (directory / "custom.py").write_text(HOOK)
    (directory / "load_s").write_text(str(load_s))
    with serve(directory, *FLAGS) as server:
        master = psutil.Process(server.process.pid)
        eventually(lambda: len(master.children()) == 2)
        yield server


@contextmanager
def killed_every(server: Server, pause_s: float) -> Iterator[list[int]]:
    """Kill a worker of any kind again and again until the block ends; give their ids.

    Kills are not in step with requests: each may fall at any time between two of them.
    """
    master, chance = psutil.Process(server.process.pid), random.Random(6)
    killed: list[int] = []

    def kill() -> None:
        time.sleep(chance.uniform(0, 1 / RATE))
        if workers := master.children():
            victim = chance.choice(workers)
            killed.append(victim.pid)
            victim.kill()

    with repeated(kill, pause_s):
        yield killed


def ask(server: Server, seconds: float) -> list[Tried]:
    """Ask as many questions as the rate allows in this time; each has an answer of its own."""
    numbers = range(int(RATE * seconds))
    questions = (Question("/predict/", f"a\n{n}\n", "text/csv") for n in numbers)
    found = tried(server.url, questions, RATE)
    right = [b'{"predictions":[%.1f]}' % (2 * n) for n in numbers]
    pairs = zip(right, found, strict=True)
    assert [one.body for body, one in pairs if one.status == 200 and one.body.strip() != body] == []
    return found


def test_killed_workers_cost_few_requests_and_come_back_at_once(tmp_path: Path, tell: Tell) -> None:
    with served(tmp_path, 0) as server, killed_every(server, 0.5 if FULL else 1.0) as killed:
        found = ask(server, scaled(5, 60))
        log = server.log()

    n_lost = sum(one.status != 200 for one in found)
    n_lost_twice = sum(one.status_again != 200 for one in found)
    p99_s = sorted(one.took_s for one in found)[int(len(found) * 0.99)]
    tell(
        f"{len(killed)} kills, {n_lost} of {len(found)} requests lost, {n_lost_twice} twice, "
        f"p99 {p99_s * 1000:.0f} ms"
    )
    assert killed
    assert [message for message in errors(log) if "cannot load" in message] == []
    assert n_lost <= scaled(3 * len(killed), 90)
    assert n_lost_twice <= scaled(len(killed), 0)
    assert p99_s <= scaled(TIMEOUT_S, 0.25)


def test_requests_wait_for_workers_that_take_long_to_load(tmp_path: Path, tell: Tell) -> None:
    """Row F-02: the backlog holds, and no connection is refused."""
    with served(tmp_path, scaled(0.5, 2)) as server, killed_every(server, 2.5) as killed:
        found = ask(server, scaled(6, 20))

    n_lost = sum(one.status != 200 for one in found)
    tell(f"{len(killed)} kills, {n_lost} of {len(found)} requests lost")
    assert killed
    assert n_lost <= len(killed) * scaled(5, 1)
    assert sum(one.status_again != 200 for one in found) <= scaled(len(killed), 0)
