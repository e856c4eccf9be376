"""The poller of a worker: the wait for its clients, and the connections that are open."""

import logging
import os
import selectors
import socket
import struct
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from heapq import nsmallest
from ipaddress import ip_network
from threading import Lock

from drum_like.server.acceptor import Acceptor
from drum_like.server.connection import Connection
from drum_like.server.leader import Leader
from drum_like.server.limits import LoopLimits

logger = logging.getLogger(__name__)

LINGER_S = 2.0
"""Time that a client gets to close its side; a socket closed earlier may lose the answer's end."""

STOPPING_IDLE_S = 2.0
"""Time that kept connections stay when the worker stops: a request may be on its way."""

_DROPPED_AT_ONCE = 65536
_AT_ONCE = struct.pack("ii", 1, 0)

_FRESH_S = 0.1
"""Time in which a client that has just connected, or has read an answer, may send its request."""

_STALLED_S = 2.0
"""Time that each client has for its answer where answers need the memory."""

_SHED_AT_ONCE = 64
"""The part of the connections that is shed together: they are looked through each time."""

Step = Callable[[Connection, Leader[Connection]], None]
"""A step with a connection that is ready."""


class Poller:
    """Waits for all clients at once; one thread waits, any thread changes the wait.

    Attributes:
        selector: The sockets that are watched; its keys hold functions of the leader.
        ready: Functions of the leader that are to be called next, the oldest first.
        postponed: Functions of the leader whose turn comes after those in `ready`.
    """

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.ready: deque[Callable[[Leader[Connection]], None]] = deque()
        self.postponed: deque[Callable[[Leader[Connection]], None]] = deque()
        self._n_others = 0  # clients of the last look whose steps were not postponed
        self._waker, self._wakened = os.pipe()
        self.selector.register(self._waker, selectors.EVENT_READ, self._on_wake)

    @property
    def is_crowded(self) -> bool:
        """Whether other clients wait for the leader."""
        return bool(self.ready or self.postponed)

    def wait(self, timeout_s: float) -> None:
        """Wait until a socket is ready, or this long.

        Steps that were postponed come one at a time, and one more for each that was not.
        """
        events = self.selector.select(0.0 if self.postponed else timeout_s)
        self.ready.extend(key.data for key, _ in events)
        for _ in range(min(len(self.postponed), 1 + max(0, self._n_others))):
            self.ready.append(self.postponed.popleft())
        self._n_others = len(events)

    def wait_for(self, connection: Connection, then: Step, patience_s: float) -> None:
        """Let the poller wait until a client has sent something, or can take more."""
        connection.since = now = time.monotonic()
        connection.deadline = now + patience_s
        connection.then = then
        before = connection.event
        event = selectors.EVENT_READ if connection.rest is None else selectors.EVENT_WRITE
        connection.event = event
        # Before the system knows: else the leader may find the client ready, and again and again,
        # while its connection does not seem to wait.
        if not connection.waits:
            connection.waits = True
            self._watch(connection, event)
        elif event != before:
            self.selector.modify(connection.sock, event, connection.ready)

    def _watch(self, connection: Connection, event: int) -> None:
        try:
            self.selector.register(connection.sock, event, connection.ready)
        except BaseException:
            connection.waits = False
            raise

    def release(self, connection: Connection) -> None:
        """Take a connection from the poller: a thread has it for longer."""
        if connection.waits:
            connection.waits = False
            self.selector.unregister(connection.sock)

    def hand_back(self, connection: Connection, then: Step) -> None:
        """Have the leader take a step that does not wait for the client; any thread may ask."""
        connection.then = then
        self.ready.append(connection.go_on)
        self.wake()

    def postpone(self, connection: Connection, then: Step, by: Leader[Connection]) -> None:
        """Have the leader take a step after those of all clients that are ready.

        Whoever sends much at once has no more turns than others.

        Args:
            connection: Whose step it is.
            then: The step, which does not wait for the client.
            by: The caller, who leads or has led before.
        """
        self.release(connection)
        connection.then = then
        self._n_others -= 1
        self.postponed.append(connection.go_on)
        if not by.held:
            self.wake()

    def wake(self) -> None:
        """Wake the thread that waits for clients, so that it sees a change."""
        os.write(self._wakened, b"x")

    def disown(self) -> None:
        """Close it in a forked child; what it waits for stays watched in the parent."""
        self.selector.close()
        os.close(self._waker)
        os.close(self._wakened)

    def _on_wake(self, _leader: Leader[Connection]) -> None:
        os.read(self._waker, 64)


