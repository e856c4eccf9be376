"""The rows that are sent, and their forms on the wire.

Text is written with the digits that read back exactly, as pandas and DRUM's users write it: about
19 bytes a cell.
"""

import io
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

N_COLUMNS = 30
NAMES = tuple(f"f{position}" for position in range(N_COLUMNS))
MOST_ROWS = 100_000

MIXED = ("sklearn", "score")
"""Models whose rows are mixed; all others take numbers."""

WORDS = ("cheap", "broken", "late", "fast", "kind", "loud", "fresh", "heavy")
PLACES = ("north", "south", "east", "west")


@cache
def numbers() -> NDArray[np.float64]:
    """Return (MOST_ROWS, N_COLUMNS) normal deviates; smaller requests are its first rows."""
    return np.random.default_rng(1).normal(size=(MOST_ROWS, N_COLUMNS))


@cache
def mixed(n_rows: int) -> pd.DataFrame:
    """Return rows with numbers, a category and a text."""
    rng = np.random.default_rng(2)
    texts = [" ".join(rng.choice(WORDS, 5)) for _ in range(n_rows)]
    columns: dict[str, Any] = {f"f{at}": rng.normal(size=n_rows) for at in range(4)}
    return pd.DataFrame(columns | {"place": rng.choice(PLACES, n_rows), "note": texts})


@cache
def csv(model: str, n_rows: int) -> bytes:
    """Return rows as CSV with a header."""
    if model in MIXED:
        return mixed(n_rows).to_csv(index=False, lineterminator="\n").encode()
    stream = io.BytesIO()
    pa_csv.write_csv(_table(n_rows), stream, pa_csv.WriteOptions(quoting_style="none"))
    head, _, rows = stream.getvalue().partition(b"\n")
    return head.replace(b'"', b"") + b"\n" + rows


@cache
def arrow(_model: str, n_rows: int) -> bytes:
    """Return rows as an Arrow stream of float32 columns, in one batch."""
    sink = pa.BufferOutputStream()
    columns = [pa.array(column.astype(np.float32)) for column in numbers()[:n_rows].T]
    table = pa.table(columns, names=list(NAMES))
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@cache
def split_json(_model: str, n_rows: int) -> bytes:
    """Return rows as MLflow's `dataframe_split`."""
    rows = numbers()[:n_rows]
    return orjson.dumps(
        {"dataframe_split": {"columns": NAMES, "data": rows}}, option=orjson.OPT_SERIALIZE_NUMPY
    )


@cache
def records_json(_model: str, n_rows: int) -> bytes:
    """Return rows as a list of objects."""
    return orjson.dumps([dict(zip(NAMES, row, strict=True)) for row in numbers()[:n_rows].tolist()])


@cache
def named_records_json(model: str, n_rows: int) -> bytes:
    """Return rows as MLflow's `dataframe_records`."""
    return b'{"dataframe_records":' + records_json(model, n_rows) + b"}"


@cache
def fields_json(_model: str, n_rows: int) -> bytes:
    """Return rows as H2O's scorer takes them: names, and cells as text."""
    rows = [list(map(str, row)) for row in numbers()[:n_rows].tolist()]
    return orjson.dumps({"fields": NAMES, "rows": rows})


@cache
def call_json(_model: str, n_rows: int) -> bytes:
    """Return one row as a call of ecosystem.ai's runtime that asks for both classes."""
    row = numbers()[n_rows - 1].tolist()
    params = {"input": NAMES, "value": row}
    return orjson.dumps({"campaign": "bench", "responses": 2, "in_params": params})


@cache
def array_json(_model: str, n_rows: int) -> bytes:
    """Return rows as nested lists under the key `rows`."""
    return orjson.dumps({"rows": numbers()[:n_rows]}, option=orjson.OPT_SERIALIZE_NUMPY)


@cache
def tensor_json(_model: str, n_rows: int) -> bytes:
    """Return rows as an inference request of the Open Inference Protocol, version 2."""
    shown = np.ascontiguousarray(numbers()[:n_rows]).ravel()
    tensor = {"name": "rows", "shape": [n_rows, N_COLUMNS], "datatype": "FP32", "data": shown}
    return orjson.dumps({"inputs": [tensor]}, option=orjson.OPT_SERIALIZE_NUMPY)


@cache
def tensor_binary(_model: str, n_rows: int) -> bytes:
    """Return rows as a binary tensor of float32 behind the JSON of an inference request."""
    rows = numbers()[:n_rows].astype("<f4").tobytes()
    sized = {"binary_data_size": len(rows)}
    tensor = {"name": "rows", "shape": [n_rows, N_COLUMNS], "datatype": "FP32"}
    wanted = {"name": "predict_proba", "parameters": {"binary_data": True}}
    head = {"inputs": [{**tensor, "parameters": sized}], "outputs": [wanted]}
    return orjson.dumps(head) + rows


def length_of_json(body: bytes) -> Mapping[str, str]:
    """Return the header of a body of `tensor_binary`, whose JSON ends with the wanted outputs."""
    end = b'"binary_data":true}}]}'
    return {"Inference-Header-Content-Length": str(body.index(end) + len(end))}


def labelled(answer: bytes, label: str = "1") -> NDArray[np.float64]:
    """Return the chances of a label in DRUM's answer."""
    return np.array([row[label] for row in json.loads(answer)["predictions"]])


def _table(n_rows: int) -> pa.Table:
    return pa.table(dict(zip(NAMES, numbers()[:n_rows].T.copy(), strict=True)))
