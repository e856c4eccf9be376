"""The share of the machine that other programs take while something is measured."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

TOLERABLE_PERCENT = 10.0
"""Above this, ratios of single requests are not to be believed: threads that need each other wait
for a CPU."""


NOISE = "others_percent"
"""Name of the figure that says what other programs took meanwhile."""

Attempt = Callable[[], Mapping[str, float]]
"""Measures once."""


@dataclass(frozen=True, slots=True)
class Look:
    """The machine's clocks at one time, in seconds.

    Attributes:
        wall: Of the room.
        busy: CPU time of all programs.
        own: CPU time of this program, of those that it has waited for, and of its servers.
    """

    wall: float
    busy: float
    own: float


def quietest(attempt: Attempt, retries: int, servers: Iterable[int] = ()) -> dict[str, float]:
    """Return the figures of an attempt, and the noise; the quietest of a few on a busy machine.

    Args:
        attempt: What to do.
        retries: How often to do it again, at most.
        servers: The first processes of servers that run before and after it.
    """
    pids = tuple(servers)
    attempts: list[dict[str, float]] = []
    for _ in range(1 + retries):
        before = look(pids)
        found = attempt()
        others = others_percent(before, look(pids))
        attempts.append({**found, NOISE: others})
        if others <= TOLERABLE_PERCENT:
            break
    return min(attempts, key=lambda each: each[NOISE])


def look(servers: Iterable[int]) -> Look:
    """Return the clocks; servers are given by the ids of their first processes."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    mine = os.times()
    own = mine.user + mine.system + mine.children_user + mine.children_system
    return Look(time.monotonic(), sum(times[:8]) - idle, own + sum(map(cpu_s, servers)))


def others_percent(before: Look, after: Look) -> float:
    """Return the part of the machine's CPU time that other programs took between two looks."""
    total = (after.wall - before.wall) * (os.cpu_count() or 1)
    others = (after.busy - before.busy) - (after.own - before.own)
    return max(0.0, 100 * others / total)


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process and of all below it, in seconds."""
    spent = 0.0
    with suppress(psutil.NoSuchProcess):
        main = psutil.Process(pid)
        for process in (main, *main.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                spent += sum(process.cpu_times()[:4])
    return spent
