"""Expected durations of requests, learned from earlier ones."""

from dataclasses import dataclass
from enum import Enum

QUICK_S = 0.001
"""A request that takes less is served in the turn of the thread that received it."""

OVERDUE_S = 0.004
"""A request that takes longer loses its thread the turn."""

_WAITING = 8
"""A request whose CPU time is under 1/8 of its wall time is I/O-bound: its wall time counts.

Others, that only wait for a CPU or the interpreter because of their neighbours, compute in more.
"""

_FIRST_PAUSE, _LONGEST_PAUSE = 32, 4096
_KINDS = 1024


class Speed(Enum):
    """The speed of a request, which decides about the turn of its thread.

    Attributes:
        QUICK: Keep it: passing it on costs as much as serving.
        SHORT: Pass it on while a CPU is free; more threads than CPUs only disturb each other.
        LONG: Pass it on: most requests of this length wait for something.
    """

    QUICK = 1
    SHORT = 2
    LONG = 3


@dataclass(slots=True)
class _Kind:
    """The measured speed of one kind of request.

    Attributes:
        speed: How fast the last one was.
        pause: Requests that are taken to be as fast before the next is timed again.
        skips: Those of them that are left.
    """

    speed: Speed
    pause: int = _FIRST_PAUSE
    skips: int = _FIRST_PAUSE


class Pace:
    """Tells quick requests from slow ones by path and size of the body (in powers of four).

    Only requests that were served in a turn are timed: others run side by side and slow each other
    down. So a kind that was slow is tried in a turn again after 32, 64 ... 4096 of its requests.
    Even then others may run, begun before it: so the CPU time of its thread is taken, not the
    clock's, unless it was asleep most of the time.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, int], _Kind] = {}

    def of(self, path: str, n_bytes: int) -> Speed:
        """Return the expected speed of the next request of this kind."""
        kind = self._kinds.get((path, n_bytes.bit_length() >> 1))
        if kind is None or not kind.skips:
            return Speed.QUICK
        kind.skips -= 1
        return kind.speed

    def took(self, path: str, n_bytes: int, elapsed_s: float, computed_s: float) -> None:
        """Learn from a request that was served in a turn.

        Args:
            path: Its path.
            n_bytes: Size of its body.
            elapsed_s: How long it took.
            computed_s: For how much of that its thread had a CPU.
        """
        key = (path, n_bytes.bit_length() >> 1)
        seconds = elapsed_s if computed_s * _WAITING < elapsed_s else computed_s
        if seconds < QUICK_S:
            self._kinds.pop(key, None)
            return
        speed = Speed.SHORT if seconds < OVERDUE_S else Speed.LONG
        kind = self._kinds.get(key)
        if kind is not None and kind.speed is speed:
            kind.pause = kind.skips = min(2 * kind.pause, _LONGEST_PAUSE)
            return
        if kind is None:
            self._forget_if_full()
        self._kinds[key] = _Kind(speed)

    def _forget_if_full(self) -> None:
        """Clear the table if it is full: paths come from clients, and must not fill the memory."""
        if len(self._kinds) >= _KINDS:
            self._kinds.clear()
