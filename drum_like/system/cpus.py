"""CPUs: the numbers of workers and threads, the CPUs of large work, and places for threads."""

import mmap
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock

from drum_like.errors import BusyError
from drum_like.system.deadline import DEADLINE


@dataclass(frozen=True, slots=True)
class Share:
    """The division of the CPUs.

    Attributes:
        workers: Worker processes.
        native: Threads that a framework may use in one worker.
    """

    workers: int
    native: int

    @property
    def slots(self) -> int:
        """The most workers that ever live at one time: some leave while others come."""
        return 4 * self.workers + 16


def share(max_workers: int | None, cpus: int) -> Share:
    """Return one worker a CPU, unless a number was asked for, and the share of its frameworks."""
    workers = max_workers or cpus
    return Share(workers, max(1, cpus // workers))


def set_native_threads(environ: MutableMapping[str, str], native: int) -> bool:
    """Set the number of threads of OpenMP and BLAS libraries; a user's own choice wins.

    To be called before any of them is loaded. Idle OpenMP threads must not spin: with more threads
    than free CPUs that costs a factor of 4 to 7.

    Returns:
        Whether the number was not the user's choice.
    """
    is_free = "OMP_NUM_THREADS" not in environ
    environ.setdefault("OMP_NUM_THREADS", str(native))
    environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return is_free


class Cpus:
    """Divides the CPUs among the large work that there is at the moment.

    Idle workers leave their CPUs to the one that has a large request. Work keeps the number of
    threads that it began with, so for a moment there may be more threads than CPUs.

    Until `divide` is called, libraries decide themselves, by OMP_NUM_THREADS.
    """

    def __init__(self) -> None:
        self._number: int | None = None
        self._running = mmap.mmap(-1, 1)
        self._own = 0
        self._lock = Lock()

    def divide(self, number: int, slots: int) -> None:
        """Divide the CPUs among the workers; called before the fork.

        Each worker counts its running work in memory that all share: a byte a worker, which no
        other worker writes.

        Args:
            number: How many CPUs there are.
            slots: The most workers that ever live at one time.
        """
        self._running = mmap.mmap(-1, slots)
        self._number = number

    def claim(self, slot: int) -> None:
        """Bind this process to a slot and reset it: a crashed owner may have left a stale count.

        Args:
            slot: A number that no other live worker has.
        """
        self._own = slot
        if self._number is not None:
            self._running[slot] = 0

    @contextmanager
    def part(self) -> Iterator[int | None]:
        """Count a piece of large work; yield how many threads it may use, None if undivided."""
        if self._number is None:
            yield None
            return
        self._count(1)
        try:
            yield max(1, self._number // sum(self._running[:]))
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._running[self._own] += change


CPUS = Cpus()
"""The CPUs of this server; one object for the process, like the threads of OpenMP."""


class TimedLock:
    """Lets one thread in at a time; requests wait for it until their deadline.

    A free one costs no call of ours: `if not lock.at_once(): lock.wait()`, and `lock.release()`.

    Attributes:
        at_once: Takes the lock if it is free, and returns whether it was.
        release: Gives the lock back.
    """

    __slots__ = ("_lock", "at_once", "release")

    def __init__(self) -> None:
        self._lock = Lock()
        self.at_once: Callable[[], bool] = partial(self._lock.acquire, blocking=False)
        self.release: Callable[[], None] = self._lock.release

    def wait(self) -> None:
        """Wait for the lock and take it.

        Raises:
            BusyError: another thread had it too long.
        """
        if not DEADLINE.wait(self._lock):
            raise BusyError

    def __enter__(self) -> None:
        """Take the lock; raises as `wait`."""
        if not self.at_once():
            self.wait()

    def __exit__(self, *_: object) -> None:
        """Give the lock back."""
        self.release()


class FairSemaphore:
    """A fair counting semaphore: at most `number` threads hold it, waiters are served in order.

    It replaces `threading.BoundedSemaphore`: that has a condition in Python, which takes longer
    than a small model. A place goes to the thread that has waited longest, and wakes no other:
    threads that are woken for nothing interrupt those that compute. Requests wait until their
    deadline.

    Args:
        number: Threads that may hold it at once.
    """

    __slots__ = ("_free", "_guard", "_waiting")

    def __init__(self, number: int) -> None:
        self._free = number
        self._guard = Lock()
        self._waiting: deque[Lock] = deque()

    def at_once(self) -> bool:
        """Take a place if there is one, and return whether there was."""
        with self._guard:
            if not self._free:
                return False
            self._free -= 1
            return True

    def wait(self) -> None:
        """Wait for a place and take it.

        Raises:
            BusyError: no thread gave one back in time.
        """
        with self._guard:
            if self._free:
                self._free -= 1
                return
            waiter = Lock()
            waiter.acquire()
            self._waiting.append(waiter)
        if not DEADLINE.wait(waiter):
            self._leave(waiter)

    def release(self) -> None:
        """Give the place to the next thread, or back."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1

    def _leave(self, waiter: Lock) -> None:
        """End a wait, unless it was given a place in the last moment."""
        with self._guard:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                raise BusyError

    __enter__ = wait

    def __exit__(self, *_: object) -> None:
        """Give the place to the next thread, or back."""
        self.release()


PredictLimiter = TimedLock | FairSemaphore
"""A limiter that may be taken without entering it."""
