"""How many threads may do something at once."""

from queue import SimpleQueue
from types import TracebackType


class Places:
    """A gate that so many threads may be behind; the next one waits for a place.

    What `threading.BoundedSemaphore` is for `with`, without its condition and lock in Python, which
    take longer than a small model.

    Args:
        number: How many.
    """

    __slots__ = ("_free",)

    def __init__(self, number: int) -> None:
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(number):
            self._free.put(None)

    def __enter__(self) -> None:
        """Wait for a place and take it."""
        self._free.get()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the place back."""
        self._free.put(None)
