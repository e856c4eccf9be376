"""Parameters beside the rows reach models that take some, through every contract that has them."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.http_calls import Reply
from tests.support.models import ONE_WORKER, Model, hooks, served
from tests.support.serving import Server

MODEL = Model(
    hooks("""
import pandas as pd

def score(data, model, params=None, **kwargs):
    factor = (params or {"factor": 1}).get("factor", 10)
    return pd.DataFrame({"Predictions": data.iloc[:, 0].astype(float) * factor})
"""),
    ("--target-type", "regression"),
)
"""Multiplies the first column by a parameter: 1 without any, 10 if others are sent."""

PLAIN = Model(
    hooks("""
import pandas as pd

def score(data, model, **kwargs):
    assert "params" not in kwargs
    return pd.DataFrame({"Predictions": data.iloc[:, 0].astype(float)})
"""),
    ("--target-type", "regression"),
)
"""A hook as DRUM knows it."""

TOGETHER = MODEL.plus(
    **{"model-metadata.yaml": "name: m\ntype: inference\ntargetType: regression\nbatching: true\n"}
)
"""The same, whose hook may get the rows of several requests."""

together = served(TOGETHER, *ONE_WORKER)
server = served(MODEL, *ONE_WORKER, "--model-name", "m")
plain = served(PLAIN, *ONE_WORKER, "--model-name", "m")

ROWS = {"instances": [[2]]}
TENSORS = {"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [2]}]}

DOORS: dict[str, tuple[str, Any, str]] = {
    "mlflow split": ("/invocations", {"dataframe_split": {"data": [[2]]}}, "params"),
    "mlflow instances": ("/invocations", ROWS, "params"),
    "shared instances": ("/invocations", ROWS, "parameters"),
    "databricks": ("/serving-endpoints/m/invocations", ROWS, "params"),
    "vertex": ("/v1/endpoints/1/deployedModels/2:predict", ROWS, "parameters"),
    "kserve": ("/v1/models/m:predict", ROWS, "parameters"),
    "v2": ("/v2/models/m/infer", TENSORS, "parameters"),
}
"""A path, a body for the number 2, and the key of parameters."""


def ask(server: Server, door: str, parameters: Any) -> Reply:
    path, content, key = DOORS[door]
    body = json.dumps({**content, key: parameters})
    return server.post(path, body, "application/json")


def number(reply: Reply) -> float:
    assert reply.status == 200, reply.text
    content = reply.json()
    found = content["outputs"][0]["data"] if "outputs" in content else content["predictions"]
    return float(found[0])


@pytest.mark.parametrize("door", DOORS)
def test_parameters_reach_a_hook_that_names_them(server: Server, door: str) -> None:
    assert number(ask(server, door, {"factor": 3})) == 6
    assert number(ask(server, door, {"other": "x"})) == 20
    assert number(ask(server, door, {})) == 2, "those of another request are gone"
    assert number(ask(server, door, None)) == 2


@pytest.mark.parametrize("door", DOORS)
def test_they_change_nothing_for_a_hook_that_does_not(plain: Server, door: str) -> None:
    assert number(ask(plain, door, {"factor": 3})) == 2


@pytest.mark.parametrize("parameters", [[1], [], "x", "", 1, 0, True, False])
@pytest.mark.parametrize("door", DOORS)
def test_parameters_that_are_no_object_are_refused(
    plain: Server, door: str, parameters: Any
) -> None:
    reply = ask(plain, door, parameters)

    assert reply.status == 400
    assert "object" in reply.text


@pytest.mark.parametrize("door", ["mlflow instances", "shared instances", "vertex", "kserve"])
def test_they_are_refused_beside_no_rows_too(plain: Server, door: str) -> None:
    path, _, key = DOORS[door]
    reply = plain.post(path, json.dumps({"instances": [], key: []}), "application/json")

    assert reply.status == 400
    assert "object" in reply.text


def test_they_are_refused_under_both_of_their_names(plain: Server) -> None:
    body = {**ROWS, "params": {"factor": 3}, "parameters": []}

    assert plain.post("/invocations", json.dumps(body), "application/json").status == 400


def test_those_that_are_meant_for_the_server_do_not_reach_the_hook(server: Server) -> None:
    assert number(ask(server, "v2", {"content_type": "pd", "timeout": 5})) == 2
    assert number(ask(server, "mlflow split", {"predict_method": "predict"})) == 2


def test_rows_with_parameters_are_not_joined_with_others(together: Server) -> None:
    factors = [None if at % 2 else {"factor": at} for at in range(60)]
    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda one: ask(together, "vertex", one), factors))

    expected = [2 * (1 if one is None else one["factor"]) for one in factors]
    assert [number(reply) for reply in replies] == expected