class OpenConnections(set[Connection]):
    """The open connections of a worker, and the ways in which they end.

    Where there are too many, those that only linger are shed, then idle ones, the oldest first.

    Args:
        poller: Waits for their clients.
        acceptor: Learns how many they are.
        refuse: Answers a request that cannot be read.
        on_empty: Called when the last one has ended while the worker stops.
        limits: The limits of their number, and of the memory for answers.

    Attributes:
        are_ending: Whether the worker stops, and idle connections are closed soon.
        request_step: The step that connections wait for between two requests.
    """

    request_step: Step

    def __init__(
        self,
        poller: Poller,
        acceptor: Acceptor,
        refuse: Callable[[Connection, Exception], None],
        on_empty: Callable[[], None],
        limits: LoopLimits,
    ) -> None:
        super().__init__()
        self._poller = poller
        self._acceptor = acceptor
        self._refuse = refuse
        self._on_empty = on_empty
        self._limits, self._budget = limits.clients, limits.budget
        self._by_address = defaultdict[str, set[Connection]](set)
        self._lock = Lock()  # clients leave in any thread
        self.are_ending = False
        self._was_open = time.monotonic()

    def overdue(self, now: float) -> Iterator[Connection]:
        """Yield those that have waited for their client too long, by the monotonic clock.

        Where answers fill the memory, that is soon.
        """
        for connection in list(self):
            if connection.waits and connection.rest is not None:
                connection.look_on(now)
                limit = connection.since + self._limits.transfer_s(connection.n_taken)
                connection.deadline = min(limit, connection.moved + self._limits.pause_s)
            if connection.waits and connection.deadline <= now:
                yield connection
        is_needed = self._budget.look_at_answers()
        if not self._budget.is_closed:
            self._was_open = now
        if is_needed:
            yield from self._too_slow(now)

    def admit(self, connection: Connection) -> bool:
        """Add a new connection; return False if its client's address has too many, none of it idle.

        An address has room when its oldest idle connection is closed.
        """
        self.add(connection)
        most = self._limits.per_address
        if not most:
            return True
        with self._lock:
            of_address = self._by_address[_network(connection)]
            of_address.add(connection)
            others = of_address - {connection}
        return len(others) < most or self._shed(others, 1)

    def make_room(self) -> None:
        """Shed connections if there are as many as may be, so that others can come."""
        if len(self) >= self._limits.connections:
            self.shed()

    def shed(self) -> bool:
        """Close a few idle connections, or some whose head does not end; return whether it did."""
        return self._shed(self, 1 + min(len(self), self._limits.connections) // _SHED_AT_ONCE)

    def drain(self) -> None:
        """Close those that are idle soon."""
        self.are_ending = True
        limit = time.monotonic() + STOPPING_IDLE_S
        for connection in list(self):
            if connection.reader.is_idle and connection.rest is None:
                connection.deadline = min(connection.deadline, limit)

    def refuse(self, connection: Connection, error: Exception) -> None:
        """Answer a request that cannot be read, and end its connection."""
        try:
            self._refuse(connection, error)
        except Exception:
            self.close(connection)
            raise
        self.linger(connection)

    def linger(self, connection: Connection, _leader: Leader[Connection] | None = None) -> None:
        """Say that nothing more is sent, and give the client time to close its side."""
        connection.reader.end()
        connection.rest = None
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except BlockingIOError:  # of TLS, which has to send a word for that
            connection.rest = memoryview(b"")
            self._poller.wait_for(connection, self.linger, LINGER_S)
        except OSError:
            self.close(connection)
        else:
            self._poller.wait_for(connection, self._on_remains, LINGER_S)

    def close(self, connection: Connection) -> None:
        """Close a connection at once."""
        self._poller.release(connection)
        self.discard(connection)
        if self._limits.per_address:
            self._forget_address(connection)
        self._acceptor.count(len(self))
        connection.sock.close()
        connection.reader.end()
        if self.are_ending and not self:
            self._on_empty()

    def reset(self, connection: Connection) -> None:
        """Close a connection at once, and drop what its client has not taken yet."""
        with suppress(OSError):
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.close(connection)

    def _too_slow(self, now: float) -> Iterator[Connection]:
        """Yield connections to cut off, those whose clients take least of their answers first.

        While answers fill a quarter of the memory, clients that take nothing; while they fill half,
        so that nobody else is answered, others as well, once all have had their time: the answer of
        one that takes less may have come a moment later. A client whose answer comes in parts, each
        of which begins anew, puts that off for a while only.
        """
        held = [one for one in list(self) if one.waits and one.reader.room.answer]
        slow = [one for one in held if one.since < now - _STALLED_S]
        for one in sorted(slow, key=lambda one: one.n_taken / (now - one.since)):
            is_stalled = one.moved < now - _STALLED_S
            is_needed = self._budget.look_at_answers()
            had_time = len(slow) == len(held) or now - self._was_open > 2 * _STALLED_S
            if (is_needed and is_stalled) or (self._budget.is_closed and had_time):
                logger.warning(
                    "answers fill the memory: the client that takes least of its own is cut off"
                )
                yield one

    def _shed(self, connections: Iterable[Connection], number: int) -> bool:
        """Close so many connections that linger or are idle; return whether there was one."""
        limit = time.monotonic() - _FRESH_S
        waiting = [one for one in list(connections) if one.waits and one.since < limit]
        ended = [one for one in waiting if one.then == self._on_remains]
        reading = [one for one in waiting if one.then == self.request_step]
        idle = [one for one in reading if one.reader.is_idle]
        beginning = [one for one in reading if one.reader.n_received is None]
        found = ended or idle or beginning
        oldest = nsmallest(number, found, key=lambda one: one.reader.began or one.since)
        shed = [one for one in oldest if ended or not (one.reader.is_idle and one.has_sent)]
        for connection in shed:
            self.close(connection)
        return bool(shed)

    def _forget_address(self, connection: Connection) -> None:
        network = _network(connection)
        with self._lock:
            self._by_address[network].discard(connection)
            if not self._by_address[network]:
                del self._by_address[network]

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


def _network(connection: Connection) -> str:
    """Return a client's address; of IPv6 the network, whose addresses are all the client's."""
    host = str(connection.peer[0]).partition("%")[0]
    return str(ip_network((host, 64), strict=False)) if ":" in host else host
