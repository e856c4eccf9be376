"""Answered connections, half-closed, that wait for their client to close: beside the others.

A socket that is closed while a client still sends can lose the end of the answer, so what comes is
read and dropped for a short while. gunicorn does that in the worker's main loop, where one client
that does not close keeps all others waiting (`util.close_graceful`).
"""

import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from gunicorn.workers.gthread import TConn

LINGER_S = 2.0
"""Time that a client gets to close its side."""

CHUNK = 65536
"""Bytes that are dropped at once, before others have their turn."""


class Lingering:
    """The connections of one worker that are about to be closed; used by its main loop only.

    Args:
        poller: The main loop's; it calls what is registered with the readable socket.
        closed: Called once for each connection, when it has been closed.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        poller: selectors.BaseSelector,
        closed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._poller = poller
        self._closed = closed
        self._clock = clock
        self._waiting: deque[tuple[float, TConn]] = deque()

    def add(self, connection: TConn) -> None:
        """Say that nothing more is sent, and wait for the client to close."""
        try:
            connection.sock.shutdown(socket.SHUT_WR)
            connection.sock.settimeout(0)
            dropping = partial(self._drop, connection)
            self._poller.register(connection.sock, selectors.EVENT_READ, dropping)
        except (OSError, ValueError):
            self._close(connection)
        else:
            self._waiting.append((self._clock() + LINGER_S, connection))

    def expire(self) -> None:
        """Close the connections whose clients have had their time."""
        while self._waiting and self._waiting[0][0] <= self._clock():
            _, connection = self._waiting.popleft()
            self._forget(connection)

    def _drop(self, connection: TConn, client: socket.socket) -> None:
        """Read without looking; close when the client has."""
        try:
            if client.recv(CHUNK):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._waiting = deque(entry for entry in self._waiting if entry[1] is not connection)
        self._forget(connection)

    def _forget(self, connection: TConn) -> None:
        with suppress(KeyError, ValueError, OSError):
            self._poller.unregister(connection.sock)
        self._close(connection)

    def _close(self, connection: TConn) -> None:
        connection.close()
        self._closed()
