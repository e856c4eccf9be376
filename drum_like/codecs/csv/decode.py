"""CSV as pandas.read_csv reads it by default, strict about the width of rows.

Differences from DRUM: a row whose number of fields is not the header's is refused, where pandas
shifts or pads it; a charset may be named; a single column may have blank lines before its header,
which pandas takes for the header. As in DRUM, blank lines are skipped, and are missing values where
there is one column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO, Literal

from drum_like.codecs.csv.arrow_reader import many_columns, many_rows
from drum_like.codecs.csv.blocks import RUN, Block, plain_blocks
from drum_like.codecs.csv.header import Header, read_header
from drum_like.codecs.csv.tokenizer import (
    BLANKS,
    check_rows,
    complete_records,
    record_at,
    row_error,
)
from drum_like.codecs.numbers import few_rows, plain_rows
from drum_like.errors import PayloadError, SizeError
from drum_like.system.lazy import cached, pd
from drum_like.types.frame import Frame, Matrix, Names, Positions
from drum_like.types.payload import Payload, codec
from drum_like.types.readers import Cells

FEW = 1_500
"""Cells, a row counting as three more, up to which float() is faster: 45 rows of 30 columns."""

MODERATE = 20_000
"""Cells, counted likewise, up to which orjson is: 400 rows of 30 columns 0.9 ms, Arrow 1.7."""

_MODERATE_SIZE = 1 << 18
"""Bytes of a text up to which its cells are counted."""

_CR_BLANK = re.compile(rb"(?:\A|[\r\n])[ \t]*+\r,")

_LARGEST_RECORD = 512
"""Block sizes that one record may fill before `blocks` refuses it."""


def decode(payload: Payload) -> Frame:
    """Return the rows of a CSV body.

    Raises:
        CharsetError: the charset is not on the list.
        PayloadError: not text of that charset, no header, or (some of them when a layout is asked
            for) a row of another width than the header or a quote that is never closed.
        SizeError: more columns than the limit.
    """
    text = _utf8(payload)
    header = read_header(text, payload.limits)
    n_cells, is_long = _about_cells(text, header), len(text) > _MODERATE_SIZE
    if is_long or n_cells > MODERATE or text.find(b'"', header.end) >= 0:
        return _CsvFrame(text, header)
    return _FewRows(text, header) if n_cells <= FEW else _ModerateRows(text, header)


def _about_cells(text: bytes, header: Header) -> int:
    """Return how many cells there are if all rows are like the first, a row counting as 3 more."""
    end = text.find(b"\n", header.end) + 1 or len(text)
    return (len(text) - header.end) // max(end - header.end, 1) * (len(header.names) + 3)


class _CsvFrame(Frame):
    """The rows of a CSV text.

    Args:
        text: UTF-8, with its BOM if it had one.
        header: Its header.
    """

    def __init__(self, text: bytes, header: Header) -> None:
        self._text = text
        self._header = header

    @property
    def columns(self) -> Names | None:
        """The header, as pandas names the columns."""
        return self._header.names

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self._header.names)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return sum(block.n_rows for block in self._blocks)

    @cached
    def _blocks(self) -> list[Block]:
        start = self._header.end
        blocks = plain_blocks(self._text, start)
        whole = Block(start, len(self._text), 0, 0)
        return [replace(whole, n_rows=self._checked_rows)] if blocks is None else blocks

    @cached
    def _checked_rows(self) -> int:
        return check_rows(self._text, self._header.end, self.n_columns)

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        matrix = self._without_pandas(chosen)
        return super()._to_matrix(chosen) if matrix is None else matrix

    def _without_pandas(self, chosen: Positions | None) -> Matrix | None:
        """Return the same matrix as pandas would; None where only pandas can read the text."""
        return many_rows(self._text, self._blocks, self.n_columns, chosen)

    has_words_for_missing = True

    def cells(self, position: int) -> Cells:
        """Return the fields of a column, quotes aside; None for an empty one."""
        fields = self._texts.iloc[:, position].tolist()
        return [field or None for field in fields]

    @cached
    def _texts(self) -> pd.DataFrame:
        return self._checked(str)

    def _to_pandas(self) -> pd.DataFrame:
        if len(self._text) - self._header.end > RUN:  # one thread of Arrow is no faster than pandas
            found = many_columns(self._text, self._blocks, self._header.names)
            if found is not None:
                return found
        return self._checked()

    def _checked(self, dtype: type[str] | None = None) -> pd.DataFrame:
        """Return the rows as pandas reads them; with `str`, fields as sent, "" for empty ones."""
        n_rows = self._checked_rows
        data = _read(self._text, self._header, dtype)
        if data.shape != (n_rows, self.n_columns):
            raise PayloadError(
                f"the CSV has {n_rows} rows and {self.n_columns} columns, but reads as "
                f"{data.shape[0]} and {data.shape[1]}; are there control characters in it?"
            )
        return data


class _ModerateRows(_CsvFrame):
    """The rows of a CSV text without quotes, most likely plain numbers."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return super().n_rows if self._plain is None else len(self._plain)

    @cached
    def _plain(self) -> Matrix | None:
        return plain_rows(self._text[self._header.end :], self.n_columns)

    @cached
    def _checked_rows(self) -> int:
        return super()._checked_rows if self._plain is None else len(self._plain)

    def _without_pandas(self, chosen: Positions | None) -> Matrix | None:
        if self._plain is None:
            return super()._without_pandas(chosen)
        return self._plain if chosen is None else self._plain[:, chosen]


