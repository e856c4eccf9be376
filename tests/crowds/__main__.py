"""Asks a server from many clients at once: `python -m tests.crowds`.

Three models on one server, several doors, rows that are refused, clients that leave, and deadlines:
every answer has to have the bytes of the one that its request got alone, or be 503.
"""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.crowds.asked import DEFAULT, draw
from tests.crowds.clients import Crowd, Tally, answers_alone
from tests.crowds.directories import write
from tests.support.serving import serve

FLAGS = ("--max-workers", "1", "--default-model", DEFAULT)


logger = logging.getLogger(__name__)

_AT_A_TIME = 5_000
_N_DIFFERENT = 900
_QUEUE_TIMEOUT_MS = 3_000


def asked_by_crowd(
    count: int,
    connections: int,
    seed: int,
    *,
    n_different: int = _N_DIFFERENT,
    queue_timeout_ms: int = 0,
) -> Tally:
    """Return the answers to a crowd that asks one server.

    Args:
        count: How many requests are sent.
        connections: From how many clients.
        seed: Others for each.
        n_different: How many different requests there are.
        queue_timeout_ms: How long requests wait for their turn; 0 for as long as it takes.
    """
    requests = list(draw(seed, n_different))
    with tempfile.TemporaryDirectory() as name:
        flags = (*FLAGS, "--models", str(write(Path(name))))
        with serve(None, *flags, "--queue-timeout-ms", str(queue_timeout_ms)) as server:
            alone = answers_alone(server.url, requests)
            crowd = Crowd(server.url, requests, alone)
            tally = Tally()
            for start in range(0, count, _AT_A_TIME):
                part = crowd.ask(min(_AT_A_TIME, count - start), connections, seed + start)
                tally.add(part)
                logger.info("%d wrong of %d", len(tally.failures), tally.kinds.total())
            if answers_alone(server.url, requests) != alone:
                tally.failures.append("answers are not the same after the crowd")
            tally.n_batches, tally.n_batched = _batches(server.get("/metrics").text)
    return tally


def _batches(metrics: str) -> tuple[int, int]:
    """Return how many batches there were, and of how many requests."""
    values = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line[:1] != "#")
    name = "drum_like_batch_requests"
    return int(float(values[f"{name}_count"])), int(float(values[f"{name}_sum"]))


def main() -> int:
    """Ask, and say what came; 1 where an answer was another one."""
    parser = argparse.ArgumentParser(prog="python -m tests.crowds", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=48)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queue-timeout-ms", type=int, default=_QUEUE_TIMEOUT_MS)
    flags = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    began = time.monotonic()
    tally = asked_by_crowd(
        *(flags.requests, flags.connections, flags.seed), queue_timeout_ms=flags.queue_timeout_ms
    )
    lines = [f"{flags.requests} requests, {flags.connections} clients"]
    lines += [f"{tally.n_batched:9,}  waited, and were predicted in {tally.n_batches:,} batches"]
    lines += [f"{count:9,}  {kind}" for kind, count in sorted(tally.kinds.items())]
    lines += [*tally.failures[:20], f"{len(tally.failures):9,}  wrong"]
    lines += [f"{time.monotonic() - began:.0f} s"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
