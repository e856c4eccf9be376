"""Which cell of a request made a scikit-learn model raise.

Looked for after a failure only: numbers that are missing or infinite, found by predicting single
rows again, categories that an encoder told to refuse unknown ones was not fitted on, and at last
numbers that are too large, or that a function such as the logarithm makes no number of.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from drum_like.api import NativeFrame, Schema

# Relative: type checkers know this package under its folder's name.
from .encoders import find_encoders

MAX_PREDICTIONS = 64
"""Rows that are predicted again, at most, to find the number that an estimator refused."""


@dataclass(frozen=True, slots=True)
class BadCell:
    """A cell that the model does not take.

    Attributes:
        row: Position of its row, from 0.
        column: Position of its column.
        reason: Its content, and the remedy.
    """

    row: int
    column: int
    reason: str


def find_bad_cell(model: Any, method: Any, rows: Any, schema: Schema | None) -> BadCell | None:
    """Return the first cell that explains why `method(rows)` raised, None if none does.

    Args:
        model: The fitted estimator.
        method: Its method that raised.
        rows: The DataFrame or the array that it raised for.
        schema: The columns of the rows, None if they are unknown.
    """
    data = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)
    numeric = [at for at in range(data.shape[1]) if _is_number(data, at, schema)]
    return (
        _non_finite_cell(method, rows, data, numeric)
        or _unknown_category(model, data, schema)
        or _refused_number(method, rows, numeric)
    )


def _non_finite_cell(
    method: Any, rows: Any, data: pd.DataFrame, numeric: list[int]
) -> BadCell | None:
    cells = NativeFrame(data.iloc[:, numeric]).matrix()
    trials = islice(_trials(method, rows, numeric, np.isfinite(cells)), MAX_PREDICTIONS)
    found = next((cell for cell in trials if cell is not None), None)
    if found is None:
        return None
    row, at = found
    kind = "a missing value" if np.isnan(cells[row, numeric.index(at)]) else "an infinite value"
    return BadCell(
        row,
        at,
        f"holds {kind} in row {row + 1}, which the model does not take there; send a number, or "
        "train the model with an imputer",
    )


def _is_number(data: pd.DataFrame, at: int, schema: Schema | None) -> bool:
    """Whether a column holds numbers; booleans beside a gap come as objects."""
    if schema is not None and schema.columns[at].kind == "number":
        return True
    return bool(pd.api.types.is_numeric_dtype(data.dtypes.iloc[at]))


def _trials(
    method: Any, rows: Any, numeric: list[int], finite: NDArray[np.bool_]
) -> Iterator[tuple[int, int] | None]:
    """Yield once for each row predicted: the row and column of a refused cell, or None.

    A row that holds such cells is predicted with all of them filled, which has to work, and then
    with one of them at a time left as it was.
    """
    for row in map(int, np.flatnonzero(~finite.all(axis=1))):
        unusual = [at for at, good in zip(numeric, finite[row], strict=True) if not good]
        works = _works(method, _with_cells(rows, row, unusual))
        yield None
        for at in unusual if works else ():
            others = [other for other in unusual if other != at]
            yield None if _works(method, _with_cells(rows, row, others)) else (row, at)


def _refused_number(method: Any, rows: Any, numeric: list[int]) -> BadCell | None:
    row = _first_refused(method, rows)
    for at in numeric[:MAX_PREDICTIONS]:
        if _works(method, _with_cells(rows, row, [at], 1.0)):
            return BadCell(
                row,
                at,
                f"holds in row {row + 1} a number that the model does not take, such as one that "
                "is too large; send another",
            )
    return None


def _first_refused(method: Any, rows: Any) -> int:
    """Return the first row that is refused together with those before it, by halving."""
    low, high = 0, len(rows) - 1
    while low < high:
        middle = (low + high) // 2
        if _works(method, rows[: middle + 1]):
            low = middle + 1
        else:
            high = middle
    return low


def _with_cells(rows: Any, row: int, places: list[int], filling: float = 0.0) -> Any:
    """Return one row as the estimator gets it, some cells of it replaced by a number."""
    if isinstance(rows, pd.DataFrame):
        one = rows.iloc[[row]].copy()
        for at in places:
            one.isetitem(at, np.full(1, filling))
        return one
    array: NDArray[Any] = rows[[row]].copy()
    array[0, places] = filling
    return array


def _works(method: Any, rows: Any) -> bool:
    try:
        method(rows)
    except (TypeError, ValueError):
        return False
    return True


def _unknown_category(model: Any, data: pd.DataFrame, schema: Schema | None) -> BadCell | None:
    if schema is None:
        return None
    where = {str(name): at for at, name in enumerate(schema.names)}
    for encoder in find_encoders(model):
        if not encoder.refuses_unknown or encoder.categories is None:
            continue
        at = where[str(encoder.column)]
        cells = data.iloc[:, at]
        row = _first_unknown(cells, encoder.categories, takes_missing=encoder.takes_missing)
        if row is not None:
            return BadCell(row, at, _unknown_reason(row, missing=_is_missing(data, row, at)))
    return None


def _unknown_reason(row: int, *, missing: bool) -> str:
    if missing:
        return (
            f"holds a missing value in row {row + 1}, which the model does not take there; send a "
            "category, or train the model with an imputer"
        )
    return (
        f"holds in row {row + 1} a category that the model was not trained on; send one of the "
        "training data, or train the encoder with another handle_unknown than 'error'"
    )


def _is_missing(data: pd.DataFrame, row: int, at: int) -> bool:
    return bool(data.iloc[:, at].isna().iloc[row])


def _first_unknown(
    cells: "pd.Series[Any]", known: NDArray[Any], *, takes_missing: bool
) -> int | None:
    unknown = ~cells.isin(known).to_numpy()
    if takes_missing:
        unknown &= cells.notna().to_numpy()
    return int(np.argmax(unknown)) if unknown.any() else None
