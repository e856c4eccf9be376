"""CSV as pandas.read_csv reads it by default, strict about the width of rows.

Differences from DRUM: a row whose number of fields is not the header's is refused, where pandas
shifts or pads it; a charset may be named; a single column may have blank lines before its header,
which pandas takes for the header. As in DRUM, blank lines are skipped, and are missing values where
there is one column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from drum_like.codecs.csv.header import BOM, Header, first_record, read_header
from drum_like.codecs.csv.readers import BlockReader, CsvReader, JsonReader, LineReader
from drum_like.codecs.csv.tokenizer import complete_records, record_at
from drum_like.errors import PayloadError, SizeError
from drum_like.system.lazy import cached, pd
from drum_like.types.codec import Codec
from drum_like.types.columns_frame import NamedFrame
from drum_like.types.frame import Frame, Matrix, Positions
from drum_like.types.names import Names
from drum_like.types.payload import CSV, Limits, Payload, python_codec
from drum_like.types.readers import Cells

FEW = 1_500
"""Cells, a row counting as three more, up to which float() is faster: 45 rows of 30 columns."""

MODERATE = 20_000
"""Cells, counted likewise, up to which orjson is faster: 0.9 ms for 400 rows of 30, Arrow 1.7."""

_MODERATE_SIZE = 1 << 18
"""Bytes of a text up to which its cells are counted."""

_LARGEST_RECORD = 512
"""Block sizes that one record may fill before `blocks` refuses it."""


def decode(payload: Payload) -> Frame:
    """Return the rows of a CSV body.

    Raises:
        CharsetError: the charset is not on the list.
        PayloadError: not text of that charset, no header, or (some of them when a layout is asked
            for) a row of another width than the header or a quote that is never closed.
        SizeError: more columns or rows than the limits.
    """
    text = _utf8(payload)
    header = read_header(text, payload.limits)
    return _CsvFrame(header.names, _reader(text, header, payload.limits))


def decode_rows(payload: Payload, is_header: Callable[[Sequence[str]], bool]) -> Frame:
    """Return the rows of a CSV body that may have no header; raises as `decode`.

    Without one the columns have no names, and are in the order of the model. Blank lines at the
    end are no rows, also where there is one column.

    Args:
        payload: The body.
        is_header: Whether the fields of the first line are names.
    """
    text = _utf8(payload).removeprefix(BOM).rstrip(b"\r\n")
    if not text:
        raise PayloadError("the CSV is empty; send rows")
    fields = first_record(text, payload.limits)
    if is_header(fields):
        return decode(replace(payload, body=text, charset=None))
    header = Header(tuple(map(str, range(len(fields)))), 0, plain=False)
    return _RowsFrame(header.names, _reader(text, header, payload.limits))


def _reader(text: bytes, header: Header, limits: Limits) -> CsvReader:
    """Return the reader that is fastest for the size of a text.

    Raises:
        SizeError: it has more rows than the limit.
    """
    reader: CsvReader
    n_cells, is_long = _about_cells(text, header), len(text) > _MODERATE_SIZE
    if is_long or n_cells > MODERATE or text.find(b'"', header.end) >= 0:
        reader = BlockReader(text, header)
    else:
        reader = JsonReader(text, header, LineReader if n_cells <= FEW else BlockReader)
    if len(text) > limits.rows:  # a row takes a byte at the least
        limits.check_rows(reader.n_rows())
    return reader


def _about_cells(text: bytes, header: Header) -> int:
    """Return the number of cells if all rows are like the first, a row counting as three more."""
    end = text.find(b"\n", header.end) + 1 or len(text)
    return (len(text) - header.end) // max(end - header.end, 1) * (len(header.names) + 3)


class _CsvFrame(NamedFrame):
    """The rows of a CSV text.

    Args:
        names: The header, as pandas names the columns.
        reader: Reads the rows.
    """

    def __init__(self, names: Names, reader: CsvReader) -> None:
        self._names = names
        self._reader = reader

    @cached
    def n_rows(self) -> int:
        """Number of rows."""
        return self._reader.n_rows()

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        matrix = self._reader.matrix(chosen)
        return super()._to_matrix(chosen) if matrix is None else matrix

    has_words_for_missing = True

    def cells(self, position: int) -> Cells:
        """Return the fields of a column, quotes aside; None for an empty one."""
        return self._reader.cells(position)

    def _to_pandas(self) -> pd.DataFrame:
        return self._reader.data()


class _RowsFrame(_CsvFrame):
    """The rows of a CSV text without a header."""

    @property
    def columns(self) -> Names | None:
        """None: the columns are in the order of the model."""
        return None

    def _to_pandas(self) -> pd.DataFrame:
        return super()._to_pandas().set_axis(pd.RangeIndex(self.n_columns), axis="columns")


def _utf8(payload: Payload) -> bytes:
    """Return the body as UTF-8, with its BOM if it has one."""
    body = payload.body
    if payload.charset is None and body.isascii():
        return body
    name = python_codec(payload.charset)
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
    """Return the start of a stream, and the end of the header in it."""
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
    """Return the end of the last record that is surely complete, 0 without one."""
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


# Without an encoder: over HTTP those who accept CSV get JSON, as from DRUM.
CODEC = Codec((CSV, "text/plain"), (".csv",), decode, cut=blocks)
