"""MLflow's scoring server."""

import gzip
import io
import json
import math
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from drum_like import __version__
from tests.parity.case import files
from tests.parity.differences import OK, AnswerRule, Exchange, null_for_not_finite
from tests.parity.servers.world import (
    CSV,
    JSON,
    RealServer,
    Start,
    World,
    asked,
    called,
    has_keys,
    one_of,
    ours,
    ours_of,
    statuses,
)
from tests.support.mlflow_models import SPLIT, SUM

_SERVE = """
app = init(mlflow.pyfunc.load_model(sys.argv[1] + "/model"))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""
_SUM = (
    """
import sys

import mlflow
import pandas as pd
import uvicorn
from mlflow.pyfunc.scoring_server import init

class Sum(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        rows = pd.DataFrame(model_input)
        if "fail" in rows.columns:
            raise ValueError("boom")
        return rows.astype(float).sum(axis=1, skipna=False).tolist()

mlflow.pyfunc.save_model(sys.argv[1] + "/model", python_model=Sum())
"""
    + _SERVE
)
_NEAREST = (
    """
import sys

import mlflow
import pandas as pd
import uvicorn
from mlflow.models import infer_signature
from mlflow.pyfunc.scoring_server import init
from sklearn.neighbors import KNeighborsRegressor

rows = pd.DataFrame({"a": [0.5, 1.5, 2.5, 3.5], "b": [1.0, 0.0, 5.0, 2.0], "n": [1, 2, 3, 4]})
target = [0.25, 1.25, 2.25, 3.25]
model = KNeighborsRegressor(1, algorithm="brute").fit(rows, target)
signature = infer_signature(rows, model.predict(rows))
mlflow.sklearn.save_model(model, sys.argv[1] + "/model", signature=signature)
"""
    + _SERVE
)

_WHOLE = (
    """
import sys

import mlflow
import pandas as pd
import uvicorn
from mlflow.pyfunc.scoring_server import init
from sklearn.neighbors import KNeighborsClassifier

rows = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [0.0, 0.0, 0.0, 0.0]})
model = KNeighborsClassifier(3, algorithm="brute").fit(rows, [10, 7, 7, -3])
mlflow.sklearn.save_model(model, sys.argv[1] + "/model")
"""
    + _SERVE
)

_GAPPED = (
    """
import sys

import mlflow
import numpy as np
import pandas as pd
import uvicorn
from mlflow.models import infer_signature
from mlflow.pyfunc.scoring_server import init
from sklearn.compose import make_column_transformer
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

rows = pd.DataFrame({"t": pd.Series([np.nan, "x"], dtype=object), "n": [0.0, 0.5]})
target = [0.25, 1.25]
encoder = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), ["t"]), remainder="passthrough"
)
model = make_pipeline(encoder, KNeighborsRegressor(1, algorithm="brute")).fit(rows, target)
signature = infer_signature(rows, model.predict(rows))
mlflow.sklearn.save_model(
    model, sys.argv[1] + "/model", signature=signature, serialization_format="cloudpickle"
)
"""
    + _SERVE
)

_THEIRS = ("python", "{dir}/server.py", "{dir}", "{port}")
_CHOSEN = ("--invocations-contract", "mlflow")

is_error = has_keys("error_code", "message")


def _other_words(exchange: Exchange) -> bool:
    """The same status and code; MLflow's other keys are not there."""
    if exchange.theirs.status != exchange.ours.status:
        return False
    if exchange.theirs.status == 415:
        return {answer.content_type()[0] for answer in exchange.answers} == {"text/plain"}
    theirs: Any = exchange.theirs.json()
    ours: Any = exchange.ours.json()
    said = isinstance(theirs, dict) and is_error(exchange.ours)
    return said and theirs.get("error_code") == ours["error_code"]


def _missing_columns(exchange: Exchange) -> bool:
    theirs: Any = exchange.theirs.json()
    same = exchange.theirs.status == exchange.ours.status == 400 and is_error(exchange.ours)
    return (
        same
        and theirs["error_code"] == "INVALID_PARAMETER_VALUE"
        and ("column" in exchange.ours.message())
    )


def _not_found(exchange: Exchange) -> bool:
    same = exchange.theirs.status == exchange.ours.status in (404, 405)
    detail: Any = exchange.theirs.json()
    is_ours = is_error(exchange.ours) or exchange.ours.message().startswith("ERROR: ")
    return same and list(detail) == ["detail"] and is_ours


