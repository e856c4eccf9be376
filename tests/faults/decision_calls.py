"""Calls for decisions at a steady rate, and their rows in the log."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from drum_like.store.location import Place
from tests.faults.scale import scaled
from tests.support.campaigns import decisions
from tests.support.ecosystem_bodies import SPENDER
from tests.support.http_calls import send
from tests.support.serving import Server, serve

CLIENTS = 8
CALLS = scaled(240, 2000)
CALLS_S = 100

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
        took_s: When calls were sent, and how long their answers took.
        fault: When a fault began, and when it was over.
    """

    answered: dict[str, float] = field(default_factory=dict)
    broken: int = 0
    failed: list[bytes] = field(default_factory=list)
    took_s: list[tuple[float, float]] = field(default_factory=list)
    fault: tuple[float, float] = (0.0, 0.0)

    @property
    def slowest_s(self) -> float:
        """The time of the slowest answer."""
        return max(took_s for _, took_s in self.took_s)

    def hear(self, body: bytes, took_s: float) -> None:
        """Take note of an answer."""
        answer = orjson.loads(body)
        if "uuid" in answer and "error" not in answer:
            self.answered[answer["uuid"]] = time.monotonic()
        else:
            self.failed.append(body)
        self.took_s.append((time.monotonic() - took_s, took_s))

    @contextmanager
    def faulty(self) -> Iterator[None]:
        """Note that there is a fault while the block runs."""
        began = time.monotonic()
        yield
        self.fault = began, time.monotonic()

    def figures(self) -> str:
        """Return the p99 of answers within the fault and beside it."""
        began, ended = self.fault
        within = [took_s for at, took_s in self.took_s if began <= at < ended]
        beside = [took_s for at, took_s in self.took_s if not began <= at < ended]
        return (
            f"{len(within)} calls in {ended - began:.0f} s of the fault, p99 {_p99_ms(within):.0f} "
            f"ms; {len(beside)} beside it, p99 {_p99_ms(beside):.0f} ms"
        )


def _p99_ms(took_s: list[float]) -> float:
    return 1000 * sorted(took_s)[int(len(took_s) * 0.99)]


@contextmanager
def serving(model: Path, place: Place, *flags: str) -> Iterator[Server]:
    """Serve a model that is asked for decisions, from two workers."""
    database = () if place.url is None else ("--database-url", place.url)
    where = ("--store", str(place.root), *database, "--max-workers", "2")
    with serve(model, *where, *flags) as running:
        yield running


def _call(url: str, heard: Heard, n_calls: int, body: bytes, rate: int) -> None:
    """Have calls answered on one connection, on a new one where it breaks."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    headers = {"Content-Type": "application/json"}
    while n_calls:
        began = time.monotonic()
        try:
            reply = send(connection, "POST", "/invocate", body=body, headers=headers)
        except (OSError, HTTPException):
            heard.broken += 1
            connection.close()
        else:
            n_calls -= 1
            heard.hear(reply.body, time.monotonic() - began)
        time.sleep(max(0.0, CLIENTS / rate - (time.monotonic() - began)))
    connection.close()


def calls(
    url: str,
    meanwhile: Callable[[Heard, threading.Event], None],
    n_calls: int = CALLS,
    body: bytes = BODY,
    rate: int = CALLS_S,
) -> Heard:
    """Send calls from several connections while something else happens; return what came back."""
    heard, done = Heard(), threading.Event()
    threads = [
        threading.Thread(target=_call, args=(url, heard, n_calls // CLIENTS, body, rate))
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


def rows(place: Place) -> tuple[Counter[str], Counter[str]]:
    """Return the numbers of presented and of accepted rows by UUID."""
    found = decisions(place)
    presented = Counter(one.presented.uuid for one in found)
    return presented, Counter(one.presented.uuid for one in found if one.accepted is not None)


def n_dropped(log: str) -> int:
    """Return how many decisions a server says that it has lost."""
    return sum(int(found) for found in re.findall(r"log lost (\d+) decisions", log))
