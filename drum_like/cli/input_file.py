"""What the verbs that score read from files."""

from pathlib import Path

from drum_like.config.settings import Settings
from drum_like.errors import SettingsError
from drum_like.types.payload import Limits, Payload

MATRIX_MARKET = ".mtx"
"""The suffix, in lower case only, of Matrix Market files; all others are CSV, as in DRUM."""


def template(settings: Settings, path: Path) -> Payload:
    """Return what is known about the payload in a file, without its bytes."""
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
