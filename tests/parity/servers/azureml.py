"""Azure Machine Learning's inference server."""

import gzip
from collections.abc import Mapping
from typing import Any

from tests.parity.case import Probe, files
from tests.parity.differences import OK, AnswerRule, Exchange
from tests.parity.servers.world import (
    CELLS,
    RealServer,
    Start,
    World,
    asked,
    called,
    has_keys,
    one_of,
    other_words,
    ours,
    statuses,
)
from tests.support.models import Model, hooks
from tests.support.summing import SUM

_SCRIPT = (
    CELLS
    + """
import json

def init():
    pass

def run(raw):
    return {"predictions": [sum(cells(row), 0.0) for row in json.loads(raw)["data"]]}
"""
)
_SLEEP = """
import time

def init():
    pass

def run(raw):
    time.sleep(4)
    return {"predictions": []}
"""
_SLEEPER = Model(
    hooks("""
import time

def score(data, model, **kwargs):
    time.sleep(4)
    return data
"""),
    ("--target-type", "regression"),
)
_PAGE = "https://page.example"
_CORS = {"AML_CORS_ORIGINS": f"{_PAGE},http://other.example"}
_IDS = ("x-request-id", "x-ms-request-id", "x-ms-client-request-id", "traceid")
_FAILED, _TIME = "x-ms-run-function-failed", "x-ms-run-fn-exec-ms"
_COMPARED = (*_IDS, _FAILED)
_ALLOWED = tuple(f"access-control-allow-{what}" for what in ("origin", "methods", "headers"))

_SHARED = (*_ALLOWED, "vary")

is_error = has_keys("message")


def _names_alone(exchange: Exchange) -> bool:
    """Only theirs has an id for the request."""
    theirs, here = ([answer.header(name) for name in _COMPARED] for answer in exchange.answers)
    return any(theirs) and not any(here)


def _healthy(exchange: Exchange) -> bool:
    theirs, here = exchange.answers
    both = theirs.status == here.status == OK
    said = here.json() == {"message": "OK", "status": "alive"}
    return both and theirs.body == b"Healthy" and said and _names_alone(exchange)


def _methods_named(exchange: Exchange) -> bool:
    theirs, here = exchange.answers
    if exchange.request.method == "HEAD":
        return (theirs.status, here.status) == (405, 400)
    same = theirs.json() == here.json() and theirs.status == here.status == 405
    return same and theirs.header("allow") is None and here.header("allow") is not None


def _elsewhere(exchange: Exchange) -> bool:
    same = exchange.theirs.status == exchange.ours.status == 404
    return same and exchange.ours.message().startswith("ERROR: ") and _names_alone(exchange)


def _own_document(exchange: Exchange) -> bool:
    """The same version and the same operation for rows."""
    theirs: Any = exchange.theirs.json()
    ours: Any = exchange.ours.json()
    if {answer.status for answer in exchange.answers} != {200}:
        return False
    versions = [(tree.get("swagger"), tree.get("openapi")) for tree in (theirs, ours)]
    names = [tree["paths"]["/score"]["post"]["operationId"] for tree in (theirs, ours)]
    return theirs != ours and versions[0] == versions[1] and names[0] == names[1]


def _id_made(exchange: Exchange) -> bool:
    theirs, here = (answer.header("x-request-id") for answer in exchange.answers)
    return exchange.theirs.json() == exchange.ours.json() and not theirs and bool(here)


def _varies(exchange: Exchange) -> bool:
    varies = [answer.header("vary") for answer in exchange.answers]
    shared = [answer.header(_ALLOWED[0]) for answer in exchange.answers]
    return varies == [None, "Origin"] and shared == [None, None]


RULES: dict[str, AnswerRule] = {
    "AZ1": other_words(is_error),
    "AZ2": statuses(500, 400, is_error),
    "AZ3": statuses(500, 200, is_error),
    "AZ4": statuses(200, 400, is_error),
    "AZ5": statuses(400, 200, is_error),
    "AZ6": _healthy,
    "AZ7": _methods_named,
    "AZ8": one_of(statuses(404, 200, is_error), statuses(404, 400, is_error)),
    "AZ9": _elsewhere,
    "AZ10": _own_document,
    "AZ11": _id_made,
    "AZ12": _varies,
    "AZ13": statuses(500, 200, is_error),
}


