"""A moment of the soak of `make soak`, and what its watch complains of."""

import os

import psutil
import pytest

from tests.soak.__main__ import soak
from tests.soak.mix import STEADY
from tests.soak.watching import Resources, Watched

MB = 1_000_000
HELD = Resources(20, 10)


def watched(grown: int, size: int = 500 * MB, after: Resources | None = HELD) -> Watched:
    """Return a process that grows by this in the second half of two minutes."""
    sizes = [(float(at), size + max(0, at - 60) * grown // 59) for at in range(120)]
    return Watched(psutil.Process(os.getpid()), sizes, HELD, after)


def test_a_moment_of_it_shows_no_wrong_answer_and_leaves_nothing_open() -> None:
    complaints = soak(STEADY, 3, 100, halves=4)

    assert [one for one in complaints if "has grown" not in one] == []  # it is still young


def test_a_process_that_ended_before_it_was_looked_at_is_told() -> None:
    gone = Watched(psutil.Process(os.getpid()), [(59.0, MB)], HELD)

    assert gone.growth(60.0) == (0.0, 0.0)
    assert list(gone.complaints(60.0)) == ["it did not live through the second half"]


@pytest.mark.parametrize(
    ("process", "words"),
    [
        (watched(0), None),
        (watched(-20 * MB), None),
        (watched(4 * MB), None),
        (watched(4 * MB, size=300 * MB), "has grown by 4.0 MB of 302 MB"),
        (watched(11 * MB, size=5000 * MB), "has grown by 11.0 MB"),
        (watched(0, after=Resources(21, 10)), "descriptors=21"),
        (watched(0, after=Resources(20, 11)), "threads=11"),
        (watched(0, after=None), "did not live"),
    ],
)
def test_growth_is_told(process: Watched, words: str | None) -> None:
    complaints = list(process.complaints(60.0))

    assert len(complaints) == (words is not None)
    assert all(str(words) in complaint for complaint in complaints)
