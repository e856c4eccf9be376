"""Rows cut and filled up so that a row's neighbours do not change the bits of its prediction.

Matrix products take other ways through the processor for one row than for three, and round
otherwise. Which way of handing over rows gives equal bits is tried on rows made up at the start.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Method = Callable[[Any], Any]
"""From rows (a DataFrame, a Series of texts or an array) to an array, or a list of arrays."""

MANY, FEW = 1000, 440
"""Rows to try a model on; few where it is slow."""

SMALL, LARGE = tuple(range(1, 10)), (*range(10, 18), 64, 100)
"""Sizes of the batches to compare; small ones differ most often, and cost least."""

BUDGET_S = 0.5
SLOW_S = 0.05
_CLOSE = 1e-6
_DISTINCT = 0.1


class Way(Enum):
    """Way to hand over rows: as they are, or in calls of at most `most` rows, filled up or not.

    Attributes:
        multiple: Rows that a call has a multiple of.
        most: Rows that a call has at most; None for any number.
    """

    WHOLE = (1, None)
    PLAIN = (1, MANY)
    PADDED = (8, MANY)
    BLOCKS = (64, 64)
    SMALL_BLOCKS = (8, 8)

    def __init__(self, multiple: int, most: int | None) -> None:
        self.multiple = multiple
        self.most = most


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of trying the ways.

    Attributes:
        way: The cheapest way that gives equal bits, or the best one known.
        equal: Whether it gave equal bits; None if that could not be tried.
    """

    way: Way
    equal: bool | None


def predict(method: Method, rows: Any, way: Way) -> Any:
    """Call a method on rows, handed over in the given way.

    Repeats the last row where rows are missing: a made-up one might be refused.
    """
    if way is Way.WHOLE:
        return method(rows)
    n_rows = len(rows)
    filled = _filled(rows, -n_rows % way.multiple)
    most = way.most
    if most is None or len(filled) <= most:
        return _first(method(filled), n_rows)
    answers = [method(_part(filled, at, at + most)) for at in range(0, len(filled), most)]
    return _first(_joined(answers), n_rows)


def find_way(method: Method, rows: Any, *, default: Way) -> Finding:
    """Return the cheapest way that gives equal bits for every part of rows made up.

    Args:
        method: The prediction.
        rows: MANY rows, as unlike each other as can be.
        default: The way to take where trying shows nothing: the method refuses the rows, or says
            the same of most.
    """
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return _tried(method, rows, default)
    except Exception:  # noqa: BLE001 - made-up rows may be refused in any way
        return Finding(default, None)


def _tried(method: Method, rows: Any, default: Way) -> Finding:
    start = time.thread_time()
    plain = _numbers(method(_part(rows, 0, FEW)))
    if time.thread_time() - start < SLOW_S:
        plain = _numbers(method(rows))
    else:
        rows = _part(rows, 0, FEW)
    if len(np.unique(plain, axis=0)) < _DISTINCT * len(plain):
        return Finding(default, None)
    for way in (Way.PLAIN, Way.PADDED, Way.BLOCKS, Way.SMALL_BLOCKS):
        if not _means_the_same(method, rows, way, plain):
            return Finding(Way.WHOLE, equal=False)
        compared = _compare(method, rows, way, BUDGET_S)
        # Of all that is cheap, filling up is the safest: without it all has to be compared.
        if compared or (compared is None and way is not Way.PLAIN):
            return Finding(way, compared)
    return Finding(Way.SMALL_BLOCKS, equal=False)


def _means_the_same(method: Method, rows: Any, way: Way, plain: NDArray[Any]) -> bool:
    """Whether rows may be filled up: not where they are predicted relative to each other."""
    parts = ((0, len(rows)), (3, 6))
    found = [_numbers(predict(method, _part(rows, *part), way)) for part in parts]
    wanted = [plain, _numbers(method(_part(rows, *parts[1])))]
    return all(
        np.allclose(a, b, rtol=_CLOSE, atol=_CLOSE, equal_nan=True)
        for a, b in zip(found, wanted, strict=True)
    )


def _compare(method: Method, rows: Any, way: Way, budget_s: float) -> bool | None:
    """Whether parts of rows have the bits that they have among all; None if time was too short."""
    end = time.thread_time() + budget_s
    whole = _numbers(predict(method, rows, way))
    for first, last in _parts(len(rows)):
        found = _numbers(predict(method, _part(rows, first, last), way))
        if not np.array_equal(found, whole[first:last], equal_nan=True):
            return False
        if time.thread_time() > end:
            return None
    return True


def _parts(n_rows: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of rows to compare, at places that are no multiples of a block."""
    for place in range(0, n_rows - LARGE[-1], n_rows // 12):
        yield from ((place, place + size) for size in SMALL)
    for place in (0, 5, n_rows // 3):
        yield from ((place, place + size) for size in LARGE)


def _numbers(answer: Any) -> NDArray[Any]:
    """Return an answer as a matrix; outputs of several side by side."""
    parts = answer if isinstance(answer, list) else [answer]
    return np.hstack([np.asarray(part).reshape(len(part), -1) for part in parts])


def _filled(rows: Any, missing: int) -> Any:
    """Return rows with the last one repeated; the numbers of a column lie together, as before."""
    if not missing:
        return rows
    chosen = np.minimum(np.arange(len(rows) + missing), len(rows) - 1)
    if isinstance(rows, np.ndarray):
        return np.asfortranarray(rows[chosen]) if rows.flags.f_contiguous else rows[chosen]
    # Of one row, `take` would make rows whose cells lie together.
    one = isinstance(rows, pd.DataFrame) and len(rows) == 1
    filled = _repeated(rows, len(chosen)) if one else rows.take(chosen)
    filled.index = pd.RangeIndex(len(chosen))
    return filled


def _repeated(row: pd.DataFrame, times: int) -> pd.DataFrame:
    if len(set(row.dtypes)) == 1 and row.dtypes.iloc[0].kind == "f":
        cells = np.repeat(row.to_numpy().T, times, axis=1).T
        return pd.DataFrame(cells, columns=row.columns, copy=False)
    chosen = np.zeros(times, dtype=np.intp)
    columns = {at: row.iloc[:, at].array.take(chosen) for at in range(row.shape[1])}
    return pd.DataFrame(columns).set_axis(row.columns, axis="columns")


def _part(rows: Any, first: int, last: int) -> Any:
    if not isinstance(rows, np.ndarray):
        part = rows.iloc[first:last].copy()
        part.index = pd.RangeIndex(len(part))
        return part
    # A copy: the result of a matrix product may depend on the memory between its columns.
    return rows[first:last].copy(order="F" if rows.flags.f_contiguous else "C")


def _first(answer: Any, n_rows: int) -> Any:
    if isinstance(answer, list):
        return [part[:n_rows] for part in answer]
    return answer[:n_rows]


def _joined(answers: list[Any]) -> Any:
    if isinstance(answers[0], list):
        return [np.concatenate(parts) for parts in zip(*answers, strict=True)]
    return np.concatenate(answers)
