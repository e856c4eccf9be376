"""The context of a contract: finds the service that a request is for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from drum_like.config.server_settings import ServerSettings
from drum_like.errors import NotLoadedError, SettingsError, UnsupportedError
from drum_like.inference.resolver import Resolver
from drum_like.inference.service import Service
from drum_like.system.lazy import cached
from drum_like.system.lifecycle import Readiness
from drum_like.system.stats import Timings

Part = TypeVar("Part")


class Resolve(Protocol):
    """Finds the service that a request is for, by the name and version of its model."""

    def __call__(self, name: str | None = None, version: str | None = None) -> Service:
        """Return the service."""


@dataclass(frozen=True)
class ContractContext:
    """The settings, services and parts that a contract is mounted with.

    Attributes:
        resolver: Where services come from.
        settings: All settings.
        timings: Of predictions, over all workers.
        readiness: Whether new requests should come to this worker.
        parts: Further parts, by their classes: the registry of a server with a store.
        serves_names: Whether models are served by their names, below /models/.
    """

    resolver: Resolver
    settings: ServerSettings
    timings: Timings
    readiness: Readiness
    parts: Mapping[type[Any], Any] = field(default_factory=dict)
    serves_names: bool = False

    @cached
    def resolve(self) -> Resolve:
        """Finds the service that a request is for: the method of the resolver itself."""
        return self.resolver.resolve

    def ready(self) -> bool:
        """Return whether requests should come here; a catalog loads its models when they do."""
        try:
            self.check()
        except NotLoadedError:
            return False
        return self.readiness.ready

    def check(self) -> None:
        """Raise NotLoadedError if the model that the server was started for did not load."""
        self.resolver.default()

    def part(self, kind: type[Part]) -> Part:
        """Return a further part of the server, by its class.

        Raises:
            SettingsError: it has none.
        """
        found = self.parts.get(kind)
        if not isinstance(found, kind):
            raise SettingsError(f"a contract needs the {kind.__name__.lower()} of a model store")
        return found


@contextmanager
def not_found_unless_loaded() -> Iterator[None]:
    """Answer that a route is not there if the model did not load, as DRUM's error server does.

    Raises:
        UnsupportedError: the model that the server was started for did not load.
    """
    try:
        yield
    except NotLoadedError as error:
        raise UnsupportedError("404 Not Found: the model did not load") from error
