"""Arrow bodies: types as CSV would have given them, and sizes checked before they are believed."""

import datetime as dt
import random
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import ipc

from drum_like.codecs import arrow
from drum_like.errors import ColumnsError, DrumLikeError, PayloadError, SizeError
from drum_like.types.column import Column
from drum_like.types.frame import Frame
from drum_like.types.numbers import matrix_of
from drum_like.types.payload import Limits, Payload
from drum_like.types.schema import Schema


def stream(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def file(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def frame_of(array: pa.Array) -> Frame:
    return arrow.decode(Payload(stream(pa.table({"a": array}))))


NAN = np.nan


@pytest.mark.parametrize(
    ("array", "dtype", "expected"),
    [
        pytest.param(pa.array([1, 2], pa.int8()), "int64", [1, 2], id="int8"),
        pytest.param(pa.array([2**53 + 1], pa.int64()), "int64", [2**53 + 1], id="int64"),
        pytest.param(pa.array([2**64 - 1], pa.uint64()), "uint64", [2**64 - 1], id="uint64"),
        pytest.param(pa.array([1, None], pa.int32()), "float64", [1.0, NAN], id="int-null"),
        pytest.param(pa.array([1.5, None], pa.float16()), "float64", [1.5, NAN], id="float16"),
        pytest.param(
            pa.array([0.1], pa.float32()), "float64", [float(np.float32(0.1))], id="float32"
        ),
        pytest.param(pa.array([True, False]), "bool", [True, False], id="bool"),
        pytest.param(pa.array([True, None]), "object", [True, NAN], id="bool-null"),
        pytest.param(pa.nulls(2), "float64", [NAN, NAN], id="null"),
        pytest.param(pa.array([Decimal("1.10"), None]), "float64", [1.1, NAN], id="decimal"),
        pytest.param(
            pa.array([1, 2], pa.int8()).dictionary_encode(), "int64", [1, 2], id="dictionary"
        ),
        pytest.param(
            pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([7, None])),
            "float64",
            [7, 7, NAN],
            id="run-ends",
        ),
        pytest.param(
            pa.array([b"x" * 16, None], pa.uuid()), "object", [b"x" * 16, NAN], id="extension"
        ),
        pytest.param(pa.array([b"x", None]), "object", [b"x", NAN], id="binary"),
        pytest.param(
            pa.array([1, None], pa.date32()), "object", [dt.date(1970, 1, 2), NAN], id="date"
        ),
    ],
)
def test_types_are_those_that_csv_would_have(
    array: pa.Array, dtype: str, expected: list[Any]
) -> None:
    column = frame_of(array).pandas["a"]

    assert column.dtype == dtype
    assert [NAN if cell is NAN or cell != cell else cell for cell in column.tolist()] == expected  # noqa: PLR0124 - NaN


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
@pytest.mark.parametrize("indirect", [False, True], ids=["plain", "dictionary"])
def test_text_has_the_type_that_read_csv_gives(kind: pa.DataType, indirect: bool) -> None:  # noqa: FBT001 - a table
    array = pa.array(["x" * 20, None, ""], kind)
    if indirect:
        array = pa.DictionaryArray.from_arrays(
            pa.array([0, None, 1]), pa.array(["x" * 20, ""], kind)
        )

    column = frame_of(array).pandas["a"]

    assert column.dtype == pd.DataFrame({"a": ["x"]})["a"].dtype
    assert column[0] == "x" * 20
    assert np.isnan(column[1])
    assert column[2] == ""


BIG = 2**53 + 1


def decimals(kind: pa.DataType, *values: str | int | None) -> pa.Array:
    return pa.array([None if value is None else Decimal(value) for value in values], kind)


def read_exactly(array: pa.Array) -> list[Any]:
    schema = Schema((Column("a", "number", exact=True),))
    return list(schema.conform(frame_of(array)).cells(0))


@pytest.mark.parametrize(
    "kind",
    [pa.decimal64(18, 0), pa.decimal128(38, 0), pa.decimal128(38, 4), pa.decimal256(76, 0)],
    ids=str,
)
@pytest.mark.parametrize("indirect", [False, True], ids=["plain", "dictionary"])
def test_whole_decimals_keep_their_digits(kind: pa.DataType, indirect: bool) -> None:  # noqa: FBT001 - a table
    array = decimals(kind, BIG, 5, -BIG)
    if indirect:
        array = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), array)

    assert read_exactly(array) == [BIG, 5, -BIG]
    assert frame_of(array).matrix()[:, 0].tolist() == [float(BIG), 5.0, float(-BIG)]


