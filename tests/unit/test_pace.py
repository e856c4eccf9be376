"""How long requests are expected to take."""

import pytest

from drum_like.server.latency import OVERDUE_S, QUICK_S, Pace, Speed

LONG_S, SHORT_S, QUICK = 2 * OVERDUE_S, 2 * QUICK_S, QUICK_S / 2


def slow_in_a_row(pace: Pace, n_bytes: int = 100) -> int:
    """Return how many requests are taken for slow before one is tried again."""
    count = 0
    while pace.of("/predict/", n_bytes) is not Speed.QUICK:
        count += 1
    return count


def test_an_unknown_request_is_tried() -> None:
    assert Pace().of("/predict/", 100) is Speed.QUICK


@pytest.mark.parametrize(
    ("seconds", "speed"),
    [(QUICK, Speed.QUICK), (SHORT_S, Speed.SHORT), (LONG_S, Speed.LONG)],
    ids=["quick", "short", "long"],
)
def test_the_next_is_expected_to_be_like_the_last(seconds: float, speed: Speed) -> None:
    pace = Pace()

    pace.took("/predict/", 100, seconds, seconds)

    assert pace.of("/predict/", 100) is speed


def test_waiting_for_neighbours_does_not_count() -> None:
    pace = Pace()

    pace.took("/predict/", 100, LONG_S, LONG_S / 4)

    assert pace.of("/predict/", 100) is Speed.SHORT


def test_sleep_counts() -> None:
    pace = Pace()

    pace.took("/predict/", 100, LONG_S, LONG_S / 100)

    assert pace.of("/predict/", 100) is Speed.LONG


@pytest.mark.parametrize("seconds", [SHORT_S, LONG_S], ids=["short", "long"])
def test_a_slow_one_is_tried_again_later_and_later(seconds: float) -> None:
    pace = Pace()
    pauses = []

    for _ in range(10):
        pace.took("/predict/", 100, seconds, seconds)
        pauses.append(slow_in_a_row(pace))

    assert pauses == [32, 64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096]


def test_a_single_long_one_among_short_ones_is_soon_forgotten() -> None:
    pace = Pace()
    for _ in range(10):
        pace.took("/predict/", 100, SHORT_S, SHORT_S)

    pace.took("/predict/", 100, LONG_S, LONG_S)

    assert slow_in_a_row(pace) == 32


def test_a_quick_one_is_taken_for_quick_at_once() -> None:
    pace = Pace()
    pace.took("/predict/", 100, SHORT_S, SHORT_S)
    slow_in_a_row(pace)

    pace.took("/predict/", 100, QUICK, QUICK)

    assert slow_in_a_row(pace) == 0


def test_large_bodies_and_other_paths_are_other_kinds() -> None:
    pace = Pace()

    pace.took("/predict/", 100_000, SHORT_S, SHORT_S)

    assert pace.of("/predict/", 100) is Speed.QUICK
    assert pace.of("/ping/", 0) is Speed.QUICK
    assert pace.of("/predict/", 110_000) is Speed.SHORT


def test_paths_without_number_do_not_fill_the_memory() -> None:
    pace = Pace()

    for number in range(3000):
        pace.took(f"/{number}", 0, SHORT_S, SHORT_S)

    assert pace.of("/0", 0) is Speed.QUICK
    assert pace.of("/2999", 0) is Speed.SHORT
