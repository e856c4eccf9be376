"""All connections of a worker, and the threads that lead in turn.

No thread waits for a client: requests are read as they come and served when they are whole, and
the rest of an answer is sent as its client makes room. Only streams of answers keep a thread while
the client is slow.
"""

import logging
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from gunicorn.http.errors import ParseException

from drum_like.server.acceptor import DEFERRAL_S, Acceptor, ConnectionCounts
from drum_like.server.connection import Connection
from drum_like.server.latency import OVERDUE_S, LatencyClass, LatencyEstimator
from drum_like.server.leader import Leader, Leadership
from drum_like.server.protocol_errors import SlowError
from drum_like.server.request_head import Received
from drum_like.server.request_reader import ClosedError

logger = logging.getLogger(__name__)

LINGER_S = 2.0
"""Time that a client gets to close its side; a socket closed earlier may lose the answer's end."""

STOPPING_IDLE_S = 2.0
"""Time that kept connections stay when the worker stops: a request may be on its way."""

_SLOWEST = 500
"""Bytes of a body that have to come in each second that it takes longer than a request may."""

_SWEEP_S = 0.5
_DROPPED_AT_ONCE = 65536

Step = Callable[[Connection, Leader[Connection]], None]
"""A step with a connection that is ready."""

Answer = Callable[[Connection, Received, Callable[[], None]], None]
"""Answers a request; calls its last argument before it waits for the client."""


@dataclass(frozen=True, slots=True)
class LoopLimits:
    """The limits of a loop.

    Attributes:
        threads: How many serve.
        cpus: How many short requests are served side by side.
        connections: The most that are open at one time.
        idle_s: How long one is kept between two requests.
        silence_s: How long a client may send or take nothing in the middle of one; and how long the
            head of a request may take.
        request_s: How long one may take; large bodies get more.
    """

    threads: int
    cpus: int
    connections: int
    idle_s: float
    silence_s: float
    request_s: float


@dataclass(frozen=True, slots=True)
class LoopCallbacks:
    """The callbacks of a loop for connections and requests.

    Attributes:
        connect: Makes a connection of a socket, its client's address and its own.
        answer: Answers a request; sets `rest` and `keep` of its connection.
        refuse: Answers a request that cannot be read.
        awake: Called from a thread when the worker's main thread should look after the loop.
    """

    connect: Callable[[socket.socket, tuple[Any, Any]], Connection]
    answer: Answer
    refuse: Callable[[Connection, Exception], None]
    awake: Callable[[], None]