def scored(
    body: object,
    *differs: str,
    kind: str | None = "application/json",
    headers: Mapping[str, str] | None = None,
    answer: object = None,
    compared: tuple[str, ...] = (),
) -> Probe:
    """Return a request for scores."""
    return asked(
        "/score",
        body,
        *differs,
        kind=kind,
        headers=headers,
        answer=answer,
        compared=(*_COMPARED, *compared),
    )


def got(
    method: str,
    path: str,
    *differs: str,
    headers: Mapping[str, str] | None = None,
    answer: object = None,
) -> Probe:
    """Return a request without a body; what pages may read is compared where they ask."""
    more = _SHARED if headers else ()
    compared = (*_COMPARED, *more)
    return called(method, path, *differs, headers=headers, answer=answer, compared=compared)


_TWO = {"data": [[1, 2], [3, 4]]}
_ANSWERED = (
    scored(_TWO, compared=(_TIME,)),
    scored({"data": [{"a": 1, "b": 2}]}, compared=(_TIME,)),
    scored({"data": []}),
    scored({"data": [[0.1, 0.2], [1e300, -1e-300]]}),
    scored({"data": [[True, 2]]}),
    scored({"data": [[9007199254740993, 0]]}),
    scored({"data": [[1, 2]], "more": 3}),
    scored(_TWO, kind=None),
    scored(_TWO, kind="text/plain"),
    scored(
        _TWO, "AZ3", kind="application/x-www-form-urlencoded", answer={"predictions": [3.0, 7.0]}
    ),
    scored(_TWO, kind="application/json; charset=utf-8"),
    scored(_TWO, kind="text/csv"),
    scored(_TWO, headers={"Accept": "text/csv"}),
    scored(_TWO, headers={"Accept": "application/jsonlines"}),
    scored(_TWO, headers={"Accept-Encoding": "gzip"}),
    scored(_TWO, headers={"Authorization": "Bearer key", "azureml-model-deployment": "blue"}),
    got("GET", "/score?data=[[1,2]]"),
    got("GET", "/score?data=[1]&data=[2]"),
    got("GET", "/score?data=[[1,2],[3,4]]&more=x"),
)
_BROKEN = (
    scored("{broken", "AZ2"),
    scored('{"data": [[1, 2]]', "AZ2"),
    scored('{"data": [[1, 2]]} x', "AZ2"),
    scored("", "AZ2"),
    scored("  ", "AZ2"),
    scored(b"\xff\xfe", "AZ1"),
    scored(b'{"data": [["\xff"]]}', "AZ1"),
    scored({"foo": ["x"]}, "AZ2"),
    scored({}, "AZ2"),
    scored("null", "AZ2"),
    scored("3", "AZ2"),
    scored({"data": 3}, "AZ2"),
    scored({"data": None}, "AZ2"),
    scored({"data": "abc"}, "AZ2"),
    scored({"data": [["x"]]}, "AZ1"),
    scored({"data": [[None]]}),
    scored({"data": [1]}),
    scored({"data": [[[1]]]}, "AZ2"),
    scored({"data": [[1, 2], [3]]}, "AZ4"),
    scored({"data": [{"a": 1, "b": 2}, {"a": 3}]}),
    scored('{"data": [[1]], "data": [[2]]}', "AZ4"),
    scored('{"data": [[NaN]]}'),
    scored('{"data": ' + "[" * 5000 + "]" * 5000 + "}", "AZ2"),
    scored("a,b\n1,2\n", "AZ2", kind="text/csv"),
    scored(
        gzip.compress(b'{"data": [[1]]}', mtime=0),
        "AZ5",
        headers={"Content-Encoding": "gzip"},
        answer={"predictions": [1.0]},
    ),
    got("GET", "/score", "AZ2"),
    got("GET", "/score?foo=1", "AZ13", answer={"predictions": [1.0]}),
    got("GET", "/score?data=x", "AZ2"),
    got("GET", "/score?data=3", "AZ2"),
)
_ROUTES = (
    got("GET", "/", "AZ6"),
    got("PUT", "/score", "AZ7"),
    got("DELETE", "/score", "AZ7"),
    got("PATCH", "/score", "AZ7"),
    got("HEAD", "/score", "AZ7"),
    got("POST", "/swagger.json", "AZ7"),
    got("GET", "/swagger.json?version=9", "AZ1"),
    got("GET", "/swagger.json?version=x", "AZ1"),
    got("GET", "/swagger.json", "AZ10"),
    got("GET", "/swagger.json?version=2", "AZ10"),
    got("GET", "/swagger.json?version=3", "AZ10"),
    got("GET", "/swagger.json?version=3.1", "AZ10"),
    got("GET", "/nothing", "AZ9"),
    got("POST", "/nothing", "AZ9"),
    got("GET", "/score/", "AZ8"),
    asked("/score/", _TWO, "AZ8", compared=_COMPARED, answer={"predictions": [3.0, 7.0]}),
    asked("/score/more", _TWO, compared=_COMPARED),
)
_LONG = "a" * 101
_NAMED = (
    {"x-request-id": "abc"},
    {"x-request-id": "abc", "x-ms-client-request-id": "cli"},
    {"x-request-id": "abc", "x-ms-request-id": "leg"},
    {"x-request-id": "abc", "x-ms-request-id": "leg", "x-ms-client-request-id": "cli"},
    {"x-request-id": "abc", "TraceId": "t"},
    {"x-request-id": "a" * 100},
    {"x-request-id": _LONG},
    {"x-request-id": "abc", "x-ms-client-request-id": _LONG},
    {"x-request-id": "abc", "x-ms-request-id": _LONG},
    {"x-request-id": 'a b;"c'},
    {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
)
_ORIGINS = (_PAGE, "http://other.example", "HTTPS://PAGE.EXAMPLE")
_OTHERS = ("https://evil.example", "null")
_ASKING = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}


