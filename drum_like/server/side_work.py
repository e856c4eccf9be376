"""Side work: the work beside serving that takes a while, done by some threads and never by all.

Callers are authenticated so. Streams, which are answers that are made in parts, go on so: a thread
asks for parts for a while, and no longer than its client has room; then the poller waits for room.
So neither clients that do not read nor answers without an end hold threads.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import cast

from drum_like.server.connection import Connection, unheard
from drum_like.server.leader import Job, Leader, Leadership
from drum_like.server.limits import ClientLimits
from drum_like.server.poller import OpenConnections, Poller, Step


class SideWork:
    """Work of one kind with connections, the one that has waited longest first.

    Args:
        poller: Does not wait for the clients meanwhile.
        leadership: Makes other threads lead.
        do: Does the work with a connection, and lets the poller go on with it.
        most: How many threads do it at one time; the others go on to serve.
        on_free: Called with connections that were left until a thread is free, when one is.
    """

    def __init__(
        self,
        poller: Poller,
        leadership: Leadership[Connection],
        do: Callable[[Connection], None],
        most: int,
        on_free: Callable[[Connection], None] = lambda _: None,
    ) -> None:
        self._poller = poller
        self._leadership = leadership
        self._do = do
        self._on_free = on_free
        self._waiting: deque[Connection] = deque()
        self._left: deque[Connection] = deque()
        self._free = threading.Semaphore(most)

    def take(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Do the work in this thread; later if enough threads do it, or this is the last one."""
        self._poller.release(connection)
        if leader.held and self._leadership.leave(partial(self._left.append, connection)):
            return
        self._waiting.append(connection)
        if self._may_begin():
            self._leadership.promote_follower(leader)
            self._do_some()

    def left(self) -> Job | None:
        """Return the job for a thread that is free, None if there is none, or enough do it."""
        while self._left:
            connection = self._left.popleft()
            self._on_free(connection)
            self._waiting.append(connection)
        return self._do_some if self._may_begin() else None

    def _may_begin(self) -> bool:
        return bool(self._waiting) and self._free.acquire(blocking=False)

    def _do_some(self) -> None:
        """Do the work with connections while there are some."""
        while True:
            try:
                self._do_next()
            finally:
                self._free.release()
            if not self._may_begin():
                return

    def _do_next(self) -> None:
        try:
            connection = self._waiting.popleft()
        except IndexError:  # another thread was quicker
            return
        self._do(connection)


class Sending:
    """Sends what clients were not ready to take at once.

    Args:
        poller: Waits for the clients.
        connections: The open connections.
        leadership: Makes other threads lead.
        limits: The limits of clients.
        most: How many threads make parts of streams at one time.

    Attributes:
        done: The step that is taken when an answer has been sent.
    """

    done: Step

    def __init__(
        self,
        poller: Poller,
        connections: OpenConnections,
        leadership: Leadership[Connection],
        limits: ClientLimits,
        most: int,
    ) -> None:
        self._poller = poller
        self._connections = connections
        self._limits = limits
        self._streams = SideWork(poller, leadership, self._go_on, most)
        self._ends = SideWork(poller, leadership, _end, most)

    def begin(self, connection: Connection) -> None:
        """Wait until a client has room for the rest of its answer."""
        if connection.rest:
            connection.reader.room.hold_answer(len(cast("bytes", connection.rest.obj)))
        connection.begin_rest(time.monotonic())
        self._poller.wait_for(connection, self._on_room, self._limits.pause_s)

    def cut(self, connection: Connection) -> None:
        """Close a connection, and drop the rest of its answer."""
        self._connections.reset(connection)
        self._end_stream(connection)

    def left(self) -> Job | None:
        """Return the next job that was left to a thread that is free, None without one."""
        return self._streams.left() or self._ends.left()

    def _on_room(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Send on, to a client that can take more."""
        rest = connection.rest or memoryview(b"")
        try:
            n_sent = connection.sock.send(rest)
        except BlockingIOError:
            return
        except OSError:
            self._connections.close(connection)
            self._end_stream(connection)
            return
        connection.rest = rest[n_sent:] or None
        connection.n_sent += n_sent
        if connection.rest is not None:
            return
        if connection.stream is not None:
            self._streams.take(connection, leader)
        else:
            on_sent, connection.on_sent = connection.on_sent, unheard
            on_sent()
            self.done(connection, leader)

    def _go_on(self, connection: Connection) -> None:
        """Have more parts of a stream made."""
        if connection.stream is not None:
            connection.stream.go_on()
        self._poller.hand_back(connection, self.done)

    def _end_stream(self, connection: Connection) -> None:
        """Have a stream end whose client is gone; custom code may take its time for that."""
        if connection.stream is not None:
            self._poller.ready.append(partial(self._ends.take, connection))


def _end(connection: Connection) -> None:
    if connection.stream is not None:
        connection.stream.close()
