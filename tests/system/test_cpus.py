"""The CPUs of workers, of frameworks and of large work, and places for threads in turn."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from math import inf
from threading import Event, Lock, Thread

import pytest

from drum_like.errors import BusyError
from drum_like.system.cpus import (
    Cpus,
    FairSemaphore,
    PredictLimiter,
    Share,
    TimedLock,
    set_native_threads,
    share,
)
from drum_like.system.deadline import DEADLINE, without_deadline

WAIT_S = 10.0
NOT_YET_S = 0.05


@pytest.mark.parametrize(
    ("max_workers", "cpus", "expected"),
    [
        (None, 4, Share(4, 1)),
        (1, 4, Share(1, 4)),
        (2, 5, Share(2, 2)),
        (8, 2, Share(8, 1)),
    ],
    ids=["default", "one-worker", "rounded-down", "more-workers-than-cpus"],
)
def test_cpus_are_divided(max_workers: int | None, cpus: int, expected: Share) -> None:
    assert share(max_workers, cpus) == expected


def test_native_threads_are_set() -> None:
    environ: dict[str, str] = {}

    set_native_threads(environ, 3)

    assert environ == {"OMP_NUM_THREADS": "3", "OMP_WAIT_POLICY": "PASSIVE"}


def test_what_the_user_has_set_stays() -> None:
    environ = {"OMP_NUM_THREADS": "7", "OMP_WAIT_POLICY": "ACTIVE"}

    set_native_threads(environ, 3)

    assert environ == {"OMP_NUM_THREADS": "7", "OMP_WAIT_POLICY": "ACTIVE"}


def test_libraries_decide_until_cpus_are_divided() -> None:
    with Cpus().part() as part:
        assert part is None


@pytest.mark.parametrize(
    ("number", "expected"), [(1, [1, 1, 1]), (2, [2, 1, 1]), (8, [8, 4, 2])], ids="{}-cpus".format
)
def test_work_that_comes_later_gets_less(number: int, expected: list[int]) -> None:
    cpus = Cpus()
    cpus.divide(number, 1)

    with cpus.part() as first, cpus.part() as second, cpus.part() as third:
        found = [first, second, third]

    assert found == expected
    with cpus.part() as alone:
        assert alone == number


def test_work_of_other_processes_counts() -> None:
    cpus = Cpus()
    cpus.divide(4, 3)
    cpus.claim(0)
    asked, told = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        cpus.claim(1)
        with cpus.part():
            os.write(told[1], b"!")
            os.read(asked[0], 1)
        os._exit(0)
    os.read(told[0], 1)

    with cpus.part() as beside:
        pass
    os.write(asked[1], b"!")
    os.waitpid(child, 0)
    with cpus.part() as alone:
        pass

    assert (beside, alone) == (2, 4)


def test_the_next_owner_of_a_slot_forgets_what_the_last_one_left() -> None:
    cpus = Cpus()
    cpus.divide(4, 2)
    child = os.fork()
    if not child:
        cpus.claim(1)
        with cpus.part():
            os._exit(1)  # as one that is killed
    os.waitpid(child, 0)
    with cpus.part() as before:
        pass

    cpus.claim(1)

    with cpus.part() as after:
        assert (before, after) == (2, 4)


def test_failing_work_is_not_counted_any_more() -> None:
    cpus = Cpus()
    cpus.divide(2, 1)

    with pytest.raises(ZeroDivisionError), cpus.part():
        raise ZeroDivisionError

    with cpus.part() as part:
        assert part == 2


def test_counts_of_many_threads_are_right() -> None:
    cpus = Cpus()
    cpus.divide(2, 1)

    def work(_: int) -> None:
        for _again in range(500):
            with cpus.part():
                pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    with cpus.part() as part:
        assert part == 2


def test_the_next_thread_waits_for_a_place() -> None:
    places, entered = FairSemaphore(2), Event()

    def enter() -> None:
        with places:
            entered.set()

    waiting = Thread(target=enter)
    with places:
        with places:
            waiting.start()
            assert not entered.wait(NOT_YET_S)

        assert entered.wait(WAIT_S)
    waiting.join(WAIT_S)


def test_never_more_than_there_are_places() -> None:
    places, guard = FairSemaphore(2), Lock()
    inside, most = 0, 0

    def enter() -> None:
        nonlocal inside, most
        for _ in range(200):
            with places:
                with guard:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0)
                with guard:
                    inside -= 1

    threads = [Thread(target=enter) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)

    assert not any(thread.is_alive() for thread in threads)
    assert (inside, most) == (0, 2)


@pytest.mark.parametrize("places", [FairSemaphore(1), TimedLock()])
def test_a_request_waits_no_longer_than_its_deadline(places: PredictLimiter) -> None:
    found: list[str] = []

    def enter(limit_s: float) -> None:
        DEADLINE.until = time.monotonic() + limit_s
        try:
            with places:
                found.append("served")
        except BusyError:
            found.append("refused")

    first, second = Thread(target=enter, args=[0.05]), Thread(target=enter, args=[WAIT_S])
    with places:
        first.start()
        second.start()
        first.join(WAIT_S)
    second.join(WAIT_S)

    assert found == ["refused", "served"]
    assert places.at_once()
    assert not DEADLINE.waiting


def test_a_request_that_was_let_in_late_is_not_refused_later() -> None:
    lock = TimedLock()
    lock.at_once()
    DEADLINE.until = time.monotonic() + WAIT_S
    Thread(target=_release_when_awaited, args=[lock]).start()

    with lock:
        assert DEADLINE.until == inf


def _release_when_awaited(lock: TimedLock) -> None:
    until = time.monotonic() + WAIT_S
    while not DEADLINE.waiting and time.monotonic() < until:
        time.sleep(0.001)
    lock.release()


def test_a_deadline_is_lifted_in_a_block() -> None:
    DEADLINE.until = 1.0

    with without_deadline():
        assert DEADLINE.until == inf

    assert DEADLINE.until == 1.0
    DEADLINE.until = inf


def test_an_error_gives_the_place_back() -> None:
    places = FairSemaphore(1)

    with pytest.raises(ValueError, match="inside"), places:
        raise ValueError("inside")

    with places:
        pass
