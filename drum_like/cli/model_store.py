"""The model store of the verbs about models: on this machine, or that of a server."""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from drum_like.config.model_settings import LoadSettings
from drum_like.config.store_settings import UploadSettings
from drum_like.errors import NotFoundError
from drum_like.store.entities import Declared

Progress = Callable[[int], None]
"""Takes the number of bytes sent since its last call."""


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A version as it is shown.

    Attributes:
        number: Within the model.
        uuid: Unique everywhere.
        status: The status of its check.
        sha256: Of the file.
        size: Of the file, in bytes.
        file_name: As the uploader named it.
        created_at: When it was stored.
        aliases: Names for it.
        error: The reason that it is not ready.
    """

    number: int
    uuid: str
    status: str
    sha256: str
    size: int
    file_name: str | None
    created_at: datetime
    aliases: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as it is shown; its versions, the highest number first."""

    name: str
    versions: tuple[ListedVersion, ...]

    def version(self, wanted: str | None) -> ListedVersion:
        """Return a version by number, UUID or alias; the newest if none is named.

        Raises:
            NotFoundError: there is none.
        """
        for version in self.versions:
            names = (str(version.number), version.uuid, *version.aliases)
            if wanted is None or wanted in names:
                return version
        raise NotFoundError(f"there is no version {wanted!r} of the model {self.name!r}")


@dataclass(frozen=True, slots=True)
class Push:
    """A file to put into a store.

    Attributes:
        name: Of the model.
        path: The file.
        file_name: The name to store it under.
        declared: The declared target.
        uploads: The models that a store on this machine takes.
        load: The way in which it tries the model.
    """

    name: str
    path: Path
    file_name: str
    declared: Declared
    uploads: UploadSettings = field(default_factory=UploadSettings)
    load: LoadSettings = field(default_factory=LoadSettings)


class ModelStore(Protocol):
    """A store of models: each method is about one workspace."""

    def push(self, push: Push, progress: Progress) -> ListedVersion:
        """Store a file as a new version that is checked; return it as it is after the check."""

    def models(self) -> list[ListedModel]:
        """Return all models, the newest first."""

    def model(self, name: str) -> ListedModel:
        """Return one model; NotFoundError if there is none of that name."""

    def set_alias(self, name: str, alias: str, version: ListedVersion | None) -> None:
        """Give a version an alias; None takes it away."""

    def remove_version(self, version: ListedVersion) -> int:
        """Remove a version; return the bytes that this frees."""

    def remove_model(self, name: str) -> int:
        """Remove a model with all its versions; return the bytes that this frees."""


def with_aliases(aliases: Mapping[str, str], uuid: str) -> tuple[str, ...]:
    """Return the aliases of one version, from those of a model by UUID."""
    return tuple(sorted(alias for alias, of in aliases.items() if of == uuid))


_LEFT_OUT = frozenset({"__pycache__"})
_DATE = (1980, 1, 1, 0, 0, 0)


@contextmanager
def packed(path: Path) -> Iterator[Path]:
    """Give a file, or the zip of a directory, which is there until the block ends.

    Hidden files, links and __pycache__ are left out. A directory that has not changed gives the
    same bytes again, and so the same digest.
    """
    if path.is_file():
        yield path
        return
    with TemporaryDirectory(prefix="model-") as folder:
        archive = Path(folder) / f"{path.name}.zip"
        with zipfile.ZipFile(archive, "w") as target:
            for file in _files(path):
                member = zipfile.ZipInfo(file.relative_to(path).as_posix(), _DATE)
                member.compress_type = zipfile.ZIP_DEFLATED
                with file.open("rb") as source, target.open(member, "w", force_zip64=True) as sink:
                    while piece := source.read(1 << 20):
                        sink.write(piece)
        yield archive


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        left_out = any(part.startswith(".") or part in _LEFT_OUT for part in parts)
        if path.is_file() and not path.is_symlink() and not left_out:
            yield path
