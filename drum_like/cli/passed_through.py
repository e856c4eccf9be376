"""Columns of the input beside the predictions: ids and other names of rows."""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO

from drum_like.errors import SettingsError
from drum_like.types.frame import Frame, listed


def check_names(names: Sequence[str], frame: Frame) -> None:
    """Refuse names that the input does not have.

    Raises:
        SettingsError: a column is missing.
    """
    known = frame.columns or ()
    missing = [name for name in names if name not in known]
    if missing:
        raise SettingsError(
            f"--passthrough: the input has no column {listed(missing)}; its columns are "
            f"{listed(known)}"
        )


def beside(predictions: bytes, frame: Frame, names: Sequence[str]) -> bytes:
    """Return predictions as CSV with columns of the input behind them, their cells as sent.

    Args:
        predictions: CSV with a header.
        frame: The input.
        names: Columns of it.

    Raises:
        SettingsError: the input lacks a column, the predictions have one of that name, or there
            are not as many predictions as rows.
    """
    check_names(names, frame)
    header, *rows = csv.reader(StringIO(predictions.decode(), newline=""))
    taken = [name for name in names if name in header]
    if taken:
        raise SettingsError(f"--passthrough: the predictions have a column {listed(taken)}, too")
    if len(rows) != frame.n_rows:
        raise SettingsError(
            f"--passthrough: the model answers {len(rows)} rows for the {frame.n_rows} of the input"
        )
    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*header, *names])
    writer.writerows([*row, *cells] for row, cells in zip(rows, _cells(frame, names), strict=True))
    return out.getvalue().encode()


def _cells(frame: Frame, names: Sequence[str]) -> Iterator[tuple[object, ...]]:
    places = [list(frame.columns or ()).index(name) for name in names]
    return zip(*(frame.cells(place) for place in places), strict=True)
