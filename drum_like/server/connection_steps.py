"""The steps of a connection: from bytes to a request, and from its answer to the next request.

The leader takes a step when the poller finds the connection ready. A step ends with the wait for
the next one, or with the end of the connection.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from drum_like.server.body_budget import AnswersHeldError
from drum_like.server.connection import Connection
from drum_like.server.leader import Handover, Job, Leader
from drum_like.server.limits import LoopLimits
from drum_like.server.poller import STOPPING_IDLE_S, OpenConnections, Poller
from drum_like.server.refusals import SlowError
from drum_like.server.request_head import Received
from drum_like.server.request_reader import ClosedError
from drum_like.server.side_work import Sending, SideWork
from drum_like.server.waiting_line import Treatment, Waiting, WaitingRequests, is_abandoned
from drum_like.system.deadline import DEADLINE

_Read = Callable[[], Received | None]

_HERE = Treatment.SERVED_HERE


class ConnectionSteps:
    """Reads requests, has them answered, and sends the rests of answers.

    Args:
        poller: Waits for the clients.
        connections: The open connections.
        handover: Answers requests.
        waiting: The requests that find no thread free.
        limits: The limits.
    """

    def __init__(
        self,
        poller: Poller,
        connections: OpenConnections,
        handover: Handover,
        waiting: WaitingRequests,
        limits: LoopLimits,
    ) -> None:
        self._poller = poller
        self._connections = connections
        self._handover = handover
        self._leadership = handover.leadership
        self._limits, self._budget = limits.clients, limits.budget
        self._waiting = waiting
        half = max(1, limits.threads // 2)
        self._large_bodies = threading.Semaphore(half)
        self._callers = SideWork(poller, self._leadership, self._authenticate, half, _wait_anew)
        self._sending = Sending(poller, connections, self._leadership, limits.clients, half)
        self._sending.done = self._after

    def on_data(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Read a client's data, and serve its request if that is whole.

        A piece of a body waits for the clients that are ready: it may cost milliseconds, and its
        sender has to wait for the rest of the body in any case.
        """
        if self._poller.is_crowded and connection.reader.n_received is not None:
            self._poller.postpone(connection, self._read_on, leader)
        else:
            self._read_on(connection, leader)

    def _read_on(self, connection: Connection, leader: Leader[Connection]) -> None:
        self._read(connection, leader, connection.reader.receive)

    def left(self) -> Job | None:
        """Return the next job that was left to a thread that is free, None without one."""
        job = self._callers.left() or self._sending.left()
        if job is None and (waiting := self._waiting.line.next()):
            return partial(self._serve_waiting, waiting)
        return job

    def look_after_line(self, leader: Leader[Connection]) -> float:
        """Go on with clients that have waited too long, or left; return when to do so again."""
        while (connection := self._waiting.late()) is not None:
            self._after(connection, leader)
        for abandoned in self._waiting.abandoned():
            self._connections.close(abandoned)
        return self._waiting.pause_s()

    def give_up(self, connection: Connection) -> None:
        """Close a connection that has been silent too long; within a request, answer first.

        Between two requests the next one may have come at the last moment.
        """
        is_read = connection.then == self.on_data
        if is_read and not connection.reader.is_idle:
            self._connections.refuse(connection, SlowError())
        elif connection.rest is not None:
            self._sending.cut(connection)
        elif not (is_read and connection.has_sent):
            _say_end(connection)
            self._connections.close(connection)

    def _read(self, connection: Connection, leader: Leader[Connection], read: _Read) -> None:
        """Read on, and start the next step; an error ends the connection."""
        began = connection.reader.began
        try:
            received = read()
        except (ClosedError, OSError):
            self._connections.close(connection)
        except Exception as error:  # noqa: BLE001 - the beginning of the next request is unknown
            self._connections.refuse(connection, error)
        else:
            if received is not None:
                received.read_s = time.monotonic() - began if began else 0.0
                self._serve(connection, received, leader, 0.0)
            elif connection.reader.needs_caller:
                self._callers.take(connection, leader)
            else:
                self._read_rest(connection, leader)

    def _read_rest(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Go on with a request that has come in part."""
        if connection.reader.has_come:
            self._poller.postpone(connection, self._read_on, leader)
        elif not connection.reader.is_large or not self._leadership.n_followers:
            self._wait_for_rest(connection)
        elif self._large_bodies.acquire(blocking=False):
            self._receive_large(connection, leader)
        else:
            self._wait_for_rest(connection)

    def _receive_large(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Take a large body in this thread, while another waits for clients."""
        connection.reader.began = connection.reader.began or time.monotonic()
        self._leadership.begin(leader, connection)
        self._leadership.promote_follower(leader)

        def read() -> Received | None:
            try:
                return connection.reader.receive_large()
            finally:
                self._large_bodies.release()
                self._leadership.finish(leader)

        self._read(connection, leader, read)

    def _authenticate(self, connection: Connection) -> None:
        """Authenticate a caller."""
        try:
            connection.reader.authenticate()
        except Exception:
            self._connections.close(connection)
            raise
        self._poller.hand_back(connection, self._go_on)

    def _go_on(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Read the next request from what has come already, or one whose caller is known now."""
        self._read(connection, leader, connection.reader.go_on)

    def _serve(
        self, connection: Connection, received: Received, leader: Leader[Connection], since: float
    ) -> None:
        """Serve a request; `since` is when it was whole if it has waited, else 0."""
        self._leadership.begin(leader, connection)
        try:
            is_free = since or (leader.held and self._leadership.n_followers)
            how = _HERE if is_free else self._waiting.treat(connection, received, leader)
            if how is Treatment.WAITS:
                return
            if how is _HERE:
                if self._budget.is_closed:
                    received.body, received.unread = None, AnswersHeldError
                now = time.monotonic()
                received.queue_s = now - since if since else 0.0
                DEADLINE.until = (since or now) + self._waiting.line.limit_s
                DEADLINE.give_way = partial(self._handover.give_way, leader)
                # Without the request: it is kept until the next, and credentials are not.
                version = received.head.request.version
                DEADLINE.has_left = partial(is_abandoned, connection, version)
                self._handover.answer(connection, received, leader)
            received.body = received.file = None  # before its room is given up
        except Exception:
            self._leadership.finish(leader)
            self._connections.close(connection)
            raise
        self._leadership.finish(leader)
        self._after(connection, leader)

    def _serve_waiting(self, waiting: Waiting) -> None:
        """Serve a request that has waited for this thread, unless its client has left."""
        if self._waiting.is_dropped(waiting):
            self._connections.close(waiting.connection)
        else:
            leader = Leader[Connection](held=False)
            self._serve(waiting.connection, waiting.received, leader, waiting.since)

    def _after(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Send the rest of an answer, go on to the next request, or close; the body is gone then.

        A request that has come already has its turn after the other clients.
        """
        limits, room = self._limits, connection.reader.room
        if room.taken or room.answer:
            connection.reader.let_go()
        if connection.rest is not None:
            self._sending.begin(connection)
        elif not connection.keep:
            self._connections.linger(connection)
        elif connection.reader.is_idle:
            idle_s = STOPPING_IDLE_S if self._connections.are_ending else limits.idle_s
            self._poller.wait_for(connection, self.on_data, idle_s)
        else:
            self._poller.postpone(connection, self._go_on, leader)

    def _wait_for_rest(self, connection: Connection) -> None:
        """Wait for the rest of a request, but not for ever; only what has come keeps its room."""
        limits, reader, now = self._limits, connection.reader, time.monotonic()
        if reader.is_idle:
            # Pieces of TLS are no request yet: they do not put off the end of the wait.
            left_s = connection.deadline - now if connection.waits else limits.head_s
            self._poller.wait_for(connection, self.on_data, min(left_s, limits.head_s))
            return
        reader.began = reader.began or now
        n_received = reader.n_received
        reader.free_room()
        limit_s = limits.head_s if n_received is None else limits.transfer_s(n_received)
        left_s = max(0.0, reader.began + limit_s - now)
        self._poller.wait_for(connection, self.on_data, min(left_s, limits.pause_s))


def _say_end(connection: Connection) -> None:
    with suppress(OSError):  # it may be at its end already
        connection.sock.shutdown(socket.SHUT_WR)


def _wait_anew(connection: Connection) -> None:
    connection.reader.wait_anew()
