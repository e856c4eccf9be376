"""Background parts that live as long as a worker, and its readiness for requests.

The server calls `start` after the fork and the load, in the order given, `drain` when SIGTERM has
arrived and requests may still be in flight, and `stop` in the reverse order when the last one has
been answered. A worker that is killed calls nothing.
"""

from typing import Protocol


class Background(Protocol):
    """A part beside the requests: a thread, a connection, a buffer to write out."""

    def start(self) -> None:
        """Begin; called once, in the worker, before its first request."""

    def drain(self) -> None:
        """Prepare to end; called at most once, between `start` and `stop`, if SIGTERM came."""

    def stop(self) -> None:
        """End, and free all resources; called once if `start` was; must not wait long."""


class Readiness:
    """Whether new requests should come here; a Background that turns itself on and off.

    Give it to the server after everything that has to be started before the first request.
    """

    def __init__(self) -> None:
        self._ready = False

    @property
    def ready(self) -> bool:
        """True from the end of the load to the beginning of the drain."""
        return self._ready

    def start(self) -> None:
        """Be ready."""
        self._ready = True

    def drain(self) -> None:
        """Be no longer ready, so that probes send the traffic elsewhere."""
        self._ready = False

    def stop(self) -> None:
        """Be no longer ready."""
        self._ready = False
