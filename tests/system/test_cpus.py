"""How many threads large work gets while other work is under way."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from drum_like.system.cpus import Cpus


def test_libraries_decide_until_cpus_are_divided() -> None:
    with Cpus().part() as part:
        assert part is None


@pytest.mark.parametrize(
    ("number", "expected"), [(1, [1, 1, 1]), (2, [2, 1, 1]), (8, [8, 4, 2])], ids="{}-cpus".format
)
def test_work_that_comes_later_gets_less(number: int, expected: list[int]) -> None:
    cpus = Cpus()
    cpus.divide(number, 1)

    with cpus.part() as first, cpus.part() as second, cpus.part() as third:
        found = [first, second, third]

    assert found == expected
    with cpus.part() as alone:
        assert alone == number


def test_work_of_other_processes_counts() -> None:
    cpus = Cpus()
    cpus.divide(4, 3)
    cpus.claim(0)
    asked, told = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        cpus.claim(1)
        with cpus.part():
            os.write(told[1], b"!")
            os.read(asked[0], 1)
        os._exit(0)
    os.read(told[0], 1)

    with cpus.part() as beside:
        pass
    os.write(asked[1], b"!")
    os.waitpid(child, 0)
    with cpus.part() as alone:
        pass

    assert (beside, alone) == (2, 4)


def test_the_next_owner_of_a_slot_forgets_what_the_last_one_left() -> None:
    cpus = Cpus()
    cpus.divide(4, 2)
    child = os.fork()
    if not child:
        cpus.claim(1)
        with cpus.part():
            os._exit(1)  # as one that is killed
    os.waitpid(child, 0)
    with cpus.part() as before:
        pass

    cpus.claim(1)

    with cpus.part() as after:
        assert (before, after) == (2, 4)


def test_failing_work_is_not_counted_any_more() -> None:
    cpus = Cpus()
    cpus.divide(2, 1)

    with pytest.raises(ZeroDivisionError), cpus.part():
        raise ZeroDivisionError

    with cpus.part() as part:
        assert part == 2


def test_counts_of_many_threads_are_right() -> None:
    cpus = Cpus()
    cpus.divide(2, 1)

    def work(_: int) -> None:
        for _again in range(500):
            with cpus.part():
                pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    with cpus.part() as part:
        assert part == 2
