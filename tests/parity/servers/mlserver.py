"""MLServer: the Open Inference Protocol, with a classifier of scikit-learn."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.parity.case import Probe, files
from tests.parity.servers import tensors
from tests.parity.servers.tensors import LENGTH, body, routes
from tests.parity.servers.tensors import tensor as square
from tests.parity.servers.world import (
    RealServer,
    Start,
    World,
    asked,
    called,
    has_keys,
    ours_of,
)
from tests.support.open_inference import NO_YES_OUTPUTS

_PROGRAM = """
import json
import os
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

folder, labels = Path(sys.argv[1]), json.loads(sys.argv[2])
rows = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 3)), columns=["a", "b", "c"])
target = np.where(rows["a"] + rows["b"] * rows["c"] > 0.2, *labels)
model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(rows, target)
(folder / "m").mkdir()
joblib.dump(model, folder / "m" / "model.joblib")
described = {
    "name": "m",
    "implementation": "mlserver_sklearn.SKLearnModel",
    "parameters": {"uri": str(folder / "m" / "model.joblib")},
}
(folder / "model-settings.json").write_text(json.dumps(described))
program = Path(sys.executable).with_name("mlserver")
os.execv(program, [str(program), "start", str(folder)])
"""
_PORTS = {
    "MLSERVER_HOST": "127.0.0.1",
    "MLSERVER_HTTP_PORT": "{port}",
    "MLSERVER_GRPC_PORT": "{second}",
    "MLSERVER_METRICS_PORT": "{third}",
    "MLSERVER_PARALLEL_WORKERS": "0",
}
_BOTH = [{"name": "predict"}, {"name": "predict_proba"}]
_SIX = [1, 2, 3, 0.5, -1, 2]

is_error = has_keys("error")
inferred = partial(asked, "/v2/models/m/infer")


def tensor(**members: Any) -> dict[str, Any]:
    """Return a tensor of two rows and three columns."""
    return square(**{"shape": [2, 3], "data": _SIX, **members})


def request(*tensors: Any, **members: Any) -> str:
    """Return a request for both outputs."""
    return body(*tensors, **{"outputs": _BOTH, **members})


def _answer(labels: list[str], chances: list[float]) -> dict[str, Any]:
    """Return our answer to two rows; `chances` are those of no and yes, row by row."""
    named = {"class_labels": '["no","yes"]'}
    outputs = [
        {"name": "predict", "datatype": "BYTES", "shape": [2], "data": labels},
        {"name": "predict_proba", "datatype": "FP64", "shape": [2, 2], "data": chances}
        | {"parameters": named},
    ]
    return {"model_name": "m", "model_version": "1", "id": "7", "outputs": outputs}


_YES_NO = _answer(["yes", "no"], [0.0, 1.0, 1.0, 0.0])
_NO_YES = _answer(["no", "yes"], [1.0, 0.0, 0.05333333333333334, 0.9466666666666667])


def _columns(order: str, **members: Any) -> str:
    """Return a request with a tensor a column, each with numbers of its own."""
    numbers = {"a": [1.5, 2.0], "b": [-0.5, 0.25], "c": [3.0, -2.0]}
    tensors = [tensor(name=name, shape=[2], data=numbers[name], **members) for name in order]
    return request(*tensors, parameters={"content_type": "pd"})


_ANSWERED = (
    inferred(request(tensor()), "OI2"),
    inferred(request(tensor(), outputs=None), "OI2"),
    inferred(request(tensor(), outputs=[{"name": "predict_proba"}]), "OI1"),
    inferred(request(tensor(), outputs=[{"name": "predict"}]), "OI2"),
    inferred(request(tensor(data=[[1, 2, 3], [0.5, -1, 2]])), "OI2"),
    inferred(request(tensor(shape=[1, 3], data=[1, 2, 3])), "OI2"),
    inferred(request(tensor(datatype="FP32", data=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])), "OI2"),
    inferred(request(tensor(datatype="INT64", data=[1, 2, 3, 4, 5, 6])), "OI2"),
    inferred(request(tensor(datatype="INT64", data=[1.0, 2.0, 3, 4, 5, 6])), "OI2"),
    inferred(request(tensor(datatype="INT32", data=[1, -2, 3, 4, 5, 6])), "OI2"),
    inferred(request(tensor(datatype="UINT8", data=[0, 255, 3, 4, 5, 6])), "OI2"),
    inferred(request(tensor(datatype="BOOL", data=[True, False, True, 1, 0, 1])), "OI2"),
    inferred(request(tensor(parameters={"content_type": "np"})), "OI2"),
    inferred(_columns("abc"), "OI2"),
    inferred(request(tensor(extra=1), more=2), "OI2"),
    inferred(request(tensor(name="anything")), "OI2"),
    inferred(request(tensor(), id=None), "OI2"),
    inferred(request(tensor()), "OI2", kind=None),
    inferred(
        request(tensor()),
        "OI3",
        kind="text/plain",
        answer=_YES_NO,
    ),
    inferred(request(tensor()), "OI2", kind="application/json; charset=utf-8"),
    inferred(request(tensor()), "OI2", headers={"Accept": "text/csv"}),
    inferred(request(tensor()), "OI16", headers={"Accept-Encoding": "gzip"}),
    asked(
        "/v2/models/m/versions/1/infer",
        request(tensor()),
        "OI12",
        answer=_YES_NO,
    ),
)
_REFUSED = (
    inferred("{", "OI4"),
    inferred("", "OI4"),
    inferred("  ", "OI4"),
    inferred("[]", "OI4"),
    inferred("{}", "OI4"),
    inferred("null", "OI4"),
    inferred('"x"', "OI4"),
    inferred('{"inputs": 1}', "OI4"),
    inferred('{"inputs": [{}]}', "OI4"),
    inferred(request(), "OI8"),
    inferred(request(tensor(name=None)), "OI4"),
    inferred(request(tensor(name=7)), "OI4"),
    inferred(request(tensor(shape=None)), "OI4"),
    inferred(request(tensor(datatype=None)), "OI4"),
    inferred(request(tensor(data=None)), "OI4"),
    inferred(request(tensor(data=[])), "OI4"),
    inferred(request(tensor(datatype="FP1")), "OI4"),
    inferred(request(tensor(datatype="fp64")), "OI4"),
    inferred(request(tensor(data=[1, 2, 3])), "OI4"),
    inferred(request(tensor(data=list(range(7)))), "OI4"),
    inferred(request(tensor(data=[[1, 2, 3], [4]])), "OI4"),
    inferred(request(tensor(shape=[])), "OI4"),
    inferred(request(tensor(shape=[6])), "OI4"),
    inferred(request(tensor(shape=[3, 2])), "OI4"),
    inferred(request(tensor(shape=[2, -3])), "OI5"),
    inferred(request(tensor(shape=["2", 3])), "OI5"),
    inferred(request(tensor(data=[1, None, 3, 4, 5, 6])), "OI2"),
    inferred(request(tensor(data=["a", "b", "c", "d", "e", "f"])), "OI4"),
    inferred(request(tensor(data=["1", "2", "3", "4", "5", "6"])), "OI5"),
    inferred(request(tensor(datatype="INT64", data=[1.5, 2, 3, 4, 5, 6])), "OI5"),
    inferred(request(tensor(datatype="INT8", data=[300, 2, 3, 4, 5, 6])), "OI4"),
    inferred(request(tensor(datatype="UINT8", data=[-1, 2, 3, 4, 5, 6])), "OI4"),
    inferred(request(tensor(datatype="FP32", data=[1e39, 2, 3, 4, 5, 6])), "OI4"),
    inferred(request(tensor(datatype="BYTES", data=["a", "b", "c", "d", "e", "f"])), "OI4"),
    inferred(request(tensor(), tensor()), "OI8"),
    inferred(request(tensor(), outputs=[{"name": "nothing"}]), "OI8"),
    inferred(request(tensor(), outputs=1), "OI4"),
    inferred(request(tensor(), outputs={}), "OI4"),
    inferred(request(tensor(), parameters=1), "OI4"),
    inferred(request(tensor(), id=7), "OI4"),
    inferred(
        _columns("cab"),
        "OI7",
        answer=_NO_YES,
    ),
    inferred(_columns("ab"), "OI4"),
    inferred(request(tensor())[:-2], "OI4"),
    inferred('{"inputs": ' + "[" * 5000 + "]" * 5000 + "}", "OI4"),
    inferred("a,b,c\n1,2,3\n", "OI4", kind="text/csv"),
    inferred(request(tensor()), "OI14", headers={LENGTH: "5"}),
    inferred(request(tensor()), "OI4", headers={"Content-Encoding": "gzip"}),
)
_MODEL = {
    "name": "m",
    "versions": ["1"],
    "platform": "scikit-learn",
    "inputs": [{"name": "input-0", "datatype": "FP64", "shape": [-1, 3]}],
    "outputs": [*NO_YES_OUTPUTS],
}
_READY = {"name": "m", "ready": True}
_INDEX = [{"name": "m", "version": "1", "state": "READY", "reason": ""}]
_ROUTES = (
    *routes(_MODEL),
    called("GET", "/v2/health/live", "OI11", answer={"live": True}),
    called("GET", "/v2/models/m/ready", "OI11", answer=_READY),
    called("GET", "/v2/models/m/versions/1", "OI12", answer=_MODEL),
    called("GET", "/v2/models/m/versions/1/ready", "OI12", answer=_READY),
    called("GET", "/v2/models/m/versions/9", "OI8"),
    called("GET", "/nothing", "OI10"),
    called("POST", "/v2/repository/index", "OI13", answer=_INDEX),
    asked("/v2/repository/index", {}, "OI11", answer=_INDEX),
    asked("/v2/repository/index", {"ready": True}, "OI11", answer=_INDEX),
    asked("/v2/repository/index", {"ready": False}, "OI11", answer=_INDEX),
    asked("/v2/repository/index", {"ready": "x"}, "OI4"),
    asked("/v2/repository/index", "{", "OI4"),
    called("POST", "/v2/repository/models/m/load", "OI11", answer={"name": "m", "load": True}),
    called("POST", "/v2/repository/models/nobody/load", "OI8"),
    asked("/v2/models/m/versions/9/infer", request(tensor()), "OI8"),
    asked(
        "/v2/models/m/infer/",
        request(tensor()),
        "OI9",
        answer=_YES_NO,
    ),
)

_NUMBERED = (
    inferred(request(tensor()), "OI2"),
    inferred(request(tensor(), outputs=[{"name": "predict"}]), "OI2"),
    inferred(request(tensor(), outputs=None), "OI2"),
    inferred(request(tensor(shape=[1, 3], data=[1, 2, 3])), "OI2"),
)
"""Rows of a classifier whose labels are whole numbers."""


def _world(labels: str, groups: Mapping[str, tuple[Probe, ...]]) -> World:
    """Return the world of a classifier with two labels, in JSON."""
    theirs = Start(
        build=files({"server.py": _PROGRAM}),
        command=("python", "{dir}/server.py", "{dir}", labels),
        environment=_PORTS,
        ready="/v2/models/m/ready",
    )
    return World(theirs=theirs, ours=ours_of("m"), groups=groups)


MLSERVER = RealServer(
    name="mlserver",
    title="MLServer 1.7",
    pages=("open-inference.md",),
    rules=tensors.RULES,
    worlds=(
        _world(
            '["yes", "no"]',
            {
                "mlserver-answered": _ANSWERED,
                "mlserver-refused": _REFUSED,
                "mlserver-routes": _ROUTES,
            },
        ),
        _world("[7, -3]", {"mlserver-whole-labels": _NUMBERED}),
    ),
)
