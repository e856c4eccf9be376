"""The answer to an inference: groups of columns, the wanted ones chosen and written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from pyarrow import ipc
from werkzeug.datastructures import MultiDict

from drum_like.contracts.wallaroo.inference.arrow_cells import Cells, cells_of
from drum_like.contracts.wallaroo.inference.rows import Rows
from drum_like.errors import PayloadError

_GROUPS = ("time", "in", "out", "anomaly", "metadata")
_PARTITION = "drum-like"

Column = tuple[pa.Field, pa.Array]


@dataclass(frozen=True, slots=True)
class Selection:
    """The selection of columns, and the form of their names.

    Attributes:
        wanted: Groups, dotted names, or `*` for all.
        unwanted: The same, left out in any case.
        separator: Between group and name; None leaves the groups nested.
    """

    wanted: frozenset[str]
    unwanted: frozenset[str]
    separator: str | None

    @staticmethod
    def parse(query: MultiDict[str, str]) -> "Selection":
        """Return the selection that the parameters of a request ask for."""
        separator = query.get("dataset.separator")
        if separator is None and query.get("dataset.flatten", "").lower() in ("true", "1"):
            separator = "."
        wanted = query.getlist("dataset[]") or query.getlist("dataset") or ["*"]
        unwanted = query.getlist("dataset.exclude[]") or query.getlist("dataset.exclude")
        return Selection(frozenset(wanted), frozenset(unwanted), separator)

    def takes(self, group: str, name: str) -> bool:
        """Return whether a column is wanted; `time` has no name of its own."""
        names = {"*", group, f"{group}.{name}"}
        return bool(self.wanted & names) and not self.unwanted & names


@dataclass(frozen=True, slots=True)
class InferenceResult:
    """The answer to an inference.

    Attributes:
        time_ms: When it began, in milliseconds since the epoch.
        rows: The rows as sent.
        outs: The outputs of the last step.
        elapsed_ns: Of the parsing, then of each step.
        model: Name and digest of the last step.
        pipeline_version: Its UUID; empty for a model without a pipeline.
    """

    time_ms: int
    rows: Rows
    outs: pa.Table
    elapsed_ns: Sequence[int]
    model: tuple[str, str]
    pipeline_version: str

    def to_json(self, selection: Selection) -> bytes:
        """Return the wanted columns as pandas records."""
        groups = self._chosen(selection)
        n_rows = self.rows.n_rows
        cells = {
            group: {name: self._cells(group, name, column) for name, column in columns.items()}
            for group, columns in groups.items()
        }
        if selection.separator is None:
            parts = {
                group: columns[""] if group == "time" else _records(columns, n_rows)
                for group, columns in cells.items()
            }
        else:
            parts = {
                _joined(group, name, selection.separator): column
                for group, columns in cells.items()
                for name, column in columns.items()
            }
        return orjson.dumps(_records(parts, n_rows), default=str, option=orjson.OPT_SERIALIZE_NUMPY)

    def to_arrow(self, selection: Selection) -> bytes:
        """Return the wanted columns as an Arrow file."""
        table = _table(self._chosen(selection), selection.separator)
        sink = pa.BufferOutputStream()
        with ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        body: bytes = sink.getvalue().to_pybytes()
        return body

    def _chosen(self, selection: Selection) -> dict[str, dict[str, Column]]:
        """Return the wanted columns by group and name, in the order of the answer."""
        chosen = {
            group: {
                name: column
                for name, column in self._group(group).items()
                if selection.takes(group, name)
            }
            for group in _GROUPS
        }
        if not any(chosen.values()):
            raise PayloadError("the parameters dataset[] and dataset.exclude[] leave no column")
        return {group: columns for group, columns in chosen.items() if columns}

    def _group(self, group: str) -> dict[str, Column]:
        if group == "in":
            return _columns(self.rows.table if self.rows.sent is None else self.rows.sent)
        if group == "out":
            return _columns(self.outs)
        n_rows = self.rows.n_rows
        if group == "time":
            time = pa.array(np.full(n_rows, self.time_ms, dtype=np.int64))
            return {"": (pa.field("", time.type), time)}
        if group == "anomaly":
            count = pa.array(np.zeros(n_rows, dtype=np.uint32))
            return {"count": (pa.field("count", count.type, nullable=False), count)}
        return self._metadata()

    def _metadata(self) -> dict[str, Column]:
        name, sha = self.model
        last = json.dumps({"model_name": name, "model_sha": sha}, separators=(",", ":"))
        values: dict[str, tuple[Any, pa.DataType]] = {
            "last_model": (last, pa.string()),
            "pipeline_version": (self.pipeline_version, pa.string()),
            "elapsed": (list(self.elapsed_ns), pa.list_(pa.uint64())),
            "dropped": ([], pa.list_(pa.string())),
            "partition": (_PARTITION, pa.string()),
        }
        return {
            key: (pa.field(key, kind), pa.array([value] * self.rows.n_rows, kind))
            for key, (value, kind) in values.items()
        }

    def _cells(self, group: str, name: str, column: Column) -> Cells:
        records = self.rows.records
        if group == "in" and records is not None:
            return [record[name] for record in records]
        return cells_of(column[1])


def _columns(table: pa.Table) -> dict[str, Column]:
    return {
        field.name: (field, pa.concat_arrays(column.chunks))
        for field, column in zip(table.schema, table.columns, strict=True)
    }


def _records(columns: Mapping[str, Cells], n_rows: int) -> list[dict[str, Any]]:
    if not columns:
        return [{} for _ in range(n_rows)]
    names = tuple(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _joined(group: str, name: str, separator: str) -> str:
    return f"{group}{separator}{name}" if name else group


def _table(groups: Mapping[str, Mapping[str, Column]], separator: str | None) -> pa.Table:
    fields: list[pa.Field] = []
    arrays: list[pa.Array] = []
    for group, columns in groups.items():
        if separator is None and group != "time":
            inner = [field for field, _ in columns.values()]
            array = pa.StructArray.from_arrays([one for _, one in columns.values()], fields=inner)
            fields.append(pa.field(group, array.type, nullable=False))
            arrays.append(array)
            continue
        for name, (field, array) in columns.items():
            fields.append(field.with_name(_joined(group, name, separator or "")))
            arrays.append(array)
    return pa.table(arrays, schema=pa.schema(fields))
