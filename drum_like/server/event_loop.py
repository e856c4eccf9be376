"""The event loop of a worker: the threads that lead in turn, and serve all of its connections.

No thread waits for a client: requests are read as they come and served when they are whole, and
the rest of an answer is sent, and more of a stream is asked for, as its client makes room.
"""

import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drum_like.server.acceptor import DEFERRAL_S, Acceptor, ConnectionCounts
from drum_like.server.connection import Connection
from drum_like.server.connection_steps import ConnectionSteps
from drum_like.server.crew import Crew
from drum_like.server.leader import Answer, Handover, Job, Leader, Leadership
from drum_like.server.limits import LoopLimits
from drum_like.server.poller import STOPPING_IDLE_S, OpenConnections, Poller
from drum_like.server.refusals import CrowdedError
from drum_like.server.request_head import Received
from drum_like.server.waiting_line import WaitingLine, WaitingRequests
from drum_like.system.deadline import DEADLINE

logger = logging.getLogger(__name__)

_SWEEP_S = 0.5
_STOPPING_SWEEP_S = 0.1
_ENDING_S = 0.02
_COMPLAINT_S = 10.0
_ACCEPTED_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class LoopCallbacks:
    """The callbacks of a loop for connections and requests.

    Attributes:
        connect: Makes a connection of a socket, its client's address and its own.
        answer: Answers a request; sets `rest` and `keep` of its connection.
        refuse: Answers a request that cannot be read.
        turn_away: Answers a request that would wait too long.
        drop: Logs a request whose client left while it waited; gets the seconds of the wait.
        is_probe: Whether a request needs no model.
        awake: Called from a thread when the worker's main thread should look after the loop.
    """

    connect: Callable[[socket.socket, tuple[Any, Any]], Connection]
    answer: Answer
    refuse: Callable[[Connection, Exception], None]
    turn_away: Callable[[Connection, Received, float], None]
    drop: Callable[[Received, float], None]
    is_probe: Callable[[Received], bool]
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
        poller = Poller()
        most = limits.clients.connections
        self._acceptor = Acceptor(listeners, poller.selector, self._on_client, most, counts)
        self._connections = OpenConnections(
            poller, self._acceptor, callbacks.refuse, callbacks.awake, limits
        )
        self._leadership = Leadership[Connection](poller.release)
        self._handover = Handover(
            self._leadership, callbacks.answer, callbacks.awake, self._connections, limits.cpus
        )
        self._line = WaitingLine(limits.queue_s, DEADLINE)
        waiting = WaitingRequests(
            *(self._line, self._leadership, poller.release),
            *(callbacks.is_probe, callbacks.turn_away, callbacks.drop),
        )
        self._steps = ConnectionSteps(poller, self._connections, self._handover, waiting, limits)
        self._connections.request_step = self._steps.on_data
        self._poller = poller
        self._connect = callbacks.connect
        self._awake = callbacks.awake
        self._head_s = limits.clients.head_s
        self._next_complaint = 0.0
        self._sweep_s = _SWEEP_S
        self._next_sweep = 0.0
        self._ended = False
        # One leads when all others are busy.
        self._crew = Crew(limits.threads + 1, self._work, lambda: self._leadership.n_followers)
        self._handover.leave = self._crew.leave

    @property
    def is_busy(self) -> bool:
        """Whether there are connections, or clients that wait to be accepted at the end."""
        return bool(self._connections) or self._acceptor.is_ending

    def start(self) -> None:
        """Begin to serve."""
        self._acceptor.update(0)
        self._crew.start()

    def watch(self) -> bool:
        """Revoke the lead of a thread that has had it too long; return whether to look again soon.

        To be called a few milliseconds after it returned True, or `awake` was called.
        """
        return self._handover.watch()

    def drain(self) -> None:
        """Leave new clients to other workers, and close connections that are idle soon."""
        self._sweep_s = _STOPPING_SWEEP_S
        self._acceptor.close()
        self._connections.drain()
        self._poller.wake()

    def end_accepting(self) -> None:
        """Take the last clients as well, since no other worker will, and turn new ones away."""
        self._acceptor.end()
        self._poller.wake()

    def end(self, timeout_s: float) -> None:
        """Close everything, and wait this long for threads that still serve."""
        self._ended = True
        self._crew.end()
        self._poller.wake()
        deadline = time.monotonic() + timeout_s
        self._crew.join(lambda: max(0.0, deadline - time.monotonic()))
        for connection in list(self._connections):
            self._connections.close(connection)

    def disown(self) -> None:
        """Close the sockets of clients in a forked child, which are its parent's."""
        self._ended = True
        self._poller.disown()
        for connection in self._connections:
            connection.sock.close()

    def _work(self) -> None:
        """Serve whenever it leads, or a request was left to it; runs in each thread."""
        DEADLINE.resume = self._crew.come_back
        while self._crew.stays():
            turn = self._leadership.take_job(self._steps.left)
            if isinstance(turn, Leader):
                while turn.held and not self._ended:
                    self._step(turn)
                self._leadership.promote_follower(turn)
            else:
                self._step(turn)
            del turn  # while it waits for another, the request is not to be remembered

    def _step(self, turn: Leader[Connection] | Job) -> None:
        """Take the next step, or wait for clients; a mistake of ours must not end the thread.

        But it ends the connection: how much of a request has been read is not known then.
        """
        step = None
        try:
            if not isinstance(turn, Leader):
                turn()
            elif self._poller.ready:
                step = self._poller.ready.popleft()
                step(turn)
            else:
                self._wait(turn)
        except Exception:
            if not self._ended:
                logger.exception("a connection was not served")
            connection = getattr(step, "__self__", None)
            if isinstance(connection, Connection):
                self._connections.close(connection)

    def _wait(self, leader: Leader[Connection]) -> None:
        """Wait for clients, and close connections that have been silent too long."""
        pause_s = self._sweep_s
        if self._acceptor.is_deferring:
            pause_s = DEFERRAL_S
            self._acceptor.update(len(self._connections), time.monotonic())
        if self._acceptor.is_ending:
            pause_s = _ENDING_S
            self._accept_last()
        if self._line:
            pause_s = min(pause_s, self._steps.look_after_line(leader))
        self._poller.wait(pause_s)
        now = time.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + self._sweep_s
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        """Close connections that have been silent too long; that makes room."""
        for connection in self._connections.overdue(now):
            self._steps.give_up(connection)
        self._connections.make_room()
        self._acceptor.update(len(self._connections))

    def _on_client(self, listener: socket.socket, leader: Leader[Connection]) -> None:
        """Accept several connections: with one at a time, busy clients would keep new ones out."""
        for _ in range(_ACCEPTED_AT_ONCE):
            if not leader.held or (connection := self._accept(listener)) is None:
                return
            self._steps.on_data(connection, leader)

    def _accept(self, listener: socket.socket) -> Connection | None:
        """Return a new connection; None if there is none, or none for us, or it is one too many."""
        found = self._acceptor.take(listener, len(self._connections))
        if found is None:
            if self._acceptor.lacks_files:
                self._find_files()
            return None
        sock, peer = found
        connection = self._connect(sock, (peer, listener.getsockname()))
        is_welcome = self._connections.admit(connection)
        self._connections.make_room()
        self._acceptor.update(len(self._connections))
        if not is_welcome:
            self._connections.refuse(connection, CrowdedError())
            return None
        is_ending = self._connections.are_ending
        patience_s = min(self._head_s, STOPPING_IDLE_S) if is_ending else self._head_s
        self._poller.wait_for(connection, self._steps.on_data, patience_s)
        return connection

    def _find_files(self) -> None:
        """Shed connections, since no more files can be opened, and say so now and then."""
        if self._connections.shed():
            self._acceptor.update(len(self._connections))
        now = time.monotonic()
        if now >= self._next_complaint:
            self._next_complaint = now + _COMPLAINT_S
            logger.error("too many open files: idle connections are closed; raise the limit")

    def _accept_last(self) -> None:
        """Accept the clients that wait still when the server stops."""
        for listener in self._acceptor.finish(len(self._connections)):
            while self._accept(listener):
                pass
        if not self.is_busy:
            self._awake()
