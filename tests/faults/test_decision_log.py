"""Decisions are in the log exactly once: workers are killed, and the database goes away."""

import math
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from drum_like.contracts.ecosystem.decision_log.log import LAST_MOMENT_S
from drum_like.store.location import DATABASE, Place
from tests.faults.conftest import Tell
from tests.faults.decision_calls import CALLS, CALLS_S, Heard, calls, n_dropped, rows, serving
from tests.faults.scale import scaled
from tests.support.campaigns import write_models
from tests.support.ecosystem_bodies import SPEND
from tests.support.postgres import URL_VARIABLE, server

KILL_EACH_S = scaled(1, 5)
ANSWERS_BETWEEN = scaled(80, 0)
"""The least answers between two kills: a few calls must not meet starts only."""

GONE_S = scaled(3, 60)
BESIDE_S = scaled(2, 10)
"""Time before a fault, and after it."""

SLOW_S = 5.0
SLACK_S = 0.15
"""Delay with which a thread of the test may hear of an answer on a busy machine."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models")) / SPEND


@pytest.mark.parametrize("flags", [(), ("--log-sync",)], ids=["usual", "log-sync"])
def test_a_killed_worker_loses_its_last_moment_at_most(
    model: Path, tmp_path: Path, tell: Tell, flags: tuple[str, ...]
) -> None:
    place, kills = Place(tmp_path / "store"), list[float]()

    with serving(model, place, *flags) as running:
        master = psutil.Process(running.process.pid)

        def kill(heard: Heard, done: threading.Event) -> None:
            answered = 0
            while not done.wait(KILL_EACH_S):
                workers = [one for one in master.children() if one.status() != "zombie"]
                if len(workers) > 1 and len(heard.answered) >= answered + ANSWERS_BETWEEN:
                    os.kill(workers[0].pid, signal.SIGKILL)
                    kills.append(time.monotonic())
                    answered = len(heard.answered)

        heard = calls(running.url, kill)

    presented, accepted = rows(place)
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


def test_a_locked_database_delays_no_answer_and_loses_no_row(
    model: Path, tmp_path: Path, tell: Tell
) -> None:
    place = Place(tmp_path / "store")

    def lock(heard: Heard, _done: threading.Event) -> None:
        time.sleep(BESIDE_S)
        with closing(sqlite3.connect(place.root / DATABASE, timeout=5)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with heard.faulty():
                time.sleep(GONE_S)

    with serving(model, place) as running:
        heard = calls(running.url, lock, n_calls=CALLS_S * (GONE_S + 2 * BESIDE_S))
        log = running.log()

    tell(heard.figures())
    presented, accepted = rows(place)
    assert n_dropped(log) == 0
    assert (heard.broken, heard.failed) == (0, [])
    assert heard.slowest_s < SLOW_S
    assert presented == accepted == Counter(heard.answered.keys())


def test_a_stopped_server_of_a_database_costs_no_answer_and_no_row(
    model: Path, tmp_path: Path, tell: Tell
) -> None:
    if URL_VARIABLE not in os.environ:
        pytest.skip(f"{URL_VARIABLE} names no PostgreSQL server; `make test-postgres` starts one")
    with server() as postgres:
        place = Place(tmp_path / "store", postgres.url)

        def stop(heard: Heard, _done: threading.Event) -> None:
            time.sleep(BESIDE_S)
            with heard.faulty():
                postgres.stop()
                time.sleep(GONE_S)
                postgres.start()

        with serving(model, place) as running:
            heard = calls(running.url, stop, n_calls=CALLS_S * (GONE_S + 2 * BESIDE_S))
            _until(lambda: len(rows(place)[0]) == len(heard.answered))
            log = running.log()

        presented, accepted = rows(place)
    assert (heard.broken, heard.failed) == (0, [])
    assert heard.slowest_s < SLOW_S
    assert presented == accepted == Counter(heard.answered.keys())
    assert "they are kept beside it" in log
    assert n_dropped(log) == 0
    tell(heard.figures())


def test_what_waits_beside_the_store_is_written_by_the_next_server(
    model: Path, tmp_path: Path
) -> None:
    if URL_VARIABLE not in os.environ:
        pytest.skip(f"{URL_VARIABLE} names no PostgreSQL server; `make test-postgres` starts one")
    with server() as postgres:
        place = Place(tmp_path / "store", postgres.url)
        with serving(model, place) as running:
            postgres.stop()
            heard = calls(running.url, lambda *_: None, n_calls=40)
        kept = list((place.root / "decisions").iterdir())
        postgres.start()
        with serving(model, place):
            _until(lambda: not list((place.root / "decisions").iterdir()))

        presented, accepted = rows(place)
    assert kept
    assert presented == accepted == Counter(heard.answered.keys())


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.1)
