"""The requests of a soak: good and bad ones of all contracts, and clients that leave half-way."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from tests.support import arrow_payloads as arrow
from tests.support.bad_payloads import CSV, MATRICES, MEDIA, MULTIPART, Bad
from tests.support.bad_requests import CHAT, FRAMING, JSON, SCORE
from tests.support.http_calls import Part, form
from tests.support.models import Model
from tests.support.more_models import CHAT_ONLY
from tests.support.open_inference import LENGTH, framed
from tests.support.wallaroo_api import RECORDS, Api, sums

_SCORE = """
import pandas as pd

KEPT = []


def score(data, model, **kwargs):
    {leak}
    column = pd.to_numeric(data.iloc[:, 0], errors="coerce")
    return pd.DataFrame({{"Predictions": column.astype(float)}})
"""


def _model(leak: str) -> Model:
    code = f"{CHAT_ONLY.files['custom.py']!s}{_SCORE.format(leak=leak)}"
    return Model({"custom.py": code}, CHAT_ONLY.flags)


STEADY = _model("")
"""Answers with its first column, and chats."""

LEAKING = _model("KEPT.append(bytearray(65_536))")
"""The same, and keeps 64 KiB for each prediction: the control."""

_LARGEST = 100_000
_ANY = frozenset(range(200, 500))
"""The statuses of rows that several contracts read in their own ways; never one of ours that fails.

tests/contracts and tests/live demand the right one of each row.
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, and the answers to it that are right.

    Attributes:
        name: For the table of failures.
        path: Where it goes.
        body: None for a GET.
        headers: Its header fields.
        allowed: Statuses.
        answer: The whole body of the answer; None for any.
    """

    name: str
    path: str
    body: bytes | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    allowed: frozenset[int] = frozenset({200})
    answer: bytes | None = None


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes on a connection of their own, after which its client leaves.

    Attributes:
        name: For the table of failures.
        stream: The bytes.
        waits: Whether the client reads all that is answered first.
    """

    name: str
    stream: bytes
    waits: bool = True


Item = Ask | Bytes


def mixed(api: Api) -> tuple[Item, ...]:
    """Return the requests, good and bad in turns; a model is stored and deployed for them."""
    where = api.deploy("soak", api.stored("soak"))
    good, bad = tuple(_good(where)), tuple(_bad())
    repeated = good * (len(bad) // len(good) + 1)
    return tuple(chain.from_iterable(zip(repeated, bad, strict=False)))


def _good(where: str) -> Iterator[Item]:
    csv, json_type = {"Content-Type": "text/csv"}, {"Content-Type": "application/json"}
    three = b'{"predictions":[1.0,2.5,3.0]}'
    multipart, kind = form(Part("X", "a,t\n1,x\n2.5,y\n3,\n"))
    matrix = "%%MatrixMarket matrix array real general\n3 1\n1\n2.5\n3\n"
    yield Ask("csv", "/predict/", "a,t\n1,x\n2.5,y\n3,\n", csv, answer=three)
    yield Ask("one row", "/predict/", "a\n1.5\n", csv, answer=b'{"predictions":[1.5]}')
    yield Ask("many rows", "/predict/", "a,t\n" + "1,x\n" * 2_000, csv)
    yield Ask("form", "/predictions/", multipart, {"Content-Type": kind}, answer=three)
    yield Ask("matrix", "/predict/", matrix, {"Content-Type": "text/mtx"}, answer=three)
    stream = {"Content-Type": "application/vnd.apache.arrow.stream"}
    yield Ask("arrow", "/invocations", arrow.stream(arrow.NUMBERS), stream)
    score = json.dumps({"fields": ["a"], "rows": [["1.5"], ["2"]]})
    yield Ask("h2o", SCORE, score, json_type)
    yield Ask("tensor", "/invocations", *_binary(16))
    yield Ask("h2o schema", "/model/schema")
    yield from (
        Ask("decision", "/invocate", '{"instances": [{"a": 1.5}]}', json_type),
        Ask("mlflow", "/invocations", '{"inputs": [[1.0], [2.5], [3.0]]}', json_type, answer=three),
    )
    for text in ("hi", "chunks", "lines"):
        chat = {"model": "m", "messages": [{"role": "user", "content": text}]}
        yield Ask(f"chat {text}", CHAT, json.dumps(chat), json_type)
    wallaroo = json.dumps([{"x": [1.0, 2.0, 3.5]}])
    path = f"/v1/api/pipelines/infer/{where}"
    yield Ask("wallaroo", path, wallaroo, {"Content-Type": RECORDS})
    yield Ask("wallaroo list", "/v1/api/models/list_versions", '{"model_id": "soak"}', json_type)
    onnx = '[{"fields": ["x"], "rows": [["1"]]}]'
    yield Ask("h2o of a list", SCORE, onnx, json_type, frozenset({400}))
    for probe in ("/ping/", "/livez", "/readyz", "/info/", "/stats/", "/capabilities/"):
        yield Ask(probe, probe)


def _binary(size: int) -> tuple[bytes, dict[str, str]]:
    """Return a request with two numbers, said to be of this size in bytes, and its headers."""
    parameters = {"binary_data_size": size}
    tensor = {"name": "a", "shape": [2], "datatype": "FP64", "parameters": parameters}
    body, length = framed({"inputs": [tensor]}, bytes(16))
    return body, {LENGTH: "".join(length.values())}


def _bad() -> Iterator[Item]:
    for payload in (*MEDIA, *CSV, *MATRICES, *MULTIPART):
        yield from _payload(payload)
    for framing in FRAMING:
        yield Bytes(framing.row, framing.make + framing.second)
        yield Bytes(f"{framing.row} left", framing.make[: len(framing.make) // 2], waits=False)
    for one in JSON:
        body = one.make('{"fields": ["a"], "rows": [[1.5]]}')
        yield Ask(one.row, SCORE, body, {"Content-Type": one.content_type}, _ANY)
        yield Ask(one.row, "/invocate", body, {"Content-Type": one.content_type}, _ANY)
    for size in (15, 17, -1):
        yield Ask("cut tensor", "/invocations", *_binary(size), frozenset({400}))
    for path in ("/no-such-path", "/v2/no-such", "/models/no-such-model/info/", "/v1/api/no/such"):
        yield Ask(path, path, None, {}, frozenset({404, 405}))
    name = {"Content-Type": "application/json"}
    for rows in ('{"dataframe_split": [', '{"instances": [[1], [2, 3]]}', '{"params": {}}'):
        yield Ask("bad mlflow", "/invocations", rows, {"Content-Type": "application/json"}, _ANY)
    nobody = "/serving-endpoints/nobody/invocations"
    yield Ask("no endpoint", nobody, '{"inputs": [[1]]}', {}, frozenset({404}))
    yield Ask("bad upload", "/v1/api/models/upload", sums()[:40], name, _ANY)
    broken = arrow.wild_offsets(), arrow.invalid_utf8(), arrow.many_nulls(), arrow.nested(60)
    for number, body in enumerate(broken):
        headers = {"Content-Type": "application/vnd.apache.arrow.stream"}
        yield Ask(f"arrow {number}", "/predict/", body, headers, _ANY)


def _payload(payload: Bad) -> Iterator[Item]:
    body = payload.body()
    if len(body) <= _LARGEST:
        kind = {} if payload.content_type is None else {"Content-Type": payload.content_type}
        yield Ask(payload.row, "/predict/", body, kind, _ANY)
