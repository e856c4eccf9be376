"""One client's connection: its socket, its place in the poller, and the rests of answers."""

import fcntl
import select
import socket
import sys
import termios
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from drum_like.server.request_head import Reading
from drum_like.server.request_reader import GO_ON, RequestReader

_SENDS_NO_MORE = getattr(select, "POLLRDHUP", 0)
"""The event of a client that sends no more; systems other than Linux do not report it."""

_IS_GONE = select.POLLERR | select.POLLHUP


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that is made in parts, while its client takes them; in one thread at a time.

    Attributes:
        go_on: Asks for parts for a while; sets `rest`, `keep` and `stream` of the connection.
        close: Asks for no more.
    """

    go_on: Callable[[], None]
    close: Callable[[], None]


class Connection:
    """A connection with a client, which no thread waits for.

    Args:
        sock: The client's socket, non-blocking.
        addresses: The client's, and the one that it called.
        reading: The rules for reading its requests.

    Attributes:
        sock: The client's socket, non-blocking.
        peer: The client's address.
        reader: Reads the requests.
        since: When the poller began to wait for it, in monotonic seconds.
        deadline: When it is closed if nothing comes, in monotonic seconds.
        waits: Whether the poller waits for it; otherwise a thread has it.
        event: The event that the poller waits for.
        then: The step that is taken when it is ready.
        rest: The bytes left to send; empty if the poller waits for room only.
        n_sent: Bytes that have been sent since the poller began to wait for room.
        n_before: Bytes sent before that the client had not taken then.
        n_taken: Bytes that it has taken since then, when `look_on` was called last.
        moved: When it was seen to have taken some, in monotonic seconds.
        stream: The answer of which more parts are to be asked for when the rest is sent.
        on_sent: Called once when the rest has been sent, and was the last of its answer.
        keep: Whether it stays open after that.
        is_asked: Whether its client has been sent the interim answer of `has_left`.
    """

    __slots__ = (
        "deadline",
        "event",
        "is_asked",
        "keep",
        "moved",
        "n_before",
        "n_sent",
        "n_taken",
        "on_sent",
        "peer",
        "reader",
        "rest",
        "since",
        "sock",
        "stream",
        "then",
        "waits",
    )

    def __init__(self, sock: socket.socket, addresses: tuple[Any, Any], reading: Reading) -> None:
        self.sock = sock
        self.peer = addresses[0]
        self.reader = RequestReader(sock, addresses, reading)
        self.since = self.deadline = self.moved = 0.0
        self.waits = False
        self.event = 0
        self.then: Callable[[Connection, Any], None] = _nothing
        self.rest: memoryview | None = None
        self.n_sent = self.n_before = self.n_taken = 0
        self.stream: Stream | None = None
        self.on_sent: Callable[[], None] = unheard
        self.keep = False
        self.is_asked = False

    @property
    def has_sent(self) -> bool:
        """Whether bytes of the client, or its end, have come that have not been read."""
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def begin_rest(self, now: float) -> None:
        """Start to count what the client takes of the rest.

        Args:
            now: On the monotonic clock.
        """
        self.n_sent, self.n_before, self.n_taken = 0, _queued(self.sock), 0
        self.moved = now

    def look_on(self, now: float) -> None:
        """Note how much of its answer the client has taken.

        The poller is no help: it reports room only after a third of what the system holds is taken.

        Args:
            now: On the monotonic clock.
        """
        n_taken = self.n_sent + self.n_before - _queued(self.sock)
        if n_taken > self.n_taken:
            self.n_taken, self.moved = n_taken, now

    def has_left(self, *, may_ask: bool) -> bool:
        """Return whether the client has left, so that nobody reads an answer.

        A client that sends no more has either left or waits for its answer. To tell the two apart,
        the client is sent one interim answer, which clients skip: the system of a client that has
        left resets the connection. Over a network the reset takes a moment; a later call sees it.

        Args:
            may_ask: Whether the client knows interim answers, which HTTP/1.0 does not have.
        """
        events = _events(self.sock)
        if events & _SENDS_NO_MORE and events & select.POLLOUT and may_ask and not self.is_asked:
            self.is_asked = True
            try:
                self.sock.send(GO_ON)  # there is room for it: half a word would spoil the answer
            except OSError:
                return True
            events = _events(self.sock)
        return bool(events & _IS_GONE)

    def ready(self, leader: Any) -> None:
        """Call the next step, unless closed or handed over since the poller found it ready."""
        if self.waits:
            self.then(self, leader)

    def go_on(self, leader: Any) -> None:
        """Call the next step, which does not depend on the client."""
        self.then(self, leader)


def ended(connections: Iterable[Connection]) -> list[Connection]:
    """Return the connections whose clients send no more or are gone, by one system call."""
    by_file = {connection.sock.fileno(): connection for connection in connections}
    poll = select.poll()
    for file in by_file:
        poll.register(file, _SENDS_NO_MORE)
    return [by_file[file] for file, _ in poll.poll(0)]


def _events(sock: socket.socket) -> int:
    poll = select.poll()
    poll.register(sock, _SENDS_NO_MORE | select.POLLOUT)
    return sum(events for _, events in poll.poll(0))


def unheard() -> None:
    """Do nothing when an answer has been sent."""


def _nothing(_connection: Connection, _leader: Any) -> None:
    """Do nothing with a connection that is not waited for."""


def _queued(sock: socket.socket) -> int:
    """Return how many bytes the client has not taken of those sent; 0 where no system tells."""
    try:
        return int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except OSError:
        return 0
