"""The file that an upload is written to before it is known whether it is kept."""

import errno
import fcntl
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from drum_like.errors import SizeError, StoreError, StoreFullError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """A file that arrived whole and is on the disk.

    Attributes:
        path: Where it lies until it is published.
        sha256: Of its bytes, in hexadecimal.
        size: In bytes.
    """

    path: Path
    sha256: str
    size: int


class Incoming(io.RawIOBase):
    """A file that hashes the bytes written to it; removed at the end unless it was published.

    A parser of forms may use it as the stream of a part: it writes, goes back to the start, reads
    and closes, and the file stays until the `with` block ends.

    Args:
        folder: On the file system of the store.
        max_bytes: More are refused.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        super().__init__()
        self.path = folder / f"{uuid4()}.part"
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self._size = 0
        self._received: Received | None = None
        with storing():
            self._file = self.path.open("x+b", buffering=0)
        _hold(self._file.fileno())

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the file, if it was not published."""
        self.discard()

    def writable(self) -> bool:
        """Return True."""
        return True

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Append bytes.

        Raises:
            SizeError: the file would become larger than allowed.
            StoreFullError: there is no space left.
        """
        view = memoryview(data).cast("B")
        if self._size + len(view) > self._max_bytes:
            raise SizeError(
                f"the file is larger than {self._max_bytes // _MIB} MiB, the limit of "
                "--max-upload-mb"
            )
        self._digest.update(view)
        self._size += len(view)
        with storing():
            write_all(self._file, view)
        return len(view)

    def readinto(self, buffer: Any) -> int | None:
        """Read from where `seek` left off."""
        return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, for reading."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def close(self) -> None:
        """Do nothing: a form parser closes the parts before they are read."""

    def received(self) -> Received:
        """Bring the file to the disk and return what arrived; further writes are a mistake.

        Raises:
            StoreError: the disk does not take it; it is not tried again.
        """
        if self._received is None:
            with storing():
                os.fchmod(self._file.fileno(), 0o444)
                os.fsync(self._file.fileno())
            self._received = Received(self.path, self._digest.hexdigest(), self._size)
        return self._received

    def discard(self) -> None:
        """Remove the file, if it was not published."""
        self._file.close()
        super().close()
        with suppress(FileNotFoundError):
            self.path.unlink()


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder while it is worked on: no sweep removes it, whatever the clock says."""
    with storing():
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _hold(descriptor)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether a process works on a file or folder; False if it is gone."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


def _hold(descriptor: int) -> None:
    with suppress(OSError):  # a file system without locks: the age has to do
        fcntl.flock(descriptor, fcntl.LOCK_SH)


def write_all(file: io.RawIOBase, data: bytes | memoryview) -> None:
    """Write bytes to an unbuffered file, however many it takes at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def storing() -> Iterator[None]:
    """Turn errors of the file system into errors of the store, without paths.

    Raises:
        StoreFullError: there is no space left.
        StoreError: anything else.
    """
    try:
        yield
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        if error.errno in _FULL:
            raise StoreFullError(f"there is no space left for the store ({name})") from error
        raise StoreError(f"the store's directory cannot be used ({name})") from error
