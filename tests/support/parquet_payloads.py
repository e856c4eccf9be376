"""Parquet files: as pyarrow writes them, and with headers that no writer writes."""

import struct
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from pyarrow import parquet

MAGIC = b"PAR1"
I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
Field = tuple[int, int, Any]
"""A field of Thrift: number, type, value."""


def saved(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, **options)
    return bytes(sink.getvalue().to_pybytes())


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _value(kind: int, value: Any) -> bytes:
    if kind in (I32, I64):
        return _number(value << 1 ^ value >> 63 if value >= 0 else (-value << 1) - 1)
    if kind == BINARY:
        return _number(len(value)) + bytes(value)
    if kind == STRUCT:
        return thrift(value)
    of, items = value
    if of == 3:
        return bytes([0xF0 | of]) + _number(len(items)) + bytes(items)
    return bytes([0xF0 | of]) + _number(len(items)) + b"".join(_value(of, item) for item in items)


def thrift(fields: Iterable[Field]) -> bytes:
    """Return a struct of the compact protocol; a number that does not grow is written in full."""
    out, last = bytearray(), 0
    for number, kind, value in fields:
        if 0 < number - last < 16:
            out.append((number - last) << 4 | kind)
        else:
            out += bytes([kind]) + _value(I32, number)
        out += _value(kind, value)
        last = number
    return bytes(out) + b"\0"


def with_footer(fields: Iterable[Field], pages: bytes = b"") -> bytes:
    footer = thrift(fields)
    return MAGIC + pages + footer + struct.pack("<I", len(footer)) + MAGIC


ROOT: list[Field] = [(4, BINARY, b"root"), (5, I32, 1)]
LEAF: list[Field] = [(1, I32, 5), (3, I32, 1), (4, BINARY, b"a")]
GROUP: list[Field] = [(3, I32, 1), (4, BINARY, b"g"), (5, I32, 1)]


def nested(depth: int, *, twice: bool = False) -> bytes:
    """Return a file without rows whose one column stands in so many groups."""
    deep: Field = (2, LIST, (STRUCT, [ROOT, *[GROUP] * depth, LEAF]))
    flat: Field = (2, LIST, (STRUCT, [ROOT, LEAF]))
    schemas = [flat, deep] if twice else [deep]
    return with_footer([(1, I32, 1), *schemas, (3, I64, 0), (4, LIST, (STRUCT, []))])


def one_page(header: Iterable[Field], data: bytes, n_values: int, kind: int = 5) -> bytes:
    """Return a file of one column of that physical type (5 is double) in one page."""
    page = thrift(header) + data
    meta: list[Field] = [
        (1, I32, kind),
        (2, LIST, (I32, [0])),
        (3, LIST, (BINARY, [b"a"])),
        (4, I32, 1),
        (5, I64, n_values),
        (6, I64, len(page)),
        (7, I64, len(page)),
        (9, I64, len(MAGIC)),
    ]
    chunk: list[Field] = [(2, I64, 0), (3, STRUCT, meta)]
    group: list[Field] = [(1, LIST, (STRUCT, [chunk])), (2, I64, len(page)), (3, I64, n_values)]
    leaf = [(1, I32, kind), *LEAF[1:]]
    schema = (2, LIST, (STRUCT, [ROOT, leaf]))
    fields = [(1, I32, 1), schema, (3, I64, n_values), (4, LIST, (STRUCT, [group]))]
    return with_footer(fields, page)


def data_header(n_values: int, n_bytes: int, n_packed: int) -> list[Field]:
    own: list[Field] = [(1, I32, n_values), (2, I32, 0), (3, I32, 3), (4, I32, 3)]
    return [(1, I32, 0), (2, I32, n_bytes), (3, I32, n_packed), (5, STRUCT, own)]


def large_page() -> bytes:
    """Return a page of some bytes that says that it becomes 2 GB."""
    return one_page(data_header(3, 2**31 - 1, 40), bytes(40), 3)


def more_values() -> bytes:
    """Return a page that says that it holds 2,000,000,000 values."""
    return one_page(data_header(2_000_000_000, 40, 40), bytes(40), 3)


def sizes_twice() -> bytes:
    """Return a page that says its size twice: readers may take the first or the last."""
    header = data_header(3, 40, 40)
    return one_page([*header[:2], (2, I32, 2**31 - 1), *header[2:]], bytes(40), 3)


TEXT = "x" * 1_000_000


def repeated_text() -> bytes:
    """Return 40,000 rows of one text of a megabyte."""
    rows = pa.array([0] * 40_000, pa.int32())
    return saved(pa.table({"a": pa.DictionaryArray.from_arrays(rows, [TEXT])}), store_schema=False)


def repeated_text_in_lists() -> bytes:
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 40_000, pa.int32()), [TEXT])
    lists = pa.ListArray.from_arrays(pa.array(range(0, 40_001, 4), pa.int32()), values)
    return saved(pa.table({"a": lists}), store_schema=False)


def repeated_bytes() -> bytes:
    """Return 410 rows of one value of a megabyte, of which the type says how long it is."""
    column = pa.array([TEXT.encode()] * 410, pa.binary(len(TEXT)))
    return saved(pa.table({"a": column}))


def front_coded() -> bytes:
    """Return texts that are written as the number of letters that the one before has, too."""
    table = pa.table({"a": [TEXT] * 410})
    return saved(table, use_dictionary=False, column_encoding={"a": "DELTA_BYTE_ARRAY"})


def many_nulls() -> bytes:
    return saved(pa.table({"a": pa.nulls(9_000_000, pa.int64())}))


def wide(n_columns: int) -> bytes:
    return saved(pa.table([[1.5]] * n_columns, names=[f"c{at}" for at in range(n_columns)]))
