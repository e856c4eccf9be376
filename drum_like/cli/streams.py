"""The streams of a verb: input as a file, output to a file, a device or standard output."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import BinaryIO

from drum_like.config.file_settings import FileCommandSettings
from drum_like.config.model_settings import CommandSettings
from drum_like.config.value_types import DASH
from drum_like.errors import SettingsError, SizeError

_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/(?:fd/(\d+)|std(out)|std(err))")


@contextmanager
def opened(path: Path, flag: str) -> Iterator[BinaryIO]:
    """Open the target of a flag for writing: `-`, a device, a FIFO or a descriptor as they are.

    A file is replaced when the block ends without an error, so that no reader sees half of it.

    Raises:
        SettingsError: it cannot be written.
        BrokenPipeError: the reader of standard output has gone.
    """
    try:
        with _stream(path) as stream:
            yield stream
    except OSError as error:
        if path == DASH and isinstance(error, BrokenPipeError):
            raise
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"{flag}: {path} cannot be written: {reason}") from error


def check(path: Path | None, flag: str) -> None:
    """Refuse early a path that cannot be written to.

    Raises:
        SettingsError: it is a directory, or would lie in one that is not there.
    """
    if path is None or path == DASH:
        return
    if path.is_dir():
        raise SettingsError(f"{flag}: {path} is a directory; name a file in it")
    if not path.absolute().parent.is_dir():
        raise SettingsError(f"{flag}: there is no directory to put {path.name} into; create it")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its place when the block ends without an error."""
    target = path.resolve()
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as stream:
        partial = Path(stream.name)
        try:
            yield stream  # type: ignore[misc] # the wrapper is a binary file in all but its type
            stream.close()
            partial.chmod(_mode(target))
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextmanager
def _stream(path: Path) -> Iterator[BinaryIO]:
    descriptor = _descriptor(path)
    if path == DASH:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif descriptor is not None:
        with os.fdopen(os.dup(descriptor), "wb") as stream:
            yield stream
    elif path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
    else:
        with replacing(path) as stream:
            yield stream


def _descriptor(path: Path) -> int | None:
    """Return the open file that /dev/stdout and its like name; opened anew, it would be emptied."""
    found = _DESCRIPTOR.fullmatch(os.path.normpath(path))
    if not found:
        return None
    return int(found[1]) if found[1] else 1 if found[2] else 2


def _mode(target: Path) -> int:
    """Return the permissions that writing to `target` itself would have given or left."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def discard_standard_output() -> None:
    """Discard all further output, so that Python does not write to a closed pipe as it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_PIECE = 1 << 20
"""Bytes of a stream that are copied at a time."""


@contextmanager
def as_file(settings: CommandSettings) -> Iterator[CommandSettings]:
    """Give settings whose input is a file that can be read twice, until the block ends.

    Raises:
        SettingsError: it cannot be read.
    """
    if not isinstance(settings, FileCommandSettings) or settings.input is None:
        yield settings
        return
    path = settings.input
    if path != DASH and path.is_file():
        yield settings
        return
    with TemporaryDirectory(prefix="drum-like-") as folder:
        try:
            spooled = _spooled(path, Path(folder))
        except OSError as error:
            raise SettingsError(f"--input: {path} cannot be read: {error.strerror}") from error
        yield replace(settings, input=spooled)


def _spooled(path: Path, folder: Path) -> Path:
    if path == DASH:
        return _copied(sys.stdin.buffer, folder)
    with path.open("rb") as stream:
        return _copied(stream, folder)


def _copied(stream: BinaryIO, folder: Path) -> Path:
    target = folder / "input"
    with target.open("wb") as copy:
        shutil.copyfileobj(stream, copy, _PIECE)
    return target


_PACKED = frozenset({".gz", ".zst"})
_RATIO = 100
"""Bytes that a byte of a compressed file may become, beyond the first MiB."""


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give the file that a compressed one holds, until the block ends; any other one as it is.

    Raises:
        SizeError: it becomes much larger, or needs much memory.
        BodyError: it is damaged.
    """
    if path.suffix.lower() not in _PACKED:
        yield path
        return
    with TemporaryDirectory(prefix="drum-like-") as folder:
        try:
            copy = _expanded(path, Path(folder))
        except SizeError as error:
            raise SizeError(
                f"--input: {path.name} needs a window of more than 8 MiB, or becomes more than "
                f"{_RATIO} times as large; if that is right, expand it before"
            ) from error
        yield copy


def _expanded(path: Path, folder: Path) -> Path:
    from drum_like.http.expansion import Expansion, named_coding  # noqa: PLC0415 - imports Flask

    name, coding = named_coding(path.name)
    copy = folder / name
    with copy.open("wb") as stream:
        stream.writelines(Expansion(sys.maxsize, _RATIO).pieces(str(coding), path.read_bytes()))
    return copy
