"""The figures of all workers that the page plots: those of /metrics, in fewer words."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psutil

from drum_like.system import metrics
from drum_like.system.instruments import LATENCY, SERIES, LiveGauge
from drum_like.system.series import Key

Json = dict[str, Any]
Totals = Mapping[Key, Sequence[float]]

_OWN = "ui"
"""The contract of the page, whose own requests are not shown."""


def figures() -> Json:
    """Return counts since the start of the server, and the numbers of this moment.

    Times are in seconds, memory in bytes. `bounds` are those of the buckets of `phases` and
    `duration`; one more bucket has no bound, and the last number is the sum of all times.
    """
    totals = SERIES.totals()
    memory = _memory()
    return {
        "at": time.time(),
        "bounds": LATENCY,
        "requests": _requests(totals),
        "errors": {labels[0]: n for labels, (n,) in _of(totals, metrics.ERRORS.name)},
        "phases": {labels[0]: n for labels, n in _of(totals, metrics.REQUEST_PHASES.name)},
        "duration": _sums(n for _, n in _of(totals, metrics.DURATION.name)),
        "rows": sum(n for _, (n,) in _of(totals, metrics.ROWS.name)),
        "waiting": sum(n for _, (n,) in _of(totals, metrics.WAITING.name)),
        "waiting_for_model": sum(n for _, (n,) in _of(totals, metrics.WAITING_FOR_MODEL.name)),
        "connections": _now(metrics.CONNECTIONS),
        "models": [
            {"name": name, "version": version, "workers": n}
            for (name, version), (n,) in _of(totals, metrics.MODEL_WORKERS.name)
            if n
        ],
        "workers": len(memory),
        "memory": sum(memory),
    }


def _requests(totals: Totals) -> list[Json]:
    """Return the requests of each contract by status."""
    found: dict[tuple[str, str], float] = {}
    for (contract, _, _, _, status), (n,) in _of(totals, metrics.REQUESTS.name):
        if contract != _OWN:
            found[contract, status] = found.get((contract, status), 0) + n
    return [{"contract": c, "status": s, "n": n} for (c, s), n in sorted(found.items())]


def _of(totals: Totals, name: str) -> list[tuple[Key, Sequence[float]]]:
    return [(key[1:], numbers) for key, numbers in totals.items() if key[0] == name]


def _sums(several: Iterable[Sequence[float]]) -> list[float]:
    return [sum(column) for column in zip(*several, strict=True)]


def _now(gauge: LiveGauge) -> float:
    return sum(value for _, value in gauge.read())


def _memory() -> list[int]:
    """Return the resident bytes of each worker."""
    found = []
    for pid in SERIES.pids().values():
        try:
            process = psutil.Process(pid)
            if pid == os.getpid() or process.ppid() == os.getppid():
                found.append(process.memory_info().rss)
        except psutil.Error:  # it has ended
            continue
    return found
