"""Blocks of a large CSV text: the places for cuts, and work on several blocks at once.

A block ends behind a line feed, so it holds whole rows: only texts are cut in which every line feed
ends a row. What is looked at byte by byte comes in blocks that stay in a core's cache; what has a
price of its own for every call, as Arrow's reader does, gets a run of blocks for each thread.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from drum_like.codecs.csv.tokenizer import BLANKS
from drum_like.system import cgroup
from drum_like.system.cpus import CPUS

BLOCK = 1 << 20
"""Bytes of a block, at most, but for the rest of its last row."""

RUN = 1 << 20
"""Bytes that are worth a thread more."""

_LF, _CR = b"\n\r"
_HIGHEST_ODD = max(_LF, _CR, *BLANKS)

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
    has_crs = text.find(b"\r", start) >= 0
    codes, row = np.frombuffer(text, np.uint8), 0
    blocks: list[Block] = []
    for bound in _bounds(text, start):
        count = _plain_rows(codes[slice(*bound)], has_crs=has_crs)
        if count is None:
            return None
        blocks.append(Block(*bound, row, count))
        row += count
    return blocks


def side_by_side(
    task: Callable[[Block], Result | None], blocks: Sequence[Block]
) -> list[Result] | None:
    """Run a task on all rows and return the results in order; None if any of them is None.

    The blocks are joined to one for each CPU that there is for them, and the task called with these
    side by side; Arrow, numpy and pandas let each other run.
    """
    if not blocks or blocks[-1].end - blocks[0].start <= RUN:
        return _unless_none(map(task, _runs(blocks, 1)))
    with CPUS.part() as part:
        runs = _runs(blocks, part or _threads())
        if len(runs) == 1:
            return _unless_none(map(task, runs))
        pool = ThreadPoolExecutor(len(runs))
        try:
            return _unless_none(pool.map(task, runs))
        finally:
            pool.shutdown(cancel_futures=True)


@cache
def _threads() -> int:
    """Return the number of threads for one text where `CPUS` does not divide the CPUs.

    Arrow follows OMP_NUM_THREADS.
    """
    return min(int(pa.cpu_count()), cgroup.cpus())


def _runs(blocks: Sequence[Block], number: int) -> list[Block]:
    """Join blocks into at most `number` of about equal size; without blocks there are none."""
    number = min(number, len(blocks))
    bounds = [len(blocks) * at // number for at in range(number + 1)] if number else []
    return [_joined(blocks[first:last]) for first, last in pairwise(bounds)]


def _joined(blocks: Sequence[Block]) -> Block:
    n_rows = sum(block.n_rows for block in blocks)
    return Block(blocks[0].start, blocks[-1].end, blocks[0].row, n_rows)


def _unless_none(found: Iterable[Result | None]) -> list[Result] | None:
    results = []
    for result in found:
        if result is None:
            return None
        results.append(result)
    return results


def _bounds(text: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield where blocks start and end; they are of about one size, so that runs of them are."""
    size = len(text) - start
    size = -(-size // max(1, -(-size // BLOCK)))
    while start < len(text):
        end = text.find(b"\n", start + size - 1) + 1 or len(text)
        yield start, end
        start = end


def _plain_rows(codes: NDArray[np.uint8], *, has_crs: bool) -> int | None:
    """Return the rows of a block, None if a line may be blank or a CR stands alone."""
    ends = np.flatnonzero(codes == _LF)
    starts = ends[:-1] + 1 if codes[-1] == _LF else ends + 1
    if _odd_start(codes[:1]) or _odd_start(codes[starts]):
        return None
    return None if has_crs and _has_lone_cr(codes, ends) else starts.size + 1


def _odd_start(codes: NDArray[np.uint8]) -> bool:
    """Return whether a blank line may start with one of these bytes, or a control character."""
    return bool((codes <= _HIGHEST_ODD).any())


def _has_lone_cr(codes: NDArray[np.uint8], ends: NDArray[np.intp]) -> bool:
    before = codes[ends[ends > 0] - 1]
    return int(np.count_nonzero(codes == _CR)) != int(np.count_nonzero(before == _CR))
