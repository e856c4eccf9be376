"""Resolvers: they find the service that a request is for."""

from dataclasses import dataclass
from typing import Protocol

from drum_like.errors import LoadError, NotLoadedError, SettingsError, UnsupportedError
from drum_like.inference.service import ModelInfo, Service


@dataclass(frozen=True, slots=True)
class NotLoaded:
    """A model that did not load, in the place of its service.

    Attributes:
        reason: The error of the load.
        info: Which model it would have been.
    """

    reason: LoadError | SettingsError
    info: ModelInfo

    def error(self) -> NotLoadedError:
        """Return the error of every use.

        A new object each time: raising one object in many threads would mix their tracebacks.
        """
        return NotLoadedError(str(self.reason), self.info.name)


class Resolver(Protocol):
    """Finds services by name and version; a request holds what it got for its life."""

    def resolve(self, name: str | None = None, version: str | None = None) -> Service:
        """Return the service, the only or default one without a name.

        Raises:
            UnsupportedError: there is none of that name or version.
            NotFoundError: as above, of many.
            LoadError: it does not load; a NotLoadedError if the server was started for it.
        """

    def default(self) -> Service | None:
        """Return the service that the server was started for; None for a catalog alone.

        Raises:
            NotLoadedError: it did not load.
        """

    def names(self) -> tuple[str, ...]:
        """Return the names of all models, sorted."""


class SingleService:
    """The one model of a server without a catalog.

    Args:
        own: Its service.
    """

    def __init__(self, own: Service | NotLoaded) -> None:
        self._own = own

    def resolve(self, name: str | None = None, version: str | None = None) -> Service:
        """Return the service, by its own name or without one; raises as Resolver."""
        own, info = self._own, self._own.info
        if name not in (None, info.name) or version not in (None, info.version):
            raise UnsupportedError(f"this server serves {info.name!r} only")
        if isinstance(own, NotLoaded):
            raise own.error()
        return own

    def default(self) -> Service:
        """Return the service; raises as Resolver."""
        return self.resolve()

    def names(self) -> tuple[str, ...]:
        """Return its name."""
        return (self._own.info.name,)
