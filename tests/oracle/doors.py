"""The doors: each way in which rows come to a model, as its contract writes them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.oracle import answers, cells, tensors
from tests.oracle.answers import (
    Answer,
    Answered,
    DeclinedError,
    Refused,
    Told,
    UnreadableError,
)
from tests.oracle.case import Case, Target
from tests.oracle.rows import Columns, Row, Spelled
from tests.oracle.wire import Wire
from tests.support.http_calls import Part, Reply, form
from tests.support.open_inference import Tensor, requested
from tests.support.wallaroo_api import ARROW

STREAM = "application/vnd.apache.arrow.stream"
JSON = "application/json"
MODEL = "model"
"""The name under which the model of a case is served."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Rows to send.

    Attributes:
        columns: The columns of training.
        rows: The rows.
        order: The order of the columns in the body.
        model: The name of the model, where a server has several.
        known_as: What the server calls the columns of a model that has no names for them.
    """

    columns: Columns
    rows: Sequence[Row]
    order: Sequence[int]
    model: str = MODEL
    known_as: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the columns, in the order of the body."""
        return [self.columns.all[place].name for place in self.order]

    @property
    def keys(self) -> list[str]:
        """The names of the columns where rows are objects, in the order of training."""
        return list(self.known_as) or self.columns.names

    def by_name(self, case: Case) -> bool:
        """Return whether the columns have to be named: the model knows names, or takes others'."""
        return case.named or list(self.order) != list(range(len(self.columns.all)))

    def record(self, row: Row) -> dict[str, Any]:
        """Return a row as an object."""
        keys = self.keys
        return {keys[at]: cells.as_json(row[at]) for at in self.order}


Send = Callable[[Wire, Case, Sent], Answer]


@dataclass(frozen=True, slots=True)
class Door:
    """A way in.

    Attributes:
        send: Sends rows and reads the answer.
        alone: Whether it takes one row at a time.
        gaps: Whether its contract has missing cells.
        numbers: Whether it has numbers only.
        one_type: Whether all of them are of one type: floats, or integers without gaps.
        own_width: Whether it answers in the model's own width.
        by_name: Whether its contract needs columns with names.
        texts: Whether its cells are texts, some of which are missing cells.
        brief: Whether it differs so little from another door that some requests are enough.
    """

    send: Send
    alone: bool = False
    gaps: bool = True
    numbers: bool = False
    one_type: bool = False
    own_width: bool = False
    by_name: bool = False
    texts: bool = False
    brief: bool = False

    def takes(self, columns: Columns, row: Row) -> bool:
        """Whether the contract can say a row."""
        if self.one_type and not all(column.is_float for column in columns.all):
            return all(column.is_integer for column in columns.all) and None not in row
        if self.texts and any(isinstance(cell, Spelled) and cell.text is None for cell in row):
            return False
        return (self.gaps or None not in row) and (not self.numbers or _are_numbers(columns))


def _are_numbers(columns: Columns) -> bool:
    return all(column.is_float or column.is_integer for column in columns.all)


def _csv(wire: Wire, case: Case, sent: Sent) -> Answer:
    body = cells.to_csv(sent.columns, sent.rows, sent.order)
    return read_answer(wire.post("/predict/", body, Content_Type="text/csv"), case.target)


def _sagemaker_csv(wire: Wire, case: Case, sent: Sent) -> Answer:
    """Send rows without a header; they stand as in training."""
    body = cells.to_csv_rows(sent.columns, sent.rows)
    reply = wire.post("/invocations", body, Content_Type="text/csv; header=absent")
    return read_answer(reply, case.target)


def _sagemaker_lines(wire: Wire, case: Case, sent: Sent) -> Answer:
    """Send a line of JSON for each row; cells stand as in training."""
    rows = [[cells.as_json(cell) for cell in row] for row in sent.rows]
    body = "".join(json.dumps({"features": row}) + "\n" for row in rows).encode()
    reply = wire.post("/invocations", body, Content_Type="application/jsonlines")
    return read_answer(reply, case.target)


def _multipart(wire: Wire, case: Case, sent: Sent) -> Answer:
    part = Part("X", cells.to_csv(sent.columns, sent.rows, sent.order))
    body, kind = form(part)
    return read_answer(wire.post("/predict/", body, Content_Type=kind), case.target)


