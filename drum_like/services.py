"""How a contract finds the service that a request is for."""

from dataclasses import dataclass, field
from typing import Protocol

from drum_like.auth import Scope
from drum_like.errors import UnsupportedError
from drum_like.forms import Forms
from drum_like.lifecycle import Readiness
from drum_like.service import Service
from drum_like.settings import Settings
from drum_like.stats import Timings


class Resolver(Protocol):
    """Finds services by name and version; a request holds what it got for its life."""

    def resolve(self, name: str | None = None, version: str | None = None) -> Service:
        """Return the service, the only or default one without a name.

        Raises:
            UnsupportedError: there is none of that name or version.
        """


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


@dataclass(frozen=True, slots=True)
class Services:
    """What a contract is mounted with.

    Attributes:
        resolver: Where services come from.
        settings: Every knob.
        timings: Of predictions, over all workers.
        readiness: Whether new requests should come to this worker.
        forms: The routes that contracts share.
        scopes: What each endpoint lets its caller do.
    """

    resolver: Resolver
    settings: Settings
    timings: Timings
    readiness: Readiness
    forms: Forms = field(default_factory=Forms)
    scopes: dict[str, Scope] = field(default_factory=dict)

    def resolve(self, name: str | None = None, version: str | None = None) -> Service:
        """Return the service that a request is for."""
        return self.resolver.resolve(name, version)
