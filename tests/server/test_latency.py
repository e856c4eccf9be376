"""Expected latencies of requests."""

import pytest

from drum_like.server.latency import FAST_S, OVERDUE_S, LatencyClass, LatencyEstimator

SLOW_S, MEDIUM_S, FAST = 2 * OVERDUE_S, 2 * FAST_S, FAST_S / 2


def slow_in_a_row(estimator: LatencyEstimator, n_bytes: int = 100) -> int:
    """Return the number of requests taken for slow before one is tried again."""
    count = 0
    while estimator.of("/predict/", n_bytes) is not LatencyClass.FAST:
        count += 1
    return count


def test_an_unknown_request_is_tried() -> None:
    assert LatencyEstimator().of("/predict/", 100) is LatencyClass.FAST


@pytest.mark.parametrize(
    ("seconds", "latency"),
    [(FAST, LatencyClass.FAST), (MEDIUM_S, LatencyClass.MEDIUM), (SLOW_S, LatencyClass.SLOW)],
    ids=["quick", "short", "long"],
)
def test_the_next_is_expected_to_be_like_the_last(seconds: float, latency: LatencyClass) -> None:
    estimator = LatencyEstimator()

    estimator.took("/predict/", 100, seconds, seconds)

    assert estimator.of("/predict/", 100) is latency


def test_waiting_for_neighbours_does_not_count() -> None:
    estimator = LatencyEstimator()

    estimator.took("/predict/", 100, SLOW_S, SLOW_S / 4)

    assert estimator.of("/predict/", 100) is LatencyClass.MEDIUM


def test_sleep_counts() -> None:
    estimator = LatencyEstimator()

    estimator.took("/predict/", 100, SLOW_S, SLOW_S / 100)

    assert estimator.of("/predict/", 100) is LatencyClass.SLOW


@pytest.mark.parametrize("seconds", [MEDIUM_S, SLOW_S], ids=["short", "long"])
def test_a_slow_one_is_tried_again_later_and_later(seconds: float) -> None:
    estimator = LatencyEstimator()
    pauses = []

    for _ in range(10):
        estimator.took("/predict/", 100, seconds, seconds)
        pauses.append(slow_in_a_row(estimator))

    assert pauses == [32, 64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096]


def test_a_single_long_one_among_short_ones_is_soon_forgotten() -> None:
    estimator = LatencyEstimator()
    for _ in range(10):
        estimator.took("/predict/", 100, MEDIUM_S, MEDIUM_S)

    estimator.took("/predict/", 100, SLOW_S, SLOW_S)

    assert slow_in_a_row(estimator) == 32


def test_a_quick_one_is_taken_for_quick_at_once() -> None:
    estimator = LatencyEstimator()
    estimator.took("/predict/", 100, MEDIUM_S, MEDIUM_S)
    slow_in_a_row(estimator)

    estimator.took("/predict/", 100, FAST, FAST)

    assert slow_in_a_row(estimator) == 0


def test_large_bodies_and_other_paths_are_other_kinds() -> None:
    estimator = LatencyEstimator()

    estimator.took("/predict/", 100_000, MEDIUM_S, MEDIUM_S)

    assert estimator.of("/predict/", 100) is LatencyClass.FAST
    assert estimator.of("/ping/", 0) is LatencyClass.FAST
    assert estimator.of("/predict/", 110_000) is LatencyClass.MEDIUM


def test_paths_without_number_do_not_fill_the_memory() -> None:
    estimator = LatencyEstimator()

    for number in range(3000):
        estimator.took(f"/{number}", 0, MEDIUM_S, MEDIUM_S)

    assert estimator.of("/0", 0) is LatencyClass.FAST
    assert estimator.of("/2999", 0) is LatencyClass.MEDIUM