def _matrix_market(wire: Wire, case: Case, sent: Sent) -> Answer:
    turned = Columns(tuple(sent.columns.all[place] for place in sent.order))
    rows = [tuple(row[place] for place in sent.order) for row in sent.rows]
    matrix = Part("X", cells.to_matrix_market(turned, rows), "x.mtx")
    names = Part("X.colnames", "\n".join(sent.names), "x.colnames")
    body, kind = form(matrix, *([names] if case.named else []))
    return read_answer(wire.post("/predict/", body, Content_Type=kind), case.target)


def _stream(wire: Wire, case: Case, sent: Sent) -> Answer:
    body = cells.to_stream(cells.to_table(sent.columns, sent.rows, sent.order))
    return read_answer(wire.post("/predict/", body, Content_Type=STREAM), case.target)


def _file(wire: Wire, case: Case, sent: Sent) -> Answer:
    body = cells.to_file(cells.to_table(sent.columns, sent.rows, sent.order))
    return read_answer(wire.post("/predict/", body, Content_Type=ARROW), case.target)


def _records(wire: Wire, case: Case, sent: Sent) -> Answer:
    body = json.dumps([sent.record(row) for row in sent.rows]).encode()
    return read_answer(wire.post("/predict/", body, Content_Type=JSON), case.target)


def _split(wire: Wire, case: Case, sent: Sent) -> Answer:
    """Send lists of cells; without names where the model has none."""
    data = [[cells.as_json(row[at]) for at in sent.order] for row in sent.rows]
    names = {"columns": [sent.keys[at] for at in sent.order]} if sent.by_name(case) else {}
    body = json.dumps({"dataframe_split": {**names, "data": data}}).encode()
    return read_answer(wire.post("/predict/", body, Content_Type=JSON), case.target)


def _inputs(wire: Wire, case: Case, sent: Sent) -> Answer:
    """Send columns by name, as MLflow's clients do."""
    columns = {sent.keys[at]: [cells.as_json(row[at]) for row in sent.rows] for at in sent.order}
    body = json.dumps({"inputs": columns}).encode()
    reply = wire.post("/invocations", body, Content_Type=JSON)
    return read_answer(reply, case.target)


def _endpoint(wire: Wire, case: Case, sent: Sent) -> Answer:
    """Send records to the model of that name, as Databricks' clients do."""
    body = json.dumps({"dataframe_records": [sent.record(row) for row in sent.rows]}).encode()
    reply = wire.post(f"/serving-endpoints/{MODEL}/invocations", body, Content_Type=JSON)
    return read_answer(reply, case.target)


def _lines(wire: Wire, case: Case, sent: Sent) -> Answer:
    body = "\n".join(json.dumps(sent.record(row)) for row in sent.rows).encode()
    reply = wire.post("/predict/", body, Content_Type="application/jsonlines")
    return read_answer(reply, case.target)


def _parquet(wire: Wire, case: Case, sent: Sent) -> Answer:
    body = cells.to_parquet(cells.to_table(sent.columns, sent.rows, sent.order))
    reply = wire.post("/predict/", body, Content_Type="application/vnd.apache.parquet")
    return read_answer(reply, case.target)


def _numpy(wire: Wire, case: Case, sent: Sent) -> Answer:
    body = cells.to_records(sent.columns, sent.rows, sent.order)
    reply = wire.post("/predict/", body, Content_Type="application/x-npy")
    return read_answer(reply, case.target)


def _h2o(wire: Wire, case: Case, sent: Sent, *, text: bool) -> Answer:
    columns = sent.columns.all
    rows = [
        [
            cells.as_text(columns[at], row[at]) if text else cells.as_json(row[at])
            for at in sent.order
        ]
        for row in sent.rows
    ]
    body = json.dumps({"fields": [sent.keys[at] for at in sent.order], "rows": rows}).encode()
    reply = wire.post("/model/score", body, Content_Type=JSON)
    return read_answer(reply, case.target, answers.of_h2o)


def _instances(wire: Wire, case: Case, sent: Sent) -> Answer:
    rows = [sent.record(row) for row in sent.rows]
    body = json.dumps({"model_id": MODEL, "instances": rows}).encode()
    reply = wire.post("/invocations", body, Content_Type=JSON)
    return read_answer(reply, case.target, answers.of_instances)


def _left_out(wire: Wire, case: Case, sent: Sent) -> Answer:
    """Send records that leave missing cells out, where a cell is left."""
    records = [sent.record(row) for row in sent.rows]
    written = [
        {key: cell for key, cell in record.items() if cell is not None} or record
        for record in records
    ]
    body = json.dumps({"model_id": MODEL, "instances": written}).encode()
    reply = wire.post("/invocations", body, Content_Type=JSON)
    return read_answer(reply, case.target, answers.of_instances)


