"""Bodies of a known length that come in pieces: small ones, and large ones received in place."""

import ctypes
import socket
import struct
from io import BytesIO

from gunicorn.http.errors import ParseException

AT_ONCE = 65536
"""Bytes read at once; surplus bytes belong to the next request."""


class CutOffError(ParseException):
    """The client has closed the connection in the middle of a body."""


class BufferedBody:
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
        """Number of bytes that are still to come."""
        return self._size - self._data.tell()

    @property
    def size(self) -> int:
        """Number of bytes that have come."""
        return self._data.tell()

    def receive(self, sock: socket.socket) -> int:
        """Read the bytes that have come; return their number, 0 at the end of the connection.

        Raises:
            BlockingIOError: nothing has come.
        """
        data = sock.recv(min(AT_ONCE, self.missing))
        self._data.write(data)
        return len(data)

    def getvalue(self) -> bytes:
        """Return the bytes; not before all have come."""
        return self._data.getvalue()


AT_LEAST = 1 << 17
"""Bodies of more bytes than this are worth it.

590 KB come in 2 calls, not in 10; after each a thread may have to wait for the interpreter.
"""

PATIENCE_S = 0.25
"""Time that a thread waits for a body in all, before it leaves the rest to the poller."""

_new = ctypes.pythonapi.PyBytes_FromStringAndSize
_new.restype = ctypes.py_object
_new.argtypes = (ctypes.c_void_p, ctypes.c_ssize_t)
_address = ctypes.pythonapi.PyBytes_AsString
_address.restype = ctypes.c_void_p
_address.argtypes = (ctypes.py_object,)

_TIMEOUT = struct.pack("ll", int(PATIENCE_S), int(PATIENCE_S % 1 * 1_000_000))


class PreallocatedBody:
    """Bytes of a known number that come from a socket.

    Args:
        size: How many.
        first: Those that have come already.

    Attributes:
        is_slow: Whether the client has made a thread wait for it.
    """

    def __init__(self, size: int, first: bytes) -> None:
        self._bytes: bytes = _new(None, size)
        memory = (ctypes.c_char * size).from_address(_address(self._bytes))
        self._view = memoryview(memory).cast("B")
        self._view[: len(first)] = first
        self._n_filled = len(first)
        self.is_slow = False

    @property
    def missing(self) -> int:
        """Number of bytes that are still to come."""
        return len(self._bytes) - self._n_filled

    @property
    def size(self) -> int:
        """Number of bytes that have come."""
        return self._n_filled

    def receive(self, sock: socket.socket) -> int:
        """Read the bytes that have come; return their number, 0 at the end of the connection.

        Raises:
            BlockingIOError: nothing has come.
        """
        return self._received(sock, 0)

    def receive_all(self, sock: socket.socket) -> int:
        """Read the rest of the body, as far as it comes soon; returns and raises as `receive`.

        Linux counts the time that it waits for the client over the whole call.
        """
        sock.setblocking(True)  # noqa: FBT003 - its only form
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEOUT)
        try:
            return self._received(sock, socket.MSG_WAITALL)
        finally:
            sock.settimeout(0)
            self.is_slow = self.missing > 0

    def getvalue(self) -> bytes:
        """Return the bytes; not before all have come."""
        return self._bytes

    def _received(self, sock: socket.socket, flags: int) -> int:
        count = sock.recv_into(self._view[self._n_filled :], 0, flags)
        self._n_filled += count
        return count
