"""Arrow IPC: stream or file as the columns of its table, predictions as a stream.

A stream may end without its end marker.

The sizes that its messages declare are read before anything is inflated. Arrow itself takes a
message's word for lengths: a stream of 2 kB can ask for 60 MB, one of 224 bytes for 2,000,000,000
rows. Only three facts are needed of a message's metadata, a flatbuffer.

Source: apache/arrow, format/Message.fbs.
"""

import struct
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import ipc

from drum_like.codecs.columnar import batch_of, frame_of
from drum_like.codecs.columnar.plain import check_type, expanded_size, reading
from drum_like.errors import PayloadError, SizeError
from drum_like.types.codec import Codec
from drum_like.types.frame import Frame
from drum_like.types.payload import Limits, Payload
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target

FILE_MAGIC = b"ARROW1\x00\x00"
CONTINUATION = b"\xff\xff\xff\xff"
"""Stands before each message of a stream."""

_TOO_LARGE = "send fewer rows, or start the server with a higher --max-cells"

_DICTIONARY_BATCH = 2
_RECORD_BATCH = 3

_HEADER_TYPE, _HEADER = 1, 2
_BATCH_OF_DICTIONARY = 1
_LENGTH, _BUFFERS, _COMPRESSION = 0, 2, 3


def decode(payload: Payload) -> Frame:
    """Return the rows of an Arrow stream or file, told apart by the first bytes.

    Raises:
        PayloadError: broken, or of types that cannot be read.
        SizeError: declares more columns or cells, or bytes for them, than the limits.
    """
    table = read_table(payload.body, payload.limits)
    with reading("Arrow"):
        return frame_of(table)


def predictions_arrow(prediction: Prediction, target: Target) -> bytes:
    """Return a stream with the columns of `batch_of`.

    Raises:
        TargetError: a column mixes types that Arrow cannot hold together.
    """
    batch = batch_of(prediction, target)
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def read_table(body: bytes, limits: Limits) -> pa.Table:
    """Return the columns of a stream or file as they were sent, checked in full.

    Raises:
        PayloadError: broken, or of types that cannot be read.
        SizeError: declares more columns or cells, or bytes for them, than the limits.
    """
    buffer = pa.py_buffer(body)
    # A file is a stream between two magic words, with an index behind it that is not needed.
    stream = buffer.slice(len(FILE_MAGIC)) if body.startswith(FILE_MAGIC) else buffer
    with reading("Arrow"):
        return _checked(stream, limits)


def _checked(stream: pa.Buffer, limits: Limits) -> pa.Table:
    """Return the table of a stream, its declared sizes checked before and all of it after."""
    schema = ipc.open_stream(stream).schema
    limits.check_columns(len(schema))
    if not len(schema):
        raise PayloadError("No columns to parse from file: the Arrow schema has none")
    for field in schema:
        check_type(field.type)
    most = limits.declared_cells(stream.size)
    says = declared(stream)
    limits.check_declared(says.n_rows, stream.size)
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


@dataclass(frozen=True, slots=True)
class Declared:
    """Sizes that a stream declares.

    Attributes:
        n_rows: Rows of all record batches.
        inflated: Bytes of all buffers once they are inflated.
    """

    n_rows: int
    inflated: int


def declared(stream: pa.Buffer) -> Declared:
    """Read the sizes that a stream declares.

    Raises:
        pa.ArrowInvalid, OSError, struct.error: the stream is broken.
    """
    n_rows = inflated = 0
    for message in pa.ipc.MessageReader.open_stream(stream):
        table = _FlatTable(message.metadata, _u32(message.metadata, 0))
        kind = table.byte(_HEADER_TYPE)
        if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH):
            continue
        batch = table.table(_HEADER)
        if kind == _DICTIONARY_BATCH:
            batch = batch.table(_BATCH_OF_DICTIONARY)
        else:
            n_rows += batch.long(_LENGTH)
        inflated += _inflated(batch, message.body)
    return Declared(n_rows, inflated)


def _inflated(batch: "_FlatTable", body: pa.Buffer) -> int:
    buffers = batch.pairs(_BUFFERS)
    if batch.position(_COMPRESSION) is None:
        return sum(length for _, length in buffers if length > 0)
    return sum(_inflated_buffer(body, offset, length) for offset, length in buffers)


def _inflated_buffer(body: pa.Buffer, offset: int, length: int) -> int:
    """Return the length that stands before a deflated buffer; -1 says that it is not deflated."""
    if length < 8:
        return max(length, 0)
    size = _i64(body, offset)
    return size if size >= 0 else length


@dataclass(frozen=True, slots=True)
class _FlatTable:
    """A table of a flatbuffer: fields by number, found through a table of offsets."""

    data: pa.Buffer
    start: int

    def position(self, field: int) -> int | None:
        """Return the position of a field, None if it is left out."""
        offsets = self.start - _i32(self.data, self.start)
        if 4 + 2 * field >= _u16(self.data, offsets):
            return None
        offset = _u16(self.data, offsets + 4 + 2 * field)
        return self.start + offset if offset else None

    def byte(self, field: int) -> int:
        """Return a field of one byte, 0 if it is left out."""
        position = self.position(field)
        return 0 if position is None else int(_read("<B", self.data, position))

    def long(self, field: int) -> int:
        """Return a field of eight bytes, 0 if it is left out."""
        position = self.position(field)
        return 0 if position is None else _i64(self.data, position)

    def table(self, field: int) -> "_FlatTable":
        """Return a table that a field points to."""
        position = self.position(field)
        if position is None:
            raise struct.error("a table is missing")
        return _FlatTable(self.data, position + _u32(self.data, position))

    def pairs(self, field: int) -> list[tuple[int, int]]:
        """Return a vector of pairs of eight-byte numbers."""
        position = self.position(field)
        if position is None:
            return []
        start = position + _u32(self.data, position)
        end = start + 4 + 16 * _u32(self.data, start)
        if end > self.data.size:
            raise struct.error("a vector points behind the data")
        return list(struct.iter_unpack("<qq", memoryview(self.data)[start + 4 : end]))


def _read(form: str, data: pa.Buffer, at: int) -> int:
    if at < 0:
        raise struct.error("an offset points before the data")
    (value,) = struct.unpack_from(form, data, at)
    return int(value)


def _u16(data: pa.Buffer, at: int) -> int:
    return _read("<H", data, at)


def _i32(data: pa.Buffer, at: int) -> int:
    return _read("<i", data, at)


def _u32(data: pa.Buffer, at: int) -> int:
    return _read("<I", data, at)


def _i64(data: pa.Buffer, at: int) -> int:
    return _read("<q", data, at)


_STREAMS = ("application/vnd.apache.arrow.stream", "application/x-apache-arrow-stream")

CODEC = Codec(
    (*_STREAMS, "application/vnd.apache.arrow.file"),
    (".arrow",),
    decode,
    predictions_arrow,
    accept=_STREAMS,
    magic=(FILE_MAGIC, CONTINUATION),
    package="pyarrow",
)
