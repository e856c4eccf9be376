"""Sample rows as bodies of requests, and the predictions in the answers."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet

from drum_like.codecs.csv.encode import csv_text

Rows = tuple[tuple[Any, ...], ...]
"""Cells row by row: numbers, truth values, text, None where one is missing."""

_BOUNDARY = "rows-of-doctor"


@dataclass(frozen=True, slots=True)
class Door:
    """A way for rows into a server.

    Attributes:
        name: Of the format, or of the contract.
        path: The route.
        media_type: Of the body.
        body: Makes a body of names and rows.
        read: Returns the predictions in an answer, as /predict/ lists them.
    """

    name: str
    path: str
    media_type: str
    body: Callable[[tuple[str, ...], Rows], bytes]
    read: Callable[[Any], Any] = lambda answer: answer["predictions"]


def _csv(names: tuple[str, ...], rows: Rows) -> bytes:
    return csv_text([names, *rows]).encode()


def _records(names: tuple[str, ...], rows: Rows) -> bytes:
    return orjson.dumps([dict(zip(names, row, strict=True)) for row in rows])


def instances(names: tuple[str, ...], rows: Rows) -> bytes:
    """Return a body of KServe's V1 protocol."""
    return b'{"instances":' + _records(names, rows) + b"}"


def _split(names: tuple[str, ...], rows: Rows) -> bytes:
    return orjson.dumps({"dataframe_split": {"columns": names, "data": rows}})


def _table(names: tuple[str, ...], rows: Rows) -> pa.Table:
    return pa.table([pa.array(column) for column in zip(*rows, strict=True)], list(names))


def _arrow(names: tuple[str, ...], rows: Rows) -> bytes:
    table, sink = _table(names, rows), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _parquet(names: tuple[str, ...], rows: Rows) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(_table(names, rows), sink)
    return sink.getvalue()


def _npy(names: tuple[str, ...], rows: Rows) -> bytes:
    del names
    sink = io.BytesIO()
    np.save(sink, np.array(rows, np.float64))
    return sink.getvalue()


def _mtx(names: tuple[str, ...], rows: Rows) -> bytes:
    lines = ["%%MatrixMarket matrix array real general", f"{len(rows)} {len(names)}"]
    lines += [repr(float(cell)) for column in zip(*rows, strict=True) for cell in column]
    parts = {"X": ("X.mtx", "\n".join(lines)), "X.colnames": ("X.colnames", "\n".join(names))}
    form = "".join(
        f"--{_BOUNDARY}\r\nContent-Disposition: form-data; "
        f'name="{part}"; filename="{file}"\r\n\r\n{text}\n\r\n'
        for part, (file, text) in parts.items()
    )
    return f"{form}--{_BOUNDARY}--\r\n".encode()


@dataclass(frozen=True, slots=True)
class Tensors:
    """Bodies of the Open Inference Protocol.

    Attributes:
        inputs: The model's own description of its tensors.
    """

    inputs: list[dict[str, Any]]

    def body(self, names: tuple[str, ...], rows: Rows) -> bytes:
        """Return rows as one tensor for all columns, or one for each, as the model has them."""
        if self.inputs[0]["name"] not in names:
            cells = [cell for row in rows for cell in row]
            return orjson.dumps({"inputs": [self._tensor(0, (len(rows), len(names)), cells)]})
        columns = [list(column) for column in zip(*rows, strict=True)]
        known = [str(one["name"]) for one in self.inputs]
        tensors = [
            self._tensor(at, (len(rows), 1), columns[names.index(name)])
            for at, name in enumerate(known)
        ]
        return orjson.dumps({"inputs": tensors})

    def _tensor(self, at: int, shape: tuple[int, int], cells: list[Any]) -> dict[str, Any]:
        about = self.inputs[at]
        return {
            "name": about["name"],
            "datatype": about["datatype"],
            "shape": shape[: len(about["shape"])],
            "data": cells,
        }


def of_tensors(answer: Any) -> Any:
    """Return the predictions in output tensors as /predict/ lists them."""
    outputs = answer["outputs"]
    chances = [one for one in outputs if "class_labels" in one.get("parameters", {})]
    if not chances:
        return outputs[0]["data"]
    probabilities = chances[0]
    labels = orjson.loads(probabilities["parameters"]["class_labels"])
    rows = np.reshape(np.array(probabilities["data"], object), probabilities["shape"]).tolist()
    return [dict(zip(map(str, labels), row, strict=True)) for row in rows]


JSON, _PREDICT = "application/json", "/predict/"
_ARROW = "application/vnd.apache.arrow.stream"
TEXT_DOORS = (
    Door("CSV", _PREDICT, "text/csv", _csv),
    Door("JSON records", _PREDICT, JSON, _records),
    Door("JSON split", _PREDICT, JSON, _split),
    Door("Arrow", _PREDICT, _ARROW, _arrow),
    Door("Parquet", _PREDICT, "application/vnd.apache.parquet", _parquet),
    Door("MLflow", "/invocations", JSON, _split),
)
MATRIX_DOORS = (
    Door("NumPy", _PREDICT, "application/x-npy", _npy),
    Door("Matrix Market", _PREDICT, f"multipart/form-data; boundary={_BOUNDARY}", _mtx),
)
