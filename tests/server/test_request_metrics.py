"""Requests that are counted by entries: their sums are those of one after the other."""

import dis
import json
import os
import random
import signal
import sys
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import isclose
from types import FunctionType

import pytest

from drum_like.http.requests import CONTRACT, ROUTE
from drum_like.server.request_metrics import RequestMetrics
from drum_like.system.instruments import LATENCY, SERIES
from drum_like.system.marks import ENTRIES, PHASES, RequestMarks
from drum_like.system.metrics import share
from drum_like.system.series import Key
from tests.system.test_series import in_child

Totals = dict[Key, list[float]]

SEEN = {CONTRACT: "drum", ROUTE: "/predict/"}


@dataclass(frozen=True)
class Model:
    """A model."""

    name: str
    version: str = "1"


@pytest.fixture
def metrics() -> RequestMetrics:
    """The metrics of this process."""
    return RequestMetrics()


def marks_of(model: Model | None, chance: random.Random, *, is_asked: bool) -> RequestMarks:
    """Return the marks of a request that is ready now, more or less."""
    marks = RequestMarks(chance.uniform(1, 2), chance.random() / 100, chance.random() / 1000)
    marks.model = model
    if is_asked:
        marks.asked, marks.rows = marks.began + chance.random() / 50, chance.randrange(1, 9)
        marks.waited_s, marks.predict_s = chance.random() / 40, chance.random()
    return marks


def grown(before: Totals, after: Totals) -> Totals:
    """Return what was counted in between."""
    found = {}
    for key, numbers in after.items():
        earlier = before.get(key, [0.0] * len(numbers))
        found[key] = [now - then for now, then in zip(numbers, earlier, strict=True)]
    return found


class Expected:
    """Sums of requests, one after the other."""

    def __init__(self) -> None:
        self.counts: Counter[Key] = Counter()
        self.times: dict[Key, list[float]] = {}

    def observe(self, key: Key, seconds: float) -> None:
        """Add a time."""
        histogram = self.times.setdefault(key, [0.0] * (len(LATENCY) + 2))
        histogram[bisect_left(LATENCY, seconds)] += 1
        histogram[-1] += seconds

    def count(self, marks: RequestMarks, status: str, *, is_late: bool) -> None:
        """Add a request that was counted."""
        model = marks.model
        of_model = ("", "") if model is None else (model.name, model.version)
        self.counts["drum_like_requests", "drum", "/predict", *of_model, status] += 1
        if model is not None:
            duration = marks.queue_s + marks.ready - marks.began
            self.observe(("drum_like_request_duration_seconds", *of_model), duration)
        if marks.asked and not is_late:
            if model is not None:
                self.counts["drum_like_rows", *of_model] += marks.rows
            for phase, seconds in zip(PHASES, marks.phases(marks.ready), strict=True):
                self.observe(("drum_like_request_phase_seconds", phase), seconds)


def test_sums_are_those_of_requests_one_after_the_other(metrics: RequestMetrics) -> None:
    chance, expected, before = random.Random(7), Expected(), SERIES.totals()
    models = (None, Model("one"), Model("two"))
    waiting: list[RequestMarks] = []
    n_written = 0
    for _ in range(3 * ENTRIES):
        model = chance.choice(models)
        marks = marks_of(model, chance, is_asked=model is not None and chance.random() < 0.8)
        status, is_late = chance.choice(("200", "422")), chance.random() < 0.1
        metrics.count(marks, SEEN, status, is_late=is_late)
        metrics.count(marks, SEEN, "500")  # once only
        expected.count(marks, status, is_late=is_late)
        if not is_late:
            waiting.append(marks)
        while waiting and chance.random() < 0.5:  # some only after their page was moved
            written = waiting.pop(chance.randrange(len(waiting)))
            metrics.wrote(written)
            n_written += bool(written.asked)

    found = grown(before, SERIES.totals())
    for key, number in expected.counts.items():
        assert found[key] == [number]
    for key, (*buckets, total) in expected.times.items():
        assert found[key][:-1] == buckets
        assert isclose(found[key][-1], total, rel_tol=1e-6)
    assert sum(found["drum_like_request_phase_seconds", "write"][:-1]) == n_written


def test_sums_are_the_same_to_the_last_digit_after_a_move(metrics: RequestMetrics) -> None:
    chance = random.Random(8)
    for _ in range(5):
        for _ in range(chance.randrange(ENTRIES)):
            metrics.count(marks_of(Model("one"), chance, is_asked=True), SEEN, "200")
        before = SERIES.totals()
        with SERIES.lock:
            SERIES.move()
        assert SERIES.totals() == before


def test_sums_of_times_never_shrink_by_a_digit(metrics: RequestMetrics) -> None:
    chance, last = random.Random(10), SERIES.totals()
    for _ in range(40):
        for _ in range(chance.randrange(1, 150)):
            marks = marks_of(Model("one"), chance, is_asked=True)
            marks.predict_s = marks.waited_s = 0.0  # no phase is negative
            marks.asked = marks.began
            metrics.count(marks, SEEN, "200")
            if chance.random() < 0.9:
                metrics.wrote(marks)
        now = SERIES.totals()
        for key, numbers in last.items():
            assert all(after >= before for before, after in zip(numbers, now[key], strict=True))
        last = now