def _as_accepted(exchange: Exchange) -> bool:
    """The same predictions, one a line."""
    kind = exchange.ours.content_type()[0]
    theirs: Any = exchange.theirs.json()
    lines = list(map(float, exchange.ours.body.split()))
    return (exchange.request.headers[-1] == ("Accept", kind)) and lines == theirs["predictions"]


def _other_predictions(exchange: Exchange) -> bool:
    both = exchange.theirs.status == exchange.ours.status == 200
    return both and exchange.theirs.json() != exchange.ours.json()


def _probe(exchange: Exchange) -> bool:
    said = exchange.ours.json() == {"message": "OK"}
    same = exchange.theirs.status == exchange.ours.status == 200
    return same and said and not exchange.theirs.body.strip()


def _chances_of_labels(exchange: Exchange) -> bool:
    """The chances of all labels, of which theirs are the likeliest."""
    if {answer.status for answer in exchange.answers} != {OK}:
        return False
    trees: list[Any] = [answer.json() for answer in exchange.answers]
    labels, rows = (tree["predictions"] for tree in trees)
    if not all(isinstance(row, dict) and math.isclose(sum(row.values()), 1) for row in rows):
        return False
    return [max(row, key=row.__getitem__) for row in rows] == [*map(str, labels)]


def _version(exchange: Exchange) -> bool:
    theirs, here = exchange.answers
    both = theirs.status == here.status == 200
    kinds = [answer.content_type()[0] for answer in exchange.answers]
    is_theirs = re.fullmatch(rb"\d+\.\d+\.\d+", theirs.body) is not None
    is_ours = here.body == __version__.encode()
    return both and kinds == [JSON, "text/plain"] and is_theirs and is_ours


_REFUSED_HERE = statuses(200, 400, is_error)
_ANSWERED_HERE = statuses(400, 200, is_error)
RULES: Mapping[str, AnswerRule] = {
    "ML1": _chances_of_labels,
    "ML2": null_for_not_finite,
    "ML3": _REFUSED_HERE,
    "ML4": _ANSWERED_HERE,
    "ML5": _ANSWERED_HERE,
    "ML6": _REFUSED_HERE,
    "ML7": _REFUSED_HERE,
    "ML8": _REFUSED_HERE,
    "ML9": statuses((415, 500), 200, is_error),
    "ML10": statuses(415, 200, is_error),
    "ML11": _REFUSED_HERE,
    "ML12": statuses(500, 400, is_error),
    "ML13": _other_words,
    "ML14": _missing_columns,
    "ML15": _probe,
    "ML16": _not_found,
    "ML17": _ANSWERED_HERE,
    "ML18": _ANSWERED_HERE,
    "ML19": _REFUSED_HERE,
    "ML20": statuses(307, 200, is_error),
    "ML21": _as_accepted,
    "ML22": _ANSWERED_HERE,
    "ML23": _version,
    "ML24": one_of(_ANSWERED_HERE, _other_predictions),
    "ML25": _ANSWERED_HERE,
    "ML26": _REFUSED_HERE,
    "ML27": _REFUSED_HERE,
    "ML28": _other_predictions,
}

invoked = partial(asked, "/invocations")


def _parquet() -> bytes:
    sink = io.BytesIO()
    pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0]}).to_parquet(sink)
    return sink.getvalue()


_PARQUET = "application/vnd.apache.parquet"
_ONE = {"instances": [[1]]}


def _deep(levels: int) -> str:
    return '{"instances": ' + "[" * levels + "]" * levels + "}"


