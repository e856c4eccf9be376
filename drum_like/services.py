"""How a contract finds the service that a request is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from drum_like.errors import SettingsError, UnsupportedError
from drum_like.lifecycle import Readiness
from drum_like.service import Service
from drum_like.settings import Settings
from drum_like.stats import Timings

Part = TypeVar("Part")


class Resolver(Protocol):
    """Finds services by name and version; a request holds what it got for its life."""

    def resolve(self, name: str | None = None, version: str | None = None) -> Service:
        """Return the service, the only or default one without a name.

        Raises:
            UnsupportedError: there is none of that name or version.
            NotFoundError: as above, of many.
            LoadError: it does not load.
        """

    def default(self) -> Service | None:
        """Return what the server was started for, None if it is a catalog and nothing else."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all models, sorted."""


class SingleService:
    """The one model of a server without a catalog."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def resolve(self, name: str | None = None, version: str | None = None) -> Service:
        """Return the service, by its own name or without one."""
        info = self._service.info
        if name not in (None, info.name) or version not in (None, info.version):
            raise UnsupportedError(f"this server serves {info.name!r} only")
        return self._service

    def default(self) -> Service:
        """Return the service."""
        return self._service

    def names(self) -> tuple[str, ...]:
        """Return its name."""
        return (self._service.info.name,)


@dataclass(frozen=True, slots=True)
class Services:
    """What a contract is mounted with.

    Attributes:
        resolver: Where services come from.
        settings: Every knob.
        timings: Of predictions, over all workers.
        readiness: Whether new requests should come to this worker.
        parts: What else there is, by its class: the registry of a server with a store.
        serves_names: Whether models are served by their names, below /models/.
    """

    resolver: Resolver
    settings: Settings
    timings: Timings
    readiness: Readiness
    parts: Mapping[type[Any], Any] = field(default_factory=dict)
    serves_names: bool = False

    def resolve(self, name: str | None = None, version: str | None = None) -> Service:
        """Return the service that a request is for."""
        return self.resolver.resolve(name, version)

    def ready(self) -> bool:
        """Return whether requests should come here; a catalog loads its models when they do."""
        default = self.resolver.default()
        return self.readiness.ready and (default is None or default.ready())

    def check(self) -> None:
        """Raise LoadError if the model that the server was started for did not load."""
        default = self.resolver.default()
        if default is not None:
            default.check()

    def part(self, kind: type[Part]) -> Part:
        """Return what else the server has, by its class.

        Raises:
            SettingsError: it has none.
        """
        found = self.parts.get(kind)
        if not isinstance(found, kind):
            raise SettingsError(f"a contract needs the {kind.__name__.lower()} of a model store")
        return found
