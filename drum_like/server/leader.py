"""The leader: the one thread that waits for clients.

Threads of one interpreter gain nothing from serving short requests side by side: every system call
of one gives the interpreter to another, and both pay for the change. So one thread at a time waits
for all clients and serves what it finds, one request after the other. Before something that takes
long it promotes a follower; a request that turns out to take long has the lead revoked. Where no
thread follows, the leader keeps the lead and leaves work to the next thread that is free.
"""

import threading
import time
from collections.abc import Callable, Sized
from typing import Generic, TypeVar

from drum_like.server.connection import Connection
from drum_like.server.latency import OVERDUE_S, LatencyClass, LatencyEstimator
from drum_like.server.request_head import Received

Work = TypeVar("Work")

Job = Callable[[], None]
"""Work of a thread that does not lead."""

Answer = Callable[[Connection, Received], None]
"""Answers a request, or begins to; never waits for the client."""


class Leader(Generic[Work]):
    """One thread's time as the leader.

    Attributes:
        held: Whether it still lasts.
        work: What its thread does at the moment, None while it waits for clients.
        since: When that began, on the clock of `Leadership`.
    """

    __slots__ = ("held", "since", "work")

    def __init__(self, *, held: bool = True) -> None:
        self.held = held
        self.work: Work | None = None
        self.since = 0.0


class Leadership(Generic[Work]):
    """Makes one thread after the other the leader.

    Args:
        release: Called with the work of a leader whose lead ends before its work does,
            before another thread leads.
        clock: Monotonic seconds.

    Attributes:
        n_followers: How many threads wait for the lead.
        guard: Held by threads that change something of this, or what `take_job` and `leave` call.
    """

    def __init__(
        self, release: Callable[[Work], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.n_followers = 0
        self._release = release
        self._clock = clock
        self._baton = threading.Lock()
        self.guard = threading.Lock()
        self._current: Leader[Work] | None = None

    def take(self) -> Leader[Work]:
        """Wait until no other thread leads, and return the leader."""
        with self.guard:
            self.n_followers += 1
        return self._follow()

    def take_job(self, left: Callable[[], Job | None]) -> Leader[Work] | Job:
        """Return a job that was left to this thread; without one, wait and return the leader.

        Args:
            left: Returns the next job that was left, if there is one.
        """
        with self.guard:
            if (self.n_followers or self._current is not None) and (job := left()) is not None:
                return job
            self.n_followers += 1
        return self._follow()

    def leave(self, note: Callable[[], None]) -> bool:
        """Leave work to the next thread that is free; return False if one is free already.

        Args:
            note: Notes the work, for `left` of the next `take_job`.
        """
        with self.guard:
            if self.n_followers:
                return False
            note()
            return True

    def promote_follower(self, leader: Leader[Work]) -> None:
        """End a lead, so that another thread gets it; do nothing if it has ended before."""
        with self.guard:
            self._end(leader)

    def begin(self, leader: Leader[Work], work: Work) -> None:
        """Note the work that the leader begins."""
        leader.since = self._clock()
        leader.work = work

    def finish(self, leader: Leader[Work]) -> None:
        """Note that the work is done; from now on the lead is not revoked because of it."""
        with self.guard:
            leader.work = None

    def revoke(self, limit_s: float) -> bool:
        """End the present lead if its work takes longer than this.

        Returns:
            Whether there is work that may yet take longer, so that another look is needed.
        """
        with self.guard:
            leader = self._current
            if leader is None or leader.work is None:
                return False
            if self._clock() - leader.since < limit_s or not self.n_followers:
                return True
            self._end(leader)
            return False

    def _follow(self) -> Leader[Work]:
        self._baton.acquire()
        leader = Leader[Work]()
        with self.guard:
            self.n_followers -= 1
            self._current = leader
        return leader

    def _end(self, leader: Leader[Work]) -> None:
        if not leader.held:
            return
        if leader.work is not None:
            self._release(leader.work)
        leader.held = False
        self._current = None
        self._baton.release()


class Handover:
    """Answers requests in the thread that read them, which stops leading where that takes long.

    Args:
        leadership: Makes other threads lead.
        answer: Answers a request.
        awake: Called from a thread when `watch` should be called soon.
        connections: Those of the worker; a thread that serves the only one may keep the lead.
        cpus: How many short requests are served side by side.

    Attributes:
        leadership: Makes other threads lead.
        leave: Called for a thread that waits with others, so that another one may serve.
    """

    leave: Callable[[], None]

    def __init__(
        self,
        leadership: Leadership[Connection],
        answer: Answer,
        awake: Callable[[], None],
        connections: Sized,
        cpus: int,
    ) -> None:
        self.leadership = leadership
        self._answer = answer
        self._awake = awake
        self._connections = connections
        self._latency = LatencyEstimator()
        self._aside = threading.Semaphore(cpus - 1)
        self._n_served = 0
        self._n_seen = 0
        self._watched = False

    def answer(
        self, connection: Connection, received: Received, leader: Leader[Connection]
    ) -> None:
        """Answer a request; promote a follower first if it is expected to take long."""
        path, n_bytes = received.head.environ["PATH_INFO"], len(received.body or b"")
        latency = self._latency.of(path, n_bytes)
        is_crowded = latency is LatencyClass.MEDIUM and len(self._connections) > 1
        aside = is_crowded and self._aside.acquire(blocking=False)
        if (aside or latency is LatencyClass.SLOW) and self.leadership.n_followers:
            self.leadership.promote_follower(leader)
        self._n_served += 1
        if not self._watched:
            self._watched = True
            self._awake()
        is_leading, began, computed = leader.held, time.monotonic(), time.thread_time()
        try:
            self._answer(connection, received)
        finally:
            if aside:
                self._aside.release()
        if is_leading:
            elapsed, computed = time.monotonic() - began, time.thread_time() - computed
            self._latency.took(path, n_bytes, elapsed, computed)

    def give_way(self, leader: Leader[Connection], *, waits: bool) -> None:
        """Have another thread lead while the one of a leader waits with others, or predicts.

        Args:
            leader: Of the calling thread.
            waits: Whether it waits, so that another one may serve in its place.
        """
        others = len(self._connections) > 1 and self.leadership.n_followers
        if leader.held and (waits or others):
            self.leadership.promote_follower(leader)
        if waits:
            self.leave()

    def watch(self) -> bool:
        """Revoke the lead of a thread that has had it too long; return whether to look again soon.

        To be called a few milliseconds after it returned True, or `awake` was called.
        """
        self._watched = False  # before looking: a thread that begins from now on calls `awake`
        may_be_slow = self.leadership.revoke(OVERDUE_S)
        n_served = self._n_served
        if may_be_slow or n_served != self._n_seen:
            self._watched = True
        self._n_seen = n_served
        return self._watched
