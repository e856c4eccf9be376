"""Bodies of a known length that come in pieces: small ones, and large ones received in place.

Those that are read as files go to the disk, whatever their length.
"""

import ctypes
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from gunicorn.http.errors import ParseException

from drum_like.errors import StoreError
from drum_like.store.upload_file import storing

AT_ONCE = 65536
"""Bytes read at once; surplus bytes belong to the next request."""


Refusal = Callable[[], Exception]
"""Makes the error that says why a body was not read."""


class UnreadError(Exception):
    """A body that is not read on.

    Args:
        why: Makes the error of an application that needs it.
    """

    def __init__(self, why: Refusal) -> None:
        super().__init__()
        self.why = why


class CutOffError(ParseException):
    """The client has closed the connection in the middle of a body."""


IN_MEMORY = 1 << 20
"""Bytes of a body on the disk that are in memory; shorter bodies do not go to the disk."""


@contextmanager
def _writing() -> Iterator[None]:
    try:
        with storing():
            yield
    except StoreError as error:
        raise UnreadError(partial(type(error), str(error))) from error


class Spool:
    """A body on the disk, in a file without a name: a process that dies leaves nothing.

    Its last bytes are in memory, so that the thread that waits for all clients seldom has to wait
    for the disk, too.

    Args:
        folder: Where there is room for it.

    Raises:
        UnreadError: as `write`.
    """

    def __init__(self, folder: Path) -> None:
        with _writing():
            file = TemporaryFile(buffering=IN_MEMORY, dir=folder)  # noqa: SIM115 - see `close`
        self._file = file
        self._size = 0
        self._n_flushed = 0

    @property
    def is_due(self) -> bool:
        """Whether enough bytes are in memory to be written."""
        return self._size - self._n_flushed >= IN_MEMORY // 2

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes.

        Raises:
            UnreadError: the disk does not take them.
        """
        with _writing():
            self._file.write(data)
        self._size += len(data)

    def tell(self) -> int:
        """Return the number of bytes."""
        return self._size

    def flush(self) -> None:
        """Hand over to the system what is in memory; raises as `write`."""
        with _writing():
            self._file.flush()
        self._n_flushed = self._size

    def getvalue(self) -> bytes:
        """Return no bytes: they are in the file."""
        return b""

    def file(self) -> IO[bytes]:
        """Return the file, to be read from its beginning until `close`; raises as `write`."""
        with _writing():
            self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Give up the file, and its space on the disk."""
        with suppress(OSError):  # bytes that a full disk has not taken
            self._file.close()


class BufferedBody:
    """Bytes of a known number that come from a socket.

    Args:
        size: How many.
        first: Those that have come already.
        spool: Where they go; None for memory.

    Raises:
        UnreadError: the disk does not take them.
    """

    def __init__(self, size: int, first: bytes, spool: Spool | None = None) -> None:
        self._size = size
        self._data = spool or BytesIO()
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
            UnreadError: the disk does not take them.
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
