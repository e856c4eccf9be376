"""Batches of rows through a session, so that each gets the same bits alone and among others.

onnxruntime multiplies one row in another way than three, and with several threads it adds up the
trees of a row in parts: both change the last bits. So rows go through a graph by a plan that is
found at load, by comparing the bits of made-up rows: all at once; all at once, after the last row
is repeated up to a multiple of 8; in blocks of 8; one by one. A graph of a fixed number of rows is
fed in blocks of that number.

A graph of trees has one thread, which is faster for few rows (300 trees and one row: 22 µs, not
46), and many rows are shared among threads here (100,000: 0.62 s with two, not 0.70).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from typing import Any, Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from drum_like.api import CPUS

# Relative: type checkers know this package under its folder's name.
from .session import Feeds, Run, session_runner

logger = logging.getLogger(__name__)

ROWS_OF_ONE_THREAD = 2048
"""Rows up to which another thread costs more, on a busy machine, than it saves: some 20 ms."""

Values = NDArray[Any]
Axes = Mapping[str, int | None]
Bits = Literal["equal", "padded", "blocks", "bound"]

_MULTIPLE = 8

_SIZES = (*range(1, 18), 64, 100, 1000)
"""Numbers of rows that are compared with the same rows alone."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """How rows go through a session.

    Attributes:
        block: Most rows of one call, None for any number.
        multiple: Divisor of the number of rows of a call; the last row is repeated.
    """

    block: int | None = None
    multiple: int = 1

    @property
    def bits(self) -> Bits:
        """The plan's method for equal bits."""
        if self.block is not None:
            return "blocks"
        return "equal" if self.multiple == 1 else "padded"


def openmp_threads() -> int:
    """Return the threads of OMP_NUM_THREADS at the outermost level, 0 for the runtime's own choice.

    The server sets it before frameworks load; onnxruntime, which has no OpenMP, does not read it.
    """
    text = os.environ.get("OMP_NUM_THREADS", "")  # noqa: TID251 - as frameworks with OpenMP read it
    first = text.split(",")[0].strip()
    return int(first) if first.isdecimal() else 0


def candidate_plans(batch: int | None) -> tuple[BatchPlan, ...]:
    """Return the plans to try, the cheapest first."""
    if batch is not None:
        return (BatchPlan(batch, batch), BatchPlan(1, batch))
    return (
        BatchPlan(),
        BatchPlan(None, _MULTIPLE),
        BatchPlan(_MULTIPLE, _MULTIPLE),
        BatchPlan(1, 1),
    )


def plan_runner(
    session: ort.InferenceSession, plan: BatchPlan, axes: Axes, *, shared: bool = False
) -> Run:
    """Return a function that gives the results of `session.run`, by a plan.

    Args:
        session: Of any graph.
        plan: How rows go through it.
        axes: Where the rows are in each output; an output without rows comes from the first block.
        shared: Whether many rows are shared among threads: for a session that has one thread.
    """
    whole = session_runner(session)
    planned: Run = whole if plan == BatchPlan() else partial(run_by_plan, whole, plan, axes)
    return partial(_run_in_threads, planned, axes) if shared else planned


def find_plan(
    session: ort.InferenceSession, probes: Feeds, batch: int | None, axes: Axes
) -> BatchPlan | None:
    """Return the cheapest plan by which made-up rows get the same bits in any company.

    None where there is no such plan, or the rows differ by more than their last bits: then a graph
    looks at neighbours.
    """
    names = [name for name, axis in axes.items() if axis is not None]
    for plan in candidate_plans(batch):
        run = plan_runner(session, plan, axes)
        try:
            if _is_independent(run, names, probes, axes):
                return plan
        except Exception as error:  # noqa: BLE001 - what onnxruntime raises has no class in common
            logger.debug("rows do not go through by %s: %s", plan, error)
    return None


def _is_independent(run: Run, names: list[str], probes: Feeds, axes: Axes) -> bool:
    n_probes = _n_rows(probes)
    each = [run(names, take_rows(probes, [at])) for at in range(n_probes)]
    alone = [
        join_outputs(parts, axes[name])
        for name, parts in zip(names, zip(*each, strict=True), strict=True)
    ]
    for turn, n_rows in enumerate(_SIZES):
        places = [(at + 5 * turn) % n_probes for at in range(n_rows)]
        together = run(names, take_rows(probes, places))
        for name, one, all_ in zip(names, alone, together, strict=True):
            if not _same_bits(take_output(one, places, axes[name]), all_):
                return False
    return True


