"""KServe's ModelServer: the V1 protocol, and the Open Inference Protocol."""

import gzip
import json
from functools import partial
from typing import Any

from tests.parity.case import files
from tests.parity.differences import AnswerRule
from tests.parity.servers import tensors
from tests.parity.servers.tensors import ABOUT, LENGTH, body, routes, tensor
from tests.parity.servers.world import (
    RealServer,
    Start,
    World,
    asked,
    called,
    has_keys,
    not_found,
    other_words,
    ours,
    statuses,
    with_more_keys,
)
from tests.support.summing import SUM

_PROGRAM = """
import sys

import numpy as np
import pandas as pd
from kserve import InferOutput, InferResponse, Model, ModelServer

class Sum(Model):
    def predict(self, payload, headers=None):
        if isinstance(payload, dict):
            rows = pd.DataFrame(payload["instances" if "instances" in payload else "inputs"])
            return {"predictions": rows.astype(float).sum(axis=1).tolist()}
        matrix = payload.inputs[0].as_numpy()
        sums = np.nansum(matrix.astype(float).reshape(len(matrix), -1), axis=1)
        output = InferOutput("predict", list(sums.shape), "FP64", sums.tolist())
        return InferResponse(payload.id, "sum", [output])

one = Sum("sum")
one.ready = True
ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([one])
"""
is_error = has_keys("error")

RULES: dict[str, AnswerRule] = {
    "KS1": with_more_keys,
    "KS2": other_words(is_error),
    "KS3": statuses(500, 400, is_error),
    "KS4": statuses(500, 200, is_error),
    "KS5": statuses(200, 400, is_error),
    "KS6": statuses(307, 200, is_error),
    "KS7": not_found(is_error),
    "KS8": statuses(400, 200, is_error),
    "KS9": statuses(200, 400, is_error),
    "KS10": statuses(400, 200, is_error),
    **tensors.RULES,
}

predicted = partial(asked, "/v1/models/sum:predict")
_EVENT = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "me", "ce-type": "of.mine"}
_STRUCTURED = "application/cloudevents+json"
_WRAPPED = {
    "specversion": "1.0",
    "id": "1",
    "source": "me",
    "type": "of.mine",
    "time": "2026-01-01T00:00:00Z",
}
_TOLD = ("ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time")
_ROW = {"instances": [[1, 2]]}

