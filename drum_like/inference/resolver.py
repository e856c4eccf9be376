"""Where the service that a request is for is found."""

from typing import Protocol

from drum_like.errors import UnsupportedError
from drum_like.inference.service import Service


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
        """Return the service that the server was started for; None for a catalog alone."""

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
