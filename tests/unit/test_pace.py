"""Which requests are taken for quick."""

from drum_like.server.pace import QUICK_S, Pace

SLOW_S, FAST_S = 2 * QUICK_S, QUICK_S / 2


def slow_in_a_row(pace: Pace, n_bytes: int = 100) -> int:
    """Return how many requests are taken for slow before one is tried again."""
    count = 0
    while not pace.is_quick("/predict/", n_bytes):
        count += 1
    return count


def test_an_unknown_request_is_tried() -> None:
    assert Pace().is_quick("/predict/", 100)


def test_a_slow_one_is_tried_again_later_and_later() -> None:
    pace = Pace()
    pauses = []

    for _ in range(10):
        pace.took("/predict/", 100, SLOW_S)
        pauses.append(slow_in_a_row(pace))

    assert pauses == [32, 64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096]


def test_a_quick_one_is_taken_for_quick_at_once() -> None:
    pace = Pace()
    pace.took("/predict/", 100, SLOW_S)
    slow_in_a_row(pace)

    pace.took("/predict/", 100, FAST_S)

    assert slow_in_a_row(pace) == 0


def test_large_bodies_and_other_paths_are_other_kinds() -> None:
    pace = Pace()

    pace.took("/predict/", 100_000, SLOW_S)

    assert pace.is_quick("/predict/", 100)
    assert pace.is_quick("/ping/", 0)
    assert not pace.is_quick("/predict/", 110_000)


def test_paths_without_number_do_not_fill_the_memory() -> None:
    pace = Pace()

    for number in range(3000):
        pace.took(f"/{number}", 0, SLOW_S)

    assert pace.is_quick("/0", 0)
    assert not pace.is_quick("/2999", 0)
