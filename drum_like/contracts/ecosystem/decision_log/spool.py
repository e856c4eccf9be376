"""Files for items that the store does not take: one a worker, read by the first that comes.

A line is one item as JSON. A worker holds a lock on its file; a file without a lock was left by a
worker that has ended, and any other may read it. An item may be read twice, but is never lost.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import orjson

from drum_like.contracts.ecosystem.decision_log.calls import Acceptance
from drum_like.contracts.ecosystem.decision_log.queue import Item, NewDecision
from drum_like.errors import StoreError
from drum_like.store.ecosystem_entities import Accepted, Presented
from drum_like.store.entities import json_text
from drum_like.store.upload_file import storing

_SUFFIX = ".decisions"

Line = dict[str, Any]
"""One item as JSON."""

_DECISION, _ACCEPTANCE = "Made", "Answered"
"""The keys of lines; files of earlier versions have them, too."""


def line_of(item: Item) -> bytes:
    """Return an item as a line of a spool, without a line break."""
    key = _ACCEPTANCE if isinstance(item, Acceptance) else _DECISION
    return json_text({key: item}).encode()


def parse_line(line: Line) -> Item:
    """Return the item that a line holds.

    Raises:
        KeyError, TypeError, ValueError: it holds none.
    """
    if _ACCEPTANCE in line:
        return Acceptance(**_timed(line[_ACCEPTANCE]))
    found = line[_DECISION]
    accepted = found["accepted"]
    return NewDecision(
        Presented(**_timed(found["presented"])),
        None if accepted is None else Accepted(**_timed(accepted)),
    )


def _timed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "at": datetime.fromisoformat(values["at"])}


class Spool:
    """The files of one directory, and the one that this worker writes; used by one thread.

    Args:
        folder: Is made when the first file is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: tuple[Path, BinaryIO] | None = None

    def append(self, lines: Sequence[bytes], *, to_disk: bool) -> None:
        """Write lines to this worker's file, where they survive a kill of the process.

        Args:
            lines: JSON without line breaks.
            to_disk: Whether they have to survive the machine, too.

        Raises:
            StoreError: the disk does not take them.
        """
        with storing():
            number = self._file().fileno()
            end = os.lseek(number, 0, os.SEEK_END)
            try:
                _write(number, b"".join(line + b"\n" for line in lines))
                if to_disk:
                    os.fsync(number)
            except OSError:
                # Half a line would spoil the next one.
                os.ftruncate(number, end)
                raise

    def has_files(self) -> bool:
        """Return whether there is any file, of this or another worker; raises as `files`."""
        return bool(self._paths())

    def files(self) -> Iterator["SpoolFile"]:
        """Yield the files left: this worker's, and those of workers that have ended.

        Raises:
            StoreError: a file, or the folder, cannot be read.
        """
        if self._own is not None:
            (path, own), self._own = self._own, None
            yield SpoolFile(path, own)
        for path in self._paths():
            file = _locked(path)
            if file is not None:
                yield SpoolFile(path, file)

    def _paths(self) -> list[Path]:
        with storing():
            return sorted(self._folder.glob(f"*{_SUFFIX}"))

    def _file(self) -> BinaryIO:
        """Return this worker's file; it gets its visible name after it is locked."""
        if self._own is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{os.getpid()}-{uuid4().hex[:8]}{_SUFFIX}"
            hidden = path.with_suffix(".new")
            file = hidden.open("a+b")
            fcntl.flock(file, fcntl.LOCK_EX)
            hidden.rename(path)
            self._own = path, file
        return self._own[1]


class SpoolFile:
    """A file of items that is locked by this process.

    Args:
        path: Where it is.
        file: Open for reading.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file

    def lines(self) -> Iterator[Line]:
        """Yield the items; a line that a kill has cut off is none."""
        self._file.seek(0)
        for text in self._file:
            with suppress(orjson.JSONDecodeError):
                yield orjson.loads(text)

    def remove(self) -> None:
        """Remove the file: all of it is in the store.

        Raises:
            StoreError: it cannot be removed.
        """
        with storing():
            self._path.unlink(missing_ok=True)
        self._file.close()

    def keep(self) -> None:
        """Let the file be read another time."""
        self._file.close()


def _write(number: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(number, rest) :]


def _locked(path: Path) -> BinaryIO | None:
    """Return a file locked for this process, None if another holds it or it is gone."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path.name} beside the store cannot be read") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
