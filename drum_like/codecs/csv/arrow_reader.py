"""Many CSV rows to numbers through Arrow's reader: the same as pandas gives, or None.

Arrow reads in several threads what pandas reads in one. Only what is certain is taken from it, as
in `like_pandas`; everything else is left to pandas by returning None.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from drum_like.codecs.csv.blocks import Block, side_by_side
from drum_like.codecs.csv.header import BOM
from drum_like.codecs.like_pandas import HUGE, MISSING, has_huge
from drum_like.system.lazy import pd
from drum_like.types.frame import Matrix, Positions
from drum_like.types.names import Names
from drum_like.types.numbers import EXACT

_AT_A_TIME = 1 << 18
"""Bytes that Arrow parses together, if that is some rows: a core's cache holds them."""

_ROWS_AT_A_TIME = 16
"""Rows of average length that it parses together at least; each has to fit."""

_MOST_AT_A_TIME = 1 << 26
"""Bytes that it parses together at most; a longer row is left to pandas."""

_SAMPLE = 1 << 14
"""Bytes of the first rows, about, that show which columns hold integers."""

_WHOLE = b"0123456789-"
_FRACTIONAL, _SIGN = set(b".eE"), set(b"+")

_INTEGERS, _FLOATS = pa.int64(), pa.float64()
_Types = tuple[tuple[int, pa.DataType], ...]


def many_rows(
    text: bytes, blocks: Sequence[Block], width: int, chosen: Positions | None
) -> Matrix | None:
    """Return rows as numbers, read in several threads if they are many.

    Args:
        text: UTF-8.
        blocks: The rows; a single one if lines of it are blank or quotes hide line ends.
        width: Number of columns.
        chosen: Positions of the wanted columns, None for all.

    Returns:
        (n_rows, n_columns) float64, None if a wanted cell needs pandas or a row is not as wide.
    """
    wanted = range(width) if chosen is None else chosen
    matrix = np.empty((_count(blocks), len(wanted)), dtype=np.float64)
    types = tuple((position, _FLOATS) for position in wanted)
    return matrix if _read(text, blocks, width, types, matrix) else None


def many_columns(text: bytes, blocks: Sequence[Block], names: Names) -> pd.DataFrame | None:
    """Return rows as the DataFrame of integers and floats that pandas would make of them.

    Args:
        text: UTF-8.
        blocks: As in `many_rows`.
        names: Of the columns.

    Returns:
        (n_rows, n_columns), None if a cell needs pandas, or is of another type.
    """
    width = len(names)
    types = _guessed(text, blocks, width)
    if types is None:
        return None
    cells = np.empty((width, _count(blocks)), dtype=np.float64)
    if not _read(text, blocks, width, types, cells.T):
        return None
    return _assembled(cells, [kind == _INTEGERS for _, kind in types], names)


def _count(blocks: Sequence[Block]) -> int:
    return sum(block.n_rows for block in blocks)


def _guessed(text: bytes, blocks: Sequence[Block], width: int) -> _Types | None:
    """Return the types of the columns by their first cells; those of later ones may differ.

    What Arrow then takes for an integer is one to pandas, but for hexadecimal ones.
    """
    if not _count(blocks):
        return None
    start, end = blocks[0].start, blocks[0].end
    end = text.rfind(b"\n", start, min(end, start + _SAMPLE)) + 1 or end
    rows = [line.split(b",") for line in text[start:end].splitlines()]
    if set(map(len, rows)) - {width}:
        return None
    types = [_guess(cells) for cells in zip(*rows, strict=True)]
    if None in types or (_INTEGERS in types and _may_be_hexadecimal(text, start)):
        return None
    return tuple(enumerate(types))


def _may_be_hexadecimal(text: bytes, start: int) -> bool:
    return text.find(b"x", start) >= 0 or text.find(b"X", start) >= 0


def _guess(cells: Sequence[bytes]) -> pa.DataType | None:
    """Return int64 or float64; None where pandas may read neither, or either of them.

    A missing cell makes integers floats.
    """
    present = [cell for cell in cells if cell not in MISSING]
    marks = set(b"".join(present).translate(None, _WHOLE))
    if not marks:
        return _INTEGERS if len(present) == len(cells) else _FLOATS
    return _FLOATS if marks & _FRACTIONAL and marks <= _FRACTIONAL | _SIGN else None


