"""One row with its metrics counted beside one without, in this process, in turns.

python -m benchmarks.metrics     exits with 1 if counting takes more than 2 % of the CPU time

The request is that of `make calls`, from its first byte to the end of its answer, without the event
loop: of a whole server's time the share is smaller.

Turns are short, as the machine changes its speed. A comparison adds up as many turns as it takes to
count a whole page of entries: so each has one move of a page into the sums, its due share.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import quantiles
from typing import Any

from benchmarks.calls import TEMPLATE, Served, requests
from drum_like.server.request_metrics import RequestMetrics
from drum_like.system.instruments import SERIES
from drum_like.system.marks import ENTRIES

COMPARISONS, TURNS, WARM_UP = 61, 32, 500
REQUESTS = ENTRIES // TURNS
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


def ratio(ask: Ask) -> float:
    """Return the ratio of the times of a page of requests: counted to not counted.

    Raises:
        RuntimeError: not one page was moved meanwhile.
    """
    counted, plain, page = 0.0, 0.0, SERIES.page.tag
    for number in range(TURNS):
        if number % 2:
            counted += cpu_us(ask)
        with uncounted():
            plain += cpu_us(ask)
        if not number % 2:
            counted += cpu_us(ask)
    if SERIES.page.tag != page + 1:
        raise RuntimeError("not one page was moved")
    return counted / plain


def main() -> int:
    """Print the median ratio; 1 if it is above the limit."""
    path, media_type, body = next(requests())
    with Served(TEMPLATE).connected(path, media_type, body) as ask:
        for _ in range(WARM_UP):
            ask()
        low, middle, high = quantiles([ratio(ask) for _ in range(COMPARISONS)], n=4)
    spread = f"half are {low:.3f} to {high:.3f}; {COMPARISONS}"
    print(f"{path}: {middle:.3f} ({spread}), at most {LIMIT}")
    return int(middle > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
