"""The file of --input: standard input, a pipe or a device becomes a file while a verb runs."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from drum_like.cli.input_file import MATRIX_MARKET
from drum_like.config.options import DASH
from drum_like.config.settings import Settings
from drum_like.errors import SettingsError

_BANNER = b"%%MatrixMarket"
_PIECE = 1 << 20


@contextmanager
def as_file(settings: Settings) -> Iterator[Settings]:
    """Give settings whose input is a file that can be read twice, until the block ends.

    Without a name of its own, what begins with the banner of Matrix Market is that, the rest CSV.

    Raises:
        SettingsError: it cannot be read.
    """
    path = settings.input
    if path is None or (path != DASH and path.is_file()):
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
    with target.open("rb") as copy:
        is_matrix = copy.read(len(_BANNER)) == _BANNER
    named = target.with_suffix(MATRIX_MARKET if is_matrix else ".csv")
    return target.replace(named)