_ANSWERED = (
    invoked({"dataframe_split": SPLIT}),
    invoked({"dataframe_split": {**SPLIT, "index": [10, 20]}}),
    invoked({"dataframe_split": {**SPLIT, "data": []}}),
    invoked({"dataframe_split": {"data": [[1, 2]]}}),
    invoked({"dataframe_split": {"columns": ["b", "a"], "data": [["1", True]]}}),
    invoked('{"dataframe_split": {"columns": ["a"], "data": [[9007199254740993]]}}'),
    invoked('{"dataframe_split": {"columns": ["a"], "data": [[123456789012345678901234567890]]}}'),
    invoked('{"dataframe_split": {"columns": ["a", "b"], "data": [[0.1, 1e-320]]}}'),
    invoked('{"dataframe_split": {"columns": ["a", "b"], "data": [[0.1, 0.2], [1e308, -1e-7]]}}'),
    invoked('{"dataframe_split": {"columns": ["a"], "data": [[-0.0]]}}'),
    invoked({"dataframe_split": {"columns": ["a"], "data": [[None], [1]]}}, "ML2"),
    invoked({"dataframe_split": {"columns": ["ä", "\U0001f600"], "data": [[1, 2]]}}),
    invoked({"dataframe_split": SPLIT, "foo": 1, "model_id": "x"}),
    invoked({"dataframe_split": SPLIT, "params": {}}),
    invoked({"dataframe_split": SPLIT, "params": None}),
    invoked({"dataframe_split": SPLIT, "params": {"foo": 1}}),
    invoked({"dataframe_records": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}),
    invoked({"dataframe_records": [{"a": 1.5, "b": 2}, {"b": 4, "a": "7"}]}),
    invoked({"dataframe_records": [{"a": 1}, {"b": 2}]}, "ML2"),
    invoked({"dataframe_records": [[1, 2], [3, 4]]}),
    invoked({"dataframe_records": [1, 2]}),
    invoked({"dataframe_records": []}),
    invoked({"instances": [[1, 2], [3, 4]]}),
    invoked({"instances": [{"a": 1, "b": 2}]}),
    invoked({"instances": [{"a": 1, "b": 2}, {"a": 0.1, "b": 0.2}]}),
    invoked({"instances": {"a": [1, 3], "b": [2, 4]}}),
    invoked({"instances": [1, 2]}),
    invoked({"instances": []}),
    invoked({"inputs": [[1, 2]]}),
    invoked({"inputs": {"a": [1, 3], "b": [2, 4]}}),
    invoked({"inputs": [{"a": 1, "b": 2}]}),
    invoked({"inputs": []}),
    invoked({"inputs": [[1, 2]]}, kind="application/json; charset=utf-8"),
    invoked({"inputs": [[1, 2]]}, kind="application/json; charset=UTF-8"),
    invoked(b'\xef\xbb\xbf{"inputs": [[1, 2]]}'),
    invoked("a,b\n1,2\n3,4\n", kind=CSV),
    invoked("a,b\n1,2\n3,4\n", kind="text/csv; charset=utf-8"),
    invoked("a,b\n", kind=CSV),
    invoked('a,"b"\r\n1,2e3\r\n\r\n"3",4\r\n', kind=CSV),
    invoked("a,b\n0.1,0.2\n", kind=CSV),
    invoked(_parquet(), kind=_PARQUET),
)
"""Rows in each of the forms."""

