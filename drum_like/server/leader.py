"""The leader: the one thread that waits for clients.

Threads of one interpreter gain nothing from serving short requests side by side: every system call
of one gives the interpreter to another, and both pay for the change. So one thread at a time waits
for all clients and serves what it finds, one request after the other. Before something that takes
long it promotes a follower; a request that turns out to take long has the lead revoked.
"""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Work = TypeVar("Work")


class Leader(Generic[Work]):
    """One thread's time as the leader.

    Attributes:
        held: Whether it still lasts.
        work: What its thread does at the moment, None while it waits for clients.
        since: When that began, on the clock of `Leadership`.
    """

    __slots__ = ("held", "since", "work")

    def __init__(self) -> None:
        self.held = True
        self.work: Work | None = None
        self.since = 0.0


class Leadership(Generic[Work]):
    """Makes one thread after the other the leader.

    Args:
        release: Called with the work of a leader whose lead ends before its work does,
            before another thread leads.
        clock: Monotonic seconds.
    """

    def __init__(
        self, release: Callable[[Work], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._release = release
        self._clock = clock
        self._baton = threading.Lock()
        self._guard = threading.Lock()
        self._current: Leader[Work] | None = None

    def take(self) -> Leader[Work]:
        """Wait until no other thread leads, and return the leader."""
        self._baton.acquire()
        leader = Leader[Work]()
        self._current = leader
        return leader

    def promote_follower(self, leader: Leader[Work]) -> None:
        """End a lead, so that another thread gets it; do nothing if it has ended before."""
        with self._guard:
            self._end(leader)

    def begin(self, leader: Leader[Work], work: Work) -> None:
        """Note the work that the leader begins."""
        leader.since = self._clock()
        leader.work = work

    def finish(self, leader: Leader[Work]) -> None:
        """Note that the work is done; from now on the lead is not revoked because of it."""
        with self._guard:
            leader.work = None

    def revoke(self, limit_s: float) -> bool:
        """End the present lead if its work takes longer than this.

        Returns:
            Whether there is work that may yet take longer, so that another look is needed.
        """
        with self._guard:
            leader = self._current
            if leader is None or leader.work is None:
                return False
            if self._clock() - leader.since < limit_s:
                return True
            self._end(leader)
            return False

    def _end(self, leader: Leader[Work]) -> None:
        if not leader.held:
            return
        if leader.work is not None:
            self._release(leader.work)
        leader.held = False
        self._current = None
        self._baton.release()
