"""Model directories, made from files of the store."""

import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from drum_like.registry.inspection import kind_named
from drum_like.store.archive import Bounds, unpack
from drum_like.store.entities import ZIP
from drum_like.store.files import Files
from drum_like.store.upload_file import storing

_MODEL = "model"


def model_directory(files: Files, digest: str, kind: str, bounds: Bounds) -> Path:
    """Return the model directory of a file, made if it is not there; its bytes are checked.

    Args:
        files: Of the store.
        digest: SHA-256 of the file.
        kind: Its format.
        bounds: Of zip files.

    Raises:
        ArtifactError: the file is gone, or is not what was stored.
        ArchiveError: the zip cannot be unpacked.
        StoreError: the disk does not take it.
    """
    blob = files.check(digest)
    key = f"{digest}-{kind}"
    ready = files.directory(key)
    if ready.is_dir() and (kind == ZIP or _is_same(ready / _file_name(kind), blob)):
        return ready
    shutil.rmtree(ready, ignore_errors=True)
    with made_directory(files, blob, kind, bounds) as made:
        return files.place_directory(made, key)


@contextmanager
def made_directory(files: Files, source: Path, kind: str, bounds: Bounds) -> Iterator[Path]:
    """Give a model directory made from a file; it is removed at the end, unless it was moved."""
    folder = files.aside(f"{uuid4()}.directory")
    try:
        if kind == ZIP:
            unpack(source, folder, bounds)
        else:
            with storing():
                folder.mkdir()
                _link(source, folder / _file_name(kind))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _file_name(kind: str) -> str:
    return _MODEL + kind_named(kind).suffixes[0]


def _is_same(path: Path, blob: Path) -> bool:
    """Return whether a file has the bytes of another: a second name of it, or a whole copy."""
    return path.exists() and (path.samefile(blob) or filecmp.cmp(path, blob, shallow=False))


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; copy it where the file system has no links."""
    try:
        os.link(source, target)
    except (OSError, NotImplementedError):
        shutil.copyfile(source, target)
