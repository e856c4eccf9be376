"""Which cell of a request made a scikit-learn model raise.

Looked for after a failure only: the first row that the model refuses alone is mixed with a row
that it takes, until one cell makes the difference. Categories that an encoder told to refuse
unknown ones was not fitted on are known without a trial.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from drum_like.api import NativeFrame, Schema

# Relative: type checkers know this package under its folder's name.
from . import probes
from .encoders import find_encoders

_MADE_UP = 8
"""Rows made up, at most, to find one that the model takes."""


@dataclass(frozen=True, slots=True)
class BadCell:
    """A cell that the model does not take, or a row whose cells it does not take together.

    Attributes:
        row: Position of its row, from 0.
        column: Position of its column; None if no single one is at fault.
        reason: Its content, and the remedy.
    """

    row: int
    column: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Refused:
    """A row that the model refuses alone: a DataFrame, an array or a text, one row long.

    Attributes:
        row: Its position, from 0.
        sent: The row.
        numbers: Its cells as float64, NaN where they are no numbers.
        numeric: Positions of the columns of numbers.
    """

    row: int
    sent: Any
    numbers: NDArray[np.float64]
    numeric: list[int]


def find_bad_cell(
    model: Any, method: Any, rows: Any, schema: Schema | None, fine: Any = None
) -> BadCell | None:
    """Return the first cell that explains why `method(rows)` raised, None if none does.

    Args:
        model: The fitted estimator.
        method: Its method that raised.
        rows: The DataFrame or the array that it raised for.
        schema: The columns of the rows, None if they are unknown.
        fine: A row that the model has taken before, None if there is none.
    """
    data = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)
    refused = _first_refused(method, rows, data, schema)
    if refused is None:
        return _unknown_category(model, data, schema)
    others = _others(model, rows, refused, schema, fine)
    cell = _refused_cell(method, chain(_filled(model, refused, schema), others), refused)
    if cell is not None and _gap(refused, cell.column):
        return cell
    return _unknown_category(model, data, schema) or cell


def _first_refused(
    method: Any, rows: Any, data: pd.DataFrame, schema: Schema | None
) -> _Refused | None:
    """Return the first row that is refused, by halving; None if it is refused among others only."""
    low, high = 0, len(rows) - 1
    while low < high:
        middle = (low + high) // 2
        if _works(method, rows[low : middle + 1]):
            low = middle + 1
        else:
            high = middle
    sent = row_of(rows, low)
    if _works(method, sent):
        return None
    numeric = [at for at in range(data.shape[1]) if _is_number(data, low, at, schema)]
    numbers = np.full(data.shape[1], np.nan)
    numbers[numeric] = NativeFrame(data.iloc[[low], numeric]).matrix()[0]
    return _Refused(low, sent, numbers, numeric)


def _is_number(data: pd.DataFrame, row: int, at: int, schema: Schema | None) -> bool:
    """Whether a column, or its cell, is of numbers; booleans beside a gap come as objects."""
    if schema is not None and schema.columns[at].kind == "number":
        return True
    cell = data.iloc[row, at]
    # A gap among objects may be one of text.
    is_number = isinstance(cell, int | float | np.number) and not np.isnan(cell)
    return is_number or bool(pd.api.types.is_numeric_dtype(data.dtypes.iloc[at]))


def _refused_cell(method: Any, others: Iterable[Any], refused: _Refused) -> BadCell | None:
    """Return the cell at fault, or the row; None if the model takes none of the other rows."""
    fine = next((other for other in others if _works(method, other)), None)
    if fine is None:
        return None
    low, high = 0, len(refused.numbers)  # with `low` cells of it a row works, with `high` not
    while high - low > 1:
        middle = (low + high) // 2
        works = _works(method, _mixed(fine, refused.sent, range(middle)))
        low, high = (middle, high) if works else (low, middle)
    if _works(method, _mixed(fine, refused.sent, [low])):
        together = f"row {refused.row + 1}: the model refuses these values together; send others"
        return BadCell(refused.row, None, together)
    return BadCell(refused.row, low, _reason(refused, low))


def _filled(model: Any, refused: _Refused, schema: Schema | None) -> Iterator[Any]:
    """Yield the row with other numbers, texts as they are: the fewest others first."""
    usual = probes.usual_numbers(model, schema, len(refused.numbers))
    gaps = [at for at in refused.numeric if not np.isfinite(refused.numbers[at])]
    for places, numbers in (
        (gaps, np.zeros_like(usual)),
        (refused.numeric, np.ones_like(usual)),
        (refused.numeric, np.zeros_like(usual)),
        (refused.numeric, usual),
    ):
        if places:
            yield _with_numbers(refused.sent, places, numbers)


def _others(
    model: Any, rows: Any, refused: _Refused, schema: Schema | None, fine: Any
) -> Iterator[Any]:
    """Yield other rows of the request, made-up ones, and the one that the model has taken."""
    for row in {0, len(rows) - 1} - {refused.row}:
        yield row_of(rows, row)
    with suppress(ValueError):
        made_up = probes.probe_rows(model, schema, _MADE_UP)
        yield from (row_of(made_up, at) for at in range(_MADE_UP))
    if fine is not None and _names(fine) == _names(refused.sent):
        yield fine


def _names(rows: Any) -> list[Any]:
    return list(rows.columns) if isinstance(rows, pd.DataFrame) else [rows.shape[1:]]


def row_of(rows: Any, row: int) -> Any:
    """Return one row of rows, one row long."""
    return rows.iloc[[row]].copy() if isinstance(rows, pd.DataFrame) else rows[[row]]


def _with_numbers(one: Any, places: list[int], numbers: NDArray[np.float64]) -> Any:
    """Return a row as the estimator gets it, some cells of it replaced by numbers."""
    filled = one.copy()
    if not isinstance(filled, pd.DataFrame):
        filled[0, places] = numbers[places]
        return filled
    for at in places:
        filled.isetitem(at, numbers[[at]])
    return filled


def _mixed(fine: Any, sent: Any, places: Sequence[int]) -> Any:
    """Return the row that works with some cells as they were sent."""
    mixed = fine.copy()
    if isinstance(mixed, pd.DataFrame):
        for at in places:
            mixed.isetitem(at, sent.iloc[:, at].array)
        return mixed
    # A text is a row of its own.
    mixed.reshape(1, -1)[0, places] = sent.reshape(1, -1)[0, places]
    return mixed


def _works(method: Any, rows: Any) -> bool:
    try:
        method(rows)
    except MemoryError:  # the machine's fault, not the row's
        raise
    except Exception:  # noqa: BLE001 - any other failure of a trial is a refusal
        return False
    return True


def _reason(refused: _Refused, at: int) -> str:
    row, gap = refused.row + 1, _gap(refused, at)
    if gap:
        other = "send another, or train the model with an imputer"
        return f"holds {gap} in row {row}, which the model does not take there; {other}"
    a_value = "a value that the model does not take"
    if at in refused.numeric:
        a_value = "a number that the model does not take, such as one that is too large"
    return f"holds in row {row} {a_value}; send another"


def _gap(refused: _Refused, at: int | None) -> str:
    """Name the gap in a column of numbers: missing or infinite; empty for any other cell."""
    if at not in refused.numeric or np.isfinite(refused.numbers[at]):
        return ""
    return "a missing value" if np.isnan(refused.numbers[at]) else "an infinite value"


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
            missing = bool(cells.isna().iloc[row])
            return BadCell(row, at, _unknown_reason(row, missing=missing))
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


def _first_unknown(
    cells: "pd.Series[Any]", known: NDArray[Any], *, takes_missing: bool
) -> int | None:
    unknown = ~cells.isin(known).to_numpy()
    if takes_missing:
        unknown &= cells.notna().to_numpy()
    return int(np.argmax(unknown)) if unknown.any() else None
