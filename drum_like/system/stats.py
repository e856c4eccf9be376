"""Resource use of a server and the time of its predictions, over all worker processes."""

import mmap
import os
import struct
from collections.abc import Collection
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple

import psutil

from drum_like.system import cgroup
from drum_like.system.model_counts import ModelCounts

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TimeInfo:
    """Prediction times in seconds; None before the first prediction.

    Field names are those of DRUM's time_info, `count` is ours.
    """

    count: int = 0
    total: float | None = None
    min: float | None = None
    max: float | None = None
    avg: float | None = None


class _Times(NamedTuple):
    """The count, sum and range of the times in one slot."""

    n: int = 0
    total: float = 0.0
    shortest: float = float("inf")
    longest: float = float("-inf")

    def plus(self, other: "_Times") -> "_Times":
        return _Times(
            self.n + other.n,
            self.total + other.total,
            min(self.shortest, other.shortest),
            max(self.longest, other.longest),
        )


_NUMBER = struct.Struct("=q")
_TIMES = struct.Struct("=q3d")
_ACTIVE_AT = _NUMBER.size
_COPIES_AT = 2 * _NUMBER.size
_SLOT_BYTES = _COPIES_AT + 2 * _TIMES.size


class Timings:
    """Prediction times of all workers, in memory that they share.

    Make it before the fork: the memory is anonymous and goes to the children. Each worker writes
    to one slot of its own, so that no lock crosses a process border. A slot holds its numbers
    twice; a writer fills the copy that is not in use and then flips one number, so that a worker
    killed in between leaves the sums as they were. The next owner of a slot goes on where the last
    one ended: sums never shrink.

    Args:
        slots: The most workers that ever live at one time.

    Attributes:
        models: Counts and times by model, for contracts that tell them.
    """

    def __init__(self, slots: int = 1) -> None:
        self._memory = mmap.mmap(-1, slots * _SLOT_BYTES)
        self._starts = range(0, slots * _SLOT_BYTES, _SLOT_BYTES)
        self._own = 0
        self._lock = Lock()
        self.models = ModelCounts(slots)

    def claim(self, slot: int) -> None:
        """Write to this slot from now on; called in the worker, after the fork.

        Args:
            slot: A number that no other live worker has.
        """
        self._own = self._starts[slot]
        self.models.claim(slot)
        _NUMBER.pack_into(self._memory, self._own, os.getpid())

    def record(self, seconds: float) -> None:
        """Add one prediction."""
        with self._lock:
            known = self._read(self._own)
            self._write(known.plus(_Times(1, seconds, seconds, seconds)))

    def summary(self) -> TimeInfo:
        """Return the times of all workers that ever were; reading changes nothing."""
        times = _Times()
        for start in self._starts:
            times = times.plus(self._read(start))
        count, total, shortest, longest = times
        return TimeInfo(count, total, shortest, longest, total / count) if count else TimeInfo()

    def pids(self) -> tuple[int, ...]:
        """Return the processes that claimed slots, some of them dead; else this process."""
        claimed = [_NUMBER.unpack_from(self._memory, start)[0] for start in self._starts]
        return tuple(filter(None, claimed)) or (os.getpid(),)

    def _read(self, start: int) -> _Times:
        active = _NUMBER.unpack_from(self._memory, start + _ACTIVE_AT)[0]
        offset = start + _COPIES_AT + active * _TIMES.size
        times = _Times(*_TIMES.unpack_from(self._memory, offset))
        return times if times.n else _Times()

    def _write(self, times: _Times) -> None:
        other = 1 - _NUMBER.unpack_from(self._memory, self._own + _ACTIVE_AT)[0]
        _TIMES.pack_into(self._memory, self._own + _COPIES_AT + other * _TIMES.size, *times)
        _NUMBER.pack_into(self._memory, self._own + _ACTIVE_AT, other)


def resources(pids: Collection[int], limits: cgroup.Memory | None = None) -> dict[str, Any]:
    """Return DRUM's drum_info and mem_info, all memory in MiB.

    drum_info has an object for each process: cmdline, cpu_percent (of one CPU, since the last
    call, 0.0 the first time), mem (resident) and pid. In mem_info, `drum_rss` is the sum of `mem`;
    the `container_` numbers are null outside a control group with a limit, and inside one `avail`
    and `free` are the rest of that limit. `total` is the machine's. `nginx_rss` is what older
    clients read: no nginx stands in front of these workers.

    Args:
        pids: The worker processes. One that is neither this process nor its sibling is left out:
            a dead worker's id may belong to another process.
        limits: Of the control group; None to look.
    """
    processes = [_drum_info(process) for process in psutil.process_iter() if process.pid in pids]
    found = [process for process in processes if process is not None]
    drum_rss = sum(process["mem"] for process in found)
    return {"drum_info": found, "mem_info": _mem_info(drum_rss, limits or cgroup.memory())}


def _drum_info(process: psutil.Process) -> dict[str, Any] | None:
    """Return the resource use of a worker, None if it is none or has ended meanwhile."""
    try:
        with process.oneshot():
            if process.pid != os.getpid() and process.ppid() != os.getppid():
                return None
            return {
                "cmdline": process.cmdline(),
                "cpu_percent": process.cpu_percent(),
                "mem": process.memory_info().rss / MIB,
                "pid": process.pid,
            }
    except psutil.Error:
        return None


def _mem_info(drum_rss: float, limits: cgroup.Memory) -> dict[str, float | None]:
    machine = psutil.virtual_memory()
    available, free = machine.available, machine.free
    if limits.limit is not None:
        available = free = max(0, limits.limit - (limits.used or 0))
    return {
        "avail": available / MIB,
        "container_limit": _mib(limits.limit),
        "container_max_used": _mib(limits.peak),
        "container_used": _mib(limits.used),
        "drum_rss": drum_rss,
        "free": free / MIB,
        "nginx_rss": 0.0,
        "total": machine.total / MIB,
    }


def _mib(n_bytes: int | None) -> float | None:
    return None if n_bytes is None else n_bytes / MIB
