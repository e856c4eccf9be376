"""Timings that survive their workers, and the numbers of /stats/."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from drum_like.system.cgroup import Memory
from drum_like.system.stats import MIB, TimeInfo, Timings, resources


def in_child(action: Callable[[], object]) -> None:
    """Run something in a forked process, which then dies as by kill -9: nothing is cleaned up."""
    pid = os.fork()
    if pid == 0:
        action()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def test_there_are_no_times_before_the_first_prediction() -> None:
    assert Timings(3).summary() == TimeInfo(0, None, None, None, None)


def test_times_are_summed_and_reading_changes_nothing() -> None:
    timings = Timings()
    for seconds in (0.25, 0.5, 1.5):
        timings.record(seconds)

    first, second = timings.summary(), timings.summary()

    assert first == second == TimeInfo(3, 2.25, 0.25, 1.5, 0.75)


def test_times_of_all_workers_are_summed_and_survive_them() -> None:
    timings = Timings(2)

    def work(slot: int, seconds: float) -> None:
        timings.claim(slot)
        timings.record(seconds)

    in_child(lambda: work(0, 1.0))
    in_child(lambda: work(1, 3.0))

    assert timings.summary() == TimeInfo(2, 4.0, 1.0, 3.0, 2.0)


def test_a_worker_that_takes_over_a_slot_goes_on_counting() -> None:
    timings = Timings(1)

    def work() -> None:
        timings.claim(0)
        timings.record(1.0)

    in_child(work)
    in_child(work)

    assert timings.summary().count == 2


def test_pids_are_those_that_claimed_a_slot() -> None:
    timings = Timings(2)

    timings.claim(1)

    assert timings.pids() == (os.getpid(),)


def test_without_a_claim_the_only_process_is_this_one() -> None:
    assert Timings(2).pids() == (os.getpid(),)


def test_a_worker_is_described_as_drum_does() -> None:
    used = resources([os.getpid()], Memory())

    (worker,) = used["drum_info"]
    assert set(worker) == {"cmdline", "cpu_percent", "mem", "pid"}
    assert worker["pid"] == os.getpid()
    assert worker["mem"] > 1
    assert used["mem_info"]["drum_rss"] == worker["mem"]


def test_processes_that_are_no_siblings_are_left_out() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        found = resources([os.getpid(), child.pid, 2**22 + 1])["drum_info"]
    finally:
        child.communicate(b"\n")

    assert [worker["pid"] for worker in found] == [os.getpid()]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param(Memory(100 * MIB, 30 * MIB, 60 * MIB), (100, 30, 60, 70, 70), id="limited"),
        pytest.param(Memory(10 * MIB, 11 * MIB, None), (10, 11, None, 0, 0), id="over-the-limit"),
    ],
)
def test_inside_a_limited_group_the_rest_of_the_limit_is_free(
    limits: Memory, expected: tuple[float | None, ...]
) -> None:
    memory = resources([], limits)["mem_info"]

    names = ("container_limit", "container_used", "container_max_used", "avail", "free")
    assert tuple(memory[name] for name in names) == expected


def test_without_a_limit_the_machine_is_described() -> None:
    memory = resources([], Memory())["mem_info"]

    assert memory["container_limit"] is memory["container_used"] is None
    assert 0 < memory["free"] <= memory["total"]
    assert 0 < memory["avail"] <= memory["total"]
