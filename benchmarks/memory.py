"""The memory of a worker whose threads and Arrow share two heaps, beside other choices.

python -m benchmarks.memory     exits with 1 where Arrow's own pool holds less, or is faster

Servers of one worker answer the same requests, in turns, two at a time. The sizes go up: a worker
keeps some of what its largest request needed.
"""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
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
OURS, POOL, ONE_HEAP = "ours", "Arrow's own pool", "one heap"
CHOICES = {POOL: {"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}, ONE_HEAP: {"MALLOC_ARENA_MAX": "1"}}
SIZES = {1_000: 40, 10_000: 8, 100_000: 2}
"""Rows of a request, and the requests of a client in a round."""

ROUNDS, CLIENTS = 9, 2
MOST_TIME = 1.1


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


def started(server: Server) -> Worker:
    """Return the worker of a server."""
    return Worker(server, psutil.Process(server.process.pid).children()[0])


def rows(number: int) -> str:
    """Return rows of the model's sample, again and again, as CSV."""
    head, *sample = (MODEL / "sample.csv").read_text().splitlines()
    return "\n".join([head, *islice(cycle(sample), number), ""])


def compared(workers: Mapping[str, Worker], size: int, number: int) -> bool:
    """Print the figures of a size; return whether ours are as good as those of Arrow's pool."""
    body = rows(size)
    rounds = [
        {name: worker.round_s(body, number) for name, worker in workers.items()}
        for _ in range(ROUNDS)
    ]
    memory = {name: worker.process.memory_info().rss / 1e6 for name, worker in workers.items()}
    times = {name: median(one[OURS] / one[name] for one in rounds) for name in CHOICES}
    told = [f"{memory[name]:.0f} MB with {name}, CPU {times[name]:.3f} of it" for name in CHOICES]
    print(f"{size:,} rows of CSV: {memory[OURS]:.0f} MB; {'; '.join(told)}")
    return memory[OURS] <= memory[POOL] and times[POOL] <= MOST_TIME


def main() -> int:
    """Measure, print, and return 1 where Arrow's own pool is better."""
    with ExitStack() as running:
        workers = {
            name: started(running.enter_context(serve(MODEL, "--max-workers", "1", env=env)))
            for name, env in {OURS: {}, **CHOICES}.items()
        }
        found = [compared(workers, size, number) for size, number in SIZES.items()]
    print(f"no more memory than with Arrow's own pool, at most {MOST_TIME} of its CPU time")
    return int(not all(found))


if __name__ == "__main__":
    sys.exit(main())
