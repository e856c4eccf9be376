"""The way into every verb: settings, runtime parameters and metadata in their order, and the input.

Nothing heavy is imported here.
"""

import shutil
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from drum_like.config.options import DASH
from drum_like.config.settings import Settings
from drum_like.errors import SettingsError
from drum_like.model.configuration import configured
from drum_like.model.runtime_parameters import exports

_PIECE = 1 << 20
"""Bytes of a stream that are copied at a time."""


def load_settings(argv: Sequence[str], environ: MutableMapping[str, str]) -> Settings:
    """Return the settings of a process, completed from the metadata of its model directory.

    Runtime parameters of --runtime-params-file are put into the environment, where custom.py and
    the server's own settings look for them.

    Raises:
        UsageError: the command line cannot be understood.
        SettingsError: a variable, the metadata or a runtime parameter is wrong.
    """
    settings = Settings.load(argv, environ)
    if settings.runtime_params_file is not None:
        environ.update(exports(settings.code_dir, settings.runtime_params_file))
        settings = Settings.load(argv, environ)
    if settings.with_error_server or not settings.has_code_dir:
        return settings  # an error in the metadata is answered over HTTP
    return configured(settings)


@contextmanager
def as_file(settings: Settings) -> Iterator[Settings]:
    """Give settings whose input is a file that can be read twice, until the block ends.

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
    return target