_REFUSED: tuple[Any, ...] = (
    {"dataframe_split": {**SPLIT, "index": [10]}},
    {"dataframe_split": {**SPLIT, "foo": 1}},
    {"dataframe_split": {"columns": ["a"]}},
    {"dataframe_split": [[1, 2]]},
    {"dataframe_split": None},
    {"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}},
    {"dataframe_split": {"columns": ["a"], "data": [["x"]]}},
    {"dataframe_split": {"columns": ["a"], "data": [[[1]]]}},
    {"dataframe_split": {"columns": "a", "data": [[1]]}},
    {"dataframe_split": {"columns": ["a"], "data": 1}},
    {"dataframe_records": {"a": 1}},
    {"dataframe_records": [{"a": 1}, [1]]},
    {"dataframe_records": "abc"},
    {"instances": [[1, 2], [3]]},
    {"instances": [[[1, 2]]]},
    {"instances": 3},
    {"instances": None},
    {"instances": [{"fail": 1}]},
    {"instances": [{"a": "x"}]},
    {"instances": [{"a": {"b": 1}}]},
    {"inputs": {"a": [1, 2], "b": [1]}},
    {"inputs": 3},
    {"inputs": "abc"},
    {"instances": [[1]], "inputs": [[1]]},
    {"dataframe_split": SPLIT, "dataframe_records": []},
    {},
    {"foo": 1},
    {"params": {}},
    SPLIT,
    {"messages": [{"role": "user", "content": "x"}]},
    {"prompt": "x"},
    [[1, 2]],
    [],
    "3",
    "null",
    "true",
    '"abc"',
    "{bad",
    "{'instances': [[1]]}",
    '{"instances": [[1]]',
    '{"instances": [[1],]}',
    '{"instances": [[01]]}',
    '{"instances": [[1]]} x',
    "",
    "  ",
    b'{"dataframe_records": [{"a": "\xff"}]}',
    '{"dataframe_records": [{"a": "\\ud800"}]}',
    _deep(200),
)
"""Bodies of JSON that are refused with 400."""

_OTHER_TYPES = (
    invoked("", "ML13", kind=CSV),
    invoked("\n", "ML13", kind=CSV),
    invoked("a,b\n1,2\n1,2,3\n", "ML13", kind=CSV),
    invoked("a,b\nx,2\n", "ML13", kind=CSV),
    invoked(b"a,b\n\xff,2\n", "ML13", kind=CSV),
    invoked(_parquet()[:100], "ML13", kind=_PARQUET),
    invoked("", "ML13", kind=_PARQUET),
    invoked("<a/>", "ML13", kind="text/xml"),
    invoked("<a/>", "ML13", kind="application/xml"),
    invoked("a\n1\n", "ML13", kind="text/csv; charset=nonsense"),
    invoked("x", "ML13", kind="application/octet-stream"),
    invoked("x", "ML13", kind="multipart/form-data"),
    invoked("x", "ML13", kind="nonsense"),
)
"""Broken rows that are no JSON, and media types that are not read."""

_ROUTES = (
    called("GET", "/ping", "ML15"),
    called("GET", "/health", "ML15"),
    called("GET", "/version", "ML23"),
    called("GET", "/invocations", "ML16"),
    called("PUT", "/invocations", "ML16"),
    called("DELETE", "/invocations", "ML16"),
    called("POST", "/version", "ML16"),
    called("GET", "/nothing", "ML16"),
    asked("/nothing", _ONE, "ML16"),
    asked("/invocations/", _ONE, "ML20", answer={"predictions": [1.0]}),
    asked("/invocations/more", _ONE, "ML16"),
)
"""Probes, wrong methods and unknown paths."""

_DIFFERENT = (
    invoked('{"dataframe_split": {"columns": ["a"], "data": [[NaN]]}}', "ML2"),
    invoked('{"dataframe_split": {"columns": ["a"], "data": [[1e400]]}}', "ML2"),
    invoked('{"instances": [[-Infinity]]}', "ML2"),
    invoked({"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3]]}}, "ML3"),
    invoked(
        {"instances": [{"a": 1, "b": 2}, {"a": 3}]}, "ML4", answer={"predictions": [3.0, None]}
    ),
    invoked({"inputs": {"a": [1, 2], "b": 2}}, "ML6"),
    invoked('{"instances": [[1]], "instances": [[2]]}', "ML7"),
    invoked({"instances": [[1, 2]], "columns": ["b", "a"]}, "ML27"),
    invoked('{"dataframe_records": [{"a": 1, "a": 2}]}', "ML7"),
    invoked('{"instances": [[1]], "\\ud800": 1}', "ML7"),
    invoked({**_ONE, "params": [1]}, "ML8"),
    invoked({**_ONE, "params": []}, "ML8"),
    invoked({**_ONE, "params": {"predict_method": "x"}}, "ML8"),
    invoked(_ONE, "ML9", kind="Application/JSON", answer={"predictions": [1.0]}),
    invoked(_ONE, "ML9", kind="application/vnd.x+json", answer={"predictions": [1.0]}),
    invoked(_ONE, "ML9", kind="application/x-www-form-urlencoded", answer={"predictions": [1.0]}),
    invoked(_ONE, "ML9", kind=None, answer={"predictions": [1.0]}),
    invoked("a\n1\n", "ML9", kind="text/plain", answer={"predictions": [1.0]}),
    invoked(_ONE, "ML9", kind="text/plain", answer={"predictions": [1.0]}),
    invoked(_ONE, "ML10", kind="application/json; charset=latin-1", answer={"predictions": [1.0]}),
    invoked("a\n1\n", "ML10", kind="text/csv; header=present", answer={"predictions": [1.0]}),
    invoked(json.dumps(_ONE).encode("utf-16"), "ML11"),
    invoked("[" * 1000 + "]" * 1000, "ML12"),
    invoked(_deep(100_000), "ML12"),
    invoked({"messages": [], "dataframe_split": SPLIT}, "ML17", answer={"predictions": [3.0, 7.0]}),
    invoked({"inputs": {"a": 1, "b": 2}}, "ML18", answer={"predictions": [3.0]}),
    invoked({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, "ML19"),
    invoked({"dataframe_split": {"columns": ["a"], "data": [1, 2]}}, "ML19"),
    invoked({"dataframe_split": {"columns": [], "data": []}}, "ML19"),
    invoked({"dataframe_records": [{}]}, "ML19"),
    invoked({"inputs": {}}, "ML19"),
    invoked({"dataframe_records": [{"a": True}, {"a": 4}]}, "ML26"),
    invoked({"dataframe_split": SPLIT}, "ML21", headers={"Accept": CSV}),
    invoked({"dataframe_split": SPLIT}, "ML21", headers={"Accept": "application/jsonlines"}),
    invoked({"dataframe_split": SPLIT}, headers={"Accept": "*/*"}),
    invoked({"dataframe_split": SPLIT}, headers={"Accept": "text/html, application/json;q=0.9"}),
    invoked(
        gzip.compress(json.dumps(_ONE).encode(), mtime=0),
        "ML22",
        headers={"Content-Encoding": "gzip"},
        answer={"predictions": [1.0]},
    ),
    invoked(_ONE, headers={"Accept-Encoding": "gzip"}),
)
"""Requests that show a difference, and their like that show none."""

_NAMES = ["a", "b", "n"]


def _split(*rows: object, columns: list[str] = _NAMES) -> dict[str, object]:
    return {"dataframe_split": {"columns": columns, "data": list(rows)}}


_FIRST: Any = {"predictions": [0.25]}
_NONE: Any = {"predictions": []}
_SIGNED = (
    invoked(_split([0.5, 1.0, 1], [3.5, 2.0, 4])),
    invoked(_split([1, 0.5, 1], columns=["b", "a", "n"])),
    invoked(_split([0.5, 1.0, 1, 9], columns=[*_NAMES, "more"])),
    invoked(_split([1, 1, 1])),
    invoked(_split([True, 1, 1])),
    invoked(_split([0.5, 1.0, 1.0])),
    invoked(_split([1.0, 0.5, 1.9]), "ML24", answer={"predictions": [1.25]}),
    invoked(_split([0.5, 1.0, "1"])),
    invoked(_split(["0.5", 1.0, 1])),
    invoked(_split(["x", 1.0, 1]), "ML13"),
    invoked(_split([None, 1.0, 1]), "ML13"),
    invoked(_split([0.5, 1.0, None]), "ML13"),
    invoked(_split([0.5, 1.0], columns=["a", "b"]), "ML14"),
    invoked(_split([0.5], columns=["a"]), "ML14"),
    invoked(_split([0.5, 1.0, 1], columns=["A", "B", "N"]), "ML14"),
    invoked(_split(), "ML25", answer=_NONE),
    invoked(_split([[0.5], 1.0, 1]), "ML13"),
    invoked({"dataframe_split": {"data": [[0.5, 1.0, 1]]}}, "ML5", answer=_FIRST),
    invoked({"dataframe_records": [{"a": 0.5, "b": 1.0, "n": 1}]}),
    invoked({"dataframe_records": [{"n": 1, "b": 1.0, "a": 0.5}, {"a": 1.5, "b": 0, "n": 2}]}),
    invoked({"dataframe_records": [{"a": 0.5, "b": 1.0}]}, "ML14"),
    invoked({"dataframe_records": [{"a": 0.5, "b": 1.0, "n": 1}, {"a": 0.5, "b": 1.0}]}, "ML13"),
    invoked({"dataframe_records": []}, "ML25", answer=_NONE),
    invoked({"instances": [{"a": 0.5, "b": 1.0, "n": 1}]}),
    invoked({"instances": [[0.5, 1.0, 1]]}, "ML5", answer=_FIRST),
    invoked({"instances": [{"a": 0.5, "b": 1.0}]}, "ML14"),
    invoked({"instances": []}, "ML25", answer=_NONE),
    invoked({"inputs": {"a": [0.5, 1.5], "b": [1.0, 0.0], "n": [1, 2]}}),
    invoked({"inputs": {"a": 0.5, "b": 1.0, "n": 1}}),
    invoked({"inputs": {"a": [0.5], "b": [1.0]}}, "ML14"),
    invoked({"inputs": [{"a": 0.5, "b": 1.0, "n": 1}]}),
    invoked({"inputs": [[0.5, 1.0, 1]]}, "ML5", answer=_FIRST),
    invoked({"inputs": [[0.5, 1.0]]}, "ML14"),
    invoked("a,b,n\n0.5,1.0,1\n3.5,2,4\n", kind=CSV),
    invoked("n,b,a\n1,1,0.5\n", kind=CSV),
    invoked("a,b\n0.5,1.0\n", "ML14", kind=CSV),
    invoked("a,b,n\nx,1.0,1\n", "ML13", kind=CSV),
    invoked("a,b,n\n,1.0,1\n", "ML13", kind=CSV),
    invoked("a,b,n\n1.0,0.5,1.9\n", "ML24", kind=CSV, answer={"predictions": [1.25]}),
    invoked("a,b,n\n", "ML25", kind=CSV, answer=_NONE),
)
"""Rows of a model whose signature names its columns."""

_TEXT: Any = ["t", "n"]
_GAP: Any = {"predictions": [0.25]}
_TEXTS = (
    invoked(_split(["x", 0.3], ["", 0.3], ["z", 0.3], columns=_TEXT)),
    invoked(_split(["", 0.3], [None, 0.3], columns=_TEXT)),
    invoked(_split(["", 0.3], columns=_TEXT)),
    invoked(_split(["NA", 0.3], [" ", 0.3], columns=_TEXT)),
    invoked({"dataframe_records": [{"t": "", "n": 0.3}]}),
    invoked({"instances": [{"t": "", "n": 0.3}]}),
    invoked({"inputs": {"t": ["", "x"], "n": [0.3, 0.3]}}),
    invoked("t,n\n,0.3\nx,0.3\n", kind=CSV),
    invoked('t,n\n"",0.3\nx,0.3\n', kind=CSV),
    invoked("t,n\nNA,0.3\nx,0.3\n", kind=CSV),
    invoked(_split([None, 0.3], columns=_TEXT), "ML28", answer=_GAP),
    invoked({"dataframe_records": [{"t": None, "n": 0.3}]}, "ML28", answer=_GAP),
    invoked({"inputs": {"t": [None], "n": [0.3]}}, "ML28", answer=_GAP),
)
"""Empty texts, words for missing cells and missing cells, which are a category of the model."""

_FOUR = {"columns": ["a", "b"], "data": [[0.1, 0], [1.4, 0.5], [2.9, 0], [9, 1]]}
_LABELS = {"params": {"predict_method": "predict"}}
_CLASSIFIED = (
    invoked({"dataframe_split": _FOUR}, "ML1"),
    invoked({"dataframe_split": _FOUR, **_LABELS}),
    invoked({"instances": [[0.1, 0]], **_LABELS}),
    invoked({"instances": [], **_LABELS}, "ML25", answer={"predictions": []}),
)
"""Rows of a classifier whose labels are whole numbers."""

MLFLOW = RealServer(
    name="mlflow",
    title="MLflow 3.17",
    pages=("mlflow.md",),
    rules=RULES,
    worlds=(
        World(
            theirs=Start(build=files({"server.py": _SUM}), command=_THEIRS, ready="/ping"),
            ours=ours(SUM, *_CHOSEN),
            groups={
                "mlflow-answered": _ANSWERED,
                "mlflow-refused": tuple(invoked(body, "ML13") for body in _REFUSED),
                "mlflow-other-types": _OTHER_TYPES,
                "mlflow-routes": _ROUTES,
                "mlflow-different": _DIFFERENT,
            },
        ),
        World(
            theirs=Start(build=files({"server.py": _NEAREST}), command=_THEIRS, ready="/ping"),
            ours=ours_of("model", "--target-type", "regression", *_CHOSEN),
            groups={"mlflow-signature": _SIGNED},
        ),
        World(
            theirs=Start(build=files({"server.py": _GAPPED}), command=_THEIRS, ready="/ping"),
            ours=ours_of("model", "--target-type", "regression", *_CHOSEN),
            groups={"mlflow-texts": _TEXTS},
        ),
        World(
            theirs=Start(build=files({"server.py": _WHOLE}), command=_THEIRS, ready="/ping"),
            ours=ours_of("model", *_CHOSEN),
            groups={"mlflow-labels": _CLASSIFIED},
        ),
    ),
)
