"""A number beside the store that moves with every change; a process compares it to find changes.

Workers keep in memory what they know of the store. Before they answer by that they look at this
number, which takes a microsecond; only if it has moved they ask the database. It moves after a
change is in the database and before it is acknowledged: an acknowledged change holds in every
process that shares the directory. Processes elsewhere ask the database again and again.

The number is read with one system call and not mapped into memory: a file that is cut off, or a
full disk, would kill a process that touches the mapping.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

logger = logging.getLogger(__name__)

_BYTES = 8
_NEVER = b""


class Moves:
    """The number of a store, open in one process; make it after the fork.

    Args:
        path: Its file; made when it is missing. A place that cannot be written to is done without.
    """

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._file: int | None = None
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            logger.warning("changes in the store are seen later: %s", error.strerror)

    def seen(self) -> bytes:
        """Return the number, which is only good to be compared."""
        if self._file is None:
            return _NEVER
        try:
            return os.pread(self._file, _BYTES, 0)
        except OSError:
            return _NEVER

    def move(self) -> None:
        """Move the number on; a full disk loses nothing, processes then learn of changes later."""
        if self._file is None:
            return
        with suppress(OSError), self._held(self._file) as file:
            number = int.from_bytes(os.pread(file, _BYTES, 0), "little") + 1
            os.pwrite(file, number.to_bytes(_BYTES, "little"), 0)

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    @contextmanager
    def _held(self, file: int) -> Iterator[int]:
        """Lock out other threads and other processes: neither of two moves may be lost."""
        with self._lock:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield file
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)
