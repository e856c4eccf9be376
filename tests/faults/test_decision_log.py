"""Decisions are in the log exactly once: workers are killed, and the database goes away."""

import math
import os
import re
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import psutil
import pytest

from drum_like.contracts.ecosystem.decision_log.log import LAST_MOMENT_S
from drum_like.store.location import DATABASE, Place
from tests.faults.conftest import Tell
from tests.faults.scale import scaled
from tests.support.campaigns import decisions, write_models
from tests.support.ecosystem_bodies import SPEND, SPENDER
from tests.support.http_calls import send
from tests.support.postgres import URL_VARIABLE, server
from tests.support.serving import Server, serve

CLIENTS = 8
CALLS = scaled(240, 2000)
CALLS_S = 100
KILL_EACH_S = scaled(1, 5)
ANSWERS_BETWEEN = scaled(80, 0)
"""The least answers between two kills: a few calls must not meet starts only."""

GONE_S = scaled(3, 20)
SLOW_S = 5.0
SLACK_S = 0.15
"""Delay with which a thread of the test may hear of an answer on a busy machine."""

FEATURES = {"input": list(SPENDER), "value": list(SPENDER.values())}
BODY = orjson.dumps({"campaign": "spend_risk", "in_params": FEATURES})
"""Of the model that costs the least: the log is what is tested."""


@dataclass
class Heard:
    """The answers that clients got.

    Attributes:
        answered: UUIDs, and when they were heard.
        broken: Calls that were not answered, because the connection broke.
        failed: Answers that are no decisions.
        slowest_s: How long the slowest answer took.
    """

    answered: dict[str, float] = field(default_factory=dict)
    broken: int = 0
    failed: list[bytes] = field(default_factory=list)
    slowest_s: float = 0.0

    def hear(self, body: bytes, took_s: float) -> None:
        """Take note of an answer."""
        answer = orjson.loads(body)
        if "uuid" in answer and "error" not in answer:
            self.answered[answer["uuid"]] = time.monotonic()
        else:
            self.failed.append(body)
        self.slowest_s = max(self.slowest_s, took_s)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models")) / SPEND


@contextmanager
def _serving(model: Path, place: Place, *flags: str) -> Iterator[Server]:
    database = () if place.url is None else ("--database-url", place.url)
    where = ("--store", str(place.root), *database, "--max-workers", "2")
    with serve(model, *where, *flags) as running:
        yield running


