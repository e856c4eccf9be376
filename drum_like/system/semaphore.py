"""A limit on the threads that do something at once."""

from collections import deque
from threading import Lock
from types import TracebackType


class FairSemaphore:
    """A fair counting semaphore: at most `number` threads hold it, waiters are served in order.

    It replaces `threading.BoundedSemaphore` in `with` statements: that has a condition in Python,
    which takes longer than a small model. A place goes to the thread that has waited longest, and
    wakes no other: threads that are woken for nothing interrupt those that compute.

    Args:
        number: Threads that may hold it at once.
    """

    __slots__ = ("_free", "_guard", "_waiting")

    def __init__(self, number: int) -> None:
        self._free = number
        self._guard = Lock()
        self._waiting: deque[Lock] = deque()

    def __enter__(self) -> None:
        """Wait for a place and take it."""
        with self._guard:
            if self._free:
                self._free -= 1
                return
            waiter = Lock()
            waiter.acquire()
            self._waiting.append(waiter)
        waiter.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the place to the next thread, or back."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
