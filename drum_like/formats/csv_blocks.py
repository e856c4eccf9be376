"""Where a large CSV text may be cut, and many blocks of it worked on at once.

A block ends behind a line feed, so it holds whole rows: only texts are cut in which every line feed
ends a row. Blocks of a megabyte stay in a core's cache from the text to its columns to the rows of
the matrix; one Arrow table of 58 MB took 240 ms where blocks take 135 with two cores.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from drum_like import cgroup
from drum_like.cpus import CPUS
from drum_like.formats.csv_records import BLANKS

BLOCK = 1 << 20
"""Bytes of a block, at most, unless one row is longer; also what Arrow parses at a time."""

_LF, _CR = b"\n\r"

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive rows of a text.

    Attributes:
        start: Where the first of them starts.
        end: Where the last of them ends, behind its line end.
        row: Number of rows before the block.
        n_rows: Number of rows in it.
    """

    start: int
    end: int
    row: int
    n_rows: int


def plain_blocks(text: bytes, start: int) -> list[Block] | None:
    """Return the rows from `start` on in blocks, none for no rows.

    Widths are not looked at.

    Returns:
        None if the text has quotes, blank lines or lone CRs, which make rows harder to tell apart.
    """
    if text.find(b'"', start) >= 0:
        return None
    bounds = list(_bounds(text, start))
    codes = np.frombuffer(text, np.uint8)
    counts = each(lambda bound: _plain_rows(codes[slice(*bound)]), bounds)
    if counts is None:
        return None
    rows = accumulate(counts, initial=0)
    parts = zip(bounds, rows, counts, strict=False)  # the sum of all stands behind the last block
    return [Block(*bound, row, count) for bound, row, count in parts]


def each(task: Callable[[Item], Result | None], items: Sequence[Item]) -> list[Result] | None:
    """Return what a task makes of each item, in order; None if it gives None for one.

    Tasks run side by side where this process has CPUs for them; Arrow and numpy let each other run.
    """
    if len(items) < 2:
        return _unless_none(map(task, items))
    with CPUS.part() as part:
        return _each(task, items, min(part or _threads(), len(items)))


def _each(
    task: Callable[[Item], Result | None], items: Sequence[Item], n_threads: int
) -> list[Result] | None:
    if n_threads < 2:
        return _unless_none(map(task, items))
    pool = ThreadPoolExecutor(n_threads)
    try:
        return _unless_none(pool.map(task, items))
    finally:
        pool.shutdown(cancel_futures=True)


@cache
def _threads() -> int:
    """Return how many threads may work on one text where nobody divides the CPUs.

    Arrow follows OMP_NUM_THREADS.
    """
    return min(int(pa.cpu_count()), cgroup.cpus())


def _unless_none(found: Iterable[Result | None]) -> list[Result] | None:
    results = []
    for result in found:
        if result is None:
            return None
        results.append(result)
    return results


def _bounds(text: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield where blocks start and end."""
    while start < len(text):
        end = text.rfind(b"\n", start, start + BLOCK) + 1 if start + BLOCK < len(text) else 0
        end = end or text.find(b"\n", start + BLOCK) + 1 or len(text)
        yield start, end
        start = end


def _plain_rows(codes: NDArray[np.uint8]) -> int | None:
    """Return the rows of a block, None if a line may be blank or a CR stands alone."""
    ends = np.flatnonzero(codes == _LF)
    starts = ends[:-1] + 1 if codes[-1] == _LF else ends + 1
    if _odd_start(codes[:1]) or _odd_start(codes[starts]) or _has_lone_cr(codes, ends):
        return None
    return starts.size + 1


def _odd_start(codes: NDArray[np.uint8]) -> bool:
    """Return whether a blank line may start with one of these bytes."""
    return any((codes == code).any() for code in (_LF, _CR, *BLANKS))


def _has_lone_cr(codes: NDArray[np.uint8], ends: NDArray[np.intp]) -> bool:
    before = codes[ends[ends > 0] - 1]
    return int(np.count_nonzero(codes == _CR)) != int(np.count_nonzero(before == _CR))
