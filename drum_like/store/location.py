"""The place of a store, and the counter in it that advances with every change.

Workers keep in memory what they know of the store. Before they answer by that they look at the
counter, which takes a microsecond; only if it has advanced they ask the database. It advances after
a change is in the database and before it is acknowledged: an acknowledged change holds in every
process that shares the directory. Processes elsewhere ask the database again and again.

The counter is read with one system call and not mapped into memory: a file that is cut off, or a
full disk, would kill a process that touches the mapping.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from platformdirs import user_state_path

from drum_like.errors import SettingsError

DATABASE = "store.db"
"""The database file of a store that has no server."""

CHANGE_COUNTER = "moves"
"""The file of the counter of changes."""

_BYTES = 8
_NEVER = b""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a store.

    Attributes:
        root: The directory of its files; made when it is missing.
        url: Of a PostgreSQL server; None for a database file in the directory.
    """

    root: Path
    url: str | None = None

    @property
    def is_there(self) -> bool:
        """Whether a store was made there, as far as its directory shows."""
        return (self.root / "blobs").is_dir()


def place_of(root: Path | None, url: str | None) -> Place:
    """Return the place of the store: that of --store, else a directory of this user.

    Args:
        root: The directory that --store names; None without it.
        url: The URL of its database; None for a file in the directory.

    Raises:
        SettingsError: no store is named, and this user has no home directory.
    """
    if root is not None:
        return Place(root, url)
    try:
        usual = user_state_path("drum-like", appauthor=False) / "store"
    except RuntimeError as error:
        raise SettingsError(
            "the store has no directory: this user has no home; name one with --store"
        ) from error
    return Place(usual, url)


class ChangeCounter:
    """The counter of a store's changes, open in one process; make it after the fork.

    Args:
        path: Its file; made when it is missing. If it cannot be written, nothing is counted.
    """

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._file: int | None = None
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            logger.warning("changes in the store are seen later: %s", error.strerror)

    def seen(self) -> bytes:
        """Return the counter, which is only good to be compared."""
        if self._file is None:
            return _NEVER
        try:
            return os.pread(self._file, _BYTES, 0)
        except OSError:
            return _NEVER

    def advance(self) -> None:
        """Count a change; a full disk loses nothing, processes then learn of changes later."""
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
        """Lock out other threads and other processes: neither of two changes may be lost."""
        with self._lock:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield file
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)
