"""Rows of a graph of trees: the same bits for each, alone and among others, on any machine.

With several threads onnxruntime adds up the trees of a row in parts, which changes the last bits: a
tenth of the answers of 300 trees, by up to 1.8e-7, between one thread and two. So such a session
has one thread, which is faster for few rows (300 trees and one row: 22 µs, not 46), and many rows
are shared among threads here (100,000: 0.62 s with two, not 0.70).
"""

import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, pairwise
from typing import Any

import numpy as np
import onnxruntime as ort

from drum_like.api import CPUS

# Relative: type checkers know this package under its folder's name.
from .native_calls import Values, same_bits, specimen

logger = logging.getLogger(__name__)

ROWS_OF_ONE_THREAD = 2048
"""Rows up to which another thread costs more, on a busy machine, than it saves: some 20 ms."""

Feeds = Mapping[str, Values]
Run = Callable[[list[str], Feeds], list[Any]]


def threads() -> int:
    """Return the threads of OMP_NUM_THREADS at the outermost level, 0 for the runtime's own choice.

    The server sets it before frameworks load; onnxruntime, which has no OpenMP, does not read it.
    """
    text = os.environ.get("OMP_NUM_THREADS", "")  # noqa: TID251 - as frameworks with OpenMP read it
    first = text.split(",")[0].strip()
    return int(first) if first.isdecimal() else 0


def runner(session: ort.InferenceSession, width: int) -> Run:
    """Return what gives what `session.run` gives, for a session of one thread.

    Where the rows of its one matrix turn out not to be independent, found by comparing a few, it is
    `run` itself.

    Args:
        session: Of a graph of trees.
        width: Columns of the matrix, or the first ones, that the trees look at.
    """
    whole: Run = session.run
    node, names = session.get_inputs()[0], [output.name for output in session.get_outputs()]
    rows = specimen(width).astype(np.float64 if "double" in node.type else np.float32)
    try:
        each = [whole(names, {node.name: rows[at : at + 1]}) for at in range(len(rows))]
        joined = [_joined(outputs) for outputs in zip(*each, strict=True)]
        if all(map(_same, joined, whole(names, {node.name: rows}))):
            return partial(_run, session)
    except Exception as error:  # noqa: BLE001 - what onnxruntime raises has no class in common
        logger.debug("rows stay together: %s", error)
    return whole


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list) or one.dtype == object:
        return repr(list(one)) == repr(list(other))
    return same_bits(one, other)


def _run(session: ort.InferenceSession, names: list[str], feeds: Feeds) -> list[Any]:
    n_rows = len(next(iter(feeds.values())))
    if n_rows <= ROWS_OF_ONE_THREAD:
        return list(session.run(names, feeds))
    with CPUS.part() as part:
        n_threads = min(part or threads() or 1, n_rows)
        bounds = [n_rows * at // n_threads for at in range(n_threads + 1)]
        parts = [_rows(feeds, first, last) for first, last in pairwise(bounds)]
        with ThreadPoolExecutor(n_threads) as pool:
            answers = list(pool.map(partial(session.run, names), parts))
    return [_joined(outputs) for outputs in zip(*answers, strict=True)]


def _rows(feeds: Feeds, first: int, last: int) -> dict[str, Values]:
    return {name: values[first:last] for name, values in feeds.items()}


def _joined(parts: tuple[Any, ...]) -> Any:
    """Return an output of all rows: a list of maps, or an array."""
    if isinstance(parts[0], list):
        return list(chain.from_iterable(parts))
    return np.concatenate(parts)
