"""One client's connection: what has come of its requests, and what is left of its answers."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, ParseException

from drum_like.server.bulk import AT_LEAST, Bulk
from drum_like.server.heads import END, Head, Heads

_AT_ONCE = 65536
"""Bytes read at once; what is too much belongs to the next request."""

_LONGEST_HEAD = 1 << 17


class ClosedError(Exception):
    """The client has closed the connection."""


class CutOffError(ParseException):
    """The client has closed the connection in the middle of a body."""


class _Pieces:
    """A body that comes in pieces, as `Bulk` is one."""

    def __init__(self, size: int, first: bytes) -> None:
        self._size = size
        self._data = BytesIO()
        self._data.write(first)

    @property
    def missing(self) -> int:
        return self._size - self._data.tell()

    def receive(self, sock: socket.socket) -> int:
        data = sock.recv(min(_AT_ONCE, self.missing))
        self._data.write(data)
        return len(data)

    def getvalue(self) -> bytes:
        return self._data.getvalue()


@dataclass(frozen=True, slots=True)
class Reading:
    """How requests are read.

    Attributes:
        heads: Reads their heads.
        max_body: Longer bodies, in bytes, are not read; the application refuses them.
        admits: Whether the caller of a request with this head is known; strangers' large bodies
            are not read either. Gets WSGI's variables.
    """

    heads: Heads
    max_body: int
    admits: Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class _Begun:
    """A request of which the body has come in part."""

    head: Head
    body: Bulk | _Pieces


@dataclass(frozen=True, slots=True)
class Received:
    """A request as far as it is read before the application sees it.

    Attributes:
        head: Its head.
        body: The whole body; None if it is chunked, or not to be read.
        raw: The bytes of the head, and of the body as far as it came along, if `body` is None.
    """

    head: Head
    body: bytes | None
    raw: bytes = b""


class Connection:
    """A connection that is read without waiting.

    Args:
        sock: The client's socket, non-blocking.
        addresses: The client's, and the one that it called.
        reading: How its requests are read.

    Attributes:
        sock: The client's socket, non-blocking.
        peer: The client's address.
        server: The address that it called.
        deadline: When it is closed if nothing comes, in monotonic seconds.
        waits: Whether the poller waits for it; otherwise a thread has it.
        event: What the poller waits for.
        then: What is done when it is ready.
        rest: What is left to send.
        keep: Whether it stays open after that.
    """

    __slots__ = (
        "_begun",
        "_checked",
        "_data",
        "_reading",
        "deadline",
        "event",
        "keep",
        "peer",
        "rest",
        "server",
        "sock",
        "then",
        "waits",
    )

    def __init__(self, sock: socket.socket, addresses: tuple[Any, Any], reading: Reading) -> None:
        self.sock = sock
        self.peer, self.server = addresses
        self.deadline = 0.0
        self.waits = False
        self.event = 0
        self.then: Callable[[Connection, Any], None] = _nothing
        self.rest: memoryview | None = None
        self.keep = False
        self._reading = reading
        self._data = b""
        self._checked = 0
        self._begun: _Begun | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it is between two requests."""
        return self._begun is None and not self._data

    def ready(self, turn: Any) -> None:
        """Do what is next, unless it was closed or handed over since the poller found it ready."""
        if self.waits:
            self.then(self, turn)

    def receive(self) -> Received | None:
        """Read what has come; return a request if there is a whole one.

        Raises:
            ClosedError: nothing will come any more.
            CutOffError: the same, in the middle of a body.
            OSError: the connection is broken.
            Exception: those of gunicorn.http.errors: this is not HTTP/1, or not allowed.
        """
        try:
            if self._begun is not None:
                return self._took(self._begun, self._begun.body.receive(self.sock))
            data = self.sock.recv(_AT_ONCE)
        except BlockingIOError:
            return None
        if not data:
            raise ClosedError
        self._data = self._data + data if self._data else data
        return self.buffered()

    @property
    def is_bulky(self) -> bool:
        """Whether a large body is on its way that `receive_bulk` may take at once."""
        body = None if self._begun is None else self._begun.body
        return isinstance(body, Bulk) and not body.is_slow

    def receive_bulk(self) -> Received | None:
        """Read what comes of a large body within a quarter of a second; raises as `receive`."""
        begun = self._begun
        if begun is None or not isinstance(begun.body, Bulk):
            return None
        try:
            return self._took(begun, begun.body.receive_all(self.sock))
        except BlockingIOError:
            return None

    def buffered(self) -> Received | None:
        """Return the next request if what has been read holds a whole one; raises as `receive`."""
        data = self._data
        end = data.find(END)
        if end < 0:
            self._check_beginning(data)
            return None
        end += len(END)
        self._checked = 0
        head = self._reading.heads.read(data[:end], self.sock, self.peer, self.server)
        have = len(data) - end
        if head.is_chunked or (have < head.length and not self._may_come(head)):
            self._data = b""
            return Received(head, None, data)
        if have < head.length:
            self._data = b""
            kind = Bulk if head.length > AT_LEAST else _Pieces
            self._begun = _Begun(head, kind(head.length, data[end:]))
            return None
        body_end = end + head.length
        self._data = data[body_end:]
        return Received(head, data[end:body_end])

    def give_back(self, data: bytes) -> None:
        """Take bytes of the next request that came with the body of the last one."""
        self._data = data

    def _may_come(self, head: Head) -> bool:
        """Return whether to read a body before the application is asked."""
        if head.length <= _AT_ONCE:
            return True
        return head.length <= self._reading.max_body and self._reading.admits(head.environ)

    def _took(self, begun: _Begun, count: int) -> Received | None:
        """Return the request if its body is whole now."""
        if not count:
            raise CutOffError
        if begun.body.missing:
            return None
        self._begun = None
        return Received(begun.head, begun.body.getvalue())

    def _check_beginning(self, data: bytes) -> None:
        """Refuse a head that is wrong or too long already, each time that it has doubled."""
        if len(data) > _LONGEST_HEAD:
            raise LimitRequestHeaders("the head of the request is too long")
        if len(data) >= 2 * self._checked and b"\n" in data:
            self._checked = len(data)
            self._reading.heads.check(data, self.peer)


def _nothing(_connection: Connection, _turn: Any) -> None:
    """Do nothing with a connection that nobody waits for."""
