"""The doors of a model in a store: Wallaroo's inference."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from tests.oracle import answers, cells
from tests.oracle.answers import Answer
from tests.oracle.case import Case
from tests.oracle.doors import Door, Sent, read_answer
from tests.oracle.rows import value_of
from tests.oracle.wire import Wire
from tests.support.wallaroo_api import ARROW, RECORDS


def _wallaroo_json(wire: Wire, case: Case, sent: Sent) -> Answer:
    body = json.dumps(_records(case, sent)).encode()
    reply = wire.post(_path(sent), body, Content_Type=RECORDS)
    return read_answer(reply, case.target, partial(answers.of_records, output=_output(case)))


def _wallaroo_arrow(wire: Wire, case: Case, sent: Sent) -> Answer:
    table = _wallaroo_table(case, sent)
    reply = wire.post(_path(sent), cells.to_file(table), Content_Type=ARROW, Accept=ARROW)
    return read_answer(reply, case.target, partial(answers.of_arrow, output=_output(case)))


def _path(sent: Sent) -> str:
    return f"/v1/api/pipelines/infer/{sent.model}-0/{sent.model}"


def _output(case: Case) -> str:
    if case.tensors is not None:
        return case.tensors.output
    return "probabilities" if case.target.labels else "predictions"


def _records(case: Case, sent: Sent) -> list[dict[str, Any]]:
    matrix = _matrix_name(case)
    names = sent.columns.names
    if matrix:
        return [{matrix: [value_of(cell) for cell in row]} for row in sent.rows]
    return [{names[at]: value_of(row[at]) for at in sent.order} for row in sent.rows]


def _wallaroo_table(case: Case, sent: Sent) -> Any:

    matrix = _matrix_name(case)
    if not matrix:
        return cells.to_table(sent.columns, sent.rows, sent.order)
    held = [[value_of(cell) for cell in row] for row in sent.rows]
    kind = pa.from_numpy_dtype(np.result_type(*(column.dtype for column in sent.columns.all)))
    return pa.table({matrix: pa.array(held, pa.list_(kind, len(sent.columns.all)))})


def _matrix_name(case: Case) -> str:
    if case.tensors is not None:
        return case.tensors.matrix
    return "" if case.named else "rows"


STORED: Mapping[str, Door] = {
    "wallaroo-json": Door(_wallaroo_json, gaps=False, own_width=True),
    "wallaroo-arrow": Door(_wallaroo_arrow, gaps=False, own_width=True),
}
"""The doors of a model in a store."""
