"""Bad requests again and again: a server that refuses them does not grow."""

from collections.abc import Callable, Iterator
from functools import partial

import psutil
import pytest

from tests.faults.conftest import Tell
from tests.faults.scale import FULL, scaled
from tests.live.test_bad_inputs import answered
from tests.support.bad_payloads import CSV, MATRICES, MEDIA, MULTIPART
from tests.support.bad_requests import FRAMING
from tests.support.models import ONE_WORKER, REG, served
from tests.support.serving import Server

TIMES = scaled(20, 100)
MOST_BYTES = 32 << 20
LARGEST = scaled(20_000, 1_000_000)

server = served(REG, *ONE_WORKER, "--threads", "2")

Again = tuple[str, Callable[[], object]]


def framing(server: Server) -> Iterator[Again]:
    """Give the requests that break HTTP."""
    for bad in FRAMING:
        if FULL or len(bad.make) < LARGEST:
            yield bad.row, partial(answered, server, bad.make + bad.second)


def payloads(server: Server) -> Iterator[Again]:
    """Give the requests whose bodies are bad."""
    for bad in (*MEDIA, *CSV, *MATRICES, *MULTIPART):
        if len(body := bad.body()) < LARGEST:
            yield bad.row, partial(server.post, "/predict/", body, bad.content_type)


@pytest.mark.parametrize("family", [framing, payloads])
def test_refusals_leave_no_memory_behind(
    server: Server, family: Callable[[Server], Iterator[Again]], tell: Tell
) -> None:
    (worker,) = psutil.Process(server.process.pid).children()
    grown = {}
    for row, again in family(server):
        for _ in range(TIMES // 5):  # every thread takes memory once
            again()
        before = worker.memory_info().rss
        for _ in range(TIMES):
            again()
        grown[row] = worker.memory_info().rss - before

    most = max(grown, key=lambda row: grown[row])
    tell(f"{len(grown)} rows, {TIMES} times each: at most {grown[most] / 1e6:.1f} MB ({most})")
    assert grown[most] <= MOST_BYTES
    assert worker.is_running()
