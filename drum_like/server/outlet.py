"""Outlets: standard output and error that never wait for their reader.

A log that nobody reads is a full pipe, and a thread that writes to it waits for ever. What does not
fit is kept, up to a limit, and written by a thread of its own; what goes beyond is dropped,
counted, and told when the reader goes on.

Records, which are lines of the server's own, come whole and begin a line of their own, whatever
custom code prints in between.
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
from drum_like.system.metrics import LINES_DROPPED

ROOM = 1 << 20
"""Bytes that are kept for a reader that does not read."""

FOR_RECORDS = 1 << 18
"""Bytes beside these that are kept of records only: what hooks print drops none."""

_LONGEST = 1 << 18
"""Bytes of a line that stay together, unless a pipe takes fewer at once."""

_END_S = 1.0
"""Time that a reader gets at the end of the process."""


class Outlet(io.RawIOBase):
    """A descriptor that takes everything at once.

    It has an open file of its own: whether that waits is nothing to other processes, which share
    the one behind the descriptor.

    Args:
        descriptor: Standard output or error.
        note: Makes a line about this many lines that were dropped.
        name: `output` or `error`.
    """

    _unended: bytes

    def __init__(self, descriptor: int, note: Callable[[int], bytes], name: str = "output") -> None:
        super().__init__()
        self._descriptor, self._name, self._note = descriptor, name, note
        self._own, self._send, self._is_slow = _opened(descriptor)
        self._longest = select.PIPE_BUF if _is_pipe(descriptor) else _LONGEST
        self._holds = not os.isatty(descriptor)
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
        """Write the output of custom code line by line; an unfinished line is held back.

        A line that is too long to be written at once becomes several: another process could write
        in between.
        """
        if not self._holds:
            return self.record(data, ROOM)
        with self._lock:
            *lines, self._unended = (self._unended + data).split(b"\n")
            cut = self._longest - 1
            for line in lines:
                for at in range(0, len(line) or 1, cut):
                    self.record(line[at : at + cut] + b"\n", ROOM)
            while len(self._unended) >= cut:
                self.record(self._unended[:cut] + b"\n", ROOM)
                self._unended = self._unended[cut:]
        return len(data)

    def record(self, data: Any, room: int = ROOM + FOR_RECORDS) -> int:
        """Write, keep or drop whole lines; what cannot be written is lost without an error.

        Args:
            data: The lines, of the server's own.
            room: The most bytes that may be kept.
        """
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
                self._keep(bytes(data[n_sent:]), room)
        return len(data)

    def _begin(self) -> None:
        """Forget what waits, and for whom: in a child it is the parent's."""
        self._lock = threading.RLock()  # a finalizer may write while this thread writes
        self._waiting: deque[bytes] = deque()
        self._unended = b""
        self._n_bytes = 0
        self._n_dropped = 0
        self._writer: threading.Thread | None = None

    def _end(self) -> None:
        """Write the unfinished line, and give the reader some time."""
        self._holds = False
        if self._unended:
            self.record(self._unended + b"\n")
        if self._writer is not None:
            self._writer.join(_END_S)

    def _keep(self, data: bytes, room: int) -> None:
        if self._waiting and self._n_bytes + len(data) > room:
            n_lines = data.count(b"\n")
            self._n_dropped += n_lines
            LINES_DROPPED.add(self._name, amount=n_lines)
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
                self._keep(self._note(self._n_dropped), ROOM)
                self._n_dropped = 0
            if not self._waiting:
                self._writer = None
                return b""
            return self._waiting[0]


def open_outlets(log_format: str) -> None:
    """Put outlets in the place of standard output and error, for what hooks print.

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

    # A hook may replace sys.stdout and sys.stderr; the other names stay.
    sys.stdout = sys.__stdout__ = _stream(sys.stdout, "output", note)  # type: ignore[assignment,misc]
    sys.stderr = sys.__stderr__ = _stream(sys.stderr, "error", note)  # type: ignore[assignment,misc]


def raw_output() -> Callable[[bytes], object]:
    """Return the function that writes records to standard output."""
    assert sys.__stdout__ is not None  # noqa: S101 - see `open_outlets`
    return record_writer(sys.__stdout__)


def record_writer(stream: TextIO) -> Callable[[bytes], object]:
    """Return the function that writes records to standard output or error.

    Args:
        stream: Made by `open_outlets`; any other stream gets bytes past what is buffered.
    """
    buffer: Any = stream.buffer
    raw = getattr(buffer, "raw", buffer)
    write: Callable[[bytes], object] = getattr(raw, "record", raw.write)
    return write


def _stream(stream: TextIO, name: str, note: Callable[[str, int], bytes]) -> TextIO:
    """Return a stream to the same descriptor; the stream itself if it has none."""
    try:
        outlet = Outlet(stream.fileno(), partial(note, name), name)
    except (OSError, ValueError):  # in a test, say
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(outlet, _LONGEST),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,
    )


def _is_pipe(descriptor: int) -> bool:
    return stat.S_ISFIFO(os.fstat(descriptor).st_mode)


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
