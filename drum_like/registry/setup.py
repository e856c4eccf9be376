"""The store, catalog and upload service of a server, made from its settings."""

import logging
from dataclasses import dataclass
from pathlib import Path

from drum_like.config.server_settings import ServerSettings
from drum_like.inference.loading import MODEL_VERSION, predict_limiter
from drum_like.inference.service import NotLoaded, Service
from drum_like.model.manifests import model_directories
from drum_like.registry.catalog import Catalog
from drum_like.registry.inspection import Policy
from drum_like.registry.loader import Loader
from drum_like.registry.uploads import Uploads, Verifier
from drum_like.store.location import place_of
from drum_like.store.names import NAME
from drum_like.store.store import Store, open_store
from drum_like.system.lifecycle import Background, PeriodicTask
from drum_like.system.memory import is_memory


@dataclass(frozen=True, slots=True)
class Registry:
    """The store, catalog and upload service that model-management contracts use.

    Attributes:
        store: The model store.
        catalog: The served models.
        uploads: The upload service.
    """

    store: Store
    catalog: Catalog
    uploads: Uploads


logger = logging.getLogger(__name__)

POLL_S = 0.25
"""Time between two questions of a worker whether the store has changed."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The models of a worker.

    Attributes:
        catalog: The served models.
        registry: The store; None without one.
        loader: Loads the models.
        background: Tasks that live as long as the worker.
        lines: Lines for the operator at start.
    """

    catalog: Catalog
    registry: Registry | None
    loader: Loader
    background: tuple[Background, ...]
    lines: tuple[str, ...]


def open_catalog(settings: ServerSettings, own: Service | NotLoaded | None) -> Opened:
    """Open the store and the directories that settings name; load models if they ask for that.

    Call it in the worker, after the fork.

    Args:
        settings: Every knob.
        own: The model of --code-dir, None without one.

    Raises:
        SettingsError: the URL of the database is none, or its driver is not installed.
        StoreError: the store cannot be used.
    """
    directories = {} if settings.models is None else _directories(settings.models)
    place = place_of(settings.location.store, settings.location.database_url)
    store = open_store(place) if settings.needs_store else None
    others = (settings.model.code_dir,) if settings.model.has_code_dir else ()
    limiter = predict_limiter(settings.max_workers)
    loader = Loader(settings.load, directories, store, limiter, others)
    catalog = Catalog(loader, settings.max_models, own, settings.default_model)
    catalog.pull()
    if settings.preload_models:
        catalog.preload()
    registry, background = (None, ()) if store is None else _registry(settings, store, catalog)
    lines = (_about(settings, catalog), *_about_uploads(registry))
    return Opened(catalog, registry, loader, background, lines)


def _registry(
    settings: ServerSettings, store: Store, catalog: Catalog
) -> tuple[Registry, tuple[Background, ...]]:
    load, code = settings.load, settings.uploads.allow_code_uploads
    policy = Policy(code=code, pickles=not load.no_pickle, skops_types=load.skops_types)
    verifier = Verifier(store, policy)
    incoming = store.files.incoming
    folder = None if is_memory(incoming) else incoming
    most_mb = settings.uploads.max_upload_mb
    uploads = Uploads(store, verifier, policy, most_mb, catalog.apply_changes, folder)

    def refresh() -> bool:
        catalog.refresh()
        return False

    watcher = PeriodicTask("the look into the model store", refresh, POLL_S)
    return Registry(store, catalog, uploads), (_Closing(store), watcher, *verifier.threads)


class _Closing:
    """Closes a store at the end: a Background that is given first, and so stops last."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def start(self) -> None:
        """Do nothing: the store is open."""

    def drain(self) -> None:
        """Do nothing: requests may still ask the store."""

    def stop(self) -> None:
        """Close the connections."""
        self._store.close()


def _directories(root: Path) -> dict[str, dict[str, Path]]:
    """Return the versions of the models below a folder, by the names that models can have."""
    found = model_directories(root, MODEL_VERSION)
    refused = [name for name in found if NAME.fullmatch(name) is None]
    if refused:
        logger.warning("not served, because no model can have such a name: %s", ", ".join(refused))
    return {name: versions for name, versions in found.items() if name not in refused}


def _about(settings: ServerSettings, catalog: Catalog) -> str:
    names = catalog.names()
    kinds = (
        ("--models", settings.models),
        ("a store", settings.needs_store),
        ("POST /models", settings.platform.multi_model),
    )
    sources = [text for text, given in kinds if given]
    some = ": " + ", ".join(names[:10]) + (" ..." if len(names) > 10 else "") if names else ""
    return f"models from {' and '.join(sources)}: {len(names)}{some}"


def _about_uploads(registry: Registry | None) -> tuple[str, ...]:
    """Return the line about files that are uploaded, where there is a store for them."""
    if registry is None:
        return ()
    uploads = registry.uploads
    most = f"up to {uploads.max_mb} MiB" if uploads.max_mb else "of any size"
    place = "in the memory for bodies" if uploads.folder is None else "on the disk"
    return (f"uploads {most}, kept {place} while they come",)