def _invocate(wire: Wire, case: Case, sent: Sent) -> Answer:
    (row,) = sent.rows
    record = sent.record(row)
    given = {"input": list(record), "value": list(record.values())}
    body = json.dumps({"campaign": MODEL, "channel": "oracle", "in_params": given}).encode()
    return read_answer(
        wire.post("/invocate", body, Content_Type=JSON), case.target, answers.of_decision
    )


def _platform(wire: Wire, case: Case, sent: Sent, *, path: str) -> Answer:
    """Send records as `instances`, as KServe and Vertex AI have them."""
    body = json.dumps({"instances": [sent.record(row) for row in sent.rows]}).encode()
    return read_answer(wire.post(path, body, Content_Type=JSON), case.target)


def _azureml(wire: Wire, case: Case, sent: Sent) -> Answer:
    """Send lists of cells, as Azure ML has them; the answer is a list."""
    data = [[cells.as_json(row[at]) for at in sent.order] for row in sent.rows]
    columns = [sent.keys[at] for at in sent.order]
    named = {"columns": columns, "data": data} if sent.by_name(case) else data
    body = json.dumps({"input_data": named}).encode()
    reply = wire.post("/score", body, Content_Type=JSON)
    return read_answer(reply, case.target, answers.of_list)


def _tensors(wire: Wire, case: Case, sent: Sent, *, binary: bool) -> Answer:
    """Send a tensor for each column."""
    some = [
        tensors.of_column(
            sent.keys[at], sent.columns.all[at], [row[at] for row in sent.rows], binary=binary
        )
        for at in sent.order
    ]
    return _inferred(wire, case, some, {"content_type": "pd"})


def _tensor(wire: Wire, case: Case, sent: Sent) -> Answer:
    """Send one tensor of all columns, as bytes; they stand as in training."""
    return _inferred(wire, case, [tensors.of_numbers(sent.rows)], {})


def _inferred(
    wire: Wire, case: Case, some: Sequence[Tensor], parameters: Mapping[str, str]
) -> Answer:
    body, length = requested(*some, parameters=parameters)
    reply = wire.post("/invocations", body, X_Scoring_Contract="open_inference", **length)
    return read_answer(reply, case.target, answers.of_tensors)


def read_answer(
    reply: Reply,
    target: Target,
    read: Callable[[bytes, Target], list[Told]] = answers.of_predict,
) -> Answer:
    """Return the answer or the refusal that a reply holds."""
    if reply.status != 200:
        return Refused(reply.status, reply.body.decode(errors="replace")[:300])
    try:
        return Answered(read(reply.body, target))
    except DeclinedError as error:
        return Refused(422, str(error))
    except UnreadableError as error:
        return Refused(200, str(error))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        return Refused(200, f"unreadable: {type(error).__name__}: {reply.body[:200]!r}")


DOORS: Mapping[str, Door] = {
    "csv": Door(_csv, texts=True),
    "sagemaker-csv": Door(_sagemaker_csv, texts=True, brief=True),
    "sagemaker-lines": Door(_sagemaker_lines, brief=True),
    "multipart": Door(_multipart, texts=True, brief=True),
    "arrow-stream": Door(_stream),
    "arrow-file": Door(_file, brief=True),
    "parquet": Door(_parquet, brief=True),
    "numpy": Door(_numpy, gaps=False, numbers=True, brief=True),
    "matrix-market": Door(_matrix_market, gaps=False, numbers=True),
    "json": Door(_records),
    "json-split": Door(_split, brief=True),
    "json-lines": Door(_lines, brief=True),
    "mlflow": Door(_inputs, brief=True),
    "databricks": Door(_endpoint, brief=True),
    "h2o": Door(partial(_h2o, text=True), texts=True),
    "h2o-typed": Door(partial(_h2o, text=False), texts=True),
    "instances": Door(_instances),
    "left-out": Door(_left_out, by_name=True),
    "invocate": Door(_invocate, alone=True),
    "kserve": Door(partial(_platform, path=f"/v1/models/{MODEL}:predict"), brief=True),
    "vertex": Door(partial(_platform, path="/v1/endpoints/1/deployedModels/1:predict"), brief=True),
    "azureml": Door(_azureml, brief=True),
    "tensors": Door(partial(_tensors, binary=False)),
    "tensors-binary": Door(partial(_tensors, binary=True), brief=True),
    "tensor": Door(_tensor, one_type=True, brief=True),
}
"""The doors of a served directory."""
