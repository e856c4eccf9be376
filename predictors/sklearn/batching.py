"""Batches of rows in which a row's neighbours do not change the bits of its prediction.

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

ALONE = 10
"""Rows that are tried on their own."""

BUDGET_S = 0.5
SLOW_S = 0.05
_CLOSE = 1e-6
_DISTINCT = 0.1


class Batching(Enum):
    """Batches of a method: all rows, or at most `most` in a call, filled up or not.

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
class BatchingResult:
    """Result of trying the batchings.

    Attributes:
        batching: The cheapest batching that gives equal bits, or the best one known.
        equal: Whether it gave equal bits; None if that could not be tried.
        independent: Whether rows beside others differ in their last bits at most, as far as tried.
    """

    batching: Batching
    equal: bool | None
    independent: bool = False


def predict(method: Method, rows: Any, batching: Batching, n_rows: int | None = None) -> Any:
    """Call a method on rows, in batches.

    Repeats the last row where rows are missing: a made-up one might be refused.

    Args:
        method: The prediction.
        rows: The rows.
        batching: The batches.
        n_rows: How many of the rows count, if others fill up a batch behind them.
    """
    if batching is Batching.WHOLE:
        return method(rows)
    n_rows = len(rows) if n_rows is None else n_rows
    filled = _pad(rows, -len(rows) % batching.multiple)
    most = batching.most
    if most is None or len(filled) <= most:
        return _first_rows(method(filled), n_rows)
    results = [method(_part(filled, at, at + most)) for at in range(0, len(filled), most)]
    return _first_rows(_join(results), n_rows)


def find_batching(method: Method, rows: Any, *, default: Batching) -> BatchingResult:
    """Return the cheapest batching that gives equal bits for every part of rows made up.

    Args:
        method: The prediction.
        rows: MANY rows, as unlike each other as can be.
        default: The batching where trying shows nothing: the method refuses the rows, or says the
            same of most.
    """
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return _try_all(method, rows, default)
    except Exception:  # noqa: BLE001 - made-up rows may be refused in any way
        return BatchingResult(default, None)


def _try_all(method: Method, rows: Any, default: Batching) -> BatchingResult:
    start = time.thread_time()
    plain = _as_matrix(method(_part(rows, 0, FEW)))
    if time.thread_time() - start < SLOW_S:
        plain = _as_matrix(method(rows))
    else:
        rows = _part(rows, 0, FEW)
    start = time.thread_time()
    if not _is_alike_alone(method, rows, plain):
        return BatchingResult(Batching.WHOLE, equal=False)
    call_s = (time.thread_time() - start) / ALONE
    n_distinct = len(np.unique(plain, axis=0))
    if n_distinct < _DISTINCT * len(plain):
        shown = n_distinct > 1 and _agrees(method, rows, Batching.PADDED, plain)
        return BatchingResult(default, None, independent=shown)
    for batching in _affordable(call_s, len(rows)):
        if not _agrees(method, rows, batching, plain):
            return BatchingResult(Batching.WHOLE, equal=False)
        compared = _compare(method, rows, batching, BUDGET_S)
        if compared or (compared is None and batching is not Batching.PLAIN):
            return BatchingResult(batching, compared, independent=True)
    return BatchingResult(Batching.SMALL_BLOCKS, equal=False, independent=True)


def _affordable(call_s: float, n_rows: int) -> tuple[Batching, ...]:
    """Return the batchings to try for a method that takes this long for one row.

    Of all that is cheap, filling up is the safest: without it all has to be compared.
    """
    filled = (Batching.PADDED, Batching.BLOCKS, Batching.SMALL_BLOCKS)
    n_calls = sum(1 for _ in _parts(n_rows))
    return filled if call_s * n_calls > BUDGET_S else (Batching.PLAIN, *filled)


def _is_alike_alone(method: Method, rows: Any, plain: NDArray[Any]) -> bool:
    """Whether single rows get, but for the last bits, what they get among all others."""
    places = range(0, len(rows), len(rows) // ALONE)
    found = [_as_matrix(method(_part(rows, at, at + 1))) for at in places]
    return np.allclose(np.vstack(found), plain[places], rtol=_CLOSE, atol=_CLOSE, equal_nan=True)


def _agrees(method: Method, rows: Any, batching: Batching, plain: NDArray[Any]) -> bool:
    """Whether rows may be filled up: not where they are predicted relative to each other."""
    parts = ((0, len(rows)), (3, 6))
    found = [_as_matrix(predict(method, _part(rows, *part), batching)) for part in parts]
    wanted = [plain, _as_matrix(method(_part(rows, *parts[1])))]
    return all(
        np.allclose(a, b, rtol=_CLOSE, atol=_CLOSE, equal_nan=True)
        for a, b in zip(found, wanted, strict=True)
    )


def _compare(method: Method, rows: Any, batching: Batching, budget_s: float) -> bool | None:
    """Whether parts of rows have the bits that they have among all; None if time was too short."""
    end = time.thread_time() + budget_s
    whole = _as_matrix(predict(method, rows, batching))
    for first, last in _parts(len(rows)):
        found = _as_matrix(predict(method, _part(rows, first, last), batching))
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


def _as_matrix(result: Any) -> NDArray[Any]:
    """Return a result as a matrix; outputs of several side by side."""
    parts = result if isinstance(result, list) else [result]
    return np.hstack([np.asarray(part).reshape(len(part), -1) for part in parts])


def _pad(rows: Any, missing: int) -> Any:
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


def _first_rows(result: Any, n_rows: int) -> Any:
    if isinstance(result, list):
        return [part[:n_rows] for part in result]
    return result[:n_rows]


def _join(results: list[Any]) -> Any:
    if isinstance(results[0], list):
        return [np.concatenate(parts) for parts in zip(*results, strict=True)]
    return np.concatenate(results)
