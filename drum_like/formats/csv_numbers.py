"""CSV rows to a float64 matrix without pandas: what pandas would give, or nothing.

Only what is certain is read: decimal numbers, empty cells and pandas' tokens for a missing value.
Everything else (quotes, words, infinities, integers beyond uint64, odd blanks) is left to pandas by
returning None.
"""

from collections.abc import Sequence

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from drum_like.frame import Matrix, Positions

MISSING = frozenset(
    token.encode()
    for token in (
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
        *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
"""pandas.read_csv, parameter na_values."""

_DECIMAL = b"0123456789+-.eE \t,"

_HUGE = 1e18
"""An integer of more digits than this may be text to pandas, next to a fraction."""


def few_rows(lines: Sequence[bytes], width: int, chosen: Positions | None) -> Matrix | None:
    """Return rows as numbers; faster than Arrow up to some tens of kilobytes.

    Args:
        lines: One row each without quotes and without line end, all of `width` fields.
        width: Number of columns.
        chosen: Positions of the wanted columns, None for all.

    Returns:
        (n_rows, n_columns) float64, None if a wanted cell needs pandas.
    """
    matrix = _all_cells(lines)
    if matrix is not None:
        matrix = matrix.reshape(len(lines), width)
        return matrix if chosen is None else matrix[:, chosen]
    cells = b",".join(lines).split(b",")
    if chosen is not None:
        cells = [cells[row + at] for row in range(0, len(cells), width) for at in chosen]
    matrix = _some_cells(cells)
    return None if matrix is None else matrix.reshape(len(lines), -1)


def _all_cells(lines: Sequence[bytes]) -> NDArray[np.float64] | None:
    """Return all cells of rows that are JSON numbers or empty; three times faster than float()."""
    joined = b",".join((b"", *lines, b""))
    if joined.translate(None, _DECIMAL):
        return None
    if b",," in joined:
        joined = joined.replace(b",,", b",null,").replace(b",,", b",null,")
    try:
        numbers = orjson.loads(b"[" + joined[1:-1] + b"]")
    except orjson.JSONDecodeError:
        return None
    return _safe(numbers)


def _some_cells(cells: Sequence[bytes]) -> NDArray[np.float64] | None:
    """Return cells that are decimal numbers or missing, spelled in any way that pandas knows."""
    cells = [b"" if cell in MISSING else cell for cell in cells]
    if b"".join(cells).translate(None, _DECIMAL):
        return None
    try:
        return _safe([float(cell) if cell else None for cell in cells])
    except ValueError:
        return None


def _safe(numbers: Sequence[float | None]) -> NDArray[np.float64] | None:
    array = np.array(numbers, dtype=np.float64)
    return None if _has_huge(array) else array


def many_rows(
    text: bytes, start: int, shape: tuple[int, int], chosen: Positions | None
) -> Matrix | None:
    """Return the rows from `start` on as numbers, parsed by Arrow.

    Args:
        text: UTF-8 without quotes from `start` on.
        start: Where the rows start, behind the header.
        shape: Rows and columns that the text has.
        chosen: Positions of the wanted columns, None for all.

    Returns:
        (n_rows, n_columns) float64, None if a wanted cell needs pandas or a row is not as wide.
    """
    if text.startswith(b"\xef\xbb\xbf", start):
        return None
    wanted = list(range(shape[1])) if chosen is None else chosen
    try:
        table = _parsed(text, start, shape[1], sorted(set(wanted)))
    except pa.ArrowInvalid:
        return None
    if table.num_rows != shape[0]:
        return None
    matrix = np.empty((shape[0], len(wanted)), dtype=np.float64)
    return matrix if all(_filled(table, matrix, at, n) for at, n in enumerate(wanted)) else None


def _parsed(text: bytes, start: int, width: int, wanted: Sequence[int]) -> pa.Table:
    names = [str(position) for position in range(width)]
    kept = [names[position] for position in wanted]
    rows = pa.BufferReader(pa.py_buffer(memoryview(text)[start:]))
    return arrow_csv.read_csv(
        rows,
        # Threads of Arrow's own hurt a worker on a busy machine: 1,000 rows 4.0 ms against 1.3.
        read_options=arrow_csv.ReadOptions(use_threads=False, column_names=names),
        parse_options=arrow_csv.ParseOptions(quote_char=False, ignore_empty_lines=width > 1),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(kept, pa.float64()),
            include_columns=kept,
            null_values=[token.decode() for token in sorted(MISSING)],
        ),
    )


def _filled(table: pa.Table, matrix: Matrix, at: int, position: int) -> bool:
    """Write a column of the table into a column of the matrix, unless it needs pandas."""
    column = table.column(str(position))
    row = 0
    for chunk in column.chunks:
        numbers = chunk.to_numpy(zero_copy_only=False)
        # Arrow reads "nan(1)" and " nan" as numbers, pandas as text.
        if np.count_nonzero(np.isnan(numbers)) != chunk.null_count or _has_huge(numbers):
            return False
        matrix[row : row + len(chunk), at] = numbers
        row += len(chunk)
    return True


def _has_huge(numbers: NDArray[np.float64]) -> bool:
    return bool((np.abs(numbers) >= _HUGE).any())
