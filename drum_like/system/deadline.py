"""The request that a thread serves: how long it may wait, and whether its client still does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from threading import TIMEOUT_MAX, Lock, get_ident, local
from time import monotonic, perf_counter
from typing import ClassVar, Protocol

from drum_like.system.instruments import SERIES
from drum_like.system.marks import MARKS
from drum_like.system.metrics import WAITING_FOR_MODEL


def _nothing() -> None:
    """Do nothing for a thread that serves no client."""


class GiveWay(Protocol):
    """Lets other threads go on while one predicts, or waits."""

    def __call__(self, *, waits: bool) -> None:
        """Let another thread read requests; where this one waits, another one may serve, too."""


def _lead_on(*, waits: bool) -> None:
    """Do nothing for a thread that leads no others."""


def _stays() -> bool:
    return False


class Deadline(local):
    """The time until which a thread's request waits while others have the place that it needs.

    Attributes:
        until: The time, in monotonic seconds.
        has_passed: Whether the last wait was in vain.
        waiting: The threads of this process that wait at the moment.
        give_way: Called before the thread predicts for a while, or waits with others.
        resume: Called when it goes on after such a wait.
        has_left: Returns whether the request's client has left.
    """

    until: float = inf
    has_passed: bool = False
    waiting: ClassVar[set[int]] = set()
    give_way: GiveWay = staticmethod(_lead_on)
    resume: Callable[[], None] = staticmethod(_nothing)
    has_left: Callable[[], bool] = staticmethod(_stays)

    def wait(self, lock: Lock) -> bool:
        """Acquire a lock that another thread has; return False if the time comes before.

        A request that has waited with success is not refused later: work would be lost.
        """
        left_s = min(max(0.0, self.until - monotonic()), TIMEOUT_MAX)
        self.waiting.add(get_ident())
        self._tell()
        began = perf_counter()
        try:
            is_acquired = lock.acquire(timeout=left_s)
        finally:
            self.waiting.discard(get_ident())
            self._tell()
            MARKS.get().waited_s += perf_counter() - began
        if is_acquired:
            self.until = inf
        self.has_passed = not is_acquired
        return is_acquired

    def wait_with_others(self, lock: Lock) -> bool:
        """Do the same for a lock that many threads wait for; others serve meanwhile."""
        self.give_way(waits=True)
        try:
            return self.wait(lock)
        finally:
            self.resume()

    def _tell(self) -> None:
        """Show how many threads wait; the last one to do so counts all that came and left."""
        place = WAITING_FOR_MODEL.place(())  # before the lock: the first time, it may take a while
        with SERIES.lock:
            SERIES.set(place, len(self.waiting))


DEADLINE = Deadline()
"""The deadline of requests; the server sets it before it has one answered."""


@contextmanager
def without_deadline() -> Iterator[None]:
    """Wait in this block as long as it takes, for a request that has been answered in part."""
    until, DEADLINE.until = DEADLINE.until, inf
    try:
        yield
    finally:
        DEADLINE.until = until
