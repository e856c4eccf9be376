"""A model directory whose hooks do to their process what a request says."""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.support.http_calls import Reply
from tests.support.models import Model
from tests.support.serving import Server

MODEL = Model(
    {
        "custom.py": """
import ctypes
import logging
import os
import signal
import time
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent


def hold(seconds):
    # A signal that this thread takes would end the sleep.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGABRT})
    ctypes.PyDLL(None).sleep(int(seconds))


ACTIONS = {
    "pid": lambda value: None,
    "sleep": time.sleep,
    "exit": lambda value: os._exit(int(value)),
    "crash": lambda value: signal.raise_signal(int(value)),
    "abort": lambda value: os.abort(),
    "hold": hold,
    "log": lambda value: logging.getLogger("my.hook").warning("a\\nhook %s", value),
    "print": lambda value: print("printed by a hook"),
    "orphan": lambda value: os.system("(sleep 0.2; exit 3) & exit 0"),
}


def load_model(code_dir):
    with (HERE / "boots").open("a") as boots:
        boots.write(f"{os.getpid()}\\n")
    if (HERE / "broken").exists():
        action, _, value = (HERE / "broken").read_text().partition(" ")
        if action == "raise":
            raise ValueError(value)
        ACTIONS[action](float(value or 0))
    return "model"


def score(data, model, **kwargs):
    for action, value in zip(data["do"], data["value"]):
        ACTIONS[action](value)
    return pd.DataFrame({"Predictions": [os.getpid()] * len(data)})
"""
    },
    ("--target-type", "regression"),
)


def write(directory: Path, broken: str = "") -> Path:
    """Write the model directory; `broken` is an action and its value, for the load."""
    MODEL.write(directory)
    if broken:
        (directory / "broken").write_text(broken)
    return directory


def boots(directory: Path) -> int:
    """Return the number of processes that have begun to load the model."""
    log = directory / "boots"
    return len(log.read_text().splitlines()) if log.exists() else 0


def do(server: Server, action: str, value: float = 0) -> Reply:
    """Have the hook do something in the worker that gets the request."""
    return server.csv(f"do,value\n{action},{value}\n")


def pid(server: Server) -> int:
    """Return the id of a worker that answers."""
    return int(do(server, "pid").json()["predictions"][0])


def pids(server: Server, calls: int = 40) -> set[int]:
    """Return the ids of the workers that answer this many requests, several at a time."""
    with ThreadPoolExecutor(4) as pool:
        return set(pool.map(lambda _: pid(server), range(calls)))


def both(server: Server) -> set[int]:
    """Return the ids of two workers, as soon as each of them answers."""
    found: set[int] = eventually(lambda: _two(pids(server)), timeout_s=60)
    return found


def _two(found: set[int]) -> set[int]:
    return found if len(found) == 2 else set()


def begin(action: Callable[[], Any]) -> "Future[Any]":
    """Start something in a thread of its own."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(action)
    pool.shutdown(wait=False)
    return future


def eventually(condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    """Wait until a condition gives something true, and return that."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not true within {timeout_s} s")


def events(log: str) -> list[dict[str, Any]]:
    """Return the lines of a JSON log.

    Raises:
        json.JSONDecodeError: a line is something else.
    """
    return [json.loads(line) for line in log.splitlines()]


def errors(log: str) -> list[str]:
    """Return the messages of severity error or worse of a JSON log."""
    return [event["msg"] for event in events(log) if event["level"] in {"error", "critical"}]
