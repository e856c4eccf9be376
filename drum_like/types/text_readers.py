"""Readers of columns of text, and of times and other objects, which requests hold as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from drum_like.errors import ColumnsError
from drum_like.system.lazy import pd
from drum_like.types import cells
from drum_like.types.cells import MISSING_WORDS, NAN, is_missing
from drum_like.types.numbers import text_to_number
from drum_like.types.readers import Cells, kind_of, objects, refused

_TIME = re.compile(r"\s*\d{4}-\d{2}-\d{2}([T ].*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class TextReader:
    """Reads text as it was sent; a number or a truth value is the text that CSV has for it.

    An empty text of JSON, Arrow or Parquet is text, as in a DataFrame: these have missing cells.

    Attributes:
        name: Of the column.
        known: Texts that the model was trained on, words for missing cells among them; empty if
            it does not tell.
        missing: The value for a missing cell; the mark that the fitted step knows.
        takes_missing: Whether cells may be missing at all; else every word is text, and an empty
            cell is refused unless `missing` is text itself.
        alike: Known texts by the number or the truth value that they spell.
        empty_is_text: Whether an empty cell of a format of text is the text "".
    """

    name: str
    known: frozenset[str]
    missing: Any
    takes_missing: bool
    alike: Mapping[float | bool, tuple[str, ...]]
    empty_is_text: bool = False

    def read(self, column: Cells, *, words: bool) -> NDArray[Any]:
        """Return objects: text, and the mark for missing cells."""
        if words and self.empty_is_text:
            column = ["" if cell is None else cell for cell in column]
        words = words and self.takes_missing
        return objects([self._text(row, cell, words=words) for row, cell in enumerate(column)])

    def _text(self, row: int, cell: Any, *, words: bool) -> Any:
        if isinstance(cell, str):
            is_word = words and cell in MISSING_WORDS and cell not in self.known
            return self.missing if is_word else cell
        if is_missing(cell):
            is_known = self.takes_missing or isinstance(self.missing, str)
            return self.missing if is_known else self._refuse_missing(row)
        if isinstance(cell, (bool, int, float)):
            return self._spelled(row, cell)
        raise refused(self.name, row, kind_of(cell), "text")

    def _spelled(self, row: int, cell: float) -> str:
        """Return the text that training had for a number or a truth value.

        Raises:
            ColumnsError: several known texts could be meant, or only one that is spelled with
                more digits, as "01".
        """
        text = str(cell)
        alike = self.alike.get(_key(cell), ())
        if not alike or (len(alike) == 1 and alike[0] in _spellings(cell)):
            return alike[0] if alike else text
        raise ColumnsError(
            f"column {self.name[:100]!r} takes text; row {row + 1} holds a number or a truth value "
            "that the model's texts spell in another way, or in several; send it as text",
            row,
            self.name,
        )

    def _refuse_missing(self, row: int) -> NoReturn:
        raise refused(self.name, row, "a missing value", "text")


def text_reader(
    name: str, known: Sequence[str] = (), missing: Any = NAN, *, takes_missing: bool = True
) -> TextReader:
    """Return the reader of a column of text."""
    alike: dict[float | bool, list[str]] = {}
    for text in known:
        for key in _keys_in(text):
            alike.setdefault(key, []).append(text)
    frozen = {key: tuple(texts) for key, texts in alike.items()}
    return TextReader(name, frozenset(known), missing, takes_missing, frozen)


def _key(cell: float) -> Any:
    """Return the key that a cell shares with texts that spell it; True is not 1 here."""
    return ("word", cell) if isinstance(cell, bool) else cell


def _keys_in(text: str) -> list[Any]:
    number, word = text_to_number(text), cells.to_boolean_word(text)
    found = [] if number is None else [number]
    return found if word is None else [*found, ("word", word)]


def _spellings(cell: float) -> frozenset[str]:
    """Return the texts that training data in CSV may have had for a number or a truth value."""
    if isinstance(cell, bool):
        return frozenset((str(cell), str(cell).lower(), str(cell).upper()))
    exact = cells.to_exact(cell)
    whole = {str(exact), f"{exact}.0"} if isinstance(exact, int) else set()
    return frozenset(whole | {str(cell)})


@dataclass(frozen=True, slots=True)
class TimeReader:
    """Reads times of ISO 8601, or the times of Arrow, as an encoder compares them.

    Attributes:
        name: Of the column.
        dtype: That of the encoder's categories: "datetime64[ns]", "timedelta64[s]" and the like;
            "date" or "object" where they are objects.
        missing: The value for a missing cell among objects.
    """

    name: str
    dtype: str
    missing: Any

    def read(self, column: Cells, *, words: bool) -> NDArray[Any]:
        """Return the values: NaT where they are missing, or the mark among objects.

        Raises:
            ColumnsError: a cell is no time; names column and row.
        """
        del words  # no word for a missing cell is a time
        values = [self._value(row, cell) for row, cell in enumerate(column)]
        if self.dtype in ("date", "object"):
            return objects([self.missing if value is None else value for value in values])
        found: NDArray[Any] = np.array(pd.Series(values, dtype=self.dtype))
        return found

    def _value(self, row: int, cell: Any) -> Any:
        if is_missing(cell) or (isinstance(cell, str) and cell in MISSING_WORDS):
            return None
        try:
            return self._time(cell)
        except (TypeError, ValueError):
            expected = "a date or a time in ISO 8601"
            raise refused(self.name, row, "something else", expected) from None

    def _time(self, cell: Any) -> Any:
        if self.dtype.startswith("timedelta64"):
            return pd.Timedelta(cell)
        if isinstance(cell, (bool, int, float)) or (
            isinstance(cell, str) and not _TIME.fullmatch(cell)
        ):
            raise ValueError
        time = pd.Timestamp(cell)
        if self.dtype == "date":
            return time.date()
        # Beside times without a zone, one with a zone would be another moment.
        if self.dtype != "object" and time.tz is not None:
            raise ValueError
        return time


@dataclass(frozen=True, slots=True)
class ObjectReader:
    """Reads the texts of objects, such as intervals of pandas, as the objects.

    Attributes:
        name: Of the column.
        known: The objects that the encoder was fitted on, by their texts and by themselves.
        parse: From a cell to an object that the encoder may not know; raises ValueError for others.
        missing: The value for a missing cell.
    """

    name: str
    known: Mapping[Any, Any]
    parse: Callable[[Any], Any]
    missing: Any

    def read(self, column: Cells, *, words: bool) -> NDArray[Any]:
        """Return the objects; texts of none stay for the encoder to refuse or ignore.

        Raises:
            ColumnsError: a cell is neither text nor such an object; names column and row.
        """
        del words  # they are missing cells in every format
        return objects([self._value(row, cell) for row, cell in enumerate(column)])

    def _value(self, row: int, cell: Any) -> Any:
        if is_missing(cell):
            return self.missing
        if isinstance(cell, str) and cell not in self.known and cell in MISSING_WORDS:
            return self.missing
        try:
            return self._object(cell)
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            if isinstance(cell, str):
                return cell
            expected = f"the text of {type(next(iter(self.known.values()))).__name__}"
            raise refused(self.name, row, kind_of(cell), expected) from None

    def _object(self, cell: Any) -> Any:
        key = tuple(cell) if isinstance(cell, list) else cell
        if key in self.known:
            return self.known[key]
        found = self.parse(cell)
        return self.known.get(found, found)


def object_reader(name: str, known: Sequence[Any], missing: Any) -> ObjectReader:
    """Return the reader of a column of objects of one class."""
    kind = type(known[0])
    parse = next((parse for base, parse in _PARSERS if issubclass(kind, base)), _no_parser)
    found = {str(value): value for value in known} | {value: value for value in known}
    return ObjectReader(name, found, parse, missing)


def _to_timedelta(cell: Any) -> Any:
    return pd.Timedelta(cell)  # the name is loaded when it is first used


def _no_parser(cell: Any) -> Any:
    raise ValueError(cell)


_PARSERS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (Decimal, lambda cell: Decimal(str(cell).strip())),
    (time, lambda cell: time.fromisoformat(str(cell).strip())),
    (timedelta, _to_timedelta),
    (UUID, lambda cell: UUID(bytes=cell) if isinstance(cell, bytes) else UUID(cell.strip())),
)
"""Classes whose texts can be spelled in several ways."""