def test_a_time_of_writing_that_comes_while_its_page_is_moved_is_kept(
    metrics: RequestMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread waits for the move: what is on the page has been read."""
    chance, before = random.Random(11), SERIES.totals()
    marks = marks_of(Model("one"), chance, is_asked=True)
    metrics.count(marks, SEEN, "200")
    thread, add_up = threading.Thread(target=metrics.wrote, args=(marks,)), SERIES.add_up

    def disturbed(page: bytes, end: int) -> Sequence[float]:
        if thread.ident is None:
            thread.start()
            thread.join(0.2)
        return add_up(page, end)

    monkeypatch.setattr(SERIES, "add_up", disturbed)
    while thread.ident is None:  # until the page is full
        metrics.count(marks_of(None, chance, is_asked=False), SEEN, "404")
    thread.join()

    written = grown(before, SERIES.totals())["drum_like_request_phase_seconds", "write"]
    assert sum(written[:-1]) == 1


def count_some(times: int) -> None:
    """Count requests of a model, as a worker."""
    worker, chance = RequestMetrics(), random.Random(9)
    for _ in range(times):
        marks = marks_of(Model("worker"), chance, is_asked=True)
        worker.count(marks, SEEN, "200")
        worker.wrote(marks)


def as_worker(times: int) -> None:
    """Count as the owner of the second part, and be killed."""
    SERIES.claim(1)
    count_some(times)
    os.kill(os.getpid(), signal.SIGKILL)


def seen() -> tuple[list[float], float]:
    """Return how many requests there are in the sums, and how many times of writing."""
    found = SERIES.totals()
    written = found["drum_like_request_phase_seconds", "write"]
    counted = found.get(("drum_like_requests", "drum", "/predict", "worker", "1", "200"), [0.0])
    return counted, sum(written[:-1])


def a_server(writing: int) -> None:
    """Have workers count and end; tell after each what this process, which has a part, sees."""
    share(2)
    SERIES.claim(0)
    RequestMetrics()
    told = []
    for work in (as_worker, count_some, as_worker):  # the second one is nobody's: it forgets
        for times in (1, ENTRIES + 7):
            os.waitpid(in_child(partial(work, times)), 0)
            told.append(seen())
    os.write(writing, json.dumps(told).encode())


def test_workers_that_are_killed_leave_their_requests_to_those_after_them() -> None:
    reading, writing = os.pipe()
    os.waitpid(in_child(partial(a_server, writing)), 0)
    os.close(writing)
    told = json.loads(os.read(reading, 10_000))

    numbers = [1, ENTRIES + 8, ENTRIES + 8, ENTRIES + 8, ENTRIES + 9, 2 * ENTRIES + 16]
    assert told == [[[number], number] for number in numbers]


@pytest.fixture
def _impatient() -> Iterator[None]:
    """Have threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: list[threading.Thread]) -> None:
    """Run threads to their end."""
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()


@pytest.mark.usefixtures("_impatient")
def test_threads_lose_and_double_nothing(metrics: RequestMetrics) -> None:
    before, n_each, model = SERIES.totals(), 3000, Model("threads")

    def count() -> None:
        for number in range(n_each):
            marks = RequestMarks(1.0)
            marks.model, marks.asked, marks.rows = model, 1.0, 1
            metrics.count(marks, SEEN, "200")
            if number % 7:
                metrics.wrote(marks)

    in_threads([threading.Thread(target=count) for _ in range(4)])
    found = grown(before, SERIES.totals())

    assert found["drum_like_rows", "threads", "1"] == [4 * n_each]
    written = found["drum_like_request_phase_seconds", "write"]
    assert sum(written[:-1]) == 4 * sum(bool(number % 7) for number in range(n_each))


@pytest.mark.usefixtures("_impatient")
def test_a_request_that_two_threads_count_is_counted_once(metrics: RequestMetrics) -> None:
    before = SERIES.totals()
    requests = [RequestMarks(1.0) for _ in range(5000)]
    start = threading.Barrier(2)

    def count(status: str, *, is_late: bool) -> None:
        start.wait()
        for marks in requests:
            marks.model = Model("late")
            metrics.count(marks, SEEN, status, is_late=is_late)

    in_threads(
        [
            threading.Thread(target=count, args=("200",), kwargs={"is_late": False}),
            threading.Thread(target=count, args=("504",), kwargs={"is_late": True}),
        ]
    )
    found = grown(before, SERIES.totals())

    counted = sum(sum(found[key]) for key in found if key[0] == "drum_like_requests")
    assert counted == len(requests)
    assert sum(found["drum_like_request_duration_seconds", "late", "1"][:-1]) == len(requests)


TURNS = ("CALL", "JUMP_BACKWARD", "RESUME", "SEND", "FOR_ITER")
"""Instructions at which the interpreter may let another thread go on."""


def between(function: FunctionType, first: str, last: str) -> list[str]:
    """Return the instructions from the last use of one name before that of another, to that."""
    steps = list(dis.get_instructions(function))
    end = max(at for at, step in enumerate(steps) if step.argval == last)
    begin = max(at for at, step in enumerate(steps[:end]) if step.argval == first)
    return [step.opname for step in steps[begin:end]]


def test_no_other_thread_has_a_turn_between_a_check_and_the_write() -> None:
    """There is no lock: neither the end of a page nor the mark of a request may change then."""
    functions = [one for one in vars(RequestMetrics).values() if isinstance(one, FunctionType)]
    writers = [one for one in functions if "_write" in one.__code__.co_names]
    storing = [one for one in functions if "cells" in one.__code__.co_names and one not in writers]
    watched = [between(one, "full", "UNKNOWN") for one in writers]
    watched += [between(one, "tag", "cells") for one in storing]

    assert len(watched) == 3
    for steps in watched:
        assert len(steps) > 3
        assert not [step for step in steps if step.startswith(TURNS)]
