"""A text that all workers of a server share, and that outlives each of them."""

import fcntl
import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

_HEAD = struct.Struct("=3q")
"""The number of the change, and the place and the length of the text."""


class SharedText:
    """A text in a file without a name, in memory where the system can.

    Make it before the fork: the file goes to the children. A reader that finds the number of the
    last change as before needs no lock. A change is written beside the text and then pointed at,
    so a worker that is killed in between leaves the text as it was.
    """

    def __init__(self) -> None:
        self._fd = _open()
        os.pwrite(self._fd, _HEAD.pack(0, _HEAD.size, 0), 0)
        self._in_process = Lock()

    def number(self) -> int:
        """Return the number of the last change, 0 before the first."""
        return int(_HEAD.unpack(os.pread(self._fd, _HEAD.size, 0))[0])

    def read(self) -> tuple[int, bytes]:
        """Return the number of the last change, and the text; empty before the first."""
        with self._locked():
            return self._read()

    def change(self, change: Callable[[bytes], bytes]) -> None:
        """Change the text; others wait meanwhile. An error of `change` leaves it as it is."""
        with self._locked():
            number, before = self._read()
            after = change(before)
            _, start, length = _HEAD.unpack(os.pread(self._fd, _HEAD.size, 0))
            has_room = start - _HEAD.size >= len(after)
            place = _HEAD.size if has_room else start + length
            _write(self._fd, after, place)
            os.pwrite(self._fd, _HEAD.pack(number + 1, place, len(after)), 0)

    def _read(self) -> tuple[int, bytes]:
        number, start, length = _HEAD.unpack(os.pread(self._fd, _HEAD.size, 0))
        return number, os.pread(self._fd, length, start)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep out other threads and, by the lock of the file, other processes."""
        with self._in_process:
            fcntl.lockf(self._fd, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)


def _open() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("drum-like")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _write(fd: int, text: bytes, place: int) -> None:
    while text:
        written = os.pwrite(fd, text, place)
        text, place = text[written:], place + written