def _assembled(
    cells: NDArray[np.float64], integers: Sequence[bool], names: Names
) -> pd.DataFrame | None:
    """Return a DataFrame of rows of cells, which become its columns.

    Integers among which one is missing are floats, as for pandas.

    Returns:
        None if an integer has lost digits as a float.
    """
    whole = {at: cells[at] for at, found in enumerate(integers) if found}
    whole = {at: column for at, column in whole.items() if not np.isnan(column).any()}
    if any(column.min() <= -EXACT or column.max() >= EXACT for column in whole.values()):
        return None
    data = pd.DataFrame(cells.T, copy=False)
    if whole:
        data = data.astype(dict.fromkeys(whole, np.int64))
    data.columns = pd.Index(names)
    return data


def _read(text: bytes, blocks: Sequence[Block], width: int, types: _Types, out: Matrix) -> bool:
    """Write all rows as numbers, in several threads if they are many, unless a cell needs pandas.

    Args:
        text: UTF-8.
        blocks: The rows.
        width: Number of columns in the text.
        types: Position and type of the wanted columns.
        out: (n_rows, n_wanted), written to.
    """

    def written(block: Block) -> Matrix | None:
        rows = out[block.row : block.row + block.n_rows]
        cells = memoryview(text)[block.start : block.end]
        return rows if _fill(rows, cells, width, types) else None

    return side_by_side(written, blocks) is not None


def _fill(out: Matrix, cells: memoryview, width: int, types: _Types) -> bool:
    """Write rows of text as numbers, unless a cell needs pandas or the number of rows is another.

    Arrow gives some of them at a time, which are written while they are in the core's cache.
    """
    row = 0
    options = _options(width, _at_a_time(_ROWS_AT_A_TIME * len(cells) // max(1, len(out))))
    try:
        for batch in _batches(cells, types, options):
            rows = out[row : row + batch.num_rows]
            if len(rows) < batch.num_rows or not _filled(batch, rows, types):
                return False
            row += batch.num_rows
    except pa.ArrowInvalid:
        return False
    return row == len(out)


def _at_a_time(least: int) -> int:
    """Return a block size in bytes; there are few sizes, so dependent options can be cached."""
    return min(max(_AT_A_TIME, 1 << least.bit_length()), _MOST_AT_A_TIME)


def _batches(cells: memoryview, types: _Types, options: dict[str, Any]) -> Iterator[pa.RecordBatch]:
    """Yield rows as columns of the types.

    Raises:
        pa.ArrowInvalid: a cell is of another type, or a row not as wide.
    """
    if cells[: len(BOM)] == BOM:
        raise pa.ArrowInvalid("Arrow leaves out what belongs to a cell here")
    source = pa.BufferReader(pa.py_buffer(cells))
    yield from arrow_csv.open_csv(source, convert_options=_conversion(types), **options)


def _filled(batch: pa.RecordBatch, rows: Matrix, types: _Types) -> bool:
    """Write the columns of a batch into a matrix, unless a cell needs pandas."""
    names = [str(position) for position, _ in types]
    if names:
        wanted = batch if names == batch.schema.names else batch.select(names)
        rows[...] = wanted.to_tensor(null_to_nan=True).to_numpy()
    if rows.size and rows.min() > -HUGE and rows.max() < HUGE:  # not so with a NaN
        return True
    # Arrow reads "nan(1)" and " nan" as numbers, pandas as text.
    n_missing = sum(batch.column(name).null_count for name in names)
    return int(np.count_nonzero(np.isnan(rows))) == n_missing and not has_huge(rows)


@lru_cache(maxsize=16)
def _options(width: int, at_a_time: int) -> dict[str, Any]:
    """Return Arrow's options for a text, except for its types.

    Threads of Arrow's own hurt a worker on a busy machine: 1,000 rows 4.0 ms against 1.3.
    """
    names = [str(position) for position in range(width)]
    return {
        "read_options": arrow_csv.ReadOptions(
            use_threads=False, column_names=names, block_size=at_a_time
        ),
        "parse_options": arrow_csv.ParseOptions(quote_char=False, ignore_empty_lines=width > 1),
    }


@lru_cache(maxsize=16)
def _conversion(types: _Types) -> arrow_csv.ConvertOptions:
    kept = {str(position): kind for position, kind in sorted(types, key=lambda pair: pair[0])}
    return arrow_csv.ConvertOptions(
        column_types=kept, include_columns=list(kept), null_values=_tokens()
    )


def _tokens() -> list[str]:
    return [token.decode() for token in sorted(MISSING)]
