"""A version changes again and again while requests come: none fails, none sees a mixture."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.conftest import Tell
from tests.faults.scale import FULL, scaled
from tests.faults.senders import REQUESTS_S, Answered, Question, asked, wait_for_answers
from tests.support.registries import Opened, constant, eventually, opened
from tests.support.serving import Server, serve

SECONDS = scaled(8, 60)
PAUSE_S = scaled(0.8, 0.6)
RATE = scaled(REQUESTS_S, 100)
WARM = 3
"""Versions until memory is first looked at: the first ones bring what is loaded once."""

QUESTION = Question("/models/m/predict/", b"a\n0\n0\n0\n", "text/csv")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Opened]:
    with opened(tmp_path / "store") as found:
        yield found


@pytest.fixture
def server(store: Opened, tmp_path: Path) -> Iterator[Server]:
    """Two workers, which serve the first version."""
    with serve(None, "--store", str(tmp_path / "store"), "--max-workers", "2") as running:
        store.put("m", constant(1))
        wait_for_answers(running.url, QUESTION)
        yield running


def test_no_request_fails_while_versions_change(store: Opened, server: Server, tell: Tell) -> None:
    workers, before = psutil.Process(server.process.pid).children(), 0
    with asked(server.url, QUESTION, RATE) as replies:
        changes = [(time.monotonic(), 1)]
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            before = before if len(changes) > WARM else _rss(workers)
            due = changes[0][0] + PAUSE_S * len(changes)
            time.sleep(max(0.0, due - time.monotonic()))
            value = len(changes) + 1
            store.put("m", constant(value))
            changes.append((time.monotonic(), value))
    after = _rss(workers)

    assert len(replies) > (0.9 if FULL else 0.6) * RATE * SECONDS
    assert {status for _, status, _ in replies} == {200}
    bodies = {_body(value): value for _, value in changes}
    assert {body for _, _, body in replies} <= bodies.keys()
    assert len({body for _, _, body in replies}) >= len(changes) - 2
    latest_s = _latest_change_s(replies, changes, bodies)
    assert latest_s < 1.0 + PAUSE_S
    assert abs(after / before - 1) <= 0.10
    tell(
        f"{len(replies)} requests in {SECONDS} s over {len(changes)} versions, 0 failed, each "
        f"answer that of one version; the latest change-over {latest_s:.2f} s after its upload; "
        f"{before >> 20} MB before, {after >> 20} after"
    )


def test_no_request_fails_while_versions_come_that_do_not_load(
    store: Opened, server: Server, tell: Tell
) -> None:
    """F-27."""
    with asked(server.url, QUESTION) as replies:
        for number in range(scaled(4, 50)):
            store.put("m", constant(2 + number)[:-20])
            time.sleep(1)
        eventually(lambda: server.log().count("does not load") >= scaled(1, 30))

    assert server.process.poll() is None
    assert {(status, body) for _, status, body in replies} == {(200, _body(1))}
    tell(f"{len(replies)} requests beside {scaled(4, 50)} bad versions, 0 failed")


def _rss(workers: list[psutil.Process]) -> int:
    return sum(worker.memory_info().rss for worker in workers)


def _body(value: int) -> bytes:
    return f'{{"predictions":[{value:.1f},{value:.1f},{value:.1f}]}}'.encode()


def _latest_change_s(
    replies: list[Answered],
    changes: list[tuple[float, int]],
    bodies: dict[bytes, int],
) -> float:
    """Return the longest time after its replacement at which a version answered."""
    replaced = {value - 1: at for at, value in changes[1:]}
    late = [at - replaced[bodies[body]] for at, _, body in replies if bodies[body] in replaced]
    return max(late)
