"""/metrics while workers are killed: no answer is missing in the sums, and none of them shrinks."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.faults.conftest import Tell
from tests.faults.scale import scaled
from tests.live.steered import eventually
from tests.support.metrics import Scrape, scrape
from tests.support.prometheus import PROGRAM, scraping
from tests.support.repeating import repeated
from tests.support.serving import Server, serve

HOOK = """
import pandas as pd


def load_model(code_dir):
    return "model"


def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": data["a"] * 2.0})
"""
FLAGS = ("--target-type", "regression", "--max-workers", "2")
GOOD, BAD = b"a\n1\n2\n", b"a,b\n1\n"
N_CLIENTS = 4
SERIES = 200
GROWING = (
    *("drum_like_requests_total", "drum_like_rows_total", "drum_like_errors_total"),
    *("drum_like_request_duration_seconds_count", "drum_like_request_duration_seconds_sum"),
    *("drum_like_request_phase_seconds_bucket", "drum_like_worker_ends_total"),
)
_PREDICTED = "sum(drum_like_requests_total{route='/predict'})"


@dataclass
class Sent:
    """Requests of one client.

    Attributes:
        answered: Answers by status.
        lost: Requests whose connection broke before there was an answer.
    """

    answered: Counter[int] = field(default_factory=Counter)
    lost: int = 0


def send(url: str, ending: threading.Event, seed: int) -> Sent:
    """Send good and bad bodies over kept connections until the end."""
    sent, chance = Sent(), random.Random(seed)
    while not ending.is_set():
        with closing(HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
            try:
                connection.connect()
            except OSError:
                continue
            _send_on(connection, ending, sent, chance)
    return sent


def _send_on(
    connection: HTTPConnection, ending: threading.Event, sent: Sent, chance: random.Random
) -> None:
    while not ending.is_set():
        body = GOOD if chance.random() < 0.8 else BAD
        try:
            connection.request("POST", "/predict/", body, {"Content-Type": "text/csv"})
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            sent.lost += 1
            return
        sent.answered[response.status] += 1


@contextmanager
def loaded(url: str) -> Iterator[list[Sent]]:
    """Keep a server busy until the block ends; give what was sent."""
    ending, found = threading.Event(), list[Sent]()
    with ThreadPoolExecutor(N_CLIENTS) as pool:
        clients = [pool.submit(send, url, ending, seed) for seed in range(N_CLIENTS)]
        try:
            yield found
        finally:
            ending.set()
        found.extend(client.result() for client in clients)


def test_sums_hold_every_answer_and_never_shrink(tmp_path: Path, tell: Tell) -> None:
    (tmp_path / "custom.py").write_text(HOOK)
    scrapes: list[Scrape] = []
    with serve(tmp_path, *FLAGS) as server:
        master = psutil.Process(server.process.pid)
        eventually(lambda: len(master.children()) == 2)
        killed = _under_load(server, master, scrapes)
        eventually(lambda: len(master.children()) == 2)
        with loaded(server.url) as after:
            time.sleep(0.5)
        scrapes.append(eventually(lambda: _settled(server, killed.n_killed)))

    sent = [*killed.sent, *after]
    answered = sum((one.answered for one in sent), Counter[int]())
    lost = sum(one.lost for one in sent)
    counted = {
        status: scrapes[-1].total("drum_like_requests_total", route="/predict", status=str(status))
        for status in (200, 422)
    }
    tell(f"{killed.n_killed} kills, {answered.total()} answers, {lost} lost, {counted} counted")
    assert killed.n_killed >= 3
    assert answered.keys() == {200, 422}
    for status, number in answered.items():
        assert number <= counted[status] <= number + lost
    assert sum(counted.values()) <= answered.total() + lost
    assert 2 * answered[200] <= scrapes[-1].total("drum_like_rows_total")
    for before, later in pairwise(scrapes):
        assert later.shrunk_since(before) == []
    assert max(len(one.samples) for one in scrapes) <= SERIES


@dataclass(frozen=True, slots=True)
class Killed:
    """Requests that were sent under load, and the number of workers killed meanwhile."""

    sent: list[Sent]
    n_killed: int


def _under_load(server: Server, master: psutil.Process, scrapes: list[Scrape]) -> Killed:
    """Kill workers of a busy server again and again, and note its metrics all the time."""
    chance, killed = random.Random(3), []

    def kill() -> None:
        if workers := master.children():
            victim = chance.choice(workers)
            victim.kill()
            killed.append(victim.pid)

    def note() -> None:
        with suppress(OSError, HTTPException):  # that worker was killed, too
            scrapes.append(scrape(server))

    with loaded(server.url) as sent, repeated(note, 0.1), repeated(kill, 0.7):
        time.sleep(scaled(4, 40))
    return Killed(sent, len(killed))


def _settled(server: Server, n_killed: int) -> Scrape | None:
    """Return the metrics once every killed worker is counted."""
    found = scrape(server)
    is_settled = found.total("drum_like_worker_ends_total", reason="killed") >= n_killed
    return found if is_settled and found.total("drum_like_workers") == 2 else None


@pytest.mark.skipif(PROGRAM is None, reason="Prometheus is not installed")
def test_a_real_prometheus_sees_no_reset_and_every_answer(tmp_path: Path, tell: Tell) -> None:
    (tmp_path / "custom.py").write_text(HOOK)
    with serve(tmp_path, *FLAGS) as server, scraping(server.url, tmp_path) as prometheus:
        master = psutil.Process(server.process.pid)
        eventually(lambda: prometheus.value("drum_like_workers") == 2)
        killed = _under_load(server, master, [])
        eventually(lambda: _settled(server, killed.n_killed))
        total = scrape(server).total("drum_like_requests_total", route="/predict")
        eventually(lambda: prometheus.value(_PREDICTED) == total)
        resets = {name: prometheus.value(f"sum(resets({name}[5m]))") for name in GROWING}
        n_series = prometheus.value("count({__name__=~'drum_like_.*'})")
        n_killed = prometheus.value("drum_like_worker_ends_total{reason='killed'}")
        faulty = [rule for rule in prometheus.rules() if rule["health"] == "err"]

    answered = sum((one.answered for one in killed.sent), Counter[int]()).total()
    lost = sum(one.lost for one in killed.sent)
    tell(f"{answered} answers, {lost} lost, {total:.0f} counted, {n_series:.0f} series")
    assert answered <= total <= answered + lost
    assert resets == dict.fromkeys(GROWING, 0)
    assert n_killed == killed.n_killed
    assert 0 < n_series <= SERIES
    assert faulty == []


def test_a_server_that_nobody_kills_counts_exactly_what_was_answered(tmp_path: Path) -> None:
    (tmp_path / "custom.py").write_text(HOOK)
    with serve(tmp_path, *FLAGS) as server:
        with loaded(server.url) as sent:
            time.sleep(1)
        found = scrape(server)

    answered = sum((one.answered for one in sent), Counter[int]())
    assert sum(one.lost for one in sent) == 0
    for status, number in answered.items():
        assert number == found.total(
            "drum_like_requests_total", status=str(status), route="/predict"
        )
    assert found.total("drum_like_rows_total") == 2 * answered[200]
