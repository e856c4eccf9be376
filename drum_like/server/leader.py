"""The turn to wait for clients, which one thread has at a time.

Threads of one interpreter gain nothing from serving short requests side by side: every system call
of one gives the interpreter to another, and both pay for the change. So one thread at a time waits
for all clients and serves what it finds, one request after the other. Before something that takes
long it passes its turn on; a request that turns out to take long has the turn taken from it.
"""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Work = TypeVar("Work")


class Turn(Generic[Work]):
    """The turn of one thread.

    Attributes:
        held: Whether it still lasts.
        work: What its thread does at the moment, None while it waits for clients.
        since: When that began, on the clock of `Turns`.
    """

    __slots__ = ("held", "since", "work")

    def __init__(self) -> None:
        self.held = True
        self.work: Work | None = None
        self.since = 0.0


class Turns(Generic[Work]):
    """Gives one thread after the other its turn.

    Args:
        release: Called with the work of a turn that ends before its work does, before anybody else
            gets the turn.
        clock: Monotonic seconds.
    """

    def __init__(
        self, release: Callable[[Work], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._release = release
        self._clock = clock
        self._baton = threading.Lock()
        self._guard = threading.Lock()
        self._current: Turn[Work] | None = None

    def take(self) -> Turn[Work]:
        """Wait until no other thread has the turn, and return it."""
        self._baton.acquire()
        turn = Turn[Work]()
        self._current = turn
        return turn

    def pass_on(self, turn: Turn[Work]) -> None:
        """End a turn, so that another thread gets one; nothing if it has ended before."""
        with self._guard:
            self._end(turn)

    def begin(self, turn: Turn[Work], work: Work) -> None:
        """Note the work that the turn's thread begins."""
        turn.since = self._clock()
        turn.work = work

    def finish(self, turn: Turn[Work]) -> None:
        """Note that the work is done; from now on the turn is not taken away because of it."""
        with self._guard:
            turn.work = None

    def take_away(self, limit_s: float) -> bool:
        """End the present turn if its work takes longer than this.

        Returns:
            Whether there is work that may yet take longer, so that another look is needed.
        """
        with self._guard:
            turn = self._current
            if turn is None or turn.work is None:
                return False
            if self._clock() - turn.since < limit_s:
                return True
            self._end(turn)
            return False

    def _end(self, turn: Turn[Work]) -> None:
        if not turn.held:
            return
        if turn.work is not None:
            self._release(turn.work)
        turn.held = False
        self._current = None
        self._baton.release()
