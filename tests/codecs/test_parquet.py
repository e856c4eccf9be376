"""Parquet files: the columns that Arrow would have brought; bombs are refused before they cost."""

import tracemalloc
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import ipc, parquet

from drum_like.codecs import arrow
from drum_like.codecs import parquet as codec
from drum_like.errors import PayloadError, SizeError
from drum_like.types.frame import Frame
from drum_like.types.payload import Limits, Payload
from drum_like.types.prediction import Prediction
from tests.support import parquet_payloads as payloads
from tests.support.parquet_payloads import saved
from tests.support.targets import BINARY

TABLE = pa.table(
    {
        "whole": pa.array([1, None, 2**53 + 1], pa.int64()),
        "narrow": pa.array([1, 2, 3], pa.uint8()),
        "float": pa.array([0.1, None, 1e-45], pa.float32()),
        "truth": pa.array([True, None, False]),
        "text": pa.array(["a", None, "é"]),
        "category": pa.array(["x", None, "y"]).dictionary_encode(),
        "money": pa.array([Decimal("1.10"), None, Decimal("2.25")], pa.decimal128(9, 2)),
        "count": pa.array([Decimal(1), None, Decimal(2**60)], pa.decimal128(38, 0)),
        "time": pa.array([datetime(2020, 1, 1, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
        "day": pa.array([date(2020, 1, 1), None, None]),
        "list": pa.array([[1, 2], None, []]),
        "texts": pa.array([["p", None], None, []]),
        "record": pa.array([{"k": 1.5}, None, {"k": None}]),
        "bytes": pa.array([b"\0", None, b""]),
        "nothing": pa.nulls(3),
    }
)


def frame_of(body: bytes, limits: Limits = Limits()) -> Frame:  # noqa: B008 - frozen
    return codec.decode(Payload(body, limits=limits))


def by_arrow(table: pa.Table) -> Frame:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return arrow.decode(Payload(sink.getvalue().to_pybytes()))


OPTIONS = [
    pytest.param({}, id="usual"),
    pytest.param({"compression": "none", "use_dictionary": False}, id="plain"),
    pytest.param({"compression": "gzip", "data_page_version": "2.0"}, id="gzip-pages-2"),
    pytest.param({"compression": "zstd", "row_group_size": 2}, id="zstd-row-groups"),
    pytest.param({"compression": "brotli", "data_page_size": 1}, id="brotli-small-pages"),
    pytest.param({"compression": "lz4", "write_statistics": False}, id="lz4"),
    pytest.param({"store_schema": False, "write_page_index": True}, id="foreign"),
    pytest.param(
        {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}}, id="deltas"
    ),
]


@pytest.mark.parametrize("options", OPTIONS)
def test_columns_are_those_that_arrow_brings(options: dict[str, Any]) -> None:
    body = saved(TABLE, **options)
    expected = by_arrow(parquet.read_table(BytesIO(body)))

    found = frame_of(body)

    assert found.columns == expected.columns == tuple(TABLE.column_names)
    assert [found.cells(at) for at in range(found.n_columns)] == [
        expected.cells(at) for at in range(found.n_columns)
    ]
    assert_frame_equal(found.pandas, expected.pandas, check_exact=True)
    numbers = ["whole", "narrow", "float", "truth", "money", "count", "nothing"]
    assert found.matrix(numbers).tobytes() == expected.matrix(numbers).tobytes()


def test_numbers_are_those_that_pandas_reads() -> None:
    data = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": [True, False]})
    sink = BytesIO()
    data.to_parquet(sink)

    assert_frame_equal(frame_of(sink.getvalue()).pandas, pd.read_parquet(sink))


def test_an_index_is_a_column() -> None:
    sink = BytesIO()
    pd.DataFrame({"a": [1.5]}, index=pd.Index([7], name="id")).to_parquet(sink)

    assert frame_of(sink.getvalue()).columns == ("a", "id")


def test_equal_names_are_told_apart() -> None:
    frame = frame_of(saved(pa.table([[1], [2]], names=["a", "a"])))

    assert frame.columns == ("a", "a.1")
    assert frame.matrix().tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(saved(pa.table({"a": pa.array([], pa.float64())})), id="empty-table"),
        pytest.param(payloads.nested(0), id="no-row-group"),
    ],
)
def test_no_rows_are_read(body: bytes) -> None:
    assert frame_of(body).n_rows == 0


def test_long_texts_of_a_dictionary_are_read_where_they_fit() -> None:
    texts = ["x" * 5_000_000, *map(str, range(2_000))]  # far too many if all were the longest

    frame = frame_of(saved(pa.table({"a": texts, "b": [[text[:1]] for text in texts]})))

    assert frame.cells(0) == texts