@pytest.mark.parametrize(
    ("array", "cells"),
    [
        (decimals(pa.decimal128(38, 0), BIG, None), [BIG, None]),
        (decimals(pa.decimal128(38, 0), 10**20 + 1, 7), [10**20 + 1, 7]),
        (decimals(pa.decimal128(38, 0), 2**64 - 1, 7), [2**64 - 1, 7]),
        (decimals(pa.decimal256(76, 0), 10**50 + 1), [10**50 + 1]),
        (decimals(pa.decimal32(9, 0), 12, None), [12, None]),
        (decimals(pa.decimal128(5, -2), 1200, None), [1200, None]),
        (decimals(pa.decimal128(38, 2), f"{BIG}.00", "1.10"), [BIG, 1.1]),
    ],
    ids=str,
)
def test_decimals_are_the_numbers_that_csv_would_show(
    array: pa.Array, cells: list[float | None]
) -> None:
    frame = frame_of(array)
    expected = [NAN if cell is None else float(cell) for cell in cells]

    assert frame.cells(0) == cells
    assert np.array_equal(frame.matrix()[:, 0], expected, equal_nan=True)
    assert np.array_equal(frame.pandas["a"].astype(float), expected, equal_nan=True)


def test_a_whole_decimal_is_text_without_a_fraction() -> None:
    schema = Schema((Column("a", "text"),))

    found = schema.conform(frame_of(decimals(pa.decimal128(38, 0), 1207, None)))

    assert found.cells(0)[0] == "1207"


def test_a_decimal_with_a_fraction_is_the_nearest_float() -> None:
    texts = ["0.1", "1234567890.123456789", "0.30000000000000004441", "9007199254740993.5"]

    frame = frame_of(decimals(pa.decimal128(38, 20), *texts[:3]))

    assert frame.matrix()[:, 0].tolist() == [float(text) for text in texts[:3]]
    last = frame_of(decimals(pa.decimal128(38, 1), texts[3])).cells(0)
    assert last == [float(texts[3])]


@pytest.mark.parametrize("unit", [0, 1], ids=["months", "days"])
def test_intervals_that_pyarrow_cannot_show_are_refused_where_they_are_used(unit: int) -> None:
    """Pyarrow writes intervals of one unit only; a byte of the schema makes another of it."""
    table = pa.table({"x": [1.5], "a": pa.array([pa.MonthDayNano([1, 2, 3])])})
    body = bytearray(stream(table))
    at = next(
        at
        for at in range(8, 400)
        if body[at : at + 2] == b"\2\0" and _kind_at(body, at, unit) in _OTHER_INTERVALS
    )
    body[at] = unit
    frame = arrow.decode(Payload(bytes(body)))

    assert Schema((Column("x"),)).conform(frame).matrix().tolist() == [[1.5]]
    with pytest.raises(PayloadError, match="intervals"):
        frame.cells(1)
    with pytest.raises(PayloadError, match="intervals"):
        frame.matrix()


_OTHER_INTERVALS = {"month_interval", "day_time_interval"}


def _kind_at(body: bytearray, at: int, unit: int) -> str:
    """Return the type of the column `a` with another byte in the schema; empty if that breaks."""
    changed = bytes(body[:at]) + bytes((unit,)) + bytes(body[at + 1 :])
    try:
        return str(ipc.open_stream(changed).schema.field("a").type)
    except (pa.ArrowException, KeyError, OSError):
        return ""


def test_times_stay_times_and_are_no_numbers() -> None:
    frame = frame_of(pa.array([0, None], pa.timestamp("ms", "UTC")))

    assert str(frame.pandas["a"].dtype) == "datetime64[ms, UTC]"
    with pytest.raises(ColumnsError, match="'a' holds datetime in row 1"):
        frame.matrix()


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
@pytest.mark.parametrize("write", [stream, file], ids=["stream", "file"])
def test_stream_and_file_are_told_apart_by_their_bytes(write: Any, compression: str | None) -> None:
    table = pa.table({"a": [1.5, None], "b": [True, False]})
    body = (
        write(table)
        if compression is None or write is file
        else stream(table, compression=compression)
    )

    frame = arrow.decode(Payload(body, "text/plain"))

    assert frame.columns == ("a", "b")
    assert np.array_equal(frame.matrix(), [[1.5, 1.0], [NAN, 0.0]], equal_nan=True)
    assert "pandas" not in frame.__dict__


