"""Numbers, texts and column names as pandas gives them, without its parser.

Only what is certain is read: decimal numbers, empty cells, pandas' tokens for a missing value, and
columns one of whose cells can be nothing but text. Everything else (quotes, truth values,
infinities, integers beyond uint64, odd blanks) is left to pandas by returning None.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray

from drum_like.system.lazy import pd
from drum_like.types.cells import MISSING_WORDS, NAN
from drum_like.types.frame import Matrix, Positions
from drum_like.types.names import Names

MISSING = frozenset(word.encode() for word in MISSING_WORDS)
"""pandas' words for a missing cell, as bytes."""

_DECIMAL = b"0123456789+-.eE \t"
_DIGITS = b"0123456789+-.eE"
_DECIMAL_ROWS = _DECIMAL + b",\n"

_FRACTION = re.compile(r"[.eE]")

_NO_TEXT = re.compile(
    r"[\d+\-.eE\s]*+|\s*[+-]?(?:inf|infinity|nan)\s*|\s*(?:true|false)\s*", re.IGNORECASE
)
"""A cell that may be a number or a truth value to pandas, and a column of such."""

_LONG = re.compile(r"\d{19}")
"""Digits that may be an integer beyond uint64: beside one pandas reads missing words as text."""

HUGE = 1e18
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
    return None if has_huge(numbers) else numbers.reshape(len(cells), width)


def plain_column(cells: Sequence[str]) -> NDArray[np.int64] | NDArray[np.float64] | None:
    """Return a column of decimal numbers in the type that pandas gives it.

    Args:
        cells: Text of any kind; an empty one is missing.

    Returns:
        int64 if no cell is missing or has a fraction, else float64; None where pandas has to look.
    """
    text = "".join(cells)
    if not text.isascii() or text.encode().translate(None, _DIGITS):
        return None
    has_gap = "" in cells
    try:
        if not has_gap and not _FRACTION.search(text):
            whole = list(map(int, cells))
            return np.array(whole, np.int64) if -HUGE < min(whole) <= max(whole) < HUGE else None
        if has_gap and "-0" in text:  # zero without its sign, unless a fraction stands beside it
            return None
        numbers = map(float, (cell or "nan" for cell in cells) if has_gap else cells)
        column = np.fromiter(numbers, np.float64, len(cells))
    except ValueError:
        return None
    return None if has_huge(column) else column


def certain_column(cells: Sequence[str]) -> Any:
    """Return a column of decimal numbers, or of text, as pandas reads its fields in CSV.

    Args:
        cells: Text of any kind; an empty one is missing.

    Returns:
        int64 or float64, or text in the type that pandas gives it; None where pandas has to look.
    """
    found = plain_column(cells)
    return text_column(cells) if found is None else found


def text_column(cells: Sequence[str]) -> Any:
    """Return a column one of whose cells is surely text, in pandas' type for it, else None.

    Args:
        cells: Text of any kind; pandas' words for a missing cell are such.
    """
    if not all(map(str.isprintable, cells)) or any(map(_LONG.search, cells)):
        return None
    if all(cell in MISSING_WORDS or _NO_TEXT.fullmatch(cell) for cell in cells):
        return None
    return pd.Series([NAN if cell in MISSING_WORDS else cell for cell in cells]).array


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
        values = [float(cell) if cell else NAN for cell in cells]
    except ValueError:
        return None
    numbers = np.fromiter(values, np.float64, len(values))
    return None if has_huge(numbers) else numbers.reshape(len(lines), n_columns)


def has_huge(numbers: NDArray[np.float64]) -> bool:
    """Return whether one of the numbers may be text to pandas for its size."""
    return bool(np.count_nonzero(np.abs(numbers) >= HUGE))


def precision() -> Literal["round_trip"] | None:
    """Return pandas' option for decimals read to the nearest float64; pandas 3 always does so."""
    return None if pd.__version__ >= "3" else "round_trip"


def unique(names: Sequence[str]) -> Names:
    """Return the names with `Unnamed: 1` for an empty one and `a`, `a.1`, `a.2` for equal ones.

    Linear time; pandas' own loop, whose result this is, is quadratic.

    Source: pandas 3.1, `TextReader._get_header`.
    """
    if len(set(names)) == len(names) and "" not in names:
        return tuple(names)
    found = [name or f"Unnamed: {position}" for position, name in enumerate(names)]
    taken = Counter(found)
    seen: Counter[str] = Counter()
    for position in _named_first(names):
        name = _free(found[position], seen, taken)
        taken[found[position]] -= 1
        taken[name] += 1
        found[position] = name
    return tuple(found)


def _named_first(names: Sequence[str]) -> list[int]:
    """Return the positions of names, then those of empty cells: a name given keeps its spelling."""
    return sorted(range(len(names)), key=lambda position: not names[position])


def _free(name: str, seen: Counter[str], taken: Counter[str]) -> str:
    """Return the name, with the first number that no other column has if it came before."""
    chosen, count = name, seen[name]
    while count > 0:
        seen[name] = count + 1
        chosen = f"{name}.{count}"
        count = count + 1 if taken[chosen] > 0 else seen[chosen]
    seen[chosen] = count + 1
    return chosen