@pytest.mark.parametrize(
    "make",
    [
        payloads.large_page,
        payloads.more_values,
        payloads.repeated_text,
        payloads.repeated_text_in_lists,
        payloads.repeated_bytes,
        payloads.front_coded,
        payloads.many_nulls,
        pytest.param(lambda: payloads.wide(10_001), id="wide"),
        pytest.param(
            lambda: payloads.with_footer(
                [
                    (2, 9, (12, [payloads.ROOT, *[payloads.LEAF] * 30_000])),
                    (3, 6, 0),
                    (4, 9, (12, [])),
                ]
            ),
            id="very-wide",
        ),
    ],
)
def test_a_bomb_costs_nothing(make: Callable[[], bytes]) -> None:
    body = make()
    frame_of(saved(TABLE))  # what is imported late is no cost of the bomb
    tracemalloc.start()
    before = pa.total_allocated_bytes(), psutil.Process().memory_info().rss

    with pytest.raises(SizeError):
        frame_of(body)

    assert psutil.Process().memory_info().rss - before[1] < 30 << 20
    assert pa.total_allocated_bytes() - before[0] < 1 << 20
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


def test_a_bomb_of_cells_is_one_by_the_limits_of_the_server() -> None:
    body = saved(pa.table({"a": [0.0] * 1_000_000}), use_dictionary=False, compression="zstd")

    with pytest.raises(SizeError, match="--max-cells"):
        frame_of(body, Limits(cells=100_000, empty_rows=1_000_000))


GOOD = saved(pa.table({"a": [1.5, 2.5]}), use_dictionary=False)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"PAR1", id="magic"),
        pytest.param(b"PAR1PAR1", id="no-length"),
        pytest.param(b"PAR1\0\0\0\0PAR1", id="no-footer"),
        pytest.param(b"PAR1\xff\xff\xff\x7fPAR1", id="long-footer"),
        pytest.param(GOOD[:-1], id="cut-off"),
        pytest.param(GOOD[:-4] + b"PARE", id="encrypted"),
        pytest.param(GOOD[:4] + GOOD[5:], id="moved"),
        pytest.param(b"PAR1" + GOOD, id="moved-behind"),
        pytest.param(GOOD[:4] + bytes(20) + GOOD[24:], id="no-page"),
        pytest.param(payloads.sizes_twice(), id="sizes-twice"),
        pytest.param(payloads.nested(100), id="deep"),
        pytest.param(payloads.nested(3_000), id="deeper"),
        pytest.param(payloads.nested(100_000), id="deepest"),
        pytest.param(payloads.nested(60_000, twice=True), id="a-second-schema"),
        pytest.param(payloads.nested(60), id="deep-in-arrow"),
        pytest.param(payloads.with_footer([(2, 9, (3, [])), (20, 9, (3, [0] * 9))]), id="bytes"),
        pytest.param(b"PAR1\x49\xf3\xff\xff\xff\xff\xff\x0f\0\x09\0\0\0PAR1", id="endless-list"),
        pytest.param(payloads.with_footer([(1, 5, 1)]), id="no-schema"),
        pytest.param(
            payloads.with_footer([(2, 9, (12, [[(4, 8, b"r"), (5, 5, 0)]])), (3, 6, 0)]),
            id="no-columns",
        ),
        pytest.param(
            payloads.one_page(payloads.data_header(3, -1, 40), bytes(40), 3), id="negative"
        ),
        pytest.param(
            payloads.one_page(payloads.data_header(2, 40, 40), bytes(40), 3), id="few-values"
        ),
    ],
)
def test_a_broken_file_is_refused(body: bytes) -> None:
    with pytest.raises((PayloadError, SizeError)):
        frame_of(body)


def test_predictions_are_the_columns_of_arrow() -> None:
    extra = pd.DataFrame({"e": ["x", None]})
    prediction = Prediction(np.array([[0.1, np.nan], [0.3, 0.7]], np.float32), ("no", "yes"), extra)

    found = parquet.read_table(BytesIO(codec.predictions_parquet(prediction, BINARY)))

    expected = ipc.open_stream(arrow.predictions_arrow(prediction, BINARY)).read_all()
    assert found.schema.equals(expected.schema)
    assert found.drop(["no", "yes"]).equals(expected.drop(["no", "yes"]))
    assert found["yes"].to_numpy().tobytes() == expected["yes"].to_numpy().tobytes()