def test_several_batches_are_one_frame() -> None:
    schema = pa.schema([("a", pa.int64()), ("d", pa.dictionary(pa.int8(), pa.string()))])
    batches = [
        pa.record_batch(
            [pa.array([1, None]), pa.array(["x", "y"]).dictionary_encode()], schema=schema
        ),
        pa.record_batch([pa.array([3]), pa.array(["z"]).dictionary_encode()], schema=schema),
    ]
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)

    data = arrow.decode(Payload(sink.getvalue().to_pybytes())).pandas

    assert data["d"].tolist() == ["x", "y", "z"]
    assert data.index.tolist() == [0, 1, 2]


def test_equal_names_are_told_apart_as_in_csv() -> None:
    table = pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "a", ""])

    frame = arrow.decode(Payload(stream(table)))

    assert frame.columns == ("a", "a.1", "Unnamed: 2")
    assert tuple(frame.pandas.columns) == frame.columns


def test_metadata_of_pandas_is_ignored() -> None:
    data = pd.DataFrame({"a": [1]}, index=[5])
    table = pa.Table.from_pandas(data).replace_schema_metadata({"pandas": "not JSON"})

    frame = arrow.decode(Payload(stream(table)))

    assert isinstance(frame.pandas.index, pd.RangeIndex)
    assert frame.columns == ("a", "__index_level_0__")


@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.bool_(), pa.null()], ids=str)
def test_no_rows_are_no_rows(kind: pa.DataType) -> None:
    for body in (
        stream(pa.table({"a": pa.array([], kind)})),
        stream(pa.schema([("a", kind)]).empty_table()),
    ):
        frame = arrow.decode(Payload(body))

        assert frame.n_rows == 0
        assert len(frame.pandas) == 0
        assert frame.matrix().shape == (0, 1)


def test_hook_may_change_its_frame() -> None:
    body = stream(pa.table({"a": [1.0, 2.0]}))
    kept = bytes(bytearray(body))

    data = arrow.decode(Payload(body)).pandas
    data.loc[0, "a"] = 9.0

    assert body == kept


def test_matrix_is_memory_of_its_own() -> None:
    body = stream(pa.table({"a": [1.0, 2.0]}))
    kept = bytes(bytearray(body))

    matrix = arrow.decode(Payload(body)).matrix()
    matrix[:] = 7

    assert body == kept


def nested(depth: int) -> pa.DataType:
    kind = pa.int64()
    for _ in range(depth):
        kind = pa.struct([("a", kind)])
    return kind


HUGE = 2 * 10**9
ONE_RUN = pa.RunEndEncodedArray.from_arrays(pa.array([HUGE], pa.int64()), pa.array([1.0]))
LONG_TEXT = pa.DictionaryArray.from_arrays(
    pa.array(np.zeros(100_000, np.int32)), pa.array(["x" * 100_000])
)
LONG_RUN = pa.RunEndEncodedArray.from_arrays(
    pa.array([100_000], pa.int32()), pa.array(["x" * 100_000])
)
LONG_LIST = pa.FixedSizeListArray.from_arrays(pa.nulls(HUGE), HUGE)


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(pa.nulls(HUGE), id="nulls"),
        pytest.param(ONE_RUN, id="run-ends"),
        pytest.param(LONG_TEXT, id="dictionary-of-long-text"),
        pytest.param(LONG_RUN, id="run-of-long-text"),
        pytest.param(LONG_LIST, id="list-of-nulls"),
    ],
)
def test_declared_size_is_refused_before_memory_is_taken(array: pa.Array) -> None:
    payload = Payload(stream(pa.table({"a": array})))
    before = pa.total_allocated_bytes()
    tracemalloc.start()

    with pytest.raises(SizeError):
        arrow.decode(payload)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000
    assert pa.total_allocated_bytes() - before < 10_000_000


def test_deflated_body_is_refused_by_its_declared_size() -> None:
    body = stream(pa.table({"a": ["x" * 60_000_000]}), compression="zstd")

    with pytest.raises(SizeError, match="60000"):
        arrow.decode(Payload(body, limits=Limits(cells=1_000_000)))

    with pytest.raises(SizeError, match="60000"):
        arrow.decode(Payload(body))
    smaller = stream(pa.table({"a": ["x" * 15_000_000]}), compression="zstd")
    assert arrow.decode(Payload(smaller)).n_rows == 1


MANY = 1_000_000
ONE_INDEX = pa.DictionaryArray.from_arrays(pa.array(np.zeros(MANY, np.int8)), pa.array([1.5]))


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(pa.nulls(MANY), id="nulls"),
        pytest.param(
            pa.RunEndEncodedArray.from_arrays(pa.array([MANY], pa.int32()), pa.array([1.0])),
            id="run-ends",
        ),
        pytest.param(ONE_INDEX, id="dictionary"),
        pytest.param(pa.array(np.zeros(MANY)), id="zeros"),
    ],
)
def test_rows_that_take_no_bytes_are_limited(array: pa.Array) -> None:
    body = stream(pa.table({"a": array}), compression="zstd")

    with pytest.raises(SizeError, match="declares 1000000 rows in"):
        arrow.decode(Payload(body))

    assert arrow.decode(Payload(body, limits=Limits(empty_rows=MANY))).n_rows == MANY


