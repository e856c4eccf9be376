"""The steps of a connection: from bytes to a request, and from its answer to the next request.

The leader takes a step when the poller finds the connection ready. A step ends with the wait for
the next one, or with the end of the connection.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gunicorn.http.errors import ParseException

from drum_like.server.client_limits import ClientLimits
from drum_like.server.connection import Connection
from drum_like.server.leader import Handover, Leader
from drum_like.server.poller import STOPPING_IDLE_S, OpenConnections, Poller
from drum_like.server.request_head import Received
from drum_like.server.request_reader import ClosedError
from drum_like.server.response import SlowError
from drum_like.server.streams import StreamQueue


@dataclass(frozen=True, slots=True)
class LoopLimits:
    """The limits of a loop.

    Attributes:
        threads: How many serve.
        cpus: How many short requests are served side by side.
        clients: The limits of clients.
    """

    threads: int
    cpus: int
    clients: ClientLimits


class ConnectionSteps:
    """Reads requests, has them answered, and sends the rests of answers.

    Args:
        poller: Waits for the clients.
        connections: The open connections.
        handover: Answers requests.
        limits: The limits.
    """

    def __init__(
        self,
        poller: Poller,
        connections: OpenConnections,
        handover: Handover,
        limits: LoopLimits,
    ) -> None:
        self._poller = poller
        self._connections = connections
        self._handover = handover
        self._leadership = handover.leadership
        self._limits = limits.clients
        half = max(1, limits.threads // 2)
        self._large_bodies = threading.Semaphore(half)
        self._unauthenticated: deque[Connection] = deque()
        self._may_authenticate = threading.Semaphore(half)
        self._streams = StreamQueue(poller, handover.leadership, self._resume, half)

    def on_data(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Read a client's data, and serve its request if that is whole."""
        self._read(connection, leader, connection.reader.receive)

    def give_up(self, connection: Connection) -> None:
        """Close a connection that has been silent too long; within a request, answer first.

        Between two requests the next one may have come at the last moment.
        """
        is_read = connection.then == self.on_data
        if is_read and not connection.reader.is_idle:
            self._connections.refuse(connection, SlowError())
        elif connection.rest is not None:
            self._connections.reset(connection)
            self._end_stream(connection)
        elif not (is_read and connection.has_sent):
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        """Close a connection, and ask for no more of its answer."""
        self._connections.close(connection)
        self._end_stream(connection)

    def _end_stream(self, connection: Connection) -> None:
        if connection.stream is not None:
            self._streams.close(connection)

    def _read(
        self,
        connection: Connection,
        leader: Leader[Connection],
        read: Callable[[], Received | None],
    ) -> None:
        """Read on, and start the next step; an error ends the connection."""
        try:
            received = read()
        except (ClosedError, OSError):
            self._connections.close(connection)
        except Exception as error:  # noqa: BLE001 - the beginning of the next request is unknown
            self._connections.refuse(connection, error)
        else:
            if received is not None:
                self._serve(connection, received, leader)
            elif connection.reader.needs_caller:
                self._authenticate(connection, leader)
            elif connection.reader.is_large and self._large_bodies.acquire(blocking=False):
                self._receive_large(connection, leader)
            else:
                self._wait_for_rest(connection)

    def _receive_large(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Take a large body in this thread, while another waits for clients."""
        self._leadership.begin(leader, connection)
        self._leadership.promote_follower(leader)

        def read() -> Received | None:
            try:
                return connection.reader.receive_large()
            finally:
                self._large_bodies.release()
                self._leadership.finish(leader)

        self._read(connection, leader, read)

    def _authenticate(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Authenticate a caller in this thread; later if enough threads do: some are to serve."""
        self._poller.release(connection)
        self._unauthenticated.append(connection)
        while self._unauthenticated and self._may_authenticate.acquire(blocking=False):
            self._leadership.promote_follower(leader)
            try:
                self._authenticate_next()
            finally:
                self._may_authenticate.release()

    def _authenticate_next(self) -> None:
        """Authenticate the caller that waits longest, and let the poller go on with it."""
        try:
            connection = self._unauthenticated.popleft()
        except IndexError:
            return
        connection.then = self._on_authenticated
        try:
            connection.reader.authenticate()
        except Exception:
            self._connections.close(connection)
            raise
        self._poller.ready.append(connection.go_on)
        self._poller.wake()

    def _on_authenticated(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Go on with a request whose caller is known now."""
        self._read(connection, leader, connection.reader.go_on)

    def _serve(self, connection: Connection, first: Received, leader: Leader[Connection]) -> None:
        """Serve a request, and those that the client has sent behind it."""
        received: Received | None = first
        self._leadership.begin(leader, connection)
        try:
            while received is not None:
                self._handover.answer(connection, received, leader)
                received.body = None
                if connection.reader.room.taken:
                    connection.reader.let_go()
                received = self._next(connection)
        except ParseException as error:
            self._leadership.finish(leader)
            self._connections.refuse(connection, error)
        except Exception:
            self._leadership.finish(leader)
            self._connections.close(connection)
            raise
        else:
            self._leadership.finish(leader)
            self._after(connection, leader)

    def _next(self, connection: Connection) -> Received | None:
        """Return the next request if it has come already."""
        return connection.reader.buffered() if connection.keep and connection.rest is None else None

    def _after(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Send the rest of the answer, wait for the next request, or close."""
        limits = self._limits
        if connection.rest is not None:
            connection.n_taken = 0
            self._poller.wait_for(connection, self._on_room, limits.pause_s)
        elif not connection.keep:
            self._connections.linger(connection)
        elif connection.reader.is_idle:
            idle_s = STOPPING_IDLE_S if self._connections.are_ending else limits.idle_s
            self._poller.wait_for(connection, self.on_data, idle_s)
        elif connection.reader.needs_caller:
            self._authenticate(connection, leader)
        else:
            self._wait_for_rest(connection)

    def _on_room(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Send on, to a client that can take more."""
        rest = connection.rest or memoryview(b"")
        try:
            n_sent = connection.sock.send(rest)
        except BlockingIOError:
            return
        except OSError:
            self._close(connection)
            return
        connection.rest = rest[n_sent:] or None
        connection.n_taken += n_sent
        limit = connection.since + self._limits.transfer_s(connection.n_taken)
        connection.deadline = min(limit, time.monotonic() + self._limits.pause_s)
        if connection.rest is not None:
            return
        if connection.stream is not None:
            self._streams.go_on(connection, leader)
        else:
            self._resume(connection, leader)

    def _resume(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Go on after an answer that the client read slowly."""
        try:
            received = self._next(connection)
        except ParseException as error:
            self._connections.refuse(connection, error)
            return
        except Exception:
            self._connections.close(connection)
            raise
        if received is None:
            self._after(connection, leader)
        else:
            self._serve(connection, received, leader)

    def _wait_for_rest(self, connection: Connection) -> None:
        """Wait for the rest of a request, but not for ever if little comes again and again."""
        limits, reader = self._limits, connection.reader
        if reader.is_idle:
            self._poller.wait_for(connection, self.on_data, limits.head_s)
            return
        now = time.monotonic()
        reader.began = reader.began or now
        n_received = reader.n_received
        limit_s = limits.head_s if n_received is None else limits.transfer_s(n_received)
        left_s = max(0.0, reader.began + limit_s - now)
        self._poller.wait_for(connection, self.on_data, min(left_s, limits.pause_s))
