"""Measures a server that gets more requests than it can serve: `make overload`.

python -m benchmarks.overload                       both models, 60 seconds a load
python -m benchmarks.overload --seconds 10 --models sleep

Each model is first asked one request after the other, then as fast as it answers, which tells its
capacity, then once, twice and five times as often as that, at random moments that do not depend on
the answers. The generator has one CPU for itself, and the server of the model that computes has the
others. Bars: goodput at five times the capacity is at least 90 % of that at once, the slowest
hundredth of what is answered takes at most the queue limit and twice the time of a request alone,
and that of /livez at most 100 ms.
"""

import argparse
import asyncio
import math
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.support.serving import Server, serve

TIMES = (1, 2, 5)
LIMIT_MS = 1000
LIVEZ_MS = 100.0
KEPT = 0.9
SECONDS = 60.0

TITLES = "| model | load | served/s | 503 | 503 p50 ms | failed | p50 ms | p99 ms | /livez p99 ms |"

_ALONE = 50
_CONNECTIONS = 16
_PROBE_PAUSE_S = 0.05

HOOK = """
import time

import pandas as pd


def load_model(code_dir):
    return "model"


def wait(seconds):
    {work}


def score(data, model, **kwargs):
    wait(0.02)
    return pd.DataFrame({{"Predictions": [1.0] * len(data)}})
"""

COMPUTE = """until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(1000))"""

REQUEST = (
    b"POST /predict/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
    b"Content-Length: 8\r\n\r\na,b\n1,2\n"
)
PROBE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Model:
    """A model that is put under too much load.

    Attributes:
        work: Statements of its hook that take 20 ms.
        workers: How many serve it.
        is_pinned: Whether its server leaves the generator a CPU.
    """

    work: str
    workers: int
    is_pinned: bool


MODELS = {
    "sleep": Model("time.sleep(seconds)", 2, is_pinned=False),
    "compute": Model(COMPUTE, 1, is_pinned=True),
}


@dataclass(slots=True)
class Load:
    """The answers to a load.

    Attributes:
        seconds: How long it lasted.
        n_in_time: Number of requests that were answered with 200 before it ended.
        served_ms: Times of all that were answered with 200.
        refused_ms: Times of those that were answered with 503.
        failed: Number of all others.
        livez_ms: Times of the probes beside them.
    """

    seconds: float
    n_in_time: int = 0
    served_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    failed: int = 0
    livez_ms: list[float] = field(default_factory=list)

    @property
    def goodput(self) -> float:
        """Requests served in a second."""
        return self.n_in_time / self.seconds

    @property
    def refused(self) -> float:
        """Part of the requests that was refused."""
        n_all = len(self.served_ms) + len(self.refused_ms) + self.failed
        return len(self.refused_ms) / max(1, n_all)


