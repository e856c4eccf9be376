"""Input streams of the verbs, as files that can be read twice; nothing heavy is imported here."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from drum_like.config.file_settings import FileCommandSettings
from drum_like.config.model_settings import CommandSettings
from drum_like.config.value_types import DASH
from drum_like.errors import SettingsError

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
