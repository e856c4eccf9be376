"""Input files of the verbs: --input as a file, also if it is a stream, and its payload."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from drum_like.config.options import DASH
from drum_like.config.settings import Settings
from drum_like.errors import SettingsError
from drum_like.types.payload import Limits, Payload

MATRIX_MARKET = ".mtx"
"""The suffix, in lower case only, of Matrix Market files; all others are CSV, as in DRUM."""


def template(settings: Settings, path: Path) -> Payload:
    """Return the payload of a file, still without its bytes."""
    limits = Limits(settings.max_columns, settings.max_cells)
    if path.suffix != MATRIX_MARKET:
        return Payload(b"", limits=limits, from_file=True)
    names = column_names(settings)
    return Payload(b"", "text/mtx", None, names, "text/mtx", limits, from_file=True)


def input_path(settings: Settings) -> Path:
    """Return the file to score.

    Raises:
        SettingsError: none was named, which only happens without a command line.
    """
    if settings.input is None:
        raise SettingsError("--input is needed: the file to score")
    return settings.input


def column_names(settings: Settings) -> tuple[str, ...] | None:
    """Return the names in the sparse column file: one a line, stripped; None without a file.

    Raises:
        SettingsError: the file is not UTF-8 text.
    """
    path = settings.sparse_column_file
    if path is None:
        return None
    try:
        return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("the file of --sparse-column-file is not UTF-8 text") from error


_BANNER = b"%%MatrixMarket"
_PIECE = 1 << 20


@contextmanager
def as_file(settings: Settings) -> Iterator[Settings]:
    """Give settings whose input is a file that can be read twice, until the block ends.

    A stream without a name is Matrix Market if it begins with the banner of that, else CSV.

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
