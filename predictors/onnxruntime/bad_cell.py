"""Which cell of a request made a graph raise; looked for after a failure only."""

from __future__ import annotations

from typing import Any

from drum_like.api import ColumnsError, Frame

# Relative: type checkers know this package under its folder's name.
from .rows import rows
from .session import Feeds, Run


def find_bad_cell(
    run: Run, names: list[str], feeds: Feeds, good: Feeds, frame: Frame
) -> ColumnsError | None:
    """Return an error that names the first cell that a graph does not take, None if it is no cell.

    Args:
        run: Raises for `feeds`, and not for `good`.
        names: The outputs that were asked for.
        feeds: The rows of the request.
        good: Rows that the graph takes.
        frame: The request, for the names of its columns.
    """
    n_rows = len(next(iter(feeds.values())))
    row = _first(n_rows, lambda many: _runs(run, names, rows(feeds, range(many))))
    bad, fine = rows(feeds, [row]), rows(good, [0])
    if _runs(run, names, bad) or not _runs(run, names, fine):
        return None
    n_columns = frame.n_columns
    column = _first(n_columns, lambda many: _runs(run, names, _mixed(bad, fine, many)))
    name = str(column) if frame.columns is None else frame.columns[column]
    return ColumnsError(
        f"column {name[:100]!r} holds something that the model does not take, such as a category "
        f"or a position that it was not trained on, in row {row + 1}",
        row,
    )


def _first(number: int, runs: Any) -> int:
    """Return the first of some things with which a run fails, by halving."""
    low, high = 0, number  # with `low` of them it runs, with `high` it does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if runs(middle) else (low, middle)
    return low


def _mixed(bad: Feeds, fine: Feeds, many: int) -> Feeds:
    """Return a row with its first `many` columns from the bad row, the rest from the fine one."""
    if len(bad) > 1:
        return {
            name: values if at < many else fine[name]
            for at, (name, values) in enumerate(bad.items())
        }
    ((name, values),) = bad.items()
    mixed = fine[name].copy()
    flat, bad_flat = mixed.reshape(-1), values.reshape(-1)
    flat[:many] = bad_flat[:many]
    return {name: flat.reshape(values.shape)}


def _runs(run: Run, names: list[str], feeds: Feeds) -> bool:
    try:
        run(names, feeds)
    except Exception:  # noqa: BLE001 - what onnxruntime raises has no class in common
        return False
    return True
