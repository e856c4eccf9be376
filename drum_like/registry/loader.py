"""Loads models for a catalog: directories given at start, and versions of the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from drum_like.config.settings import Settings
from drum_like.errors import UnsupportedError
from drum_like.inference.loading import open_service
from drum_like.inference.model_service import ModelService
from drum_like.inference.pipeline import Limiter
from drum_like.model.configuration import configured
from drum_like.registry.cache import Loaded
from drum_like.registry.isolation import isolated
from drum_like.registry.stored_model import StoredModel, open_stored
from drum_like.registry.unpacking import model_directory
from drum_like.store.archive import Bounds
from drum_like.store.entities import IMAGE, Version
from drum_like.store.names import key_of
from drum_like.store.store import Store


@dataclass(frozen=True, slots=True)
class Loader:
    """Loader of model directories and of stored versions.

    Attributes:
        settings: Of the server.
        directories: Model directories by name.
        store: Where versions come from; None without one.
        limiter: Entered around each prediction of any model.
        others: Directories of models that were loaded in another way.
        lock: Models are loaded one at a time: custom code sees the whole process.
    """

    settings: Settings
    directories: Mapping[str, Path]
    store: Store | None
    limiter: Limiter
    others: tuple[Path, ...] = ()
    lock: Any = field(default_factory=Lock)

    def directory(self, name: str) -> Loaded:
        """Load the model directory of that name.

        Raises:
            LoadError: it does not become a model.
            SettingsError: its metadata is wrong.
        """
        path = self.directories[name]
        settings = configured(_without_target(self.settings, path))
        with self.lock, isolated(path, self.others):
            service = open_service(settings, limiter=self.limiter)
        return Loaded(replace(service, info=replace(service.info, name=name)))

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


def _without_target(settings: Settings, path: Path) -> Settings:
    """Return settings for a directory that the flags about the target do not mean."""
    return replace(
        settings,
        code_dir=path,
        target_type=None,
        positive_class_label=None,
        negative_class_label=None,
        class_labels=(),
        class_labels_file=None,
        target_name=None,
        query=None,
        content_type=None,
    )


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
