"""How many CPUs a piece of large work may use, where several workers share them."""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


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
        """Divide so many CPUs; called before the fork.

        What each worker has under way is counted in memory that all share: a byte a worker, which
        nobody else writes.

        Args:
            number: Of CPUs.
            slots: The most workers that ever live at one time.
        """
        self._running = mmap.mmap(-1, slots)
        self._number = number

    def claim(self, slot: int) -> None:
        """Count this process's work there; its last owner may have died over some.

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
"""Those of this server; one for the process, as the threads of OpenMP are."""
