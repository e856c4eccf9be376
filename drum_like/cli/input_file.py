"""Input files of the verbs, and their payloads."""

from pathlib import Path

from drum_like import codecs
from drum_like.config.settings import Settings
from drum_like.config.value_types import DASH
from drum_like.errors import SettingsError
from drum_like.types.codec import Codec
from drum_like.types.payload import CSV, Limits, Payload

_HEAD = 64
"""Bytes of a file without a suffix that show its format."""


def codec_of(path: Path) -> Codec:
    """Return the codec of a file: by its suffix, without one by its first bytes, else of CSV."""
    if path.suffix:
        return codecs.installed().of_file(path)
    with path.open("rb") as stream:
        return codecs.installed().of_stream(stream.read(_HEAD))


def is_csv(path: Path) -> bool:
    """Return whether a file is read as CSV."""
    return CSV in codec_of(path).media_types


def template(settings: Settings, path: Path) -> Payload:
    """Return the payload of a file, still without its bytes."""
    limits = Limits(settings.max_columns, settings.max_cells)
    media_type = codec_of(path).media_types[0]
    if media_type == CSV:
        return Payload(b"", limits=limits, from_file=True)
    names = column_names(settings)
    return Payload(b"", media_type, None, names, media_type, limits, from_file=True)


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
