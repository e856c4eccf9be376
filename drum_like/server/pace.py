"""Which requests are quick, learned from those before."""

from dataclasses import dataclass

QUICK_S = 0.001
"""A request that takes less is served in the turn of the thread that received it."""

_FIRST_PAUSE, _LONGEST_PAUSE = 32, 4096
_KINDS = 1024


@dataclass(slots=True)
class _Kind:
    """What is known of one kind of request.

    Attributes:
        skips: How many are taken for slow before the next is tried again.
        pause: How many the last slow one made to be skipped.
    """

    skips: int = 0
    pause: int = _FIRST_PAUSE // 2


class Pace:
    """Tells quick requests from slow ones by path and size of the body (in powers of four).

    Only requests that were served in a turn are timed: what runs beside others is slowed down by
    them. So a kind that was slow is tried in a turn again after 32, 64 ... 4096 of its requests.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, int], _Kind] = {}

    def is_quick(self, path: str, n_bytes: int) -> bool:
        """Return whether to serve the next request of this kind in the turn."""
        kind = self._kinds.get((path, n_bytes.bit_length() >> 1))
        if kind is None or not kind.skips:
            return True
        kind.skips -= 1
        return False

    def took(self, path: str, n_bytes: int, seconds: float) -> None:
        """Learn from a request that was served in a turn."""
        key = (path, n_bytes.bit_length() >> 1)
        kind = self._kinds.get(key)
        if seconds < QUICK_S:
            self._kinds.pop(key, None)
            return
        if kind is None:
            self._forget_if_full()
            kind = self._kinds[key] = _Kind()
        kind.pause = kind.skips = min(2 * kind.pause, _LONGEST_PAUSE)

    def _forget_if_full(self) -> None:
        """Paths come from clients: they must not fill the memory."""
        if len(self._kinds) >= _KINDS:
            self._kinds.clear()