class Loop:
    """Serves until it is ended.

    Args:
        listeners: Listening sockets, non-blocking.
        callbacks: The callbacks.
        limits: The limits.
        counts: The connections of all workers, with a place for this one.
    """

    def __init__(
        self,
        listeners: list[socket.socket],
        callbacks: LoopCallbacks,
        limits: LoopLimits,
        counts: ConnectionCounts,
    ) -> None:
        self._do = callbacks
        self._limits = limits
        self._selector = selectors.DefaultSelector()
        self._acceptor = Acceptor(
            listeners, self._selector, self._on_client, limits.connections, counts
        )
        self._leadership = Leadership[Connection](self._release)
        self._latency = LatencyEstimator()
        self._ready: deque[Callable[[Leader[Connection]], None]] = deque()
        self._connections: set[Connection] = set()
        self._large_bodies = threading.Semaphore(max(1, limits.threads // 2))
        self._asking: deque[Connection] = deque()
        self._may_ask = threading.Semaphore(max(1, limits.threads // 2))
        self._aside = threading.Semaphore(limits.cpus - 1)
        self._draining = False
        self._ended = False
        self._next_sweep = 0.0
        self._n_served = 0
        self._n_seen = 0
        self._watched = False
        self._waker, self._wakened = os.pipe()
        self._selector.register(self._waker, selectors.EVENT_READ, self._on_wake)
        self._threads = [
            threading.Thread(target=self._work, name=f"serve-{number}", daemon=True)
            for number in range(limits.threads)
        ]

    @property
    def n_connections(self) -> int:
        """Number of open connections."""
        return len(self._connections)

    def start(self) -> None:
        """Begin to serve."""
        self._acceptor.update(0)
        for thread in self._threads:
            thread.start()

    def watch(self) -> bool:
        """Revoke the lead of a thread that has had it too long; return whether to look again soon.

        To be called a few milliseconds after it returned True, or `awake` was called.
        """
        self._watched = False  # before looking: a thread that begins from now on calls `awake`
        may_be_slow = self._leadership.revoke(OVERDUE_S)
        n_served = self._n_served
        if may_be_slow or n_served != self._n_seen:
            self._watched = True
        self._n_seen = n_served
        return self._watched

    def drain(self) -> None:
        """Take no more connections, and close those that are idle soon."""
        self._draining = True
        self._acceptor.close()
        limit = time.monotonic() + STOPPING_IDLE_S
        for connection in list(self._connections):
            if connection.reader.is_idle:
                connection.deadline = min(connection.deadline, limit)
        self._wake()

    def end(self, timeout_s: float) -> None:
        """Close everything, and wait this long for threads that still serve."""
        self._ended = True
        self._wake()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for connection in list(self._connections):
            self._close(connection)

    def _work(self) -> None:
        """Serve whenever it leads; runs in each thread."""
        while not self._ended:
            leader = self._leadership.take()
            while leader.held and not self._ended:
                self._step(leader)
            self._leadership.promote_follower(leader)

    def _step(self, leader: Leader[Connection]) -> None:
        """Run the next step, or wait for clients; a mistake of ours must not end the thread."""
        try:
            if self._ready:
                self._ready.popleft()(leader)
            else:
                self._wait()
        except Exception:
            if not self._ended:
                logger.exception("a connection was not served")

    def _wait(self) -> None:
        """Wait for clients, and close connections that have been silent too long."""
        pause_s = self._pause_s
        if self._acceptor.is_deferring:
            pause_s = DEFERRAL_S
            self._acceptor.update(len(self._connections), time.monotonic())
        events = self._selector.select(pause_s)
        self._ready.extend(key.data for key, _ in events)
        now = time.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + self._pause_s
            self._sweep(now)

    @property
    def _pause_s(self) -> float:
        return 0.1 if self._draining else _SWEEP_S

    def _sweep(self, now: float) -> None:
        """Close connections that have been silent too long; that makes room."""
        for connection in list(self._connections):
            if connection.waits and connection.deadline <= now:
                self._give_up(connection)
        self._acceptor.update(len(self._connections))

    def _on_client(self, listener: socket.socket, leader: Leader[Connection]) -> None:
        """Accept one connection; other workers may want the next."""
        found = self._acceptor.take(listener, len(self._connections))
        if found is None:
            return
        sock, peer = found
        connection = self._do.connect(sock, (peer, listener.getsockname()))
        self._connections.add(connection)
        self._acceptor.update(len(self._connections))
        self._wait_for(connection, self._on_data, self._limits.silence_s)
        self._on_data(connection, leader)

    def _give_up(self, connection: Connection) -> None:
        """Close a connection that has been silent too long; within a request, answer first."""
        if connection.then == self._on_data and not connection.reader.is_idle:
            self._refuse(connection, SlowError())
        else:
            self._close(connection)

    def _on_data(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Read a client's data, and serve its request if that is whole."""
        self._read(connection, leader, connection.reader.receive)

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
            self._close(connection)
        except Exception as error:  # noqa: BLE001 - the beginning of the next request is unknown
            self._refuse(connection, error)
        else:
            if received is not None:
                self._serve(connection, received, leader)
            elif connection.reader.asks:
                self._find_out(connection, leader)
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

        self._read(connection, leader, read)

    def _find_out(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Authenticate a caller in this thread; later if enough threads do: some are to serve."""
        self._release(connection)
        self._asking.append(connection)
        while self._asking and self._may_ask.acquire(blocking=False):
            self._leadership.promote_follower(leader)
            try:
                self._find_next_out()
            finally:
                self._may_ask.release()

    def _find_next_out(self) -> None:
        """Authenticate the caller that waits longest, and let the poller go on with it."""
        try:
            connection = self._asking.popleft()
        except IndexError:
            return
        connection.reader.find_out()
        self._ready.append(partial(self._on_found, connection))
        self._wake()

    def _on_found(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Go on with a request whose sender is known now."""
        self._read(connection, leader, connection.reader.go_on)

    def _serve(self, connection: Connection, first: Received, leader: Leader[Connection]) -> None:
        """Serve a request, and those that the client has sent behind it."""
        received: Received | None = first
        self._leadership.begin(leader, connection)
        try:
            while received is not None:
                self._answer(connection, received, leader)
                received = self._next(connection)
        except ParseException as error:
            self._leadership.finish(leader)
            self._refuse(connection, error)
        except Exception:
            self._leadership.finish(leader)
            self._close(connection)
            raise
        else:
            self._leadership.finish(leader)
            self._after(connection, leader)

    def _answer(
        self, connection: Connection, received: Received, leader: Leader[Connection]
    ) -> None:
        path, n_bytes = received.head.environ["PATH_INFO"], len(received.body or b"")
        latency = self._latency.of(path, n_bytes)
        is_crowded = latency is LatencyClass.MEDIUM and len(self._connections) > 1
        aside = is_crowded and self._aside.acquire(blocking=False)
        if aside or latency is LatencyClass.SLOW:
            self._leadership.promote_follower(leader)
        self._n_served += 1
        if not self._watched:
            self._watched = True
            self._do.awake()
        is_leading, began, computed = leader.held, time.monotonic(), time.thread_time()
        try:
            self._do.answer(
                connection, received, partial(self._leadership.promote_follower, leader)
            )
        finally:
            if aside:
                self._aside.release()
        if is_leading:
            elapsed, computed = time.monotonic() - began, time.thread_time() - computed
            self._latency.took(path, n_bytes, elapsed, computed)

    def _next(self, connection: Connection) -> Received | None:
        """Return the next request if it has come already."""
        return connection.reader.buffered() if connection.keep and connection.rest is None else None

    def _after(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Send the rest of the answer, wait for the next request, or close."""
        if connection.rest is not None:
            self._wait_for(connection, self._on_room, self._limits.silence_s)
        elif not connection.keep:
            self._linger(connection)
        elif connection.reader.is_idle:
            idle_s = STOPPING_IDLE_S if self._draining else self._limits.idle_s
            self._wait_for(connection, self._on_data, idle_s)
        elif connection.reader.asks:
            self._find_out(connection, leader)
        else:
            self._wait_for_rest(connection)

    def _on_room(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Send on, to a client that can take more."""
        rest = connection.rest or memoryview(b"")
        try:
            left = rest[connection.sock.send(rest) :]
        except BlockingIOError:
            return
        except OSError:
            self._close(connection)
            return
        connection.rest = left or None
        connection.deadline = time.monotonic() + self._limits.silence_s
        if not left:
            self._resume(connection, leader)

    def _resume(self, connection: Connection, leader: Leader[Connection]) -> None:
        """Go on after an answer that the client read slowly."""
        try:
            received = self._next(connection)
        except ParseException as error:
            self._refuse(connection, error)
            return
        except Exception:
            self._close(connection)
            raise
        if received is None:
            self._after(connection, leader)
        else:
            self._serve(connection, received, leader)

    def _refuse(self, connection: Connection, error: Exception) -> None:
        self._do.refuse(connection, error)
        self._linger(connection)

    def _linger(self, connection: Connection) -> None:
        """Say that nothing more is sent, and give the client time to close its side."""
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(connection)
        else:
            self._wait_for(connection, self._on_remains, LINGER_S)

    def _on_remains(self, connection: Connection, _leader: Leader[Connection]) -> None:
        """Read without looking; close when the client has."""
        try:
            if connection.sock.recv(_DROPPED_AT_ONCE):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._close(connection)

    def _wait_for_rest(self, connection: Connection) -> None:
        """Wait for the rest of a request, but not for ever if little comes again and again."""
        limits = self._limits
        if connection.reader.is_idle:
            self._wait_for(connection, self._on_data, limits.silence_s)
            return
        now = time.monotonic()
        connection.reader.began = connection.reader.began or now
        n_received = connection.reader.n_received
        limit_s = limits.silence_s
        if n_received is not None:
            limit_s = limits.request_s + n_received / _SLOWEST
        left_s = max(0.0, connection.reader.began + limit_s - now)
        self._wait_for(connection, self._on_data, min(left_s, limits.silence_s))

    def _wait_for(self, connection: Connection, then: Step, patience_s: float) -> None:
        """Let the poller wait until a client has sent something, or can take more."""
        connection.deadline = time.monotonic() + patience_s
        connection.then = then
        event = selectors.EVENT_READ if connection.rest is None else selectors.EVENT_WRITE
        if not connection.waits:
            connection.waits = True
            self._selector.register(connection.sock, event, connection.ready)
        elif event != connection.event:
            self._selector.modify(connection.sock, event, connection.ready)
        connection.event = event

    def _release(self, connection: Connection) -> None:
        """Take a connection from the poller: a thread has it for longer."""
        if connection.waits:
            connection.waits = False
            self._selector.unregister(connection.sock)

    def _close(self, connection: Connection) -> None:
        self._release(connection)
        self._connections.discard(connection)
        self._acceptor.count(len(self._connections))
        connection.sock.close()
        if self._draining and not self._connections:
            self._do.awake()

    def _wake(self) -> None:
        """Wake the thread that waits for clients, so that it sees a change."""
        os.write(self._wakened, b"x")

    def _on_wake(self, _leader: Leader[Connection]) -> None:
        os.read(self._waker, 64)
