"""Readiness over the life of a worker."""

import pytest

from drum_like.system.lifecycle import Background, Readiness


def test_a_worker_is_ready_from_start_to_drain() -> None:
    readiness = Readiness()
    before = readiness.ready

    readiness.start()
    started = readiness.ready
    readiness.drain()

    assert (before, started, readiness.ready) == (False, True, False)


@pytest.mark.parametrize("end", ["drain", "stop"])
def test_a_worker_that_ends_is_not_ready(end: str) -> None:
    readiness: Background = Readiness()
    readiness.start()

    getattr(readiness, end)()

    assert isinstance(readiness, Readiness)
    assert not readiness.ready
