"""Parquet: rows as the columns that the same table has in Arrow, predictions as a file.

An index that pandas wrote beside the columns is a column. The headers of all pages are read before
one is expanded: readers take a header's word for lengths, and a page of some bytes may ask for
2 GB, one value of a dictionary may stand in a million rows.

Source: apache/parquet-format, src/main/thrift/parquet.thrift.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from drum_like.codecs.columnar import batch_of, frame_of
from drum_like.codecs.columnar.plain import (
    check_type,
    dictionaries_written_out,
    expanded_size,
    is_text,
    reading,
)
from drum_like.codecs.parquet.footer import (
    MAGIC,
    TEXT,
    Chunk,
    Footer,
    Reader,
    Wanted,
    read_footer,
)
from drum_like.errors import PayloadError, SizeError
from drum_like.types.codec import Codec
from drum_like.types.frame import Frame
from drum_like.types.payload import Limits, Payload
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target

if TYPE_CHECKING:
    from pyarrow import parquet

_TOO_LARGE = "send fewer rows, or start the server with a higher --max-cells"

_DATA = {0: 5, 3: 8}  # the field of a data page's own header by its type
_ENCODING = {0: 2, 3: 4}
_FRONT_CODED = 7
_OF_DICTIONARY = frozenset({2, 8})

_WANTED: Wanted = {1: None, 2: None, 3: None, 5: {1: None, 2: None}, 8: {1: None, 4: None}}

_PAGES, _BYTES_OF_A_PAGE = 100_000, 1024


def decode(payload: Payload) -> Frame:
    """Return the rows of a Parquet file.

    Raises:
        PayloadError: broken, or of types that cannot be read.
        SizeError: declares more columns or cells, or bytes for them, than the limits.
    """
    with reading("Parquet"):
        return frame_of(_table(payload.body, payload.limits))


def _table(body: bytes, limits: Limits) -> pa.Table:
    """Return the table of a file, its declared sizes checked before and all of it after."""
    footer = read_footer(body, limits)
    if not footer.leaves:
        raise PayloadError("No columns to parse from file: the Parquet schema has none")
    file = _opened(body)
    for field in file.schema_arrow:
        check_type(field.type)
    _check_sizes(body, footer, limits)
    if not footer.n_groups:  # which pyarrow 18 does not read
        return file.schema_arrow.empty_table()
    table = file.read(use_threads=False, use_pandas_metadata=False)
    table.validate(full=True)
    most = 8 * limits.declared_cells(len(body))
    if expanded_size(table) > most:
        raise _written_out(most)
    return table


def _opened(body: bytes, **options: Any) -> parquet.ParquetFile:
    """Return a file, of which only the footer is read yet."""
    from pyarrow import parquet  # noqa: PLC0415 - takes 15 ms

    return parquet.ParquetFile(pa.BufferReader(body), pre_buffer=False, **options)


def _check_sizes(body: bytes, footer: Footer, limits: Limits) -> None:
    """Refuse a file that becomes too large, before its pages are expanded."""
    limits.check_declared(footer.n_rows, len(body))
    most, sizes = limits.declared_cells(len(body)), sizes_of(body, footer.chunks)
    n_cells = max(footer.n_rows * len(footer.leaves), sizes.n_values)
    if n_cells > most or sizes.n_bytes > 8 * most:
        raise SizeError(
            f"the Parquet body declares {footer.n_rows} rows, {n_cells} cells and {sizes.n_bytes} "
            f"bytes, the limit is {most} cells of 8 bytes; {_TOO_LARGE}"
        )
    if sizes.front_coded > 8 * most:
        raise SizeError(
            "the Parquet body has long columns of the encoding DELTA_BYTE_ARRAY, whose size cannot "
            "be told in advance; write them with another one, or in smaller pages"
        )
    if sizes.in_dictionaries > 8 * most and _texts(body, footer) > 8 * most:
        raise _written_out(8 * most)


def _texts(body: bytes, footer: Footer) -> int:
    """Return the bytes of all texts, which are read as places in dictionaries for that.

    Raises:
        SizeError: a column of texts cannot be read so.
    """
    texts = [leaf.path for leaf in footer.leaves if leaf.kind == TEXT]
    if len(set(texts)) == len(texts):
        file = _opened(body, read_dictionary=texts)
        if not any(is_text(field.type) for field in file.schema_arrow):
            columns = file.read(texts, use_threads=False).columns
            chunks = (chunk for column in columns for chunk in column.chunks)
            return sum(map(dictionaries_written_out, chunks))
    raise SizeError(f"the Parquet body repeats long texts of a dictionary; {_TOO_LARGE}")


def _written_out(most: int) -> SizeError:
    return SizeError(
        f"the Parquet body grows beyond {most} bytes when its dictionaries and lists are written "
        f"out; {_TOO_LARGE}"
    )


@dataclass(frozen=True, slots=True)
class Page:
    """A page by its header.

    Attributes:
        n_values: Its values, nulls among them; 0 for a dictionary.
        n_bytes: Its bytes once they are expanded.
        encoding: Of the values; None for a dictionary.
    """

    n_values: int
    n_bytes: int
    encoding: int | None


def pages(body: bytes, start: int, end: int) -> Iterator[Page]:
    """Yield the pages between two positions, of which the last one ends at the second.

    Raises:
        ValueError, LookupError, TypeError: they are broken.
    """
    if not len(MAGIC) <= start <= end <= len(body):
        raise ValueError
    reader = Reader(body, start, end)
    while reader.at < end:
        header = reader.struct(_WANTED)
        kind, n_bytes, n_packed = header[1], header[2], header[3]
        if min(n_bytes, n_packed) < 0:
            raise ValueError
        reader.at += n_packed
        if kind in _DATA:
            data = header[_DATA[kind]]
            yield Page(max(data[1], 0), n_bytes, data[_ENCODING[kind]])
        else:
            yield Page(0, n_bytes, None)
    if reader.at != end:
        raise ValueError


@dataclass(slots=True)
class Sizes:
    """The sizes of all pages.

    Attributes:
        n_values: Values, nulls among them.
        n_bytes: Bytes once the pages are expanded, and values of one width written out.
        front_coded: The most bytes of texts that are written as the rest of the one before.
        in_dictionaries: The most bytes of texts of dictionaries, written out.
        n_pages: Pages.
    """

    n_values: int = 0
    n_bytes: int = 0
    front_coded: int = 0
    in_dictionaries: int = 0
    n_pages: int = 0


def sizes_of(body: bytes, chunks: tuple[Chunk, ...]) -> Sizes:
    """Return the sizes of the pages that a reader would expand.

    Raises:
        SizeError: there are too many.
        ValueError, LookupError, TypeError: they are broken, or fewer than declared.
    """
    found = Sizes()
    most = _PAGES + len(body) // _BYTES_OF_A_PAGE
    for chunk in chunks:
        _add(found, chunk, pages(body, chunk.start, chunk.end))
        if found.n_pages > most:
            raise SizeError(f"the Parquet body has more than {most} pages; write larger ones")
    return found


def _add(found: Sizes, chunk: Chunk, its_pages: Iterator[Page]) -> None:
    n_values = n_bytes = of_dictionary = 0
    holds_text = chunk.leaf.kind == TEXT
    for page in its_pages:
        found.n_pages += 1
        n_values += page.n_values
        n_bytes += page.n_bytes
        if page.encoding is None:
            of_dictionary = max(of_dictionary, page.n_bytes)
        elif page.encoding == _FRONT_CODED and holds_text:
            found.front_coded += page.n_values * page.n_bytes
        elif page.encoding in _OF_DICTIONARY and holds_text:
            found.in_dictionaries += page.n_values * of_dictionary
    if n_values < chunk.n_values:
        raise ValueError
    found.n_values += n_values
    found.n_bytes += n_bytes + n_values * chunk.leaf.width


def predictions_parquet(prediction: Prediction, target: Target) -> bytes:
    """Return a file with the columns of `batch_of`.

    Raises:
        TargetError: a column mixes types that Arrow cannot hold together.
    """
    from pyarrow import parquet  # noqa: PLC0415 - takes 15 ms

    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_batches([batch_of(prediction, target)]), sink)
    body: bytes = sink.getvalue().to_pybytes()
    return body


CODEC = Codec(
    ("application/vnd.apache.parquet", "application/x-parquet"),
    (".parquet",),
    decode,
    predictions_parquet,
    magic=(MAGIC,),
    package="pyarrow",
)
