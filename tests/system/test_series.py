"""Numbers of all workers in memory that they share."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from drum_like.system.instruments import LATENCY
from drum_like.system.metrics import METRICS, kind_of
from drum_like.system.series import CELLS, OTHER, Shape, SharedSeries

COUNT, MOMENT = Shape(most=3), Shape(most=3, lasts=False)


def in_child(work: Callable[[], object]) -> int:
    """Fork a process that does something and ends; return its id."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def shared(slots: int) -> SharedSeries:
    """Return series that so many processes share."""
    series = SharedSeries()
    series.share(slots)
    return series


def add(series: SharedSeries, slot: int, *keys: str, times: int = 1) -> None:
    """Count as the owner of a part."""
    series.claim(slot)
    for _ in range(times):
        for key in keys:
            series.add(series.place(COUNT, ("count", key)), 1)


def test_an_import_opens_no_file() -> None:
    code = """
import os
before = os.listdir("/dev/fd")
import drum_like.system.metrics
print(before == os.listdir("/dev/fd"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "True\n"


def test_processes_have_numbers_of_their_own_before_they_share() -> None:
    series = SharedSeries()
    add(series, 0, "a")
    reading, writing = os.pipe()

    def work() -> None:
        series.disown()
        series.add(series.place(COUNT, ("count", "a")), 1)
        series.add(series.place(COUNT, ("count", "b")), 1)
        os.write(writing, json.dumps([[*series.totals().values()], series.pids()]).encode())

    child = in_child(work)
    os.waitpid(child, 0)

    assert json.loads(os.read(reading, 1000)) == [[[2], [1]], {"0": child}]
    assert series.totals() == {("count", "a"): [1]}


def test_a_forked_process_begins_without_a_garbage_collection() -> None:
    """It would end objects of a framework whose threads only the parent has, and wait for them."""
    series = SharedSeries()
    for number in range(200):
        series.place(replace(COUNT, most=1000), ("count", str(number)))
    reading, writing = os.pipe()

    def work() -> None:
        collections = list[str]()
        gc.collect()
        gc.set_threshold(100)
        gc.callbacks.append(lambda phase, _info: collections.append(phase))
        series.disown()
        os.write(writing, json.dumps(collections).encode())

    os.waitpid(in_child(work), 0)

    assert json.loads(os.read(reading, 1000)) == []


def test_numbers_of_all_processes_add_up_and_outlive_them() -> None:
    series = shared(3)
    children = [
        in_child(lambda: add(series, 0, "a", "b", times=500)),
        in_child(lambda: add(series, 1, "b", "c", times=500)),
    ]
    for child in children:
        os.waitpid(child, 0)
    add(series, 2, "a")

    totals = series.totals()

    assert totals == {("count", "a"): [501], ("count", "b"): [1000], ("count", "c"): [500]}


def test_the_next_owner_of_a_part_goes_on_but_for_numbers_of_the_moment() -> None:
    series = shared(1)

    def work() -> None:
        add(series, 0, "a")
        series.set(series.place(MOMENT, ("now",)), 7)

    for _ in range(2):
        os.waitpid(in_child(work), 0)
        assert series.totals()["now",] == [7]
    series.clear(0)

    assert series.totals() == {("count", "a"): [2], ("now",): [0]}


def test_a_process_that_is_killed_leaves_whole_numbers() -> None:
    series = shared(1)
    child = in_child(lambda: add(series, 0, "a", times=10**9))
    deadline = time.monotonic() + 20
    while not series.totals().get(("count", "a"), [0])[0] and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    ((found,),) = series.totals().values()

    assert found > 0
    assert found.is_integer()


def test_labels_beyond_the_room_of_a_metric_are_counted_together() -> None:
    series = shared(2)
    for number in range(10_000):
        add(series, number % 2, str(number))

    totals = series.totals()

    assert len(totals) == COUNT.most + 1
    assert totals["count", OTHER] == [10_000 - COUNT.most]


def test_numbers_of_the_moment_beyond_the_room_are_left_out() -> None:
    series = shared(1)
    series.claim(0)
    for number in range(9):
        series.set(series.place(MOMENT, ("now", str(number))), number)

    assert series.totals() == {("now", str(number)): [number] for number in range(MOMENT.most)}


def test_series_beyond_the_room_of_all_are_left_out() -> None:
    series = shared(1)
    series.claim(0)
    large = Shape(n_cells=CELLS // 3, most=9)
    for number in range(5):
        series.add(series.place(large, ("large", str(number))), 1)

    assert list(series.totals()) == [("large", "0"), ("large", "1")]


def test_there_is_room_for_all_metrics() -> None:
    rooms = [metric.shape.n_cells * (metric.shape.most + 1) for metric in METRICS]

    assert sum(rooms) < CELLS - 64


def test_names_and_labels_are_as_prometheus_wants_them() -> None:
    for metric in METRICS:
        assert metric.name.startswith("drum_like_")
        assert not metric.name.endswith("_total")
        assert metric.help.endswith(".")
        assert set(metric.labels).isdisjoint({"le", "job", "instance"})
    assert list(LATENCY) == sorted(LATENCY)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("NotFoundError", "not_found"),
        ("HookError", "hook"),
        ("LimitRequestLine", "limit_request_line"),
        ("HTTPError", "http"),
        ("BadRequest", "bad_request"),
    ],
)
def test_kinds_of_errors_are_their_names(name: str, kind: str) -> None:
    assert kind_of(name) == kind