class _FewRows(_ModerateRows):
    """The rows of a short CSV text without quotes."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self._lines) if self._plain is None else len(self._plain)

    @cached
    def _lines(self) -> list[bytes]:
        return _lines(self._text[self._header.end :], self.n_columns)

    @cached
    def _checked_rows(self) -> int:
        return self.n_rows

    def cells(self, position: int) -> Cells:
        """Return the fields of a column; None for an empty one."""
        return [line.split(b",")[position].decode() or None for line in self._lines]

    def _without_pandas(self, chosen: Positions | None) -> Matrix | None:
        if self._plain is None:
            return few_rows(self._lines, self.n_columns, chosen)
        return super()._without_pandas(chosen)


def _utf8(payload: Payload) -> bytes:
    """Return the body as UTF-8, with its BOM if it has one."""
    body = payload.body
    name = codec(payload.charset)
    if body.isascii() and not name.startswith("utf-16"):
        return body
    try:
        text = body.decode(name)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        expected = (
            "Supplied CSV input file encoding must be UTF-8."
            if payload.charset is None
            else f"the CSV must be encoded in {name}, as its Content-Type says;"
        )
        raise PayloadError(
            f"{expected} The byte at offset {error.start} (line {line}) is not; "
            "name the right charset in the Content-Type"
        ) from None
    return body if name.startswith("utf-8") else text.encode()


def _lines(rows: bytes, width: int) -> list[bytes]:
    """Return the rows of a text without quotes, checked.

    Raises:
        PayloadError: a row is longer or shorter than the header; names it.
    """
    lines = rows.splitlines()
    if width > 1:
        lines = [line for line in lines if line.strip(BLANKS)]
    for row, line in enumerate(lines):
        if line.count(b",") != width - 1:
            raise row_error(row + 1, width, line.count(b",") + 1)
    return lines


def _read(text: bytes, header: Header, dtype: type[str] | None = None) -> pd.DataFrame:
    """Read a text whose rows have been checked with pandas.read_csv."""
    width = len(header.names)
    if not header.plain:
        text = b",".join(b"%d" % position for position in range(width)) + b"\n" + text[header.end :]
    try:
        data = pd.read_csv(
            BytesIO(_without_cr_blanks(text)),
            skip_blank_lines=width > 1,
            float_precision=_precision(),
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


def _precision() -> Literal["round_trip"] | None:
    """Return the option for decimals read to the nearest float64; pandas 3 always does so."""
    return None if pd.__version__ >= "3" else "round_trip"


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


def blocks(stream: BinaryIO, template: Payload, size: int = 1 << 20) -> Iterator[Payload]:
    """Cut a UTF-8 CSV stream into payloads that each carry the header.

    Memory is bounded by a few times `size`, or by the longest record.

    Args:
        stream: The CSV from its start.
        template: Other properties of the payload: media type, limits.
        size: Bytes of rows in a payload, about; a record is never cut.

    Returns:
        At least one payload, without rows if the stream has none. The rows of all of them, in
        order, are those of the stream; a message counts them from the start of its own payload.

    Raises:
        PayloadError: there is no header, or a quote is never closed.
        SizeError: a header or record is longer than 512 times `size`, or there are too many
            columns.
    """
    buffer, header_end = _read_header(stream, template, size)
    head, rows, empty = buffer[:header_end], buffer[header_end:], True
    while more := _more(stream, rows, size):
        rows += more
        end = _complete(rows)
        if end:
            yield replace(template, body=b"".join((head, memoryview(rows)[:end])))
            rows, empty = rows[end:], False
        _check_length(rows, size)
    if rows or empty:
        yield replace(template, body=head + rows)


def _read_header(stream: BinaryIO, template: Payload, size: int) -> tuple[bytes, int]:
    """Return the start of a stream, and where in it the header ends."""
    buffer = b""
    while more := _more(stream, buffer, size):
        buffer += more
        _check_length(buffer, size)
        try:
            end = read_header(buffer, template.limits).end
        except PayloadError:  # also said of a header that is not there in full
            continue
        if end < len(buffer):
            return buffer, end
    return buffer, read_header(buffer, template.limits).end


def _more(stream: BinaryIO, rest: bytes, size: int) -> bytes:
    """Read on: fill up the rest to `size` bytes, or add a quarter of its length to a longer one.

    A rest is looked at from its start each time, so a long one has to grow fast.
    """
    return stream.read(size - len(rest) if len(rest) < size else len(rest) // 4 + 1)


def _complete(rows: bytes) -> int:
    """Return where the last record that surely ends here ends, 0 if none does."""
    if b'"' not in rows and (end := rows.rfind(b"\n") + 1):
        return end
    records = complete_records(rows, final=False)
    if records is not None:
        return records.end
    end = 0
    while (following := record_at(rows, end)[1]) and following < len(rows):
        end = following
    return end


def _check_length(rest: bytes, size: int) -> None:
    if len(rest) > _LARGEST_RECORD * size:
        raise SizeError(
            f"a header or record of the CSV is longer than {_LARGEST_RECORD * size} bytes; "
            "is a quote never closed?"
        )
