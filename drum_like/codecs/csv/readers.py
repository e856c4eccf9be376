"""Readers of the rows of a CSV text, all with the result of pandas.

`JsonReader` leaves what it cannot read for sure to the one beside it; what that cannot make a
matrix of is left to the frame, cell by cell.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from io import BytesIO

from drum_like.codecs.csv.arrow_reader import many_columns, many_rows
from drum_like.codecs.csv.blocks import RUN, Block, plain_blocks
from drum_like.codecs.csv.header import Header
from drum_like.codecs.csv.tokenizer import BLANKS, check_rows, row_error
from drum_like.codecs.like_pandas import certain_column, few_rows, plain_rows, precision
from drum_like.errors import PayloadError
from drum_like.system.lazy import cached, pd
from drum_like.types.frame import Matrix, Positions
from drum_like.types.readers import Cells
from drum_like.types.table import table

_CR_BLANK = re.compile(rb"(?:\A|[\r\n])[ \t]*+\r,")


class CsvReader(ABC):
    """A way to read the rows of a text.

    Args:
        text: UTF-8, with its BOM if it had one.
        header: Its header.
    """

    def __init__(self, text: bytes, header: Header) -> None:
        self._text = text
        self._header = header

    @abstractmethod
    def n_rows(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def matrix(self, chosen: Positions | None) -> Matrix | None:
        """Return the chosen columns, all for None, as numbers; None if a cell needs pandas."""

    @abstractmethod
    def cells(self, position: int) -> Cells:
        """Return the fields of a column, quotes aside; None for an empty one."""

    @abstractmethod
    def data(self) -> pd.DataFrame:
        """Return the rows as pandas reads them.

        Raises:
            PayloadError: a row is longer or shorter than the header, or a quote is never closed.
        """


class JsonReader(CsvReader):
    """Reads rows without quotes all of whose cells are numbers that JSON spells as CSV does.

    Args:
        text: UTF-8, with its BOM if it had one.
        header: Its header.
        other: The reader of all other rows.
    """

    def __init__(self, text: bytes, header: Header, other: type[CsvReader]) -> None:
        self._text = text  # super() would be a call for each request
        self._header = header
        self._reader = other

    @cached
    def _numbers(self) -> Matrix | None:
        return plain_rows(self._text[self._header.end :], len(self._header.names))

    @cached
    def _other(self) -> CsvReader:
        return self._reader(self._text, self._header)

    def n_rows(self) -> int:
        """Return the number of rows."""
        numbers = self._numbers
        return self._other.n_rows() if numbers is None else len(numbers)

    def matrix(self, chosen: Positions | None) -> Matrix | None:
        """Return the chosen columns, all for None, as numbers."""
        numbers = self._numbers
        if numbers is None:
            return self._other.matrix(chosen)
        return numbers if chosen is None else numbers[:, chosen]

    def cells(self, position: int) -> Cells:
        """Return the fields of a column; None for an empty one."""
        return self._other.cells(position)

    def data(self) -> pd.DataFrame:
        """Return the rows as pandas reads them, once their widths are known to be right."""
        numbers = self._numbers
        if numbers is None or self._reader is LineReader:
            return self._other.data()
        return _read(self._text, self._header, len(numbers))


class LineReader(CsvReader):
    """Reads rows without quotes line by line, numbers with float()."""

    @cached
    def _lines(self) -> list[bytes]:
        """The rows, checked.

        Raises:
            PayloadError: a row is longer or shorter than the header; names it.
        """
        lines, width = self._text[self._header.end :].splitlines(), len(self._header.names)
        if width > 1:
            lines = [line for line in lines if line.strip(BLANKS)]
        for row, line in enumerate(lines):
            if line.count(b",") != width - 1:
                found, header = line.count(b",") + 1, self._header.end > 0
                raise row_error(row + 1, width, found, header=header)
        return lines

    def n_rows(self) -> int:
        """Return the number of rows."""
        return len(self._lines)

    def matrix(self, chosen: Positions | None) -> Matrix | None:
        """Return the chosen columns, all for None, as numbers."""
        return few_rows(self._lines, len(self._header.names), chosen)

    def cells(self, position: int) -> Cells:
        """Return the fields of a column; None for an empty one."""
        return [fields[position].decode() or None for fields in self._fields]

    @cached
    def _fields(self) -> list[list[bytes]]:
        return [line.split(b",") for line in self._lines]

    def data(self) -> pd.DataFrame:
        """Return the rows as pandas reads them: its parser takes a third of a millisecond."""
        lines = [line.decode().split(",") for line in self._lines]
        columns = [certain_column(cells) for cells in zip(*lines, strict=True)]
        if not columns or any(column is None for column in columns):
            return _read(self._text, self._header, len(self._lines))
        return table(columns, self._header.names)


class BlockReader(CsvReader):
    """Reads rows of any kind and number, in blocks: numbers with Arrow, all else with pandas."""

    @cached
    def _blocks(self) -> list[Block]:
        start = self._header.end
        blocks = plain_blocks(self._text, start)
        return [Block(start, len(self._text), 0, self._n_checked)] if blocks is None else blocks

    @cached
    def _n_checked(self) -> int:
        """Number of rows, each of which is known to be as wide as the header."""
        return check_rows(self._text, self._header.end, len(self._header.names))

    def n_rows(self) -> int:
        """Return the number of rows."""
        return sum(block.n_rows for block in self._blocks)

    def matrix(self, chosen: Positions | None) -> Matrix | None:
        """Return the chosen columns, all for None, as numbers."""
        return many_rows(self._text, self._blocks, len(self._header.names), chosen)

    def cells(self, position: int) -> Cells:
        """Return the fields of a column, quotes aside; None for an empty one."""
        fields = self._texts.iloc[:, position].tolist()
        return [field or None for field in fields]

    @cached
    def _texts(self) -> pd.DataFrame:
        return _read(self._text, self._header, self._n_checked, str)

    def data(self) -> pd.DataFrame:
        """Return the rows as pandas reads them."""
        if len(self._text) - self._header.end > RUN:  # one thread of Arrow is no faster than pandas
            found = many_columns(self._text, self._blocks, self._header.names)
            if found is not None:
                return found
        return _read(self._text, self._header, self._n_checked)


def _read(text: bytes, header: Header, n_rows: int, dtype: type[str] | None = None) -> pd.DataFrame:
    """Read a text whose rows have been checked; with `str`, fields as sent, "" for empty ones.

    Raises:
        PayloadError: pandas cannot read it, or finds other rows.
    """
    data = _parsed(text, header, dtype)
    width = len(header.names)
    if data.shape != (n_rows, width):
        raise PayloadError(
            f"the CSV has {n_rows} rows and {width} columns, but reads as "
            f"{data.shape[0]} and {data.shape[1]}; are there control characters in it?"
        )
    return data


def _parsed(text: bytes, header: Header, dtype: type[str] | None) -> pd.DataFrame:
    """Return the result of pandas.read_csv."""
    width = len(header.names)
    if not header.plain:
        text = b",".join(b"%d" % position for position in range(width)) + b"\n" + text[header.end :]
    try:
        data = pd.read_csv(
            BytesIO(_without_cr_blanks(text)),
            skip_blank_lines=width > 1,
            float_precision=precision(),
            dtype=dtype,
            keep_default_na=dtype is None,
            low_memory=False,
        )
    except (ValueError, OverflowError) as error:
        kind = type(error).__name__
        raise PayloadError(
            f"the CSV cannot be read ({kind}); are its fields quoted right?"
        ) from error
    if not header.plain and data.shape[1] == width:
        data.columns = pd.Index(header.names)
    return data


def _without_cr_blanks(text: bytes) -> bytes:
    """Return a text that pandas reads right.

    Behind a blank line that ends in a lone CR, pandas (3.1) loses an empty first field and shifts
    the row.

    Raises:
        PayloadError: there is such a row, and there are quotes, which keep a CR inside them.
    """
    # Looking for one byte takes 0.2 ms of 6 MB, for two 6 ms.
    if b"\r" not in text or b"\r," not in text or not _CR_BLANK.search(text):
        return text
    if b'"' in text:
        raise PayloadError("the CSV has blank lines that end in a lone CR; end lines with LF")
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
