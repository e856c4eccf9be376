"""From settings to the models of a worker: one directory, or a catalog."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drum_like.config.server_settings import ServerSettings
from drum_like.errors import LoadError, SettingsError
from drum_like.inference.loading import MODEL_VERSION, open_service, predict_limiter
from drum_like.inference.service import ModelInfo, NotLoaded, Resolver, Service, SingleService
from drum_like.system.lifecycle import Background
from drum_like.system.memory import resident
from drum_like.system.metrics import note_loaded
from drum_like.system.shared_text import SharedText


@dataclass(frozen=True, slots=True)
class Sources:
    """The models of a worker.

    Attributes:
        resolver: Where requests find them.
        lines: Lines for the operator at start.
        background: Tasks that keep them up to date.
        parts: Services for contracts about models, by class.
        serves_names: Whether they are served by their names, too.
    """

    resolver: Resolver
    lines: tuple[str, ...]
    background: tuple[Background, ...] = ()
    parts: Mapping[type[Any], Any] = field(default_factory=dict)
    serves_names: bool = False


def open_sources(settings: ServerSettings, shared: SharedText | None = None) -> Sources:
    """Load the one model of --code-dir, or open the catalog, or do both.

    Args:
        settings: All settings.
        shared: The models that callers have loaded; None for a process of its own.

    Raises:
        LoadError: the model does not load, and settings do not ask for an error server.
        SettingsError: settings contradict the model, or the store's database is none.
        StoreError: the store cannot be used.
    """
    own, lines = _open(settings) if settings.model.has_code_dir else (None, ())
    if own is not None and not settings.has_catalog:
        return Sources(SingleService(own), lines)
    from drum_like.registry.setup import open_catalog  # noqa: PLC0415 - SQL only where it is used

    opened = open_catalog(settings, own)
    # A contract that loads models itself has one loader with the catalog: one load at a time.
    many = (opened.loader, shared or SharedText()) if settings.platform.multi_model else ()
    parts = {type(part): part for part in (opened.registry, *many) if part is not None}
    lines = (*lines, *opened.lines)
    return Sources(opened.catalog, lines, opened.background, parts, serves_names=True)


def _open(settings: ServerSettings) -> tuple[Service | NotLoaded, tuple[str, ...]]:
    """Return the service and the lines about it for the operator."""
    before = resident()
    try:
        limiter = predict_limiter(settings.max_workers)
        service = open_service(settings.model, settings.load, limiter=limiter)
    except (LoadError, SettingsError) as error:
        if not settings.with_error_server:
            raise
        name = settings.model.model_name or settings.model.code_dir.name
        own = NotLoaded(error, ModelInfo(name, MODEL_VERSION, None, None, "target"))
        return own, (f"the model did not load; every request is answered 513: {error}",)
    note_loaded(service.info.name, service.info.version, resident() - before)
    return service, service.notes
