"""Counts of requests by model, over all workers."""

import os

import pytest

from drum_like.system import model_counts
from drum_like.system.model_counts import Counts, ModelCounts


def one(rows: int) -> Counts:
    return Counts(good=1, good_ns=10, rows=rows, input_ns=1, predict_ns=2, output_ns=3)


def test_requests_add_up_by_model_and_version() -> None:
    counts = ModelCounts()

    counts.record("a", "1", one(2))
    counts.record("a", "1", one(3))
    counts.record("a", "2", Counts(bad=1, bad_ns=5))

    assert counts.of("a", "1")[:8] == (2, 20, 0, 0, 5, 2, 4, 6)
    assert counts.of("a", "2")[:8] == (0, 0, 1, 5, 0, 0, 0, 0)
    assert counts.of("a", "1").last_ms > 0
    assert counts.of("b", "1") == Counts()


def test_workers_add_up_and_the_next_owner_of_a_part_goes_on() -> None:
    counts = ModelCounts(slots=2)
    for slot in (0, 1, 1):
        child = os.fork()
        if child == 0:
            counts.claim(slot)
            counts.record("a", "1", one(1))
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

    assert counts.of("a", "1").good == 3


def test_models_beyond_the_room_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_counts, "MODELS", 2)
    counts = ModelCounts()

    for name in ("a", "b", "c", "a"):
        counts.record(name, "1", one(1))

    assert [counts.of(name, "1").good for name in "abc"] == [2, 1, 0]