def _call(url: str, heard: Heard, n_calls: int) -> None:
    """Have calls answered on one connection, on a new one where it breaks."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    headers = {"Content-Type": "application/json"}
    while n_calls:
        began = time.monotonic()
        try:
            reply = send(connection, "POST", "/invocate", body=BODY, headers=headers)
        except (OSError, HTTPException):
            heard.broken += 1
            connection.close()
        else:
            n_calls -= 1
            heard.hear(reply.body, time.monotonic() - began)
        time.sleep(max(0.0, CLIENTS / CALLS_S - (time.monotonic() - began)))
    connection.close()


def _calls(
    url: str, meanwhile: Callable[[Heard, threading.Event], None], n_calls: int = CALLS
) -> Heard:
    """Send calls from several connections while something else happens; return what came back."""
    heard, done = Heard(), threading.Event()
    threads = [
        threading.Thread(target=_call, args=(url, heard, n_calls // CLIENTS))
        for _ in range(CLIENTS)
    ]
    other = threading.Thread(target=meanwhile, args=(heard, done))
    for thread in (*threads, other):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    other.join()
    return heard


def _rows(place: Place) -> tuple[Counter[str], Counter[str]]:
    """Return the numbers of presented and of accepted rows by UUID."""
    found = decisions(place)
    presented = Counter(one.presented.uuid for one in found)
    return presented, Counter(one.presented.uuid for one in found if one.accepted is not None)


@pytest.mark.parametrize("flags", [(), ("--log-sync",)], ids=["usual", "log-sync"])
def test_a_killed_worker_loses_its_last_moment_at_most(
    model: Path, tmp_path: Path, tell: Tell, flags: tuple[str, ...]
) -> None:
    place, kills = Place(tmp_path / "store"), list[float]()

    with _serving(model, place, *flags) as running:
        master = psutil.Process(running.process.pid)

        def kill(heard: Heard, done: threading.Event) -> None:
            answered = 0
            while not done.wait(KILL_EACH_S):
                workers = [one for one in master.children() if one.status() != "zombie"]
                if len(workers) > 1 and len(heard.answered) >= answered + ANSWERS_BETWEEN:
                    os.kill(workers[0].pid, signal.SIGKILL)
                    kills.append(time.monotonic())
                    answered = len(heard.answered)

        heard = _calls(running.url, kill)

    presented, accepted = _rows(place)
    lost = [at for uuid, at in heard.answered.items() if uuid not in presented]
    ages = [min((k - at for k in kills if k - at >= -SLACK_S), default=math.inf) for at in lost]
    tell(f"{len(kills)} kills, {len(lost)} lost, the oldest {max(ages, default=0) * 1000:.0f} ms")
    assert kills
    assert not heard.failed
    assert len(heard.answered) == CALLS
    assert set(presented.values()) <= {1}
    assert presented.keys() == accepted.keys()
    assert max(ages, default=0) <= LAST_MOMENT_S + SLACK_S
    assert not (flags and lost)


def test_a_locked_database_delays_no_answer_and_loses_no_row(model: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "store")

    def lock(_heard: Heard, _done: threading.Event) -> None:
        time.sleep(0.3)
        with closing(sqlite3.connect(place.root / DATABASE, timeout=5)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(scaled(2, 20))

    with _serving(model, place) as running:
        heard = _calls(running.url, lock)

    presented, accepted = _rows(place)
    assert (heard.broken, heard.failed) == (0, [])
    assert heard.slowest_s < SLOW_S
    assert presented == accepted == Counter(heard.answered.keys())


def test_a_stopped_server_of_a_database_costs_no_answer_and_no_row(
    model: Path, tmp_path: Path
) -> None:
    if URL_VARIABLE not in os.environ:
        pytest.skip(f"{URL_VARIABLE} names no PostgreSQL server; `make test-postgres` starts one")
    with server() as postgres:
        place = Place(tmp_path / "store", postgres.url)

        def stop(_heard: Heard, _done: threading.Event) -> None:
            time.sleep(1)
            postgres.stop()
            time.sleep(GONE_S)
            postgres.start()

        with _serving(model, place) as running:
            heard = _calls(running.url, stop, n_calls=100 * (GONE_S + 4))
            _until(lambda: len(_rows(place)[0]) == len(heard.answered))
            log = running.log()

        presented, accepted = _rows(place)
    assert (heard.broken, heard.failed) == (0, [])
    assert heard.slowest_s < SLOW_S
    assert presented == accepted == Counter(heard.answered.keys())
    assert "they are kept beside it" in log
    assert not re.search(r"lost \d+ decisions", log)


def test_what_waits_beside_the_store_is_written_by_the_next_server(
    model: Path, tmp_path: Path
) -> None:
    if URL_VARIABLE not in os.environ:
        pytest.skip(f"{URL_VARIABLE} names no PostgreSQL server; `make test-postgres` starts one")
    with server() as postgres:
        place = Place(tmp_path / "store", postgres.url)
        with _serving(model, place) as running:
            postgres.stop()
            heard = _calls(running.url, lambda *_: None, n_calls=40)
        kept = list((place.root / "decisions").iterdir())
        postgres.start()
        with _serving(model, place):
            _until(lambda: not list((place.root / "decisions").iterdir()))

        presented, accepted = _rows(place)
    assert kept
    assert presented == accepted == Counter(heard.answered.keys())


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.1)
