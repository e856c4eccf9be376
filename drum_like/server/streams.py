"""Streams: answers that are made in parts, while their clients take them.

A thread asks for parts for a while, and no longer than its client has room; then the poller waits
for room. So neither clients that do not read nor answers without an end hold threads.
"""

import threading
from collections import deque
from functools import partial

from drum_like.server.connection import Connection
from drum_like.server.leader import Job, Leader, Leadership
from drum_like.server.poller import Poller, Step


class StreamQueue:
    """Streams that are to go on: some threads do that, so that the others go on to serve.

    Args:
        poller: Waits for the clients.
        leadership: Makes other threads lead.
        after: Taken by the leader after a thread has gone on with a stream for a while.
        most: How many threads do that at one time.
    """

    def __init__(
        self, poller: Poller, leadership: Leadership[Connection], after: Step, most: int
    ) -> None:
        self._poller = poller
        self._leadership = leadership
        self._after = after
        self._may_go_on = threading.Semaphore(most)
        self._waiting: deque[Connection] = deque()
        self._ends: deque[Job] = deque()

    def go_on(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Go on with a stream in this thread, or leave that to one that is free."""
        self._poller.release(connection)
        if leader.held and self._leadership.leave(partial(self._waiting.append, connection)):
            return
        self._waiting.append(connection)
        if self._may_begin():
            self._leadership.promote_follower(leader)
            self._go_on_with_some()

    def left(self) -> Job | None:
        """Return the next job that was left to a thread that is free, None without one."""
        if self._ends:
            return self._ends.popleft()
        return self._go_on_with_some if self._may_begin() else None

    def close(self, connection: Connection) -> None:
        """End a stream whose client is gone; custom code may take its time for that."""
        self._poller.ready.append(partial(self._close, connection))

    def _may_begin(self) -> bool:
        return bool(self._waiting) and self._may_go_on.acquire(blocking=False)

    def _go_on_with_some(self) -> None:
        """Go on with streams while there are some, in a thread that has a place for that."""
        while True:
            try:
                self._go_on_with_next()
            finally:
                self._may_go_on.release()
            if not self._may_begin():
                return

    def _go_on_with_next(self) -> None:
        """Go on with the stream that waits longest, and let the poller wait for its client."""
        try:
            connection = self._waiting.popleft()
        except IndexError:
            return
        if connection.stream is not None:
            connection.stream.go_on()
        self._poller.ready.append(partial(self._after, connection))
        self._poller.wake()

    def _close(self, connection: Connection, leader: Leader[Connection]) -> None:
        end = connection.stream.close if connection.stream is not None else None
        if end is None or (leader.held and self._leadership.leave(partial(self._ends.append, end))):
            return
        self._leadership.promote_follower(leader)
        end()
