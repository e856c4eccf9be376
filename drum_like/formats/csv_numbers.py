"""CSV rows to a float64 matrix without pandas: what pandas would give, or nothing.

Only what is certain is read: decimal numbers, empty cells and pandas' tokens for a missing value.
Everything else (quotes, words, infinities, integers beyond uint64, odd blanks) is left to pandas by
returning None.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from drum_like.formats.arrow_values import numbers_of
from drum_like.formats.csv_blocks import Block, side_by_side
from drum_like.frame import Matrix, Positions

MISSING = frozenset(
    token.encode()
    for token in (
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
        *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
"""pandas.read_csv, parameter na_values."""

_DECIMAL = b"0123456789+-.eE \t"
_DECIMAL_ROWS = _DECIMAL + b",\n"

_BOM = b"\xef\xbb\xbf"

_AT_A_TIME = 1 << 20
"""Bytes that Arrow parses together; a row has to fit."""

_HUGE = 1e18
"""An integer of more digits than this may be text to pandas, next to a fraction."""


def plain_rows(rows: bytes, width: int) -> Matrix | None:
    """Return rows all of whose cells are JSON numbers or empty; three times faster than float().

    Args:
        rows: Text without quotes.
        width: Number of columns.

    Returns:
        (n_rows, width) float64, None if a line is blank or a row wider, narrower or of other cells.
    """
    if b"\r" in rows:
        rows = rows.replace(b"\r\n", b"\n")
    if rows.translate(None, _DECIMAL_ROWS):
        return None
    cells = _json_rows(rows.removesuffix(b"\n")) if rows else []
    if cells is None or set(map(len, cells)) - {width}:
        return None
    return _plain_matrix(cells, width)


def _json_rows(rows: bytes) -> list[list[float | None]] | None:
    """Return lines as lists of numbers, None for an empty cell between or beside commas."""
    text = b"[[" + rows.replace(b"\n", b"],[") + b"]]"
    try:
        return orjson.loads(text)  # type: ignore[no-any-return] # lists of lists, as written
    except orjson.JSONDecodeError:
        text = text.replace(b",,", b",null,").replace(b",,", b",null,")
        text = text.replace(b"[,", b"[null,").replace(b",]", b",null]")
    try:
        return orjson.loads(text)  # type: ignore[no-any-return] # lists of lists, as written
    except orjson.JSONDecodeError:
        return None


def _plain_matrix(cells: Sequence[Sequence[float | None]], width: int) -> Matrix | None:
    try:
        numbers = np.fromiter(chain.from_iterable(cells), np.float64, len(cells) * width)
    except TypeError:  # None, which only array() reads as missing
        numbers = np.array(cells, dtype=np.float64)
    return None if _has_huge(numbers) else numbers.reshape(len(cells), width)


def few_rows(lines: Sequence[bytes], width: int, chosen: Positions | None) -> Matrix | None:
    """Return rows whose cells are spelled in any way that pandas knows.

    Args:
        lines: One row each without quotes and without line end, all of `width` fields.
        width: Number of columns.
        chosen: Positions of the wanted columns, None for all.

    Returns:
        (n_rows, n_columns) float64, None if a wanted cell needs pandas.
    """
    cells = b",".join(lines).split(b",") if lines else []
    if chosen is not None:
        cells = [cells[row + at] for row in range(0, len(cells), width) for at in chosen]
    n_columns = width if chosen is None else len(chosen)
    cells = [b"" if cell in MISSING else cell for cell in cells]
    if b"".join(cells).translate(None, _DECIMAL):
        return None
    try:
        numbers = np.array([float(cell) if cell else None for cell in cells], dtype=np.float64)
    except ValueError:
        return None
    return None if _has_huge(numbers) else numbers.reshape(len(lines), n_columns)


def many_rows(
    text: bytes, blocks: Sequence[Block], width: int, chosen: Positions | None
) -> Matrix | None:
    """Return rows as numbers, parsed by Arrow, in several threads if they are many.

    Args:
        text: UTF-8.
        blocks: The rows; a single one if lines of it are blank or quotes hide line ends.
        width: Number of columns.
        chosen: Positions of the wanted columns, None for all.

    Returns:
        (n_rows, n_columns) float64, None if a wanted cell needs pandas or a row is not as wide.
    """
    wanted = list(range(width)) if chosen is None else chosen
    n_rows = sum(block.n_rows for block in blocks)
    matrix = np.empty((n_rows, len(wanted)), dtype=np.float64)

    def filled(block: Block) -> Matrix | None:
        rows = matrix[block.row : block.row + block.n_rows]
        cells = memoryview(text)[block.start : block.end]
        return rows if _fill(rows, cells, width, wanted) else None

    return None if side_by_side(filled, blocks) is None else matrix


def _fill(out: Matrix, cells: memoryview, width: int, wanted: Sequence[int]) -> bool:
    """Write rows of text as numbers, unless a cell needs pandas or the number of rows is another.

    Arrow gives a megabyte at a time, which is written while it is in the core's cache.
    """
    row = 0
    try:
        for batch in _batches(cells, width, tuple(wanted)):
            rows = out[row : row + batch.num_rows]
            if len(rows) < batch.num_rows or not _filled(batch, rows, wanted):
                return False
            row += batch.num_rows
    except pa.ArrowInvalid:
        return False
    return row == len(out)


def _batches(cells: memoryview, width: int, wanted: tuple[int, ...]) -> Iterator[pa.RecordBatch]:
    """Yield rows as columns of float64.

    Raises:
        pa.ArrowInvalid: a cell is no number, or a row not as wide.
    """
    if cells[: len(_BOM)] == _BOM:
        raise pa.ArrowInvalid("Arrow leaves out what belongs to a cell here")
    yield from arrow_csv.open_csv(
        pa.BufferReader(pa.py_buffer(cells)),
        # Threads of Arrow's own hurt a worker on a busy machine: 1,000 rows 4.0 ms against 1.3.
        read_options=arrow_csv.ReadOptions(
            use_threads=False, column_names=_names(width), block_size=_AT_A_TIME
        ),
        parse_options=arrow_csv.ParseOptions(quote_char=False, ignore_empty_lines=width > 1),
        convert_options=_conversion(wanted),
    )


@lru_cache(maxsize=16)
def _names(width: int) -> list[str]:
    return [str(position) for position in range(width)]


@lru_cache(maxsize=16)
def _conversion(wanted: tuple[int, ...]) -> arrow_csv.ConvertOptions:
    kept = [str(position) for position in sorted(set(wanted))]
    return arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(kept, pa.float64()),
        include_columns=kept,
        null_values=[token.decode() for token in sorted(MISSING)],
    )


def _filled(batch: pa.RecordBatch, rows: Matrix, wanted: Sequence[int]) -> bool:
    """Write the columns of a batch into a matrix, unless a cell needs pandas."""
    n_missing = 0
    for at, position in enumerate(wanted):
        column = batch.column(str(position))
        n_missing += column.null_count
        rows[:, at] = numbers_of(column)
    if not n_missing and rows.size:  # one NaN, and neither comparison holds
        return bool(rows.min() > -_HUGE and rows.max() < _HUGE)
    # Arrow reads "nan(1)" and " nan" as numbers, pandas as text.
    return int(np.count_nonzero(np.isnan(rows))) == n_missing and not _has_huge(rows)


def _has_huge(numbers: NDArray[np.float64]) -> bool:
    return bool(np.count_nonzero(np.abs(numbers) >= _HUGE))
