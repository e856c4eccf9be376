"""The poller of a worker: the wait for its clients, and the connections that are open."""

import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator

from drum_like.server.acceptor import Acceptor
from drum_like.server.connection import Connection
from drum_like.server.leader import Leader

LINGER_S = 2.0
"""Time that a client gets to close its side; a socket closed earlier may lose the answer's end."""

STOPPING_IDLE_S = 2.0
"""Time that kept connections stay when the worker stops: a request may be on its way."""

_DROPPED_AT_ONCE = 65536

Step = Callable[[Connection, Leader[Connection]], None]
"""A step with a connection that is ready."""


class Poller:
    """Waits for all clients at once; one thread waits, any thread changes the wait.

    Attributes:
        selector: The sockets that are watched; its keys hold functions of the leader.
        ready: Functions of the leader that are to be called next, the oldest first.
    """

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.ready: deque[Callable[[Leader[Connection]], None]] = deque()
        self._waker, self._wakened = os.pipe()
        self.selector.register(self._waker, selectors.EVENT_READ, self._on_wake)

    def wait(self, timeout_s: float) -> None:
        """Wait until a socket is ready, or this long."""
        events = self.selector.select(timeout_s)
        self.ready.extend(key.data for key, _ in events)

    def wait_for(self, connection: Connection, then: Step, patience_s: float) -> None:
        """Let the poller wait until a client has sent something, or can take more."""
        connection.deadline = time.monotonic() + patience_s
        connection.then = then
        event = selectors.EVENT_READ if connection.rest is None else selectors.EVENT_WRITE
        if not connection.waits:
            connection.waits = True
            self.selector.register(connection.sock, event, connection.ready)
        elif event != connection.event:
            self.selector.modify(connection.sock, event, connection.ready)
        connection.event = event

    def release(self, connection: Connection) -> None:
        """Take a connection from the poller: a thread has it for longer."""
        if connection.waits:
            connection.waits = False
            self.selector.unregister(connection.sock)

    def wake(self) -> None:
        """Wake the thread that waits for clients, so that it sees a change."""
        os.write(self._wakened, b"x")

    def _on_wake(self, _leader: Leader[Connection]) -> None:
        os.read(self._waker, 64)


class OpenConnections(set[Connection]):
    """The open connections of a worker, and the ways in which they end.

    Args:
        poller: Waits for their clients.
        acceptor: Learns how many they are.
        refuse: Answers a request that cannot be read.
        on_empty: Called when the last one has ended while the worker stops.

    Attributes:
        are_ending: Whether the worker stops, and idle connections are closed soon.
    """

    def __init__(
        self,
        poller: Poller,
        acceptor: Acceptor,
        refuse: Callable[[Connection, Exception], None],
        on_empty: Callable[[], None],
    ) -> None:
        super().__init__()
        self._poller = poller
        self._acceptor = acceptor
        self._refuse = refuse
        self._on_empty = on_empty
        self.are_ending = False

    def overdue(self, now: float) -> Iterator[Connection]:
        """Yield those that have waited for their client too long, by the monotonic clock."""
        for connection in list(self):
            if connection.waits and connection.deadline <= now:
                yield connection

    def drain(self) -> None:
        """Take no more connections, and close those that are idle soon."""
        self.are_ending = True
        self._acceptor.close()
        limit = time.monotonic() + STOPPING_IDLE_S
        for connection in list(self):
            if connection.reader.is_idle:
                connection.deadline = min(connection.deadline, limit)

    def refuse(self, connection: Connection, error: Exception) -> None:
        """Answer a request that cannot be read, and end its connection."""
        self._refuse(connection, error)
        self.linger(connection)

    def linger(self, connection: Connection) -> None:
        """Say that nothing more is sent, and give the client time to close its side."""
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.close(connection)
        else:
            self._poller.wait_for(connection, self._on_remains, LINGER_S)

    def close(self, connection: Connection) -> None:
        """Close a connection at once."""
        self._poller.release(connection)
        self.discard(connection)
        self._acceptor.count(len(self))
        connection.sock.close()
        if self.are_ending and not self:
            self._on_empty()

    def _on_remains(self, connection: Connection, _leader: Leader[Connection]) -> None:
        """Read without looking; close when the client has."""
        try:
            if connection.sock.recv(_DROPPED_AT_ONCE):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.close(connection)