_V1 = (
    called("GET", "/", "KS1"),
    called("GET", "/v1/models"),
    called("GET", "/v1/models/sum"),
    called("GET", "/v1/models/nobody"),
    called("GET", "/v1/models/sum:predict"),
    predicted({"instances": [[1, 2], [3, 4]]}),
    predicted({"inputs": [[1, 2], [3, 4]]}),
    predicted({"instances": [[0.1, 0.2], [1e300, -1e-300]]}),
    predicted({"instances": [[9007199254740993, 0]]}),
    predicted({"instances": [{"a": 1, "b": 2}]}),
    predicted({"instances": [{"a": 1, "b": 2}, {"a": 0.1, "b": 0.2}]}),
    predicted({"instances": [[True, 2]]}),
    predicted({"instances": [[1, 2]], "parameters": {"x": 1}}),
    predicted({"instances": [[1, 2]], "signature_name": "x"}),
    predicted({"instances": []}),
    predicted({"inputs": []}),
    predicted({"instances": {"a": 1}}),
    predicted({"instances": None}),
    predicted({"instances": "abc"}),
    predicted({"instances": 1}),
    asked("/v1/models/nobody:predict", {"instances": [[1]]}),
    asked("/v1/models/nobody:predict", "{broken"),
    asked("/v1/models/nobody:explain", {"instances": [[1]]}),
)
_V1_BROKEN = (
    predicted("{broken", "KS2"),
    predicted('{"instances": [[1, 2]]', "KS2"),
    predicted('{"instances": [[1, 2],]}', "KS2"),
    predicted("{'instances': [[1, 2]]}", "KS2"),
    predicted('{"instances": [[1, 2]]} x', "KS2"),
    predicted("", "KS2"),
    predicted("  ", "KS2"),
    predicted(b'{"instances": [["\xff"]]}', "KS2"),
    predicted('{"instances": [[NaN, 1]]}', "KS8", answer={"predictions": [1.0]}),
    predicted('{"instances": [[1e400, 1]]}', "KS8", answer={"predictions": [None]}),
    predicted({"foo": 1}, "KS3"),
    predicted({}, "KS3"),
    predicted("[]", "KS3"),
    predicted([1, 2], "KS3"),
    predicted("null", "KS3"),
    predicted("3", "KS3"),
    predicted('"x"', "KS3"),
    predicted({"inputs": 3}, "KS3"),
    predicted({"inputs": {"a": 1}}, "KS3"),
    predicted({"instances": ["a"]}, "KS2"),
    predicted({"instances": [1]}),
    predicted({"instances": [["a", 1]]}, "KS2"),
    predicted({"instances": [[None, 1]]}),
    predicted({"instances": [[[1], 2]]}, "KS3"),
    predicted({"instances": [[1, 2], [3]]}, "KS9"),
    predicted({"instances": [{"a": 1, "b": 2}, {"a": 3}]}),
    predicted({"instances": [{"a": {"b": 1}}]}, "KS3"),
    predicted({"instances": [[1, 2]], "inputs": [[3, 4]]}, "KS9"),
    predicted({"instances": [[1, 2]], "parameters": []}, "KS9"),
    predicted('{"instances": [[1, 2]], "instances": [[3, 4]]}', "KS9"),
    predicted('{"instances": ' + "[" * 200 + "]" * 200 + "}", "KS3"),
    predicted('{"instances": ' + "[" * 5000 + "]" * 5000 + "}", "KS2"),
)
_V1_HTTP = (
    predicted(_ROW, kind=None),
    predicted(_ROW, "KS4", kind="text/plain", answer={"predictions": [3.0]}),
    predicted(_ROW, "KS4", kind="application/x-www-form-urlencoded", answer={"predictions": [3.0]}),
    predicted(_ROW, "KS4", kind="application/json; charset=utf-8", answer={"predictions": [3.0]}),
    predicted(_ROW, "KS4", kind="Application/JSON", answer={"predictions": [3.0]}),
    predicted("a,b\n1,2\n", "KS3", kind="text/csv"),
    predicted(_ROW, headers={"Accept": "text/csv"}),
    predicted(_ROW, headers={"Accept": "application/jsonlines"}),
    predicted(_ROW, headers={"Accept-Encoding": "gzip"}),
    predicted(
        gzip.compress(json.dumps(_ROW).encode(), mtime=0),
        "KS10",
        headers={"Content-Encoding": "gzip"},
        answer={"predictions": [3.0]},
    ),
    predicted(_ROW, headers=_EVENT, compared=_TOLD),
    predicted({"instances": [[1, 2], [3, 4]]}, headers=_EVENT, compared=_TOLD),
    predicted("{broken", "KS3", headers=_EVENT, compared=_TOLD),
    predicted(_ROW, headers={name: _EVENT[name] for name in list(_EVENT)[:2]}, compared=_TOLD),
    predicted({**_WRAPPED, "data": _ROW}, kind=_STRUCTURED, compared=_TOLD),
    predicted({**_WRAPPED, "data": {"inputs": [[3, 4]]}}, kind=_STRUCTURED, compared=_TOLD),
    predicted({**_WRAPPED, "data": {"foo": 1}}, "KS3", kind=_STRUCTURED, compared=_TOLD),
    predicted(_WRAPPED, "KS3", kind=_STRUCTURED, compared=_TOLD),
    predicted(_ROW, "KS5", kind=_STRUCTURED, compared=_TOLD),
    predicted("{broken", "KS2", kind=_STRUCTURED, compared=_TOLD),
    asked("/v1/models/sum:explain", _ROW, "KS2"),
    asked("/v1/models/sum:other", _ROW, "KS7"),
    asked("/v1/models/sum:predict/", _ROW, "KS6", answer={"predictions": [3.0]}),
    asked("/v1/models/sum", _ROW, "KS7"),
    asked("/v1/models/sum/versions/1:predict", _ROW, "KS7"),
    asked("/v1/nothing", _ROW, "KS7"),
    called("GET", "/v1/models/", "KS6", answer={"models": ["sum"]}),
    called("GET", "/v1/models/sum/", "KS6", answer={"name": "sum", "ready": True}),
    called("GET", "/v1/models/sum:explain"),
    called("PUT", "/v1/models/sum", "KS7"),
    called("DELETE", "/v1/models/sum", "KS7"),
    called("PUT", "/v1/models/sum:predict", "KS7"),
    called("POST", "/v1/models", "KS7"),
    called("GET", "/v1", "KS7"),
    called("POST", "/", "KS7"),
)

