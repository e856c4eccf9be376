"""The processes of a server over time: memory, descriptors, threads; and whether they grow."""

import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from tests.support.repeating import repeated

MOST_BYTES = 10 << 20
MOST_SHARE = 0.01
_EACH_S = 0.5
_SETTLING_S = 60.0
_STAYS_S = 2.5


@dataclass(frozen=True, slots=True)
class Resources:
    """Files and threads of a process that nobody asks anything.

    Attributes:
        descriptors: Open files and sockets.
        threads: Its threads.
    """

    descriptors: int
    threads: int


@dataclass(slots=True)
class Watched:
    """One process.

    Attributes:
        process: The process.
        sizes: Resident bytes by time since the start of the watch, in seconds.
        before: What it held before the second half; None if it was not there.
        after: What it holds at the end; None if it is gone.
    """

    process: psutil.Process
    sizes: list[tuple[float, int]] = field(default_factory=list)
    before: Resources | None = None
    after: Resources | None = None

    def complaints(self, half_s: float) -> Iterator[str]:
        """Give what is wrong with the second half."""
        if self.before is None or self.after is None:
            yield "it did not live through the second half"
            return
        growth, size = self.growth(half_s)
        if growth > MOST_BYTES or growth > MOST_SHARE * size:
            yield f"it has grown by {growth / 1e6:.1f} MB of {size / 1e6:.0f} MB"
        if self.after != self.before:
            yield f"it held {self.before} before, and {self.after} after"

    def growth(self, half_s: float) -> tuple[float, float]:
        """Return the growth over the second half, by a straight line through it, and the size.

        Both are 0 for a process that has not lived to see two looks at it.
        """
        late = [(at, size) for at, size in self.sizes if at >= half_s]
        if len(late) < 2:
            return 0.0, 0.0
        slope, _ = statistics.linear_regression(*zip(*late, strict=True))
        return slope * (late[-1][0] - late[0][0]), statistics.median(size for _, size in late)


class Watch:
    """The watch of all processes of a server.

    Args:
        master: Process id of its master.
    """

    def __init__(self, master: int) -> None:
        self._master = psutil.Process(master)
        self._began = time.monotonic()
        self.watched = {process.pid: Watched(process) for process in self._family()}

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Note the sizes of the processes until the block ends."""
        with repeated(self._sample, _EACH_S):
            yield

    @property
    def is_as_before(self) -> bool:
        """Whether each process was looked at twice, and held the same."""
        return all(one.before == one.after is not None for one in self.watched.values())

    def elapsed_s(self) -> float:
        """Return the time since the start of the watch."""
        return time.monotonic() - self._began

    def note_before(self) -> None:
        """Note what the processes hold; nobody may ask anything meanwhile."""
        for pid, held in self._settled({}).items():
            self.watched[pid].before = held

    def note_after(self) -> None:
        """Note it again, at the end; what is on its way to the state before is waited for."""
        before = {pid: one.before for pid, one in self.watched.items()}
        for pid, held in self._settled(before).items():
            self.watched[pid].after = held

    def complaints(self, half_s: float) -> list[str]:
        """Return the faults found, by process."""
        found = [
            f"process {pid}: {complaint}"
            for pid, one in self.watched.items()
            for complaint in one.complaints(half_s)
        ]
        new = {process.pid for process in self._family()} - self.watched.keys()
        return [*found, *(f"process {pid} has taken the place of another" for pid in new)]

    def _settled(self, wanted: Mapping[int, Resources | None]) -> dict[int, Resources | None]:
        """Return the holdings of the processes once they are as wanted, or stay the same."""
        last: dict[int, Resources | None] = {}
        deadline = time.monotonic() + _SETTLING_S
        while time.monotonic() < deadline:
            held = {pid: _held(one.process) for pid, one in self.watched.items()}
            if held == wanted or (not wanted and held == last):
                return held
            last = held
            time.sleep(_STAYS_S)
        return last

    def _family(self) -> list[psutil.Process]:
        return [self._master, *self._master.children()]

    def _sample(self) -> None:
        for one in self.watched.values():
            try:
                one.sizes.append((self.elapsed_s(), int(one.process.memory_info().rss)))
            except psutil.NoSuchProcess:
                continue


def _held(process: psutil.Process) -> Resources | None:
    """Return the holdings of a process, None if it is gone."""
    try:
        return Resources(process.num_fds(), process.num_threads())
    except psutil.NoSuchProcess:
        return None
