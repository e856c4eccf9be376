"""Expected durations of requests, learned from earlier ones."""

from dataclasses import dataclass
from enum import Enum

FAST_S = 0.001
"""A request that takes less is served by the leader, the thread that received it."""

OVERDUE_S = 0.004
"""A request that takes longer costs its thread the lead."""

_WAITING = 8
"""A request whose CPU time is under 1/8 of its wall time is I/O-bound: its wall time counts.

Others, that only wait for a CPU or the interpreter because of their neighbours, compute in more.
"""

_FIRST_PAUSE, _LONGEST_PAUSE = 32, 4096
_KINDS = 1024


class LatencyClass(Enum):
    """The speed of a request, which decides whether its leader goes on leading.

    Attributes:
        FAST: Serve it: promoting a follower costs as much.
        MEDIUM: Promote a follower while a CPU is free; more threads only disturb each other.
        SLOW: Promote a follower: most requests of this length wait for something.
    """

    FAST = 1
    MEDIUM = 2
    SLOW = 3


@dataclass(slots=True)
class _Kind:
    """The measured speed of one kind of request.

    Attributes:
        latency: How fast the last one was.
        pause: Requests that are taken to be as fast before the next is timed again.
        skips: Those of them that are left.
    """

    latency: LatencyClass
    pause: int = _FIRST_PAUSE
    skips: int = _FIRST_PAUSE


class LatencyEstimator:
    """Estimates the speed of requests by path and size of the body (in powers of four).

    Only requests that a leader served are timed: others run side by side and slow each other
    down. So a kind that was slow is tried by a leader again after 32, 64 ... 4096 of its requests.
    Even then others may run, begun before it: so the CPU time of its thread is taken, not the
    clock's, unless it was asleep most of the time.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, int], _Kind] = {}

    def of(self, path: str, n_bytes: int) -> LatencyClass:
        """Return the expected speed of the next request of this kind."""
        kind = self._kinds.get((path, n_bytes.bit_length() >> 1))
        if kind is None or not kind.skips:
            return LatencyClass.FAST
        kind.skips -= 1
        return kind.latency

    def took(self, path: str, n_bytes: int, elapsed_s: float, computed_s: float) -> None:
        """Learn from a request that a leader served.

        Args:
            path: Its path.
            n_bytes: Size of its body.
            elapsed_s: How long it took.
            computed_s: For how much of that its thread had a CPU.
        """
        key = (path, n_bytes.bit_length() >> 1)
        seconds = elapsed_s if computed_s * _WAITING < elapsed_s else computed_s
        if seconds < FAST_S:
            self._kinds.pop(key, None)
            return
        latency = LatencyClass.MEDIUM if seconds < OVERDUE_S else LatencyClass.SLOW
        kind = self._kinds.get(key)
        if kind is not None and kind.latency is latency:
            kind.pause = kind.skips = min(2 * kind.pause, _LONGEST_PAUSE)
            return
        if kind is None:
            self._forget_if_full()
        self._kinds[key] = _Kind(latency)

    def _forget_if_full(self) -> None:
        """Clear the table if it is full: paths come from clients, and must not fill the memory."""
        if len(self._kinds) >= _KINDS:
            self._kinds.clear()
