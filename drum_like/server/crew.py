"""The crew of a loop: its threads, of which some wait for others.

A thread that waits with others for one prediction needs no CPU. So another takes its place, to read
what will be predicted next; as many serve as the settings allow, and those that are too many when
a wait ends rest until they are needed.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

_WAITING = 4
"""Threads for each one that may serve: the others wait, or rest."""

_READY = 2
"""Threads that are free, from which on no more are called: each call costs the others time."""


class Crew:
    """Threads that call one function, until it returns.

    Args:
        serving: How many may serve at a time.
        work: The function.
        n_free: Returns how many threads wait for something to do.
    """

    def __init__(self, serving: int, work: Callable[[], None], n_free: Callable[[], int]) -> None:
        self._serving, self._most = serving, serving * _WAITING
        self._work, self._n_free = work, n_free
        self._guard = threading.Lock()
        self._resting: deque[threading.Lock] = deque()
        self._n_active = 0
        self._threads: list[threading.Thread] = []
        self._has_ended = False

    def start(self) -> None:
        """Begin to serve."""
        for _ in range(self._serving):
            self._hire()

    def stays(self) -> bool:
        """Rest while too many serve; return whether to go on. To be asked between two jobs."""
        with self._guard:
            if self._has_ended or self._n_active <= self._serving:
                return not self._has_ended
            called = threading.Lock()
            called.acquire()
            self._n_active -= 1
            self._resting.append(called)
        called.acquire()
        return not self._has_ended

    def leave(self) -> None:
        """Make room for another thread, as the calling one waits; call one if none is free."""
        with self._guard:
            self._n_active -= 1
            if self._has_ended or self._n_free() >= _READY or self._n_active >= self._serving:
                return
            if self._resting:
                self._n_active += 1
                self._resting.popleft().release()
                return
        if len(self._threads) < self._most:
            with suppress(RuntimeError):  # the system allows no more threads
                self._hire()

    def come_back(self) -> None:
        """Serve on after a wait."""
        with self._guard:
            self._n_active += 1

    def end(self) -> None:
        """Have no thread rest any more, nor stay after its job."""
        with self._guard:
            self._has_ended = True
            while self._resting:
                self._resting.popleft().release()

    def join(self, timeout_s: Callable[[], float]) -> None:
        """Wait for the threads; `timeout_s` returns the seconds that are left."""
        for thread in list(self._threads):
            thread.join(timeout_s())

    def _hire(self) -> None:
        """Start a thread."""
        name = f"serve-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        with self._guard:
            self._n_active += 1
            self._threads.append(thread)
        try:
            thread.start()
        except RuntimeError:
            with self._guard:
                self._n_active -= 1
                self._threads.remove(thread)
            raise
