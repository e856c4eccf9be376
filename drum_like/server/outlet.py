"""Outlets: standard output and error that never wait for their reader.

A log that nobody reads is a full pipe, and a thread that writes to it waits for ever. What does not
fit is kept, up to a limit, and written by a thread of its own; what goes beyond is dropped,
counted, and told when the reader goes on.
"""

import atexit
import io
import logging
import os
import select
import socket
import stat
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from drum_like import logs

ROOM = 1 << 20
"""Bytes that are kept for a reader that does not read."""

_LONGEST = 1 << 18
"""Bytes of a line that stay together."""

_END_S = 1.0
"""Time that a reader gets at the end of the process."""


class Outlet(io.RawIOBase):
    """A descriptor that takes everything at once.

    It has an open file of its own: whether that waits is nothing to other processes, which share
    the one behind the descriptor.

    Args:
        descriptor: Standard output or error.
        note: Makes a line about this many lines that were dropped.
    """

    def __init__(self, descriptor: int, note: Callable[[int], bytes]) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._note = note
        self._own, self._send, self._is_slow = _opened(descriptor)
        self._begin()
        os.register_at_fork(after_in_child=self._begin)
        atexit.register(self._end)

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor that others know."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether this is a terminal."""
        return os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        """Write, keep or drop; what cannot be written at all is lost without an error."""
        n_sent = 0
        with self._lock:
            try:
                # Bytes behind others that wait would be the first to arrive.
                if not (self._waiting or self._is_slow):
                    n_sent = self._send(data)
            except BlockingIOError:
                pass
            except OSError:
                return len(data)
            if n_sent < len(data):
                self._keep(bytes(data[n_sent:]))
        return len(data)

    def _begin(self) -> None:
        """Forget what waits, and for whom: in a child it is the parent's."""
        self._lock = threading.RLock()  # a finalizer may write while this thread writes
        self._waiting: deque[bytes] = deque()
        self._n_bytes = 0
        self._n_dropped = 0
        self._writer: threading.Thread | None = None

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.join(_END_S)

    def _keep(self, data: bytes) -> None:
        if self._waiting and self._n_bytes + len(data) > ROOM:
            self._n_dropped += data.count(b"\n")
            return
        self._waiting.append(data)
        self._n_bytes += len(data)
        if self._writer is None:
            writer = threading.Thread(target=self._write_waiting, name="log", daemon=True)
            with suppress(RuntimeError):  # the interpreter is leaving
                writer.start()
                self._writer = writer

    def _write_waiting(self) -> None:
        """Write what waits, as it is read; runs in a thread of its own."""
        poller = select.poll()
        poller.register(self._own, select.POLLOUT)
        while data := self._oldest():
            with suppress(OSError):
                while data:
                    poller.poll()
                    with suppress(BlockingIOError):  # another process was faster
                        data = data[self._send(data) :]
            with self._lock:
                self._n_bytes -= len(self._waiting.popleft())

    def _oldest(self) -> bytes:
        """Return the bytes that wait longest, then the note on drops; else end the thread."""
        with self._lock:
            if not self._waiting and self._n_dropped:
                self._keep(self._note(self._n_dropped))
                self._n_dropped = 0
            if not self._waiting:
                self._writer = None
                return b""
            return self._waiting[0]


def open_outlets(log_format: str) -> None:
    """Put outlets in the place of standard output and error, for logs and for what hooks print.

    Args:
        log_format: As of `logs.configure`.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed before the start: a socket would get its number
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - as long as the process
    formatter = logs.formatter(log_format)

    def note(name: str, n_lines: int) -> bytes:
        text = "%s lines were dropped: nobody read what was written to standard %s"
        record = logging.LogRecord(
            logs.__name__, logging.WARNING, "", 0, text, (n_lines, name), None
        )
        return f"{formatter.format(record)}\n".encode()

    sys.stdout = _stream(sys.stdout, partial(note, "output"))
    sys.stderr = _stream(sys.stderr, partial(note, "error"))


def raw_output() -> Callable[[bytes], object]:
    """Return the function that writes bytes to standard output, past what is buffered."""
    buffer: Any = sys.stdout.buffer
    write: Callable[[bytes], object] = getattr(buffer, "raw", buffer).write
    return write


def _stream(stream: TextIO, note: Callable[[int], bytes]) -> TextIO:
    """Return a stream to the same descriptor; the stream itself if it has none."""
    try:
        outlet = Outlet(stream.fileno(), note)
    except (OSError, ValueError):  # in a test, say
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(outlet, _LONGEST),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,
    )


def _opened(descriptor: int) -> tuple[int, Callable[[Any], int], bool]:
    """Return an own descriptor, the function that writes to it, and whether that may wait."""
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(kind):
        sock = socket.socket(fileno=os.dup(descriptor))
        return sock.fileno(), lambda data: sock.send(data, socket.MSG_DONTWAIT), False
    if not stat.S_ISREG(kind):
        try:
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
            own = os.open(f"/proc/self/fd/{descriptor}", flags)
        except OSError:  # another user's pipe, or no Linux
            own = os.dup(descriptor)
            return own, partial(os.write, own), True
        return own, partial(os.write, own), False
    own = os.dup(descriptor)
    return own, partial(os.write, own), False
