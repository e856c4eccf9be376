"""The crew of a loop: how many threads serve, wait and rest."""

import threading
import time
from collections.abc import Callable

from drum_like.server.crew import Crew

TIMEOUT_S = 10.0


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that other threads do."""
    end = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


class Serving:
    """Threads of a crew, each of which begins a job when the test lets it."""

    def __init__(self, serving: int) -> None:
        self.jobs = threading.Semaphore(0)
        self.n_free = 0
        self.begun: list[str] = []
        self.waits = threading.Semaphore(0)
        self.waiting: set[str] = set()
        self.crew = Crew(serving, self.work, lambda: self.n_free)

    def work(self) -> None:
        """Take jobs; each waits with others until the test releases it."""
        while self.crew.stays():
            self.n_free += 1
            self.jobs.acquire()
            self.n_free -= 1
            name = threading.current_thread().name
            self.begun.append(name)
            self.crew.leave()
            self.waiting.add(name)
            self.waits.acquire()
            self.waiting.discard(name)
            self.crew.come_back()


def test_threads_that_wait_are_replaced_up_to_four_for_one_that_may_serve() -> None:
    serving = Serving(2)
    serving.crew.start()

    for number in range(1, 9):
        serving.jobs.release()
        until(lambda number=number: len(serving.waiting) == number)  # type: ignore[misc]
    until(lambda: serving.n_free == 0)

    assert len(set(serving.begun)) == 8  # and a ninth job has to wait
    serving.jobs.release()
    time.sleep(0.05)
    assert len(serving.begun) == 8


def test_threads_that_come_back_rest_and_are_called_again() -> None:
    serving = Serving(1)
    serving.crew.start()
    for number in (1, 2, 3, 4):
        serving.jobs.release()
        until(lambda number=number: len(serving.waiting) == number)  # type: ignore[misc]

    for _ in range(4):
        serving.waits.release()
    until(lambda: not serving.waiting and serving.n_free == 1)
    time.sleep(0.05)
    assert serving.n_free == 1  # the others rest

    for number in (1, 2, 3, 4):
        serving.jobs.release()
        until(lambda number=number: len(serving.waiting) == number)  # type: ignore[misc]
    assert len(set(serving.begun)) == 4


def test_the_end_wakes_threads_that_rest() -> None:
    serving = Serving(1)
    serving.crew.start()
    for number in (1, 2):
        serving.jobs.release()
        until(lambda number=number: len(serving.waiting) == number)  # type: ignore[misc]
    for _ in range(2):
        serving.waits.release()
    until(lambda: not serving.waiting)

    serving.crew.end()
    serving.jobs.release(4)
    serving.waits.release(4)
    began = time.monotonic()
    serving.crew.join(lambda: TIMEOUT_S)

    assert time.monotonic() - began < TIMEOUT_S