def _shared(origin: str, *differs: str) -> Probe:
    return scored(_TWO, *differs, headers={"Origin": origin}, compared=_SHARED)


def _preflight(origin: str, *differs: str) -> Probe:
    return got("OPTIONS", "/score", *differs, headers={"Origin": origin, **_ASKING})


_COMMAND = ("azmlinfsrv", "--entry_script", "{dir}/score.py", "--port", "{port}")
AZUREML = RealServer(
    name="azureml",
    title="Azure ML's inference server 1.5",
    pages=("azureml.md",),
    rules=RULES,
    worlds=(
        World(
            theirs=Start(
                build=files({"score.py": _SCRIPT}),
                command=_COMMAND,
                environment=_CORS,
            ),
            ours=ours(SUM, **_CORS),
            groups={
                "azureml-answered": _ANSWERED,
                "azureml-broken": _BROKEN,
                "azureml-routes": _ROUTES,
                "azureml-ids": (
                    *(scored(_TWO, headers=named) for named in _NAMED),
                    scored(_TWO, "AZ11", headers={"x-request-id": ""}),
                ),
                "azureml-origins": (
                    *(_shared(origin) for origin in _ORIGINS),
                    *(_shared(origin, "AZ12") for origin in _OTHERS),
                    *(_preflight(origin) for origin in _ORIGINS),
                    *(_preflight(origin, "AZ12") for origin in _OTHERS),
                    got("OPTIONS", "/score"),
                ),
            },
        ),
        World(
            theirs=Start(
                build=files({"score.py": _SLEEP}),
                command=_COMMAND,
                environment={"SCORING_TIMEOUT_MS": "1000"},
            ),
            ours=ours(_SLEEPER, "--request-timeout-s", "1"),
            groups={"azureml-timeout": (scored(_TWO, headers={"x-request-id": "abc"}),)},
        ),
    ),
)