def test_a_bit_a_row_is_enough() -> None:
    body = stream(pa.table({"a": pa.array(np.arange(MANY) % 3 == 0)}))

    assert arrow.decode(Payload(body)).n_rows == MANY


def test_too_many_columns_are_refused() -> None:
    table = pa.table({str(at): [1] for at in range(20)})

    with pytest.raises(SizeError, match="20 columns, the limit is 19"):
        arrow.decode(Payload(stream(table), limits=Limits(columns=19)))


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(pa.array([None], nested(50)), id="nested-deep"),
        pytest.param(
            pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]), id="union"
        ),
        pytest.param(pa.array([["x"]], pa.list_(pa.string_view())), id="view-in-a-list"),
        pytest.param(pa.array([["x"]], pa.list_view(pa.string())), id="list-view"),
    ],
)
def test_types_that_are_not_read_are_refused(array: pa.Array) -> None:
    with pytest.raises(PayloadError, match=r"nested deeper|not read"):
        frame_of(array)


def bad_text() -> pa.Array:
    offsets = pa.py_buffer(np.array([0, 1], np.int32).tobytes())
    return pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\xff")])


def bad_index() -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([99_999]), pa.array(["x"]), safe=False)


@pytest.mark.parametrize("make", [bad_text, bad_index])
def test_invalid_columns_are_refused(make: Any) -> None:
    with pytest.raises(PayloadError):
        frame_of(make())


def test_offsets_out_of_range_are_refused_before_anything_reads_them() -> None:
    """Without the check pandas gets what lies beside them in memory."""
    good = stream(pa.table({"a": ["x" * 8, "y"]}))
    offsets = np.array([0, 8, 9], np.int32).tobytes()

    with pytest.raises(PayloadError):
        arrow.decode(Payload(good.replace(offsets, np.array([0, 8, 10**6], np.int32).tobytes())))

    assert offsets in good


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\0" * 100, b"\xff" * 100, b"\xff\xff\xff\xff\0\0\0\0", b"ARROW1\0\0", b"a,b\n"),
        *(b"\xff\xff\xff\xff\xff\xff\xff\x7f", stream(pa.table({"a": [1, 2]}))[:-40]),
    ],
)
def test_bytes_that_are_no_stream_are_refused(body: bytes) -> None:
    with pytest.raises(PayloadError):
        arrow.decode(Payload(body))


def test_stream_may_end_without_its_end_marker() -> None:
    body = stream(pa.table({"a": [1, 2]}))[:-8]

    assert arrow.decode(Payload(body)).n_rows == 2


def test_pickled_extension_type_is_not_loaded(tmp_path: Path) -> None:
    target = tmp_path / "made"
    pickled = f"cbuiltins\nopen\n(V{target}\nVw\ntR.".encode()
    metadata = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickled,
    }
    schema = pa.schema([pa.field("a", pa.int64(), metadata=metadata)])
    body = stream(pa.table([pa.array([1])], schema=schema))

    assert arrow.decode(Payload(body)).matrix().tolist() == [[1.0]]

    assert not target.exists()


def test_damaged_streams_are_read_or_refused() -> None:
    table = pa.table(
        {"a": [1.5, None], "t": ["x", None], "d": pa.array(["y", "z"]).dictionary_encode()}
    )
    good = stream(table)
    choice = random.Random(1)
    for _ in range(2_000):
        body = bytearray(good)
        for _ in range(choice.randrange(1, 5)):
            body[choice.randrange(len(body))] = choice.randrange(256)
        try:
            frame = arrow.decode(Payload(bytes(body)))
            assert frame.pandas.shape == (frame.n_rows, frame.n_columns)
        except DrumLikeError:
            continue


def test_matrix_is_that_of_the_dataframe() -> None:
    table = pa.table({"i": pa.array([2**63 - 1, None]), "u": pa.array([2**64 - 1, 1], pa.uint64())})

    frame = arrow.decode(Payload(stream(table)))

    assert np.array_equal(frame.matrix(), matrix_of(frame.pandas), equal_nan=True)


def test_signalling_nans_are_missing_values() -> None:
    signalling = np.array([0x7FF0000000000001], dtype=np.uint64).view(np.float64)

    found = frame_of(pa.array(signalling)).matrix()

    assert np.isnan(found).tolist() == [[True]]
