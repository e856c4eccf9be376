"""The memory of a worker whose Arrow takes it from the process's heaps, beside Arrow's own pool.

python -m benchmarks.memory     exits with 1 where the heaps hold more, or take more CPU time

Two servers of one worker answer the same requests, in turns, two at a time. The sizes go up: a
worker keeps some of what its largest request needed.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from threading import Thread
from urllib.parse import urlsplit

import psutil

from tests.support.http_calls import send
from tests.support.serving import Server, serve

MODEL = Path(__file__).parents[1] / "model_templates" / "xgboost_binary"
OWN_POOL = {"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}
SIZES = {1_000: 40, 10_000: 8, 100_000: 2}
"""Rows of a request, and the requests of a client in a round."""

ROUNDS, CLIENTS = 9, 2
MOST_MEMORY, MOST_TIME = 1.0, 1.1


@dataclass(frozen=True, slots=True)
class Worker:
    """The one worker of a server.

    Attributes:
        server: The server.
        process: The worker's process.
    """

    server: Server
    process: psutil.Process

    def cpu_s(self) -> float:
        """Return the CPU time that the worker has taken."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def round_s(self, body: str, number: int) -> float:
        """Return the CPU time of the requests of all clients."""
        began = self.cpu_s()
        clients = [Thread(target=self._ask, args=(body, number)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        return self.cpu_s() - began

    def _ask(self, body: str, number: int) -> None:
        connection = HTTPConnection(urlsplit(self.server.url).netloc)
        for _ in range(number):
            reply = send(
                connection, "POST", "/predict/", body=body, headers={"Content-Type": "text/csv"}
            )
            assert reply.status == 200
        connection.close()


def rows(number: int) -> str:
    """Return rows of the model's sample, again and again, as CSV."""
    head, *sample = (MODEL / "sample.csv").read_text().splitlines()
    return "\n".join([head, *islice(cycle(sample), number), ""])


def compared(workers: Sequence[Worker], size: int, number: int) -> tuple[float, float]:
    """Print the figures of a size; return the ratios of memory and of CPU time, heaps to pool."""
    body = rows(size)
    times = [[worker.round_s(body, number) for worker in workers] for _ in range(ROUNDS)]
    heaps, pool = (worker.process.memory_info().rss / 1e6 for worker in workers)
    time = median(ours / others for ours, others in times)
    print(f"{size:,} rows of CSV: {heaps:.0f} MB, {pool:.0f} MB with Arrow's pool; CPU {time:.3f}")
    return heaps / pool, time


def main() -> int:
    """Measure, print, and return 1 where a ratio is too large."""
    one = ("--max-workers", "1")
    with serve(MODEL, *one) as ours, serve(MODEL, *one, env=OWN_POOL) as others:
        workers = [
            Worker(server, psutil.Process(server.process.pid).children()[0])
            for server in (ours, others)
        ]
        found = [compared(workers, size, number) for size, number in SIZES.items()]
    print(f"memory at most {MOST_MEMORY} of that with Arrow's pool, CPU time at most {MOST_TIME}")
    return int(any(memory > MOST_MEMORY or time > MOST_TIME for memory, time in found))


if __name__ == "__main__":
    sys.exit(main())
