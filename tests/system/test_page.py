"""Pages of entries, and their moves into sums, when a process is killed or another one reads."""

import mmap
import os
import random
import signal
import time
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drum_like.system.marks import ENTRIES, ENTRY, FIELDS, UNKNOWN, Page
from tests.system.test_series import in_child

N_SUMS = 8
"""The sums of these pages; an entry adds its rows to the one of its kind."""

patient = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Memory = mmap.mmap | bytearray


class Killed(BaseException):
    """The process ends here."""


class Interrupted:
    """Cells of which some are written, one after the other, before the process is killed."""

    def __init__(self, cells: "memoryview[float]", n_left: int) -> None:
        self._cells, self._n_left = cells, n_left

    def __getitem__(self, at: Any) -> Any:
        """Read as ever."""
        return self._cells[at]

    def __setitem__(self, at: int | slice, values: Any) -> None:
        """Write one cell after the other.

        Raises:
            Killed: it was enough.
        """
        is_slice = isinstance(at, slice)
        places = range(len(self._cells))[at] if isinstance(at, slice) else [at]
        for place, value in zip(places, values if is_slice else [values], strict=True):
            if not self._n_left:
                raise Killed
            self._n_left -= 1
            self._cells[place] = value


def memory() -> Memory:
    """Return memory for a page that other processes see."""
    return mmap.mmap(-1, Page.size(N_SUMS) * 8)


def page_in(found: Memory) -> Page:
    """Return a page as its next owner has it."""
    page = Page(N_SUMS)
    page.begin(memoryview(found).cast("d"), 0)
    return page


def add_up(entries: bytes, end: int) -> list[float]:
    """Return the rows of entries by kind."""
    found = [0.0] * end
    for kind, rows, *_ in ENTRY.iter_unpack(entries):
        found[int(kind)] += rows
    return found


def sums(page: Page) -> list[float]:
    """Return what a page has counted, as whoever reads sees it."""
    return page.sums(page.cells, 0, add_up, N_SUMS)


def packed(page: Page, kind: int, rows: int) -> bytes:
    """Return an entry as it is written now."""
    return ENTRY.pack(kind, rows, *(FIELDS - 4) * (0.0,), UNKNOWN, page.tag)


def enter(page: Page, kind: int, rows: int) -> None:
    """Write an entry."""
    if page.at == page.full:
        page.move(add_up, N_SUMS)
    memoryview(page.cells).cast("B")[page.at * 8 : page.at * 8 + ENTRY.size] = packed(
        page, kind, rows
    )
    page.at += FIELDS


def fill(page: Page, kind: int, times: int) -> None:
    """Write so many entries of one row."""
    for _ in range(times):
        enter(page, kind, 1)


def test_a_full_page_is_moved_and_nothing_is_lost() -> None:
    page = page_in(memory())
    for number in range(1, 3 * ENTRIES + 2):
        enter(page, number % 3, 1)
        if number % ENTRIES < 3:
            assert sum(sums(page)) == number

    assert sums(page)[:3] == [ENTRIES, ENTRIES + 1, ENTRIES]


@patient
@given(
    n_before=st.integers(0, 1).map(lambda pages: pages * ENTRIES),
    kinds=st.lists(st.integers(0, N_SUMS - 1), min_size=1, max_size=4),
    n_cells=st.integers(0, N_SUMS + 1),
)
def test_a_move_that_is_killed_at_any_step_loses_and_doubles_nothing(
    n_before: int, kinds: list[int], n_cells: int
) -> None:
    found = memory()
    page = page_in(found)
    fill(page, kinds[0], n_before + ENTRIES)
    cells, expected = page.cells, sums(page)
    page.cells = cast("memoryview[float]", Interrupted(cells, n_cells))
    is_killed = False
    try:
        page.move(add_up, N_SUMS)
    except Killed:
        is_killed = True

    after = page_in(found)
    assert is_killed == (n_cells <= N_SUMS)
    assert sums(after) == expected
    for kind in kinds:
        enter(after, kind, 2)
        expected[kind] += 2
        assert sums(after) == expected
    assert sums(page_in(found)) == expected


class Disturbed:
    """Cells of a process that counts on between two reads of another one."""

    def __init__(self, page: Page, n_reads: int, n_entries: int) -> None:
        self._page, self._n_left, self._n_entries = page, n_reads, n_entries

    def __getitem__(self, at: Any) -> Any:
        """Read; before one of the reads, the process counts."""
        if not self._n_left:
            fill(self._page, 1, self._n_entries)
        self._n_left -= 1
        return self._page.cells[at]


@patient
@given(
    n_before=st.sampled_from([0, 1, ENTRIES - 1, ENTRIES, 2 * ENTRIES - 1]),
    n_reads=st.integers(0, 6),
    n_entries=st.sampled_from([1, 2, ENTRIES, 2 * ENTRIES + 1]),
)
def test_whoever_reads_while_another_counts_sees_a_number_in_between(
    n_before: int, n_reads: int, n_entries: int
) -> None:
    page = page_in(memory())
    fill(page, 1, n_before)
    cells = cast("memoryview[float]", Disturbed(page, n_reads, n_entries))
    seen = page.sums(cells, 0, add_up, N_SUMS)[1]

    assert n_before <= seen <= n_before + n_entries
    assert sums(page)[1] in {n_before, n_before + n_entries}


@patient
@given(n_before=st.sampled_from([0, 1, ENTRIES - 1, 2 * ENTRIES]), n_bytes=st.integers(0, 87))
def test_an_entry_that_is_half_written_is_none(n_before: int, n_bytes: int) -> None:
    found = memory()
    page = page_in(found)
    fill(page, 1, n_before)
    if page.at == page.full:
        page.move(add_up, N_SUMS)
    n_whole = n_bytes // 8 * 8  # a number is written at once
    found[page.at * 8 : page.at * 8 + n_whole] = packed(page, 2, 5)[:n_whole]

    after = page_in(found)
    assert sums(after)[1:3] == [n_before, 0]
    enter(after, 3, 1)
    assert sums(after)[1:4] == [n_before, 0, 1]


def test_entries_of_one_sum_are_the_same_before_and_after_a_move() -> None:
    found = memory()
    page = page_in(found)
    fill(page, 1, ENTRIES)
    before = sums(page)
    page.move(add_up, N_SUMS)

    assert sums(page) == before
    assert page.at == 1


def _count(found: Memory, told: "memoryview[float]") -> None:
    """Count until the process is killed; tell each entry once it is written."""
    page = page_in(found)
    while True:
        enter(page, 1, 1)
        told[0] += 1


@pytest.fixture
def told() -> "memoryview[float]":
    """A number that processes share."""
    return memoryview(mmap.mmap(-1, 8)).cast("d")


def test_counts_of_killed_processes_never_shrink_and_are_whole(told: "memoryview[float]") -> None:
    found, chance, last, n_kills = memory(), random.Random(5), 0.0, 8
    for number in range(1, n_kills + 1):
        reader = page_in(found)
        child = in_child(lambda: _count(found, told))
        enough = told[0] + ENTRIES + chance.randrange(ENTRIES)
        deadline = time.monotonic() + 60
        while told[0] < enough and time.monotonic() < deadline:
            least = told[0]
            now = sums(reader)[1]
            assert now >= max(last, least)
            last = now
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        last = sums(reader)[1]

        assert told[0] >= enough
        assert told[0] <= last <= told[0] + number