_FRESH = "00000000-0000-4000-8000-000000000000"
"""Stands for any id made for a request."""


def _sums(*sums: float, identity: str = "7") -> dict[str, Any]:
    """Return our answer to tensors."""
    output = {"name": "predict", "datatype": "FP64", "shape": [len(sums)], "data": list(sums)}
    return {"model_name": "sum", "model_version": "1", "id": identity, "outputs": [output]}


_MATRIX = {"name": "input-0", "datatype": "FP64", "shape": [-1, -1]}
_MODEL = {
    "name": "sum",
    "versions": ["1"],
    "platform": "python",
    "inputs": [_MATRIX],
    "outputs": [{"name": "predict", "datatype": "FP64", "shape": [-1]}],
}
inferred = partial(asked, "/v2/models/sum/infer")
_V2 = (
    inferred(body(tensor()), "OI1"),
    inferred(body(tensor(data=[[1.5, 2], [-3, 4]])), "OI1"),
    inferred(body(tensor(datatype="FP32")), "OI1"),
    inferred(body(tensor(datatype="FP32", data=[0.1, 0.2, 0.3, 0.4])), "OI1"),
    inferred(body(tensor(data=[0.1, 0.2, 1e300, -1e-300])), "OI1"),
    inferred(body(tensor(datatype="INT64", data=[1, 2, 3, 2**53])), "OI1"),
    inferred(body(tensor(datatype="INT32", data=[1, 2, 3, -4])), "OI1"),
    inferred(body(tensor(datatype="INT16", data=[1, 2, 3, -4])), "OI1"),
    inferred(body(tensor(datatype="INT8", data=[1, 2, 3, -128])), "OI1"),
    inferred(body(tensor(datatype="UINT64", data=[1, 2, 3, 4])), "OI1"),
    inferred(body(tensor(datatype="UINT32", data=[1, 2, 3, 4])), "OI1"),
    inferred(body(tensor(datatype="UINT16", data=[1, 2, 3, 65535])), "OI1"),
    inferred(body(tensor(datatype="UINT8", data=[1, 2, 3, 255])), "OI1"),
    inferred(body(tensor(datatype="BOOL", data=[True, False, True, True])), "OI1"),
    inferred(body(tensor(parameters={"anything": "x"})), "OI1"),
    inferred(body(tensor(shape=[1, 4])), "OI1"),
    inferred(body(tensor(shape=[4, 1])), "OI1"),
    inferred(body(tensor(name="anything")), "OI1"),
    inferred(body(tensor(), parameters={"x": 1}), "OI1"),
    inferred(
        body(tensor(), id=None),
        "OI15",
        answer=_sums(3.5, 1.0, identity=_FRESH),
    ),
    inferred(body(tensor(), id=""), "OI1"),
    inferred(body(tensor(), extra=1), "OI1"),
    inferred(body(tensor(), outputs=[{"name": "predict"}]), "OI1"),
    inferred(body(tensor(), outputs=[]), "OI1"),
)
_V2_BROKEN = (
    inferred("", "OI4"),
    inferred("{", "OI4"),
    inferred("[]", "OI4"),
    inferred("{}", "OI4"),
    inferred("null", "OI4"),
    inferred("3", "OI4"),
    inferred('{"inputs": 1}', "OI4"),
    inferred('{"inputs": []}', "OI4"),
    inferred('{"inputs": [{}]}', "OI4"),
    inferred('{"inputs": null}', "OI4"),
    inferred('{"inputs": [1]}', "OI4"),
    inferred('{"inputs": {}}', "OI4"),
    inferred(body(tensor(name=None)), "OI4"),
    inferred(body(tensor(name=7)), "OI4"),
    inferred(body(tensor(shape=None)), "OI4"),
    inferred(body(tensor(shape=[])), "OI4"),
    inferred(body(tensor(shape=[4])), "OI1"),
    inferred(body(tensor(shape=[3, 2])), "OI4"),
    inferred(body(tensor(shape=[2, -2])), "OI5"),
    inferred(body(tensor(shape=["2", 2.5])), "OI4"),
    inferred(body(tensor(datatype=None)), "OI4"),
    inferred(body(tensor(datatype="FP1")), "OI8"),
    inferred(body(tensor(datatype="fp64")), "OI5"),
    inferred(body(tensor(data=None)), "OI4"),
    inferred(body(tensor(data=[])), "OI4"),
    inferred(body(tensor(data=[1, 2, 3])), "OI4"),
    inferred(body(tensor(data=[1, 2, 3, 4, 5])), "OI4"),
    inferred(body(tensor(data=["a", "b", "c", "d"])), "OI4"),
    inferred(body(tensor(data=[[1, 2], [3]])), "OI4"),
    inferred(body(tensor(data=[1, None, 3, 4])), "OI1"),
    inferred(body(tensor(data={"a": 1})), "OI4"),
    inferred(body(tensor(datatype="INT8", data=[300, 2, 3, 4])), "OI4"),
    inferred(body(tensor(datatype="INT64", data=[1.5, 2, 3, 4])), "OI5"),
    inferred(body(tensor(datatype="UINT8", data=[-1, 2, 3, 4])), "OI4"),
    inferred(body(tensor(datatype="FP32", data=[1e39, 2, 3, 4])), "OI5"),
    inferred(body(tensor(), tensor()), "OI5"),
    inferred(body(tensor(), id=7), "OI4"),
    inferred(body(tensor(), outputs=[{"name": "nothing"}]), "OI5"),
    inferred(body(tensor(), outputs=1), "OI4"),
    inferred(body(tensor(), outputs={}), "OI4"),
    inferred(body(tensor(), parameters=1), "OI4"),
    inferred(body(tensor())[:-2], "OI4"),
    inferred('{"inputs": ' + "[" * 5000 + "]" * 5000 + "}", "OI4"),
    inferred(body(tensor()), "OI14", headers={LENGTH: "5"}),
    inferred(body(tensor()), "OI14", headers={LENGTH: "x"}),
    inferred(body(tensor()), "OI14", headers={LENGTH: "0"}),
    inferred(body(tensor()), "OI14", headers={LENGTH: "99999"}),
    inferred(
        body(tensor()),
        "OI3",
        kind=None,
        answer=_sums(3.5, 1.0),
    ),
    inferred(
        body(tensor()),
        "OI3",
        kind="text/plain",
        answer=_sums(3.5, 1.0),
    ),
    inferred("a,b\n1,2\n", "OI8", kind="text/csv"),
)
_V2_ROUTES = (
    *routes(_MODEL),
    called("GET", "/v2/", "OI9", answer=ABOUT),
    called("GET", "/v2/health/live"),
    called("GET", "/v2/models"),
    called("GET", "/v2/models/sum/ready"),
    called("GET", "/v2/models/sum/nothing", "OI10"),
    called(
        "GET",
        "/v2/models/sum/versions/1",
        "OI12",
        answer=_MODEL,
    ),
    called("GET", "/v2/models/sum/versions/9", "OI12"),
    called(
        "POST",
        "/v2/repository/index",
        "OI12",
        answer=[{"name": "sum", "version": "1", "state": "READY", "reason": ""}],
    ),
    called("POST", "/v2/repository/models/sum/load"),
    called("POST", "/v2/repository/models/nobody/load", "OI13"),
    asked(
        "/v2/models/sum/infer/",
        body(tensor()),
        "OI9",
        answer=_sums(3.5, 1.0),
    ),
    asked(
        "/v2/models/sum/versions/1/infer",
        body(tensor()),
        "OI12",
        answer=_sums(3.5, 1.0),
    ),
    asked("/v2/models/sum/versions/9/infer", body(tensor()), "OI12"),
)

KSERVE = RealServer(
    name="kserve",
    title="KServe 0.21",
    pages=("kserve.md", "open-inference.md"),
    rules=RULES,
    worlds=(
        World(
            theirs=Start(
                build=files({"server.py": _PROGRAM}),
                command=("python", "{dir}/server.py", "{port}"),
                ready="/v1/models/sum",
            ),
            ours=ours(SUM),
            groups={
                "kserve-v1": _V1,
                "kserve-v1-broken": _V1_BROKEN,
                "kserve-v1-http": _V1_HTTP,
                "kserve-v2": _V2,
                "kserve-v2-broken": _V2_BROKEN,
                "kserve-v2-routes": _V2_ROUTES,
            },
        ),
    ),
)
