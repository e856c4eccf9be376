"""A body in chunks, which marks its own end: put together from pieces of any size.

The rules are those of RFC 9112, section 7.1, as gunicorn's own reader has them: nothing that it
refuses is accepted here. gunicorn waits for the client while it reads; this waits for nothing.
"""

import re
import socket
from io import BytesIO

from gunicorn.http.errors import (
    ChunkMissingTerminator,
    InvalidChunkExtension,
    InvalidChunkSize,
    InvalidHeader,
    LimitRequestHeaders,
)
from gunicorn.http.message import Request

from drum_like.server.body_buffer import Refusal, Spool, UnreadError

LONGEST_LINE = 8190
"""Bytes of the line before a chunk: its size and extensions."""

LONGEST_TRAILERS = 1 << 16
"""Bytes of the fields behind the last chunk."""

_LINE_END = b"\r\n"
_END = b"\r\n\r\n"
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_EXTENSIONS = re.compile(
    rb"(?:[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?)*" % (_TOKEN, _TOKEN, _QUOTED)
)
_SIZE = re.compile(rb"0*([0-9A-Fa-f]{1,15})")
# Lines of most chunks; those with zeros in front or extensions take the longer way.
_PLAIN_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")
_LEAST_AT_ONCE = 1 << 14  # more bytes of tiny chunks would keep all other clients waiting
_MOST_AT_ONCE = 1 << 20


class ChunkedBody:
    """A body that comes in chunks.

    Args:
        request: Whose body it is; knows the rules for the fields behind it.
        limit: The most bytes that it may hold.
        too_long: Makes the error about more.
        first: The bytes of the chunks that have come already; many are left to `receive`.
        spool: Where the body goes; None for memory.

    Raises:
        Exception: as `take`.

    Attributes:
        missing: Whether its end is still to come.
        rest: The bytes after its end, which belong to the next request.
    """

    def __init__(
        self,
        request: Request,
        limit: int,
        too_long: Refusal,
        first: bytes = b"",
        spool: Spool | None = None,
    ) -> None:
        self._request = request
        self._limit = limit
        self._too_long = too_long
        self._body = spool or BytesIO()
        self._unread = b""
        self._left = 0
        self._in_chunk = False
        self._in_trailers = False
        self._come = b""
        self.missing = True
        self.rest = b""
        if len(first) > _LEAST_AT_ONCE:
            self._come = first
        else:
            self.take(first)

    @property
    def size(self) -> int:
        """Number of bytes of the body that have come."""
        return self._body.tell()

    @property
    def has_come(self) -> bool:
        """Whether `receive` finds bytes that are no longer in the socket."""
        return bool(self._come)

    def receive(self, sock: socket.socket) -> int:
        """Read some bytes that have come; return their number, 0 at the end of the connection.

        Raises:
            BlockingIOError: nothing has come.
            Exception: as `take`.
        """
        most = min(max(_LEAST_AT_ONCE, self._left), _MOST_AT_ONCE)
        if self._come:
            data, self._come = self._come[:most], self._come[most:]
        else:
            data = sock.recv(most)
        self.take(data)
        return len(data)

    def take(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            UnreadError: the body is longer than its limit, or the disk does not take it.
            Exception: those of gunicorn.http.errors: these are no chunks.
        """
        if self._unread:
            data = self._unread + data
        at: int | None = 0
        used = 0
        while at is not None:
            used = at
            at = self._step(data, at) if self.missing else None
        self._unread = data[used:]
        if not self.missing:
            self.rest, self._unread, self._come = self._unread + self._come, b"", b""

    def getvalue(self) -> bytes:
        """Return the body; not before its end has come."""
        return self._body.getvalue()

    def _step(self, data: bytes, at: int) -> int | None:
        """Read the next part of the data; return where it ends, None if it has not come whole."""
        if self._left:
            return self._part(data, at)
        if self._in_chunk:
            return self._chunk_end(data, at)
        if self._in_trailers:
            return self._trailers(data, at)
        after = self._whole_chunks(data, at)
        return after if after > at else self._chunk_start(data, at)

    def _part(self, data: bytes, at: int) -> int | None:
        part = memoryview(data)[at : at + self._left]
        self._body.write(part)
        self._left -= len(part)
        return at + len(part) if part else None

    def _chunk_end(self, data: bytes, at: int) -> int | None:
        end = data[at : at + 2]
        if not _LINE_END.startswith(end):
            raise ChunkMissingTerminator(end)
        if len(end) < len(_LINE_END):
            return None
        self._in_chunk = False
        return at + len(_LINE_END)

    def _whole_chunks(self, data: bytes, at: int) -> int:
        """Read the chunks without extensions that have come whole; return where they end."""
        write, room, view = self._body.write, self._limit - self.size, memoryview(data)
        while line := _PLAIN_LINE.match(data, at):
            size, start = int(line[1], 16), line.end()
            end = start + size
            if not size or size > room or not data.startswith(_LINE_END, end):
                break
            write(view[start:end])
            room -= size
            at = end + len(_LINE_END)
        return at

    def _chunk_start(self, data: bytes, at: int) -> int | None:
        end = data.find(_LINE_END, at)
        length = (end if end >= 0 else len(data)) - at
        if length > LONGEST_LINE:
            raise InvalidChunkSize(b"the line is too long")
        if end < 0:
            if data.find(b"\n", at) >= 0:
                raise InvalidChunkSize(b"a line ends without CR")
            return None
        size = _size(data[at:end])
        if size > self._limit - self.size:
            raise UnreadError(self._too_long)
        self._left, self._in_chunk, self._in_trailers = size, size > 0, not size
        return end + len(_LINE_END)

    def _trailers(self, data: bytes, at: int) -> int | None:
        if data.startswith(_LINE_END, at):
            self.missing = False
            return at + len(_LINE_END)
        end = data.find(_END, at)
        if (end if end >= 0 else len(data)) - at > LONGEST_TRAILERS:
            raise LimitRequestHeaders("the fields behind the last chunk are too long")
        if end < 0:
            _check_lines(data[at:])
            return None
        self._request.parse_headers(data[at:end], from_trailer=True)
        self.missing = False
        return end + len(_END)


def _size(line: bytes) -> int:
    """Return the size of a chunk from the line before it, without the line's extensions."""
    digits, semicolon, extension = line.partition(b";")
    if semicolon:
        digits = digits.rstrip(b" \t")
    found = _SIZE.fullmatch(digits)
    if found is None:
        raise InvalidChunkSize(digits)
    if semicolon and not _EXTENSIONS.fullmatch(semicolon + extension):
        raise InvalidChunkExtension("malformed")
    return int(found[1], 16)


def _check_lines(beginning: bytes) -> None:
    """Refuse trailer fields that are wrong already, whatever follows."""
    if beginning.count(b"\n") != beginning.count(_LINE_END) or beginning[:1] == b"\r" != beginning:
        raise InvalidHeader("a line ends without CR LF")
