"""The division of CPUs between workers and the threads of frameworks."""

import pytest

from drum_like.system.cpus import Share, set_native_threads, share


@pytest.mark.parametrize(
    ("max_workers", "cpus", "expected"),
    [
        (None, 4, Share(4, 1)),
        (1, 4, Share(1, 4)),
        (2, 5, Share(2, 2)),
        (8, 2, Share(8, 1)),
    ],
    ids=["default", "one-worker", "rounded-down", "more-workers-than-cpus"],
)
def test_cpus_are_divided(max_workers: int | None, cpus: int, expected: Share) -> None:
    assert share(max_workers, cpus) == expected


def test_native_threads_are_set() -> None:
    environ: dict[str, str] = {}

    set_native_threads(environ, 3)

    assert environ == {"OMP_NUM_THREADS": "3", "OMP_WAIT_POLICY": "PASSIVE"}


def test_what_the_user_has_set_stays() -> None:
    environ = {"OMP_NUM_THREADS": "7", "OMP_WAIT_POLICY": "ACTIVE"}

    set_native_threads(environ, 3)

    assert environ == {"OMP_NUM_THREADS": "7", "OMP_WAIT_POLICY": "ACTIVE"}
