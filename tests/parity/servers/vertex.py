"""The server of models in Google's client for Vertex AI."""

import gzip
import json
from functools import partial

from tests.parity.case import files
from tests.parity.differences import OK, AnswerRule, Exchange
from tests.parity.servers.world import (
    CELLS,
    JSON,
    RealServer,
    Start,
    World,
    asked,
    called,
    has_keys,
    not_found,
    ours,
    statuses,
)
from tests.support.summing import SUM

_PROGRAM = """
import os
import uvicorn
from google.cloud.aiplatform.prediction.model_server import CprModelServer

uvicorn.run(CprModelServer().app, host="127.0.0.1", port=int(os.environ["AIP_HTTP_PORT"]))
"""
_PREDICTOR = (
    CELLS
    + """
from google.cloud.aiplatform.prediction.predictor import Predictor

class Sum(Predictor):
    def load(self, artifacts_uri, **kwargs):
        pass

    def predict(self, instances):
        return {"predictions": [sum(cells(row), 0.0) for row in instances["instances"]]}
"""
)
_ROUTES = {"AIP_HEALTH_ROUTE": "/h", "AIP_PREDICT_ROUTE": "/p"}
_HANDLER = {
    "HANDLER_MODULE": "google.cloud.aiplatform.prediction.handler",
    "HANDLER_CLASS": "PredictionHandler",
    "PREDICTOR_MODULE": "predictor",
    "PREDICTOR_CLASS": "Sum",
    "AIP_STORAGE_URI": "",
    "AIP_HTTP_PORT": "{port}",
}
is_error = has_keys("error")


def _other_key(exchange: Exchange) -> bool:
    """The same status; the text is called `detail` there, and `error` here."""
    theirs, here = exchange.answers
    return theirs.status == here.status >= 400 and has_keys("detail")(theirs) and is_error(here)


def _accept_repeated(exchange: Exchange) -> bool:
    kinds = [answer.header("content-type") or "" for answer in exchange.answers]
    accepted = dict(exchange.request.headers).get("Accept", JSON)
    same = exchange.theirs.json() == exchange.ours.json()
    return same and kinds[0].startswith(accepted) and kinds[1] == JSON


def _accept_ignored(exchange: Exchange) -> bool:
    names = {name for name, _ in exchange.request.headers}
    return "Accept" in names and statuses(400, 200, is_error)(exchange)


def _healthy(exchange: Exchange) -> bool:
    theirs, here = exchange.answers
    both = theirs.status == here.status == OK
    return both and theirs.json() == {} and here.json() == {"message": "OK"}


def _drums_payload(exchange: Exchange) -> bool:
    statuses = exchange.theirs.status, exchange.ours.status
    return statuses == (400, 422) and exchange.ours.message().startswith("ERROR: ")


RULES: dict[str, AnswerRule] = {
    "VX1": _other_key,
    "VX2": statuses(500, 400, is_error),
    "VX3": statuses(400, 200, is_error),
    "VX4": _accept_ignored,
    "VX5": _accept_repeated,
    "VX6": statuses(200, 400, is_error),
    "VX7": statuses(500, 200, is_error),
    "VX8": statuses(307, 200, is_error),
    "VX9": _healthy,
    "VX10": not_found(is_error),
    "VX11": _drums_payload,
}

predicted = partial(asked, "/p")
_ROW = {"instances": [[1, 2]]}

