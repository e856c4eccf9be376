"""Loads models for a catalog: directories given at start, and directories made of stored files.

DRUM's way is one model a process: custom.py is the module `custom`, and its folder stands on
sys.path. With several models the modules beside one custom.py would be found by another. So the
modules of a model are taken out of sys.modules as soon as it is loaded; its own functions keep
them. A hook that imports a module of its folder only when it is called does not find it then, and
fails: that is better than another model's module of the same name.
"""

import filecmp
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any
from uuid import uuid4

from drum_like.config.model_settings import LoadSettings, ModelSettings
from drum_like.errors import UnsupportedError
from drum_like.inference.loading import MODEL_VERSION, open_service
from drum_like.inference.model_service import ModelService
from drum_like.model.configuration import configured
from drum_like.registry.cache import Loaded
from drum_like.registry.inspection import kind_named
from drum_like.registry.stored_model import StoredModel, open_stored
from drum_like.store.archive import Bounds, unpack
from drum_like.store.entities import IMAGE, ZIP, Version
from drum_like.store.files import Files
from drum_like.store.names import key_of
from drum_like.store.store import Store
from drum_like.store.upload_file import held, storing
from drum_like.system.cpus import PredictLimiter

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
        with storing():
            folder.mkdir()
        with held(folder):
            if kind == ZIP:
                unpack(source, folder, bounds)
            else:
                with storing():
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


@dataclass(frozen=True, slots=True)
class Loader:
    """Loader of model directories and of stored versions.

    Attributes:
        settings: The way in which models are loaded.
        directories: Model directories by name and version, the oldest version first.
        store: Where versions come from; None without one.
        limiter: Entered around each prediction of any model.
        others: Directories of models that were loaded in another way.
        lock: Models are loaded one at a time: custom code sees the whole process.
    """

    settings: LoadSettings
    directories: Mapping[str, Mapping[str, Path]]
    store: Store | None
    limiter: PredictLimiter
    others: tuple[Path, ...] = ()
    lock: Any = field(default_factory=Lock)

    def directory(self, name: str, version: str) -> Loaded:
        """Load the model directory of that name and version; raises as `named`."""
        return self.named(name, self.directories[name][version], version)

    def named(self, name: str, path: Path, version: str = MODEL_VERSION) -> Loaded:
        """Load a model directory, and call it by a name and a version.

        Raises:
            LoadError: it does not become a model.
            SettingsError: its metadata is wrong.
        """
        model = configured(ModelSettings(code_dir=path))
        with self.lock, isolated(path, self.others):
            service = open_service(model, self.settings, limiter=self.limiter)
        info = replace(service.info, name=name, version=version)
        return Loaded(replace(service, info=info))

    def version(self, version_id: int) -> Loaded:
        """Load a version of the store.

        Raises:
            NotFoundError: it is gone.
            UnsupportedError: it is a container image.
            LoadError: its file is gone or damaged, or does not load.
            StoreError: the store fails.
        """
        store = self._store()
        version = store.versions.get(version_id)
        if version.format == IMAGE:
            raise UnsupportedError(
                f"version {version.number} of {version.name!r} is a container image, which is not "
                "run here"
            )
        directory = model_directory(store.files, version.sha256, version.format, Bounds())
        stored = StoredModel(directory, version.runs_code, version.declared)
        with self.lock, isolated(directory, self.others):
            service = open_stored(stored, self.settings, self.limiter)
        config = store.configs.latest(version_id)
        return Loaded(_named(service, version), version, config)

    def _store(self) -> Store:
        if self.store is None:
            raise UnsupportedError("this server has no model store")
        return self.store


def _named(service: ModelService, version: Version) -> ModelService:
    """Return a service that says which version it is."""
    info = replace(
        service.info,
        name=key_of(version.workspace_id, version.name),
        version=str(version.number),
        sha256=version.sha256,
        uuid=version.uuid,
    )
    about = {**service.about, "codeDir": "", "modelUuid": version.uuid}
    return replace(service, info=info, about=about)


@contextmanager
def isolated(directory: Path, others: tuple[Path, ...]) -> Iterator[None]:
    """Load a model in the block so that its modules and those of others do not meet.

    Callers take care that there is one such block at a time.

    Args:
        directory: Of the model that is loaded.
        others: Of models whose modules are in sys.modules to stay.
    """
    path = list(sys.path)
    away = _modules_below(others)
    for name in away:
        del sys.modules[name]
    sys.path[:] = [entry for entry in path if not _is_below(entry, others)]
    try:
        yield
    finally:
        for name in _modules_below((directory,)):
            del sys.modules[name]
        sys.modules.update(away)
        sys.path[:] = path


def _modules_below(directories: tuple[Path, ...]) -> dict[str, ModuleType]:
    """Return the modules whose file lies in one of these directories."""
    return {
        name: module
        for name, module in list(sys.modules.items())
        if _is_below(getattr(module, "__file__", None), directories)
    }


def _is_below(file: object, directories: tuple[Path, ...]) -> bool:
    return isinstance(file, str) and any(
        file == str(directory) or file.startswith(f"{directory}{os.sep}")
        for directory in directories
    )
