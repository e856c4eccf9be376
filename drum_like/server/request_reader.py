"""Requests as they come from a socket: read piece by piece, without waiting for the client."""

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

from gunicorn.http.errors import InvalidRequestLine, LimitRequestHeaders

from drum_like.http.auth.authenticator import Caller
from drum_like.server.body_budget import NoRoomForHeadError, Room
from drum_like.server.body_buffer import (
    AT_ONCE,
    IN_MEMORY,
    PATIENCE_S,
    CutOffError,
    PreallocatedBody,
    Refusal,
    Spool,
    UnreadError,
)
from drum_like.server.chunked_body import ChunkedBody
from drum_like.server.request_head import END, Body, Head, Heads, Reading, Received
from drum_like.server.tls import decrypted

_LONGEST_HEAD = 1 << 17
_FREE_HEAD = 1 << 14  # an unfinished head of more bytes takes room

_TLS = b"\x16\x03"  # such a client waits for an answer before it ends a line
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


class ClosedError(Exception):
    """The client has closed the connection."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A request whose body has come in part.

    Attributes:
        head: Its head.
        caller: Who sends it.
        body: What has come.
        spool: Where that is on the disk; None in memory.
    """

    head: Head
    caller: Caller | None
    body: Body
    spool: Spool | None

    @property
    def n_held(self) -> int:
        """Number of bytes that are in memory."""
        return self.body.size if self.spool is None else IN_MEMORY

    @property
    def is_large(self) -> bool:
        """Whether `receive_much` may take much, or has to write."""
        if self.spool is not None:
            return self.spool.is_due
        return isinstance(self.body, PreallocatedBody) and not self.body.is_slow

    @property
    def rest(self) -> bytes:
        """The bytes after its end, which belong to the next request."""
        return self.body.rest if isinstance(self.body, ChunkedBody) else b""

    @property
    def has_come(self) -> bool:
        """Whether bytes have been read from the socket that are yet to be looked at."""
        return isinstance(self.body, ChunkedBody) and self.body.has_come

    def receive_much(self, sock: socket.socket) -> int:
        """Read for at most a quarter of a second; returns and raises as `receive` of the body."""
        if isinstance(self.body, PreallocatedBody):
            return self.body.receive_all(sock)
        count, until = 1, monotonic() + PATIENCE_S
        with suppress(BlockingIOError):
            while count and self.body.missing and monotonic() < until:
                count = self.body.receive(sock)
        if self.spool is not None:
            self.spool.flush()
        return count

    def whole(self) -> Received:
        """Return the request.

        Raises:
            UnreadError: the disk does not take the end of its body.
        """
        file = None if self.spool is None else self.spool.file()
        return Received(self.head, self.body.getvalue(), self.caller, file=file)


@dataclass(slots=True)
class _Unauthenticated:
    """A request whose caller is yet to be authenticated.

    Attributes:
        head: Its head.
        since: When the head was read, or a thread was free, in monotonic seconds.
        caller: The caller, as soon as it is known.
    """

    head: Head
    since: float
    caller: Caller | None = None