_ANSWERED = (
    predicted({"instances": [[1, 2], [3, 4]]}),
    predicted({"instances": [{"a": 1, "b": 2}]}),
    predicted({"instances": [{"a": 1, "b": 2}, {"a": 0.1, "b": 0.2}]}),
    predicted({"instances": [[1, 2]], "parameters": {"a": 1}}),
    predicted({"instances": [[1, 2]], "parameters": None}),
    predicted({"instances": [[1, 2]], "parameters": [1]}, "VX6"),
    predicted({"instances": [[1, 2]], "more": 3}),
    predicted({"instances": [[0.1, 0.2], [1e300, -1e-300]]}),
    predicted({"instances": [[9007199254740993, 0]]}),
    predicted({"instances": [[True, 2]]}),
    predicted({"instances": []}),
    predicted(_ROW, kind="application/json; charset=utf-8"),
    predicted(_ROW, "VX3", kind="Application/JSON", answer={"predictions": [3.0]}),
    predicted(_ROW, headers={"Accept": "application/json"}),
    predicted(_ROW, "VX5", headers={"Accept": "*/*"}),
    predicted(_ROW, "VX4", headers={"Accept": "text/csv"}, answer={"predictions": [3.0]}),
    predicted(
        _ROW, "VX4", headers={"Accept": "application/jsonlines"}, answer={"predictions": [3.0]}
    ),
    predicted(_ROW, "VX5", headers={"Accept": "text/html, application/json;q=0.9"}),
    predicted(_ROW, headers={"Accept-Encoding": "gzip"}),
)
_BROKEN = (
    predicted("{broken", "VX1"),
    predicted("", "VX1"),
    predicted("  ", "VX1"),
    predicted('{"instances": [[1, 2]]', "VX1"),
    predicted('{"instances": [[1]]} x', "VX1"),
    predicted("[]", "VX2"),
    predicted("{}", "VX2"),
    predicted("null", "VX2"),
    predicted("3", "VX2"),
    predicted('"x"', "VX2"),
    predicted({"instances": 1}, "VX2"),
    predicted({"instances": None}, "VX2"),
    predicted({"instances": "abc"}, "VX2"),
    predicted({"instances": {"a": 1}}, "VX2"),
    predicted({"instances": ["a"]}, "VX1"),
    predicted({"instances": [["a"]]}, "VX1"),
    predicted({"instances": [[None]]}),
    predicted({"instances": [[[1]]]}, "VX2"),
    predicted({"instances": [1]}),
    predicted({"instances": [[1, 2], [3]]}, "VX6"),
    predicted({"instances": [{"a": 1, "b": 2}, {"a": 3}]}),
    predicted({"foo": ["x"]}, "VX2"),
    predicted('{"instances": [[1]], "instances": [[2]]}', "VX6"),
    predicted('{"instances": [[NaN]]}'),
    predicted(b'{"instances": [["\xff"]]}', "VX2"),
    predicted('{"instances": ' + "[" * 5000 + "]" * 5000 + "}", "VX2"),
    predicted(_ROW, "VX3", kind=None, answer={"predictions": [3.0]}),
    predicted(_ROW, "VX3", kind="text/plain", answer={"predictions": [3.0]}),
    predicted(_ROW, "VX3", kind="application/x-www-form-urlencoded", answer={"predictions": [3.0]}),
    predicted("a,b\n1,2\n", "VX3", kind="text/csv", answer={"predictions": [3.0]}),
    predicted("<a/>", "VX11", kind="text/xml"),
    predicted(
        gzip.compress(json.dumps(_ROW).encode(), mtime=0),
        "VX7",
        headers={"Content-Encoding": "gzip"},
        answer={"predictions": [3.0]},
    ),
)
_PATHS = (
    called("GET", "/h", "VX9"),
    called("GET", "/h/", "VX8", answer={"message": "OK"}),
    called("POST", "/h", "VX1"),
    called("GET", "/p", "VX1"),
    called("PUT", "/p", "VX1"),
    called("DELETE", "/p", "VX1"),
    asked("/p/", _ROW, "VX8", answer={"predictions": [3.0]}),
    asked("/p/more", _ROW, "VX1"),
    called("GET", "/nothing", "VX10"),
    asked("/nothing", _ROW, "VX10"),
)

VERTEX = RealServer(
    name="vertex",
    title="Google's CprModelServer 2.7",
    pages=("vertex.md",),
    rules=RULES,
    worlds=(
        World(
            theirs=Start(
                build=files({"server.py": _PROGRAM, "predictor.py": _PREDICTOR}),
                command=("python", "{dir}/server.py"),
                environment={**_ROUTES, **_HANDLER},
                ready="/h",
            ),
            ours=ours(SUM, **_ROUTES),
            groups={
                "vertex-answered": _ANSWERED,
                "vertex-broken": _BROKEN,
                "vertex-routes": _PATHS,
            },
        ),
    ),
)
