"""A row means the same in every format, and alone as beside any other row."""

import json
import math
import os
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from flask import Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import ipc
from pyarrow.parquet import write_table

from drum_like.codecs import arrow, npy, parquet
from drum_like.codecs.csv import codec as csv
from drum_like.codecs.json import forms
from drum_like.codecs.json.frame import JsonFrame
from drum_like.contracts.open_inference.infer_request import parse_infer_request
from drum_like.contracts.open_inference.rows import frame_of
from drum_like.errors import ColumnsError
from drum_like.http.requests import WHOLE
from drum_like.types.cells import Literal
from drum_like.types.columns_frame import named_by_position
from drum_like.types.frame import Frame
from drum_like.types.payload import Limits, Payload
from drum_like.types.schema import Column, Schema
from tests.support.open_inference import Tensor, requested

LAW = settings(
    max_examples=int(os.environ.get("DRUM_LIKE_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

CODES = ("01", "1", "02", "NA", "None", "nan", "True", "é", "a,b", 'say "x"')
SCHEMA = Schema(
    (
        Column("number"),
        Column("code", "encoded", CODES),
        Column("size", "encoded", (1, 2, 2**60 + 1)),
        Column("flag", "encoded", (False, True)),
        Column("text", "text", takes_missing=False),
        Column("kind", "category", ("01", "1", "NA", "x")),
    )
)

rows = st.fixed_dictionaries(
    {
        "number": st.one_of(st.none(), st.floats(allow_nan=False), st.booleans(), st.integers()),
        "code": st.one_of(st.none(), st.sampled_from((*CODES, "unknown"))),
        "size": st.one_of(st.none(), st.sampled_from((1, 2, 3, 2**60 + 1))),
        "flag": st.one_of(st.none(), st.booleans()),
        "text": st.sampled_from(("NA", "01", "True", "word", "zwei Wörter")),
        "kind": st.one_of(st.none(), st.sampled_from(("01", "1", "NA", "x"))),
    }
)
Row = Mapping[str, Any]


def csv_body(some: list[Row]) -> bytes:
    """Return rows as pandas writes them."""
    data = {name: pd.Series([row[name] for row in some], dtype=object) for name in SCHEMA.names}
    return pd.DataFrame(data).to_csv(index=False).encode()


def by_csv(some: list[Row]) -> Frame:
    return csv.decode(Payload(csv_body(some)))


def by_large_csv(some: list[Row]) -> Frame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv, "MODERATE", -1)
        return csv.decode(Payload(csv_body(some)))


def by_rows(some: list[Row]) -> Frame:
    """Return the same without the header, as SageMaker sends it."""
    body = csv_body(some).partition(b"\n")[2]
    return named_by_position(csv.decode_rows(Payload(body), lambda _: False), SCHEMA.names)


def by_json(some: list[Row]) -> Frame:
    return JsonFrame(SCHEMA.names, lambda: [[row[name] for row in some] for name in SCHEMA.names])


def by_records(some: list[Row]) -> Frame:
    return forms.decode(Payload(_text([_json_row(row) for row in some])))


def by_split(some: list[Row]) -> Frame:
    data = [[_json_row(row)[name] for name in SCHEMA.names] for row in some]
    return forms.decode(Payload(_text({"columns": SCHEMA.names, "data": data})))


def by_lines(some: list[Row]) -> Frame:
    lines = [_text(dict(reversed(_json_row(row).items()))) for row in some]
    return forms.decode_lines(Payload(b"\n".join(lines)))


def _json_row(row: Row) -> dict[str, Any]:
    """Return a row whose whole numbers may be written as fractions."""
    size = row["size"]
    return {**row, "size": size if size is None else Literal(f"{size}.0")}


def _text(value: Any) -> bytes:
    """Return JSON in which fractions stand as they were written."""
    if isinstance(value, Literal):
        return value.text.encode()
    if isinstance(value, dict):
        return b"{" + b",".join(_text(k) + b":" + _text(v) for k, v in value.items()) + b"}"
    if isinstance(value, list | tuple):
        return b"[" + b",".join(map(_text, value)) + b"]"
    return json.dumps(value).encode()


def table_of(some: list[Row]) -> pa.Table:
    number = [None if row["number"] is None else float(row["number"]) for row in some]
    columns = {name: pa.array([row[name] for row in some]) for name in SCHEMA.names[1:]}
    return pa.table({"number": pa.array(number, pa.float64()), **columns})


def by_arrow(some: list[Row]) -> Frame:
    table = table_of(some)
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return arrow.decode(Payload(sink.getvalue().to_pybytes()))


def by_parquet(some: list[Row]) -> Frame:
    sink = pa.BufferOutputStream()
    write_table(table_of(some), sink)
    return parquet.decode(Payload(sink.getvalue().to_pybytes()))


def by_tensors(some: list[Row]) -> Frame:
    """Return a tensor a column: numbers of float64, all else text where it has gaps."""
    cells = {name: [row[name] for row in some] for name in SCHEMA.names}
    number = np.array([math.nan if cell is None else float(cell) for cell in cells["number"]])
    tensors = [Tensor("number", "FP64", number)]
    for name, kind in (("size", "INT64"), ("flag", "BOOL")):
        lacks = None in cells[name]
        words = [None if cell is None else str(cell) for cell in cells[name]]
        values = np.array(words, object) if lacks else np.array(cells[name])
        tensors.append(Tensor(name, "BYTES" if lacks else kind, values))
    texts = [
        Tensor(name, "BYTES", np.array(cells[name], object)) for name in ("code", "text", "kind")
    ]
    body, _ = requested(*tensors, *texts)
    return frame_of(parse_infer_request(Request({WHOLE: body}), Limits()), SCHEMA)


DOORS = (
    by_csv,
    by_large_csv,
    by_rows,
    by_json,
    by_records,
    by_split,
    by_lines,
    by_arrow,
    by_parquet,
    by_tensors,
)

NUMBERS = Schema((Column("number"), Column("size", "encoded", (1, 2, 2**60 + 1))))


def by_numpy(some: list[Row]) -> Frame:
    """Return the two columns of numbers as records, with missing ones as NaN."""
    sizes = [row["size"] for row in some]
    kind = "f8" if None in sizes else "i8"
    records = np.array(
        [
            (math.nan if row["number"] is None else float(row["number"]), row["size"])
            for row in some
        ],
        [("number", "f8"), ("size", kind)],
    )
    sink = BytesIO()
    np.save(sink, records, allow_pickle=False)
    return npy.decode(Payload(sink.getvalue()))


def read(
    door: Callable[[list[Row]], Frame], some: list[Row], schema: Schema = SCHEMA
) -> list[tuple[str, ...]]:
    """Return the rows as the model gets them, each value as its text."""
    data = schema.conform(door(some)).pandas
    columns = [[_shown(value) for value in data[name].tolist()] for name in schema.names]
    return list(zip(*columns, strict=True))


def _shown(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN differs from itself
        return "missing"
    return value if isinstance(value, str) else repr(float(value) + 0.0)


@LAW
@given(st.lists(rows, min_size=1, max_size=5))
def test_rows_mean_the_same_through_every_door(some: list[Row]) -> None:
    expected = read(by_json, some)

    for door in DOORS:
        assert read(door, some) == expected, door.__name__


@LAW
@given(st.lists(rows, min_size=1, max_size=5))
def test_numbers_mean_the_same_in_an_array(some: list[Row]) -> None:
    if any(row["size"] is None for row in some) and any((row["size"] or 0) > 2**53 for row in some):
        return  # beside NaN an array has no room for all digits

    assert read(by_numpy, some, NUMBERS) == read(by_json, some, NUMBERS)


@LAW
@given(st.lists(rows, min_size=2, max_size=5), st.sampled_from(DOORS))
def test_rows_mean_the_same_alone(some: list[Row], door: Callable[[list[Row]], Frame]) -> None:
    together = read(door, some)

    assert [read(door, [row])[0] for row in some] == together


@pytest.mark.parametrize("door", DOORS)
def test_a_row_that_is_refused_is_named(door: Callable[[list[Row]], Frame]) -> None:
    good = {"number": 1.0, "code": "01", "size": 1, "flag": True, "text": "t", "kind": "x"}

    with pytest.raises(ColumnsError, match="'kind' holds in row 2 a category"):
        read(door, [good, good | {"kind": "y"}])
