"""Arrow streams for tests: good ones, and some that lie about themselves."""

import os
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tests.support.bad_payloads import CANARY

NUMBERS = pa.table({"a": pa.array([1.5, None, 3.0])})
TEXTS = pa.table({"a": pa.array([1.0, 2.0]), "t": pa.array([CANARY, "y"])})


def stream(table: pa.Table, **options: Any) -> bytes:
    """Return the table as an IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def file(table: pa.Table) -> bytes:
    """Return the table as an IPC file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def dictionaries() -> bytes:
    """Return NUMBERS with a dictionary column that grows from batch to batch."""
    first = pa.array(["x"]).dictionary_encode()
    second = pa.array(["x", "y"]).dictionary_encode()
    numbers = NUMBERS["a"].combine_chunks()
    batches = [
        pa.record_batch({"a": numbers[:1], "d": first}),
        pa.record_batch({"a": numbers[1:], "d": second}),
    ]
    return stream(pa.Table.from_batches(batches), emit_dictionary_deltas=True)


def with_pandas_metadata(text: bytes) -> bytes:
    """Return NUMBERS with `text` where pandas keeps its notes."""
    return stream(NUMBERS.replace_schema_metadata({b"pandas": text}))


def wild_offsets() -> bytes:
    """Return a text column whose last offset points far behind its data."""
    good, bad = (np.array([0, 4, end], np.int32).tobytes() for end in (8, 1_000_000))
    return _replaced(_beside_numbers(pa.array(["text", "text"])), good, bad)


def invalid_utf8() -> bytes:
    """Return a text column whose bytes are not text."""
    return _replaced(_beside_numbers(pa.array(["text", "more"])), b"textmore", b"\xff" * 8)


def wild_dictionary_index() -> bytes:
    """Return a dictionary column that points outside its dictionary."""
    indices = pa.array([0, 99_999], pa.int32())
    return _beside_numbers(pa.DictionaryArray.from_arrays(indices, ["x"], safe=False))


@cache
def many_nulls() -> bytes:
    """Return some 200 bytes that declare 2,000,000,000 rows."""
    return stream(pa.table({"a": pa.nulls(2_000_000_000)}))


def long_runs() -> bytes:
    """Return one run of 2,000,000,000 equal numbers."""
    ends = pa.array([2_000_000_000], pa.int32())
    return stream(pa.table({"a": pa.RunEndEncodedArray.from_arrays(ends, pa.array([1.0]))}))


def inflating(n_bytes: int) -> bytes:
    """Return zeros, compressed."""
    return stream(pa.table({"a": np.zeros(n_bytes // 8)}), compression="zstd")


def nested(depth: int) -> bytes:
    """Return a number beside a column of structs in structs."""
    kind: Any = pa.int8()
    value: Any = 1
    for _ in range(depth):
        kind, value = pa.struct([("s", kind)]), {"s": value}
    return stream(pa.table({"a": [1.0], "s": pa.array([value], kind)}))


def wide(n_columns: int) -> bytes:
    """Return one row of many columns."""
    return stream(pa.table({f"c{number}": [1.0] for number in range(n_columns)}))


def unknown_extension() -> bytes:
    """Return a number column under an extension type that nobody knows."""
    return _extension(b"nobody.knows", b"")


def pickle_extension(mark: Path) -> bytes:
    """Return an extension type whose description is a pickle that would create `mark`."""
    return _extension(b"arrow.py_extension_type", pickle.dumps(_Touch(str(mark))))


class _Touch:
    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self._path,)


def _replaced(body: bytes, good: bytes, bad: bytes) -> bytes:
    if body.count(good) != 1:
        raise ValueError(f"{good!r} stands {body.count(good)} times in the stream")
    return body.replace(good, bad)


def _extension(name: bytes, description: bytes) -> bytes:
    notes = {b"ARROW:extension:name": name, b"ARROW:extension:metadata": description}
    field = pa.field("a", pa.float64(), metadata=notes)
    return stream(pa.table([pa.array([1.0])], schema=pa.schema([field])))


def _beside_numbers(column: pa.Array) -> bytes:
    return stream(pa.table({"a": pa.array([1.0, 2.0]), "t": column}))