class RequestReader:
    """Reads the requests of one connection.

    Args:
        sock: The client's socket, non-blocking.
        addresses: The client's, and the one that it called.
        reading: The rules for reading.

    Attributes:
        began: When its request began to come, in monotonic seconds; 0 if that was not noted.
        head: The head of the request that is being read; None before it has come whole, and
            after the request was handed out: it may hold credentials.
        room: The room that its body takes, or the one of the request that is being answered.
    """

    __slots__ = (
        "_addresses",
        "_begun",
        "_checked",
        "_data",
        "_reading",
        "_sock",
        "_unauthenticated",
        "began",
        "head",
        "room",
    )

    def __init__(self, sock: socket.socket, addresses: tuple[Any, Any], reading: Reading) -> None:
        self.began = 0.0
        self.head: Head | None = None
        self.room = Room(reading.budget)
        self._sock = sock
        self._addresses = addresses
        self._reading = reading
        self._data = b""
        self._checked = 0
        self._begun: _Begun | None = None
        self._unauthenticated: _Unauthenticated | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it is between two requests; some clients send a line break after a body."""
        is_between = self._begun is None and self._unauthenticated is None
        return is_between and self._data in (b"", b"\r\n")

    @property
    def needs_caller(self) -> bool:
        """Whether `authenticate` has to be called before the body is read."""
        return self._unauthenticated is not None and self._unauthenticated.caller is None

    @property
    def n_received(self) -> int | None:
        """Number of bytes of a body that have come; None if a head has not come whole."""
        return None if self._begun is None else self._begun.body.size

    def receive(self) -> Received | None:
        """Read the bytes that have come; return a request if there is a whole one.

        Raises:
            ClosedError: nothing will come any more.
            CutOffError: the same, in the middle of a body.
            OSError: the connection is broken.
            Exception: those of gunicorn.http.errors: this is not HTTP/1, or not allowed.
        """
        try:
            if self._begun is not None:
                return self._took(self._begun, self._begun.body.receive)
            data = self._sock.recv(AT_ONCE)
        except BlockingIOError:
            return None
        if not data:
            raise ClosedError
        self._data = self._data + data if self._data else data
        return self.buffered()

    @property
    def is_large(self) -> bool:
        """Whether a large body is on its way that `receive_large` may take, or has to write."""
        return self._begun is not None and self._begun.is_large

    @property
    def has_come(self) -> bool:
        """Whether `receive` finds bytes that are no longer in the socket."""
        return self._begun is not None and self._begun.has_come

    def receive_large(self) -> Received | None:
        """Read a large body for at most a quarter of a second; raises as `receive`."""
        begun = self._begun
        with suppress(BlockingIOError):
            return None if begun is None else self._took(begun, begun.receive_much)
        return None

    def free_room(self) -> None:
        """Give up the room for the part of a body that has not come."""
        if self._begun is not None:
            self.room.keep(self._begun.n_held)

    def buffered(self) -> Received | None:
        """Return the next request if the buffer holds a whole one; raises as `receive`."""
        data, self.head = self._data, None
        end = data.find(END)
        if end < 0:
            heads, peer = self._reading.heads, self._addresses[0]
            self._checked = _check_beginning(data, self._checked, heads, peer)
            _check_size(data, self.room)
            return None
        end += len(END)
        self._checked = 0
        head = self.head = self._reading.heads.read(data[:end], self._sock, *self._addresses)
        caller = None
        if self._reading.admission is not None:
            caller = self._reading.admission.at_once(head.environ)
            if caller is None:
                self._data = data[end:]
                self._unauthenticated = _Unauthenticated(head, monotonic())
                return None
        body_end = end + head.length
        if len(data) >= body_end and not head.is_chunked:
            self._data = data[body_end:]
            self.head, self.began = None, 0.0
            return Received(head, data[end:body_end], caller)
        return self._begin(head, caller, data[end:])

    def wait_anew(self) -> None:
        """Count the wait for `authenticate` from now on."""
        if self._unauthenticated is not None:
            self._unauthenticated.since = monotonic()

    def authenticate(self) -> None:
        """Authenticate the caller, which takes a while; `go_on` reads the request then."""
        if self._unauthenticated is not None and self._reading.admission is not None:
            environ, since = self._unauthenticated.head.environ, self._unauthenticated.since
            self._unauthenticated.caller = self._reading.admission.worked_out(environ, since)

    def go_on(self) -> Received | None:
        """Read what has come, or on after `authenticate`; returns and raises as `receive`."""
        waiting, self._unauthenticated = self._unauthenticated, None
        if waiting is None:
            return self.buffered()
        head, data = waiting.head, self._data
        if len(data) >= head.length and not head.is_chunked:
            self._data = data[head.length :]
            self.head, self.began = None, 0.0
            return Received(head, data[: head.length], waiting.caller)
        return self._begin(head, waiting.caller, data)

    def let_go(self) -> None:
        """Drop the body that is being read; give up the room of that or of an answered one."""
        self._begun = None
        self.room.let_go()

    def end(self) -> None:
        """Drop everything: nothing more is read."""
        self._data, self._unauthenticated = b"", None
        self.let_go()

    def _begin(self, head: Head, caller: Caller | None, data: bytes) -> Received | None:
        """Begin a body, whose first bytes may have come, unless it is not to be read."""
        self._data = b""
        limit = self._reading.most(head, caller)
        if limit is None:
            return self._unread(head, caller)
        try:
            self.room.spool = spool = self._reading.new_spool(head, limit)
            if no_room := self.room.hold(head.length if spool is None else IN_MEMORY):
                return self._unread(head, caller, no_room)
            with self._reading.budget.pages(grows=spool is None):
                body = self._reading.new_body(head, limit, data, spool)
            self._begun = _Begun(head, caller, body, spool)
            if not body.missing:
                return self._whole(self._begun)
        except UnreadError as error:
            return self._unread(head, caller, error.why)
        if head.expects:
            with suppress(BlockingIOError):  # a client that does not read gets no word either
                self._sock.send(GO_ON)
        return None

    def _took(self, begun: _Begun, receive: Callable[[socket.socket], int]) -> Received | None:
        """Take some of a body; return the request if it is whole now, or turned out too long."""
        try:
            with self._reading.budget.pages(grows=begun.head.is_chunked):
                count = receive(self._sock)
            if not count:
                raise CutOffError
            if no_room := self.room.hold(begun.n_held):
                return self._unread(begun.head, begun.caller, no_room)
            return None if begun.body.missing else self._whole(begun)
        except UnreadError as error:
            return self._unread(begun.head, begun.caller, error.why)

    def _whole(self, begun: _Begun) -> Received:
        self._data = begun.rest + decrypted(self._sock)
        self.head, self._begun, self.began = None, None, 0.0
        return begun.whole()

    def _unread(self, head: Head, caller: Caller | None, why: Refusal | None = None) -> Received:
        self.head, self._begun, self.began = None, None, 0.0
        return Received(head, None, caller, why)


def _check_beginning(data: bytes, checked: int, heads: Heads, peer: Any) -> int:
    """Refuse a head that is wrong or too long already, each time that it has doubled.

    Returns:
        How many bytes of it have been looked at.
    """
    if data.startswith(_TLS):
        raise InvalidRequestLine("TLS")
    if len(data) > _LONGEST_HEAD:
        raise LimitRequestHeaders("the head of the request is too long")
    if len(data) < 2 * checked or b"\n" not in data:
        return checked
    heads.check(data, peer)
    return len(data)


def _check_size(data: bytes, room: Room) -> None:
    """Refuse the beginning of a long head for which there is no room."""
    if len(data) > _FREE_HEAD and room.take(len(data)):
        raise NoRoomForHeadError
