"""One row with its metrics counted beside one without, in this process, in turns.

python -m benchmarks.metrics     exits with 1 if counting takes more than 2 % of the CPU time

The request is that of `make calls`, from its first byte to the end of its answer, without the event
loop: of a whole server's time the share is smaller.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import quantiles
from typing import Any

from benchmarks.calls import TEMPLATE, Served, requests
from drum_like.server.request_metrics import RequestMetrics

ROUNDS, REQUESTS, WARM_UP = 801, 20, 500  # short rounds: the machine changes its speed
LIMIT = 1.02

Ask = Callable[[], None]


def _skipped(*_arguments: Any, **_named: Any) -> None:
    """Count nothing."""


@contextmanager
def uncounted() -> Iterator[None]:
    """Count nothing within a block."""
    parts = {name: getattr(RequestMetrics, name) for name in ("count", "wrote")}
    for name in parts:
        setattr(RequestMetrics, name, _skipped)
    try:
        yield
    finally:
        for name, part in parts.items():
            setattr(RequestMetrics, name, part)


def cpu_us(ask: Ask) -> float:
    """Return the microseconds of CPU time that a request takes."""
    began = time.process_time()
    for _ in range(REQUESTS):
        ask()
    return (time.process_time() - began) / REQUESTS * 1e6


def ratios(ask: Ask) -> Iterator[float]:
    """Yield the ratio of each round: counted to not counted, either first in turns."""
    for number in range(ROUNDS):
        counted = cpu_us(ask) if number % 2 else 0.0
        with uncounted():
            plain = cpu_us(ask)
        yield (counted or cpu_us(ask)) / plain


def main() -> int:
    """Print the median ratio; 1 if it is above the limit."""
    path, media_type, body = next(requests())
    with Served(TEMPLATE).connected(path, media_type, body) as ask:
        for _ in range(WARM_UP):
            ask()
        low, middle, high = quantiles(ratios(ask), n=4)
    print(f"{path}: {middle:.3f} (half are {low:.3f} to {high:.3f}; {ROUNDS}), at most {LIMIT}")
    return int(middle > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
