"""A body of a known length that comes in pieces; large ones are a `Bulk` instead."""

import socket
from io import BytesIO

from gunicorn.http.errors import ParseException

AT_ONCE = 65536
"""Bytes read at once; what is too much belongs to the next request."""


class CutOffError(ParseException):
    """The client has closed the connection in the middle of a body."""


class Pieces:
    """Bytes of a known number that come from a socket.

    Args:
        size: How many.
        first: Those that have come already.
    """

    def __init__(self, size: int, first: bytes) -> None:
        self._size = size
        self._data = BytesIO()
        self._data.write(first)

    @property
    def missing(self) -> int:
        """How many bytes are still to come."""
        return self._size - self._data.tell()

    @property
    def size(self) -> int:
        """How many bytes have come."""
        return self._data.tell()

    def receive(self, sock: socket.socket) -> int:
        """Take what has come; return its number, 0 at the end of the connection.

        Raises:
            BlockingIOError: nothing has come.
        """
        data = sock.recv(min(AT_ONCE, self.missing))
        self._data.write(data)
        return len(data)

    def getvalue(self) -> bytes:
        """Return the bytes; not before all have come."""
        return self._data.getvalue()
