"""Limits of this process's control group: memory and CPUs, cgroup version 1 or 2.

A limit holds for a group and all groups below it, so the tightest one on the way from this
process's group up to the root counts. Inside a container without a namespace of its own the path in
/proc/self/cgroup is the host's and does not exist below the mount point; then the root of the mount
is the container's group.

Source: kernel.org, admin-guide/cgroup-v1 and admin-guide/cgroup-v2.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MOUNT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")

UNLIMITED = 1 << 60
"""Bytes from which on a limit is none: version 1 writes the largest page-aligned number instead."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of the tightest limited group, in bytes.

    Attributes:
        limit: None if no group is limited; then the others are None as well.
        used: What the group uses now, page cache included.
        peak: The most that it ever used; None where the kernel does not tell.
    """

    limit: int | None = None
    used: int | None = None
    peak: int | None = None


@dataclass(frozen=True, slots=True)
class _Files:
    """The names of the files of one version."""

    limit: str
    used: str
    peak: str


_V1 = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max_usage_in_bytes")
_V2 = _Files("memory.max", "memory.current", "memory.peak")


def memory(mount: Path = MOUNT, own: Path = OWN) -> Memory:
    """Return limit and use of memory; all None outside a limited group.

    Args:
        mount: Where the control groups are mounted.
        own: The list of this process's groups, as in /proc/self/cgroup.
    """
    tightest = Memory()
    for files, controller in ((_V2, None), (_V1, "memory")):
        for group in _groups(mount, own, controller):
            limit = _number(group / files.limit)
            if limit is None or limit >= UNLIMITED:
                continue
            if tightest.limit is None or limit < tightest.limit:
                used, peak = _number(group / files.used), _number(group / files.peak)
                tightest = Memory(limit, used, peak)
    return tightest


def oom_kills(mount: Path = MOUNT, own: Path = OWN) -> int:
    """Return how many processes the kernel has ended for want of memory; the number only grows.

    Those of the groups above count, too: a sum of all that this process's groups tell.
    """
    places = (("memory.events", None), ("memory.oom_control", "memory"))
    texts = (_text(group / name) for name, of in places for group in _groups(mount, own, of))
    fields = (line.split() for text in texts for line in text.splitlines())
    return sum(int(number) for name, number in fields if name == "oom_kill")


def cpu_quota(mount: Path = MOUNT, own: Path = OWN) -> float | None:
    """Return the number of CPUs whose time the groups allow, None without a limit."""
    found = [_quota_v2(group) for group in _groups(mount, own, None)]
    found += [_quota_v1(group) for group in _groups(mount, own, "cpu")]
    return min((quota for quota in found if quota is not None), default=None)


def cpus(mount: Path = MOUNT, own: Path = OWN) -> int:
    """Return the CPUs that this process can keep busy, at least 1.

    A fraction of a CPU is rounded down: threads beyond the quota are throttled, all of them, for
    the rest of each period.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = cpu_quota(mount, own)
    return max(1, min(available or 1, int(quota) if quota is not None else available or 1))


def _groups(mount: Path, own: Path, controller: str | None) -> Iterator[Path]:
    """Yield the directories of this process's group and of those above it, root last.

    Args:
        mount: Where the control groups are mounted.
        own: The list of this process's groups.
        controller: A controller of version 1, None for version 2.
    """
    for names, path in _memberships(own):
        if (controller or "") not in names:
            continue
        for root in _roots(mount, controller, names):
            below = PurePosixPath(path.lstrip("/"))
            yield from (root / part for part in (below, *below.parents))


def _memberships(own: Path) -> Iterator[tuple[list[str], str]]:
    """Yield the controllers, [""] for version 2, and the path of each of this process's groups."""
    for line in _text(own).splitlines():
        _, names, path = line.split(":", 2)
        yield names.split(","), path


def _roots(mount: Path, controller: str | None, names: list[str]) -> list[Path]:
    """Return a hierarchy's mount points: version 2 at the top, or beside those of version 1."""
    if controller is None:
        return [mount, mount / "unified"]
    return [mount / ",".join(names)] if len(names) > 1 else [mount / controller]


def _quota_v2(group: Path) -> float | None:
    quota, _, period = _text(group / "cpu.max").strip().partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _quota_v1(group: Path) -> float | None:
    quota, period = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
    return quota / period if quota is not None and period else None


def _number(path: Path) -> int | None:
    """Return the number in a file; None for "max", "-1" and a file that cannot be read."""
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
