"""The context of a contract: finds the service that a request is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from drum_like.config.server_settings import ServerSettings
from drum_like.errors import SettingsError
from drum_like.inference.resolver import Resolver
from drum_like.inference.service import Service
from drum_like.system.lifecycle import Readiness
from drum_like.system.stats import Timings

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
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
        """Return a further part of the server, by its class.

        Raises:
            SettingsError: it has none.
        """
        found = self.parts.get(kind)
        if not isinstance(found, kind):
            raise SettingsError(f"a contract needs the {kind.__name__.lower()} of a model store")
        return found
