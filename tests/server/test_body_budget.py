"""Room for bodies, taken by several processes."""

import os
from collections.abc import Callable

import pytest
from werkzeug.exceptions import HTTPException

from drum_like.server.body_budget import BodyBudget, NoRoomError, Room, usual_budget

FREE = 65536


def in_child(work: Callable[[], object]) -> int:
    """Do something in a process of its own, which ends without notice; return whether it worked."""
    pid = os.fork()
    if pid == 0:
        os._exit(int(bool(work())))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _taken_in(budget: BodyBudget, slot: int, size: int) -> bool:
    budget.join(slot)
    return budget.take(size)


def test_all_processes_take_from_one_budget_and_a_dead_one_gives_up_its_part() -> None:
    budget = BodyBudget(100, slots=3)
    budget.join(0)
    assert in_child(lambda: _taken_in(budget, 1, 60))

    assert not budget.take(41)
    assert budget.take(40)
    assert not in_child(lambda: _taken_in(budget, 2, 1))

    budget.clear(1)
    assert budget.take(60)
    assert not budget.take(1)


def test_small_bodies_take_no_room() -> None:
    budget = BodyBudget(2 * FREE)
    assert budget.take(FREE)

    assert Room(budget).hold(FREE) is None
    assert Room(budget).hold(FREE + 1) is NoRoomError


def test_a_body_takes_room_as_it_grows_and_gives_up_all_of_it() -> None:
    budget = BodyBudget(10 * FREE)
    room, other = Room(budget), Room(budget)
    for size in (10, 4 * FREE, 2 * FREE, 7 * FREE):
        assert room.hold(size) is None

    assert room.taken == 7 * FREE
    assert other.hold(4 * FREE) is NoRoomError
    assert other.taken == 0
    room.keep(6 * FREE)
    assert other.hold(4 * FREE) is None
    room.keep(FREE)
    assert room.taken == 0
    other.keep(0)
    assert budget.take(10 * FREE)


def test_a_body_longer_than_the_budget_never_has_room() -> None:
    budget = BodyBudget(3 << 20)

    refusal = Room(budget).hold((3 << 20) + 1)

    assert refusal is not None
    error = refusal()
    assert isinstance(error, HTTPException)
    assert error.code == 413
    assert "3 MiB" in str(error)
    assert "--max-bodies-mb" in str(error)


def test_no_room_is_503_and_says_when_to_try_again() -> None:
    error = NoRoomError()

    assert error.code == 503
    assert ("Retry-After", "1") in error.get_headers()


@pytest.mark.parametrize(
    ("most", "line"),
    [
        (64 << 20, "bodies up to 64 MiB, 64 MiB together at one time"),
        (4096 << 20, "bodies up to 1024 MiB, 4096 MiB together at one time"),
        (0, "bodies up to 1024 MiB, any number at one time"),
    ],
)
def test_the_limits_are_told(most: int, line: str) -> None:
    assert BodyBudget(most).limits(1024 << 20) == line


def test_the_usual_budget_leaves_room_for_the_rest() -> None:
    assert 0 < usual_budget() < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 3
