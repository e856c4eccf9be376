"""JSON and JSON Lines at DRUM's door: every form has the answer of the same rows as CSV."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.support import artifacts, onnx_graphs
from tests.support.http_calls import Part, Reply, form
from tests.support.models import ONE_WORKER, Model, served
from tests.support.serving import Server
from tests.support.summing import SUM

JSON = "application/json"
LINES = "application/jsonlines"
BIG = 2**53

HOOK = """
import pandas as pd

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    seen = data.to_json(orient="split", double_precision=15)
    text = [seen + str([str(dtype) for dtype in data.dtypes])]
    return pd.DataFrame({"Predictions": text * len(data)})
"""


def _whole_numbers() -> Model:
    """Return a model of n and x: n - 2**53 + x in float32."""
    nodes = [
        helper.make_node("Sub", ["n", "base"], ["m"]),
        helper.make_node("Cast", ["m"], ["k"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["k", "x"], ["out"]),
    ]
    inputs = [
        onnx_graphs.tensor("n", TensorProto.INT64, ["N", 1]),
        onnx_graphs.tensor("x", TensorProto.FLOAT, ["N", 1]),
    ]
    outputs = [onnx_graphs.tensor("out", TensorProto.FLOAT, ["N", 1])]
    base = np.array([[BIG]], np.int64)
    made = onnx_graphs.model(nodes, inputs, outputs, base=base)
    metadata = "name: whole\ntype: inference\ntargetType: regression\n"
    files = {"model.onnx": made.SerializeToString(), "model-metadata.yaml": metadata}
    return Model(files, ("--target-type", "regression"))


trained = artifacts.sklearn_classifier()
named = served(trained.model, *ONE_WORKER)
whole = served(_whole_numbers(), *ONE_WORKER)
seeing = served(
    Model({"custom.py": HOOK}, ("--target-type", "textgeneration"), {"TARGET_NAME": "out"}),
    *ONE_WORKER,
)
total = served(SUM, *ONE_WORKER)
nameless = served(artifacts.xgb_classifier().model, *ONE_WORKER)


def rows() -> list[dict[str, Any]]:
    data, _ = artifacts.rows()
    found: list[dict[str, Any]] = json.loads(data.head(7).to_json(orient="records"))
    return found


def as_csv(some: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(some[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(some)
    return out.getvalue()


def split(some: list[dict[str, Any]]) -> dict[str, Any]:
    return {"columns": list(some[0]), "data": [list(row.values()) for row in some]}


FORMS: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "records": lambda some: some,
    "data": lambda some: {"data": some},
    "dataframe_records": lambda some: {"dataframe_records": some},
    "dataframe_split": lambda some: {"dataframe_split": split(some)},
    "split": split,
    "instances": lambda some: {"instances": some, "parameters": {}},
    "inputs": lambda some: {"inputs": {name: [row[name] for row in some] for name in some[0]}},
    "reordered": lambda some: [dict(reversed(row.items())) for row in some],
}


def answer(reply: Reply) -> Any:
    assert reply.status == 200, reply.text
    return reply.json()["predictions"]


@pytest.mark.parametrize("form", FORMS)
def test_each_form_has_the_answer_of_csv(named: Server, form: str) -> None:
    body = json.dumps(FORMS[form](rows()))

    assert answer(named.post("/predict/", body, JSON)) == answer(named.csv(as_csv(rows())))


@pytest.mark.parametrize("media_type", [None, "application/x-www-form-urlencoded", "text/plain"])
def test_json_is_known_without_its_type(named: Server, media_type: str | None) -> None:
    """The type in the middle is that of `curl -d`."""
    reply = named.post("/predictions", json.dumps(rows()), media_type)

    assert answer(reply) == answer(named.csv(as_csv(rows())))


@pytest.mark.parametrize("media_type", ["Application/JSON; charset=UTF-8", "application/x+json"])
def test_spellings_of_the_type(named: Server, media_type: str) -> None:
    reply = named.post("/predict/", json.dumps(rows()), media_type)

    assert answer(reply) == answer(named.csv(as_csv(rows())))


@pytest.mark.parametrize("charset", ["utf-16", "utf-8-sig", "latin-1"])
def test_the_charset_counts(named: Server, charset: str) -> None:
    body = json.dumps(rows()).encode(charset)

    reply = named.post("/predict/", body, f"{JSON}; charset={charset}")

    assert answer(reply) == answer(named.csv(as_csv(rows())))


def test_one_object_is_one_row(named: Server) -> None:
    one = rows()[:1]

    assert answer(named.post("/predict/", json.dumps(one[0]), JSON)) == answer(
        named.csv(as_csv(one))
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n \n", ""])
def test_json_lines(named: Server, end: str) -> None:
    body = "\r\n\n".join(map(json.dumps, rows())) + end

    assert answer(named.post("/predict/", body, LINES)) == answer(named.csv(as_csv(rows())))


@pytest.mark.parametrize("name", ["rows.json", "rows.JSON", "rows.jsonl", "rows.ndjson"])
def test_a_file_of_a_form_is_known_by_its_suffix(named: Server, name: str) -> None:
    lines = "\n".join(map(json.dumps, rows()))
    content = json.dumps(rows()) if name.lower().endswith("json") and "nd" not in name else lines

    reply = named.post("/predict/", *form(Part("X", content, name)))

    assert answer(reply) == answer(named.csv(as_csv(rows())))


def test_a_model_without_names_takes_lists_by_position(nameless: Server) -> None:
    some = rows()
    lists = json.dumps({"instances": [list(row.values()) for row in some]})

    assert answer(nameless.post("/predict/", lists, JSON)) == answer(nameless.csv(as_csv(some)))


def test_rows_in_several_orders_have_no_positions(nameless: Server) -> None:
    first, second = rows()[:2]
    mixed = json.dumps([first, dict(reversed(second.items()))])

    reply = nameless.post("/predict/", mixed, JSON)

    assert reply.status in (200, 422)
    if reply.status == 200:  # the model has names after all
        assert answer(reply) == answer(nameless.csv(as_csv([first, second])))


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/v1/models/sum:predict", "instances"),
        ("/serving-endpoints/sum/invocations", "instances"),
        ("/score", "data"),
        ("/predict", "instances"),
    ],
)
@pytest.mark.parametrize("header", ["Inference-Header-Content-Length", "X-Other"])
def test_bytes_behind_the_json_are_refused_whatever_a_header_says(
    total: Server, path: str, key: str, header: str
) -> None:
    """Only the Open Inference Protocol has tensors there."""
    body = f'{{"{key}": [[1, 2]]}}'

    replies = [
        total.post(path, body + more, JSON, **{header: str(len(body))}) for more in ("x", "")
    ]

    assert replies[0].status in (400, 422)
    assert answer(replies[1]) == [3.0]


WRONG = {
    "broken": '[{"a": 1}',
    "text": '"rows"',
    "number": "12",
    "nothing": "[]",
    "no-instances": '{"instances": []}',
    "cells": "[1, 2, 3]",
    "mixed": '[{"a": 1}, [1]]',
    "ragged": "[[1, 2], [1]]",
    "no-cells": "[[]]",
    "no-names": "[{}]",
    "list-in-a-cell": '[{"a": [1]}]',
    "object-in-a-cell": '[{"a": {"b": 1}}]',
    "two-forms": '{"instances": [[1]], "inputs": [[1]]}',
    "twice": '[{"a": 1, "a": 2}]',
    "half-a-character": '[{"a": "\\ud800"}]',
    "unequal-columns": '{"inputs": {"a": [1], "b": [1, 2]}}',
    "columns-and-cells": '{"inputs": {"a": [1], "b": 1}}',
    "unknown-key-of-split": '{"dataframe_split": {"data": [[1]], "rows": 1}}',
    "names-twice": '{"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}',
    "index": '{"dataframe_split": {"columns": ["a"], "index": [1, 2], "data": [[1]]}}',
    "split-of-objects": '{"dataframe_split": {"columns": ["a"], "data": [{"a": 1}]}}',
    "deep": "[" * 101 + "]" * 101,
    "missing-columns": '[{"a": 1}]',
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_bodies_are_the_caller_s_fault(named: Server, case: str) -> None:
    reply = named.post("/predict/", WRONG[case], JSON)

    assert reply.status in (400, 422), reply.text
    assert "ERROR: " in reply.text


@pytest.mark.parametrize("body", ["1\n2\n", '{"a": 1} {"a": 2}\n', '{"a":\n1}\n', "[1],[2]\n"])
def test_wrong_lines_are_the_caller_s_fault(named: Server, body: str) -> None:
    assert named.post("/predict/", body, LINES).status == 422


def test_rows_without_any_column_are_not_answered(named: Server) -> None:
    names = list(rows()[0])
    body = json.dumps({"dataframe_split": {"columns": names, "data": []}})

    assert answer(named.post("/predict/", body, JSON)) == []


NUMBERS = (
    f"{BIG + 1}",
    f"{BIG + 1}.0",
    f"{BIG + 1}e0",
    "9.007199254740993e15",
    "3",
    "3.0",
    "-4",
    f"{2**63 - 1}",
)


@pytest.mark.parametrize("number", NUMBERS)
def test_whole_numbers_keep_their_digits(whole: Server, number: str) -> None:
    """Beside a fraction, alone, and in the other formats."""
    expected = answer(whole.csv(f"n,x\n{number},0.5\n"))
    doors = (
        ("/predict/", f'[{{"n": {number}, "x": 0.5}}]', JSON),
        ("/predict/", f'[{{"n": {number}, "x": 0.5}}, {{"n": 1.0, "x": NaN}}]', JSON),
        ("/predict/", f'{{"inputs": {{"n": [{number}], "x": [0.5]}}}}', JSON),
        ("/predict/", f'{{"n": "{number}", "x": 0.5}}\n', LINES),
    )
    for path, body, media_type in doors:
        assert answer(whole.post(path, body, media_type))[:1] == expected, body


def score(server: Server, number: str) -> Reply:
    return server.post("/model/score", f'{{"fields":["n","x"],"rows":[[{number},0.5]]}}', JSON)


def invocation(server: Server, number: str) -> Reply:
    body = f'{{"model_id": "whole", "instances": [{{"n": {number}, "x": 0.5}}]}}'
    return server.post("/invocations", body, JSON)


def decision(server: Server, number: str) -> Reply:
    params = f'{{"input": ["n", "x"], "value": [{number}, 0.5]}}'
    return server.post("/invocate", f'{{"campaign": "any", "in_params": {params}}}', JSON)


@pytest.mark.parametrize("number", NUMBERS)
def test_whole_numbers_keep_their_digits_at_the_other_doors(whole: Server, number: str) -> None:
    (expected,) = answer(whole.csv(f"n,x\n{number},0.5\n"))

    (scored,) = score(whole, number).json()["score"]
    (predicted,) = invocation(whole, number).json()["predictions"]
    (decided,) = decision(whole, number).json()["final_result"]

    assert float(scored[0]) == expected
    assert predicted == {"prediction": expected}
    assert decided["result"]["score"] == expected


PARAMS = '{"input": ["n", "x"], "value": [9007199254740995, 0.5], "value": [9007199254740993, 0.5]}'


@pytest.mark.parametrize("params", [PARAMS, json.dumps(PARAMS)], ids=["object", "text"])
def test_a_decision_whose_body_names_a_key_twice_is_none(whole: Server, params: str) -> None:
    reply = whole.post("/invocate", f'{{"campaign": "any", "in_params": {params}}}', JSON)

    assert "more than once" in reply.json()["ErrorMessage"]


def test_a_request_for_scores_that_names_a_key_twice_is_refused(whole: Server) -> None:
    body = '{"fields": ["x", "n"], "fields": ["n", "x"], "rows": [[3, 0.5]]}'

    assert whole.post("/model/score", body, JSON).status == 400


@pytest.mark.parametrize("charset", ["utf-16", "utf-8-sig", "latin-1"])
def test_the_charset_of_a_request_for_scores_counts(whole: Server, charset: str) -> None:
    body = '{"fields": ["n", "x", "é"], "rows": [[3, 0.5, "é"]]}'.encode(charset)

    reply = whole.post("/model/score", body, f"{JSON}; charset={charset}")

    assert reply.json()["score"] == score(whole, "3").json()["score"]


def test_an_unknown_charset_of_a_request_for_scores_is_415(whole: Server) -> None:
    assert whole.post("/model/score", b"{}", f"{JSON}; charset=utf-7").status == 415


@pytest.mark.parametrize("number", [f"{-(2**63) - 1}", f"{2**63}", "1e19", "0.5"])
def test_numbers_that_are_not_of_the_type_are_refused(whole: Server, number: str) -> None:
    assert whole.csv(f"n,x\n{number},0.5\n").status == 422
    assert whole.post("/predict/", f'[{{"n": {number}, "x": 0.5}}]', JSON).status == 422
    assert score(whole, number).status in (400, 422)
    assert invocation(whole, number).status == 422
    assert "ErrorMessage" in decision(whole, number).json()


CELLS = (
    ("1", "2.0"),
    ("1", ""),
    ("1.50", "2.0"),
    ("true", "false"),
    ("true", "1"),
    ("word", "1.50"),
    (f"{2**64 + 1}", "word"),
    (f"{2**64 + 1}", "1.5"),
    (f"{BIG + 1}.0", "1"),
    ("1e5", "text"),
)


@pytest.mark.parametrize("cells", CELLS)
def test_hooks_get_the_columns_of_csv(seeing: Server, cells: tuple[str, str]) -> None:
    sent = [_json_of(cell) for cell in cells]
    expected = answer(seeing.csv("a,b\n" + "".join(f"{_csv_of(c)},2.5\n" for c in cells)))

    body = "[" + ",".join(f'{{"a": {cell}, "b": 2.5}}' for cell in sent) + "]"

    assert answer(seeing.post("/predict/", body, JSON)) == expected


@pytest.mark.parametrize("name", ["data", "instances", "inputs", "dataframe_split"])
def test_a_column_may_be_called_as_a_form_is(seeing: Server, name: str) -> None:
    body = json.dumps({name: 2.5, "b": 1})

    assert answer(seeing.post("/predict/", body, JSON)) == answer(seeing.csv(f"{name},b\n2.5,1\n"))


@pytest.mark.parametrize("name", ["[kg]", "{id}", "[a] [b]"])
@pytest.mark.parametrize("media_type", ["text/plain", None])
def test_csv_may_begin_with_a_bracket(seeing: Server, name: str, media_type: str | None) -> None:
    body = f"{name},b\n2.5,1\n"

    assert answer(seeing.post("/predict/", body, media_type)) == answer(seeing.csv(body))


def _lists(*names: str) -> list[list[Any]]:
    return [[row[name] for name in names] for row in rows()]


def _named_apart(file_name: str, lists: list[list[Any]], *names: str) -> tuple[bytes, str]:
    """Return a form of rows that are lists, with the names of their columns in a part."""
    content = json.dumps(lists) if file_name.endswith("json") else "\n".join(map(str, lists))
    return form(Part("X", content, file_name), Part("X.colnames", "\n".join(names), "names.txt"))


@pytest.mark.parametrize("file_name", ["rows.json", "rows.jsonl"])
def test_names_may_stand_in_a_part_of_their_own(named: Server, file_name: str) -> None:
    names = list(reversed(rows()[0]))

    reply = named.post("/predict/", *_named_apart(file_name, _lists(*names), *names))

    assert answer(reply) == answer(named.csv(as_csv(rows())))


def test_names_in_a_part_must_be_as_many_as_the_cells(named: Server) -> None:
    names = list(rows()[0])

    reply = named.post("/predict/", *_named_apart("rows.json", _lists(*names), *names, "more"))

    assert reply.status == 422


def test_names_in_a_part_must_differ(seeing: Server) -> None:
    reply = seeing.post("/predict/", *_named_apart("rows.json", [[1, 2]], "a", "a"))

    assert reply.status == 422


@pytest.mark.parametrize("key", ["instances", "inputs", "dataframe_records"])
def test_names_beside_rows_that_have_no_place_for_them_are_refused(named: Server, key: str) -> None:
    """To be passed over, they would be taken for those of the model in its own order."""
    names = list(reversed(rows()[0]))
    body = json.dumps({key: _lists(*names), "columns": names})

    assert named.post("/predict/", body, JSON).status == 422


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-32"])
def test_other_charsets_must_be_named(named: Server, codec: str) -> None:
    """Half of a letter may look like a quote: keys that come twice would not be seen."""
    reply = named.post("/predict/", json.dumps(rows()).encode(codec), JSON)

    assert reply.status == 422
    assert "UTF-8" in reply.message


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("path", ["/predict/", "/invocations"])
def test_levels_count_in_each_charset(whole: Server, path: str, codec: str) -> None:
    """The letter in front has the byte of a quote, which would hide the brackets."""
    cell = "[" * 900 + "]" * 900
    text = f' {{"\u2200": 1, "model_id": "whole", "instances": [{{"n": {cell}, "x": 0.5}}]}}'

    reply = whole.post(path, text.encode(codec), f"{JSON}; charset={codec}")

    assert reply.status == 400
    assert "levels deep" in reply.text


def _json_of(cell: str) -> str:
    if cell == "":
        return "null"
    return f'"{cell}"' if cell in ("word", "text") else cell


def _csv_of(cell: str) -> str:
    return {"true": "True", "false": "False"}.get(cell, cell)
