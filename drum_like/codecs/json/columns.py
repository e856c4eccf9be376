"""Columns of JSON cells as a frame; in batches where all cells are plain."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.codecs.numbers import few_rows, plain_rows
from drum_like.system.lazy import pd
from drum_like.types import cells as grammar
from drum_like.types.frame import Matrix, NamedColumns, Names, Positions
from drum_like.types.readers import Cells, numbers, objects, packed

_NUMBERS = frozenset({float, int, bool, type(None)})


class JsonFrame(NamedColumns):
    """Rows of a JSON body, their cells as they were sent.

    Args:
        names: One name a column.
        columns: The cells of each: text, numbers, truth values, None; bytes for the content of a
            file.
    """

    def __init__(self, names: Names, columns: Sequence[Cells]) -> None:
        super().__init__(names, columns)

    def cells(self, position: int) -> Cells:
        """Return the cells of a column."""
        cells: Cells = self._columns[position]
        return cells

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        wanted = range(self.n_columns) if chosen is None else chosen
        columns = [self._columns[at] for at in wanted]
        plain = _plain_numbers(columns) if columns else None
        if plain is not None:
            return np.ascontiguousarray(plain.T)
        out = np.empty((self.n_rows, len(columns)), dtype=np.float64)
        for at, position in enumerate(wanted):
            out[:, at] = numbers(columns[at], self._names[position])
        return out

    def _to_pandas(self) -> pd.DataFrame:
        """Return columns of no known type as pandas reads such cells in CSV."""
        data = pd.DataFrame({at: inferred(cells) for at, cells in enumerate(self._columns)})
        data.columns = pd.Index(self._names)
        return data


def inferred(cells: Cells) -> NDArray[Any]:
    """Return the cells of a column of unknown type, as pandas reads them in a CSV column.

    Numbers, or booleans, if all of them are, else text; words for missing values are missing.
    """
    cells = [None if _is_word_for_missing(cell) else cell for cell in cells]
    present = [cell for cell in cells if cell is not None]
    booleans = sum(grammar.to_boolean_word(cell) is not None for cell in present)
    if booleans and booleans == len(present):
        return packed([grammar.to_boolean(cell) for cell in cells], grammar.NAN)
    if not booleans:
        try:
            return packed([grammar.to_exact(cell) for cell in cells], grammar.NAN)
        except ValueError:
            pass
    return objects([_text(cell) for cell in cells])


def _is_word_for_missing(cell: Any) -> bool:
    return isinstance(cell, str) and cell in grammar.MISSING_WORDS


def _text(cell: Any) -> str | None:
    return None if grammar.is_missing(cell) else grammar.text_of(cell)


def _plain_numbers(columns: Sequence[Cells]) -> Matrix | None:
    """Return columns whose cells are all numbers, or all text of decimal numbers and gaps.

    Returns:
        (n_columns, n_rows) float64, None if a cell is anything else.
    """
    kinds = frozenset(map(type, chain.from_iterable(columns)))
    if kinds == {str}:
        return _plain_texts(columns)
    if not kinds or not kinds <= _NUMBERS:
        return None
    try:
        return np.array(columns, dtype=np.float64)
    except OverflowError:  # an integer beyond float64
        return None


def _plain_texts(columns: Sequence[Cells]) -> Matrix | None:
    """Return columns of text as numbers: all of their cells are one row of a CSV text."""
    shape = len(columns), len(columns[0])
    n_cells = shape[0] * shape[1]
    text = ",".join(chain.from_iterable(columns))
    if not text.isascii() or "\n" in text or text.count(",") != n_cells - 1:
        return None
    plain = plain_rows(text.encode(), n_cells)
    if plain is None:
        plain = few_rows([text.encode()], n_cells, None)
    return None if plain is None or plain.size != n_cells else plain.reshape(shape)