class Client:
    """One connection that is kept as long as the server keeps it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.is_open = True
        self._reader, self._writer = reader, writer

    @property
    def is_alive(self) -> bool:
        """Whether the server has not closed it."""
        return not self._reader.at_eof()

    async def ask(self, request: bytes) -> int:
        """Send a request, and return the status of its answer."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        fields = head.lower()
        length = int(fields.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await self._reader.readexactly(length)
        self.is_open = b"connection: close" not in fields
        return int(head.split(b" ", 2)[1])

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


class Generator:
    """Sends requests to one server.

    Args:
        server: The server.
        random: Decides on the moments.
        patience_s: How long a client waits for its answer.
    """

    def __init__(self, server: Server, random: Random, patience_s: float) -> None:
        host, _, port = server.url.removeprefix("http://").partition(":")
        self._address = host, int(port)
        self._random, self._patience_s = random, patience_s
        self._idle: list[Client] = []

    async def alone_ms(self) -> float:
        """Return the median time of requests that are sent one after the other.

        Raises:
            ValueError: one is not answered with 200.
        """
        times: list[float] = []
        for _ in range(_ALONE):
            began = time.perf_counter()
            if (status := await self._ask(REQUEST)) != 200:
                raise ValueError(f"the server answers {status}")
            times.append((time.perf_counter() - began) * 1000)
        return statistics.median(times)

    async def capacity(self, seconds: float) -> float:
        """Return the requests a second of a few clients that send the next at each answer."""
        until, count = time.perf_counter() + seconds, 0

        async def send() -> None:
            nonlocal count
            while time.perf_counter() < until:
                status = await self._ask(REQUEST)
                count += status == 200

        await asyncio.gather(*(send() for _ in range(_CONNECTIONS)))
        return count / seconds

    async def load(self, rate: float, seconds: float) -> Load:
        """Send so many requests a second, whatever is answered."""
        load, tasks = Load(seconds), list[asyncio.Task[None]]()
        began = at = time.perf_counter()
        probing = asyncio.create_task(self._probe(load, began + seconds))
        while (at := at + self._random.expovariate(rate)) < began + seconds:
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            tasks.append(asyncio.create_task(self._note(load, at)))
        load.n_in_time = len(load.served_ms)
        await asyncio.gather(probing, *tasks)
        return load

    def close(self) -> None:
        """Close all connections."""
        while self._idle:
            self._idle.pop().close()

    async def _note(self, load: Load, at: float) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                status = await self._ask(REQUEST)
        except (OSError, EOFError, ValueError, TimeoutError):
            load.failed += 1
            return
        took_ms = (time.perf_counter() - at) * 1000
        if status == 200:
            load.served_ms.append(took_ms)
        elif status == 503:
            load.refused_ms.append(took_ms)
        else:
            load.failed += 1

    async def _probe(self, load: Load, until: float) -> None:
        """Send probes at a steady rate, however long the answers to those before take."""
        probes: list[asyncio.Task[float]] = []
        while time.perf_counter() < until:
            probes.append(asyncio.create_task(self._probe_ms()))
            await asyncio.sleep(_PROBE_PAUSE_S)
        load.livez_ms += await asyncio.gather(*probes)

    async def _probe_ms(self) -> float:
        """Return the time of a probe, infinite where it is not answered with 200."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._patience_s):
                client = await self._connected()
                with closing(client):
                    status = await client.ask(PROBE)
        except (OSError, EOFError, ValueError, TimeoutError):
            return math.inf
        return (time.perf_counter() - began) * 1000 if status == 200 else math.inf

    async def _ask(self, request: bytes) -> int:
        client = await self._client()
        try:
            status = await client.ask(request)
        except BaseException:
            client.close()
            raise
        if client.is_open:
            self._idle.append(client)
        else:
            client.close()
        return status

    async def _client(self) -> Client:
        """Return a connection that was used lately and is still open, else a new one."""
        while self._idle:
            if (client := self._idle.pop()).is_alive:
                return client
            client.close()
        return await self._connected()

    async def _connected(self) -> Client:
        return Client(*await asyncio.open_connection(*self._address))


def percentile(times: Sequence[float], percent: int) -> float:
    """Return a percentile of times; 0 without any."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


@contextmanager
def served(model: Model, limit_ms: int) -> Iterator[Server]:
    """Serve a model, and take one CPU for this process."""
    cpus = os.sched_getaffinity(0)
    own = {max(cpus)}
    with TemporaryDirectory() as name:
        (Path(name) / "custom.py").write_text(HOOK.format(work=model.work))
        flags = ("--target-type", "regression", "--max-workers", str(model.workers))
        if model.is_pinned:
            os.sched_setaffinity(0, cpus - own or cpus)
        try:
            with serve(Path(name), *flags, "--queue-timeout-ms", str(limit_ms)) as server:
                os.sched_setaffinity(0, own)
                yield server
        finally:
            os.sched_setaffinity(0, cpus)


async def measure(name: str, server: Server, options: argparse.Namespace) -> bool:
    """Put a server under each load, print the figures, and return whether the bars are held."""
    generator = Generator(server, Random(16), options.patience_s)
    alone_ms = await generator.alone_ms()
    capacity = await generator.capacity(min(5.0, options.seconds))
    print(f"{name}: alone {alone_ms:.1f} ms, capacity {capacity:.0f}/s", flush=True)
    loads = []
    for times in TIMES:
        loads.append(load := await generator.load(times * capacity, options.seconds))
        print(row(name, times, load), flush=True)
        await asyncio.sleep(min(options.limit_ms / 1000, options.patience_s))
    generator.close()
    slowest_ms = options.limit_ms + 2 * alone_ms
    return (
        loads[-1].goodput >= KEPT * loads[0].goodput
        and all(percentile(load.served_ms, 99) <= slowest_ms for load in loads)
        and all(percentile(load.livez_ms, 99) <= LIVEZ_MS for load in loads)
        and not any(load.failed for load in loads)
    )


def row(name: str, times: int, load: Load) -> str:
    """Return a row of the table."""
    cells = (
        name,
        f"{times} x",
        f"{load.goodput:.1f}",
        f"{100 * load.refused:.0f} %",
        f"{percentile(load.refused_ms, 50):.1f}",
        load.failed,
        *(f"{percentile(load.served_ms, p):.0f}" for p in (50, 99)),
        f"{percentile(load.livez_ms, 99):.0f}",
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    """Measure and print; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overload", description=__doc__.split("\n")[0]
    )
    add = parser.add_argument
    add("--seconds", type=float, default=SECONDS, help="of each load (60)")
    add("--limit-ms", type=int, default=LIMIT_MS, help="--queue-timeout-ms of the server (1000)")
    add("--patience-s", type=float, default=30.0, help="of the clients (30)")
    add("--models", nargs="+", choices=MODELS, default=list(MODELS))
    options = parser.parse_args()
    print(TITLES)
    print("|---|---|---|---|---|---|---|---|---|")
    held = []
    for name in options.models:
        with served(MODELS[name], options.limit_ms) as server:
            held.append(asyncio.run(measure(name, server, options)))
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