def run_by_plan(run: Run, plan: BatchPlan, axes: Axes, names: list[str], feeds: Feeds) -> list[Any]:
    """Run rows by a plan."""
    n_rows = _n_rows(feeds)
    if n_rows <= (plan.block or n_rows):
        return _run_block(run, plan.multiple, axes, names, feeds)
    starts = range(0, n_rows, plan.block or n_rows)
    parts = (_slice_rows(feeds, first, first + starts.step) for first in starts)
    found = [_run_block(run, plan.multiple, axes, names, part) for part in parts]
    return _join_all(names, found, axes)


def _run_block(run: Run, multiple: int, axes: Axes, names: list[str], feeds: Feeds) -> list[Any]:
    """Run all rows at once, and copies of the last one up to a multiple of a number."""
    n_rows = _n_rows(feeds)
    more = -n_rows % multiple
    if not more or not n_rows:
        return list(run(names, feeds))
    found = run(names, {name: _pad(values, more) for name, values in feeds.items()})
    return [
        _first_rows(output, n_rows, axes.get(name))
        for name, output in zip(names, found, strict=True)
    ]


def _pad(values: Values, more: int) -> Values:
    n_rows = len(values)
    longer = np.empty((n_rows + more, *values.shape[1:]), values.dtype)
    longer[:n_rows] = values
    longer[n_rows:] = values[-1]
    return longer


def _run_in_threads(run: Run, axes: Axes, names: list[str], feeds: Feeds) -> list[Any]:
    n_rows = _n_rows(feeds)
    if n_rows <= ROWS_OF_ONE_THREAD:
        return list(run(names, feeds))
    with CPUS.part() as part:
        n_threads = min(part or openmp_threads() or 1, n_rows)
        bounds = [n_rows * at // n_threads for at in range(n_threads + 1)]
        parts = [_slice_rows(feeds, first, last) for first, last in pairwise(bounds)]
        with ThreadPoolExecutor(n_threads) as pool:
            found = list(pool.map(partial(run, names), parts))
    return _join_all(names, found, axes)


def _n_rows(feeds: Feeds) -> int:
    return len(next(iter(feeds.values())))


def take_rows(feeds: Feeds, places: Sequence[int]) -> dict[str, Values]:
    """Return the rows at some places, in that order."""
    return {name: values[list(places)] for name, values in feeds.items()}


def _slice_rows(feeds: Feeds, first: int, last: int) -> dict[str, Values]:
    return {name: values[first:last] for name, values in feeds.items()}


def _join_all(names: list[str], found: list[list[Any]], axes: Axes) -> list[Any]:
    outputs = zip(*found, strict=True)
    return [join_outputs(parts, axes.get(name)) for name, parts in zip(names, outputs, strict=True)]


def join_outputs(parts: Sequence[Any], axis: int | None) -> Any:
    """Return an output of all rows: a list of maps, a list of arrays, or an array."""
    if axis is None:
        return parts[0]
    if not isinstance(parts[0], list):
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis)
    if is_array_list(parts[0]):
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return list(chain.from_iterable(parts))


def take_output(output: Any, places: Sequence[int], axis: int | None) -> Any:
    """Return an output of the rows at some places."""
    if axis is None:
        return output
    if not isinstance(output, list):
        return np.take(output, places, axis)
    if is_array_list(output):
        return [array[places] for array in output]
    return [output[at] for at in places]


def is_array_list(output: Any) -> bool:
    """Return whether an output is a sequence of arrays, one a label, not of maps, one a row."""
    return isinstance(output, list) and bool(output) and isinstance(output[0], np.ndarray)


def _first_rows(output: Any, n_rows: int, axis: int | None) -> Any:
    """Return an output of the first rows."""
    if axis is None:
        return output
    if not isinstance(output, list):
        return output[:n_rows] if axis == 0 else output[(slice(None),) * axis + (slice(n_rows),)]
    return [array[:n_rows] for array in output] if is_array_list(output) else output[:n_rows]


def _same_bits(one: Any, other: Any) -> bool:
    if is_array_list(one):
        return all(map(_same_bits, one, other))
    if isinstance(one, list) or one.dtype == object:
        return repr(list(one)) == repr(list(other))
    return bool(
        one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    )
