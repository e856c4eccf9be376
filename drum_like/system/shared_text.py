"""A text that all workers share, and that outlives each of them; and a text of one process."""

import fcntl
import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

_HEAD = struct.Struct("=4q")
"""The number of the change, the place and the length of the text, and the number again: a head that
is read while it is written has two numbers."""


class SharedText:
    """A text in a file without a name, in memory where the system can.

    Make it before the fork: the file goes to the children. A change is written beside the text and
    then pointed at, so a worker that is killed in between leaves the text as it was, and readers
    need no lock: one that is stopped in a change stops no reader.
    """

    def __init__(self) -> None:
        self._fd = _open()
        self._point_at(0, _HEAD.size, 0)
        self._in_process = Lock()

    def number(self) -> int:
        """Return the number of the last change, 0 before the first."""
        return self._head()[0]

    def read(self) -> tuple[int, bytes]:
        """Return the number of the last change, and the text; empty before the first.

        Only the change after the next one writes where this text is, so a text is whole if no
        change was pointed at while it was read.
        """
        while True:
            head = self._head()
            text = self._text(head)
            if self._head() == head:
                return head[0], text

    def change(self, change: Callable[[bytes], bytes]) -> None:
        """Change the text; others wait meanwhile. An error of `change` leaves it as it is."""
        with self._locked():
            number, start, length = head = self._head()
            after = change(self._text(head))
            has_room = start - _HEAD.size >= len(after)
            place = _HEAD.size if has_room else start + length
            _write(self._fd, after, place)
            self._point_at(number + 1, place, len(after))

    def _point_at(self, number: int, start: int, length: int) -> None:
        os.pwrite(self._fd, _HEAD.pack(number, start, length, number), 0)

    def _head(self) -> tuple[int, int, int]:
        while True:
            number, start, length, last = _HEAD.unpack(os.pread(self._fd, _HEAD.size, 0))
            if number == last:
                return number, start, length

    def _text(self, head: tuple[int, int, int]) -> bytes:
        return os.pread(self._fd, head[2], head[1])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep out other threads and, by the lock of the file, other processes."""
        with self._in_process:
            fcntl.lockf(self._fd, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)


class OwnText:
    """A text of one process, with the calls of a SharedText.

    Args:
        found: The number of the last change, and the text.
    """

    def __init__(self, found: tuple[int, bytes] = (0, b"")) -> None:
        self._found = found
        self._lock = Lock()

    def read(self) -> tuple[int, bytes]:
        """Return the number of the last change, and the text; empty before the first."""
        return self._found

    def change(self, change: Callable[[bytes], bytes]) -> None:
        """Change the text; others wait meanwhile. An error of `change` leaves it as it is."""
        with self._lock:
            number, text = self._found
            self._found = number + 1, change(text)


def _open() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("drum-like")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _write(fd: int, text: bytes, place: int) -> None:
    while text:
        written = os.pwrite(fd, text, place)
        text, place = text[written:], place + written
