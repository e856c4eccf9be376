"""The fair semaphore: the number of threads that are let in at once."""

import time
from threading import Event, Lock, Thread

import pytest

from drum_like.system.cpus import FairSemaphore

WAIT_S = 10.0
NOT_YET_S = 0.05


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


def test_an_error_gives_the_place_back() -> None:
    places = FairSemaphore(1)

    with pytest.raises(ValueError, match="inside"), places:
        raise ValueError("inside")

    with places:
        pass
