"""Arrow IPC, stream or file, as the table that was sent, and its columns as plain values."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyarrow import ipc

from drum_like.codecs.arrow.messages import declared
from drum_like.codecs.arrow.plain import check_type, expanded_size, plain
from drum_like.codecs.names import check_count
from drum_like.errors import PayloadError, SizeError
from drum_like.types.payload import Limits

_FILE_MAGIC = b"ARROW1\x00\x00"
_TOO_LARGE = "send fewer rows, or start the server with a higher --max-cells"


def read_table(body: bytes, limits: Limits) -> pa.Table:
    """Return the columns of a stream or file as they were sent, checked in full.

    Raises:
        PayloadError: broken, or of types that cannot be read.
        SizeError: declares more columns or cells, or bytes for them, than the limits.
    """
    buffer = pa.py_buffer(body)
    # A file is a stream between two magic words, with an index behind it that is not needed.
    stream = buffer.slice(len(_FILE_MAGIC)) if body.startswith(_FILE_MAGIC) else buffer
    with reading():
        return _read(stream, limits)


@contextmanager
def reading() -> Iterator[None]:
    """Turn Arrow's exceptions into errors of the caller.

    Raises:
        PayloadError: Arrow cannot read the body.
    """
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, struct.error, OverflowError) as error:
        kind = type(error).__name__
        raise PayloadError(
            f"the Arrow body is broken or holds types that are not read ({kind}); "
            "send an IPC stream or file of flat columns"
        ) from error


def _read(stream: pa.Buffer, limits: Limits) -> pa.Table:
    """Return the table of a stream, its declared sizes checked before and all of it after."""
    schema = ipc.open_stream(stream).schema
    check_count(len(schema), limits)
    if not len(schema):
        raise PayloadError("No columns to parse from file: the Arrow schema has none")
    for field in schema:
        check_type(field.type)
    most = max(limits.cells, stream.size)
    says = declared(stream)
    if says.n_rows * len(schema) > most or says.inflated > 8 * most:
        raise SizeError(
            f"the Arrow body declares {says.n_rows} rows, {len(schema)} columns and "
            f"{says.inflated} bytes, the limit is {most} cells of 8 bytes; {_TOO_LARGE}"
        )
    options = ipc.IpcReadOptions(use_threads=False)
    table = ipc.open_stream(stream, options=options).read_all()
    table.validate(full=True)
    if expanded_size(table) > 8 * most:
        raise SizeError(
            f"the Arrow body grows beyond {8 * most} bytes when its dictionaries, run-ends, views "
            f"and lists are written out; {_TOO_LARGE}"
        )
    return table


def plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column without dictionaries, run-ends, views, extension types and decimals."""
    if pa.types.is_primitive(column.type) and column.num_chunks:
        return column
    chunks = column.chunks or [pa.array([], column.type)]
    return pa.chunked_array([plain(chunk) for chunk in chunks])
