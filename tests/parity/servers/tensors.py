"""Bodies of the Open Inference Protocol in JSON, right ones and broken ones."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from drum_like import __version__
from tests.parity.case import Probe
from tests.parity.differences import AnswerRule, Exchange
from tests.parity.servers.world import (
    asked,
    called,
    has_keys,
    not_found,
    one_of,
    other_words,
    statuses,
)
from tests.parity.values import Answer

LENGTH = "Inference-Header-Content-Length"
ABOUT = {
    "name": "drum-like",
    "version": __version__,
    "extensions": [
        "binary_tensor_data",
        "model_configuration",
        "model_repository",
        "model_repository_extension",
        "statistics",
    ],
}
"""Our metadata of the server."""


def tensor(**members: Any) -> dict[str, Any]:
    """Return a tensor of two rows and two columns; a member that is None is left out."""
    usual = {"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1.5, 2, -3, 4]}
    return {name: value for name, value in {**usual, **members}.items() if value is not None}


def body(*tensors: Any, **members: Any) -> str:
    """Return a request with these tensors."""
    asked = {"inputs": tensors, "id": "7", **members}
    return json.dumps({name: value for name, value in asked.items() if value is not None})


def routes(model: Mapping[str, Any]) -> tuple[Probe, ...]:
    """Return requests that these servers answer alike: metadata, wrong methods, unknown models.

    Args:
        model: Our metadata of the model.
    """
    here, nobody = f"/v2/models/{model['name']}", "/v2/models/nobody"
    return (
        called("GET", "/v2", "OI11", answer=ABOUT),
        called("GET", "/v2/health/ready", "OI11", answer={"ready": True, "live": True}),
        called("GET", here, "OI11", answer=model),
        called("GET", nobody, "OI8"),
        called("GET", f"{nobody}/ready", "OI8"),
        called("GET", f"{here}/infer", "OI10"),
        called("PUT", f"{here}/infer", "OI10"),
        called("POST", "/v2/health/live", "OI10"),
        called("GET", "/v2/nothing", "OI10"),
        called("POST", "/v2/repository/models/nobody/unload", "OI8"),
        asked(f"{nobody}/infer", body(tensor()), "OI8"),
        asked(f"{nobody}/infer", "{", "OI17"),
    )


_is_error = has_keys("error")
_SHOWN = ("name", "datatype", "shape", "data")


def outputs(answer: Answer) -> dict[str, list[Any]]:
    """Return name, datatype, shape and data of each output, by its name; {} without any."""
    tree: Any = answer.json()
    if not isinstance(tree, dict) or answer.status != 200:
        return {}
    return {one["name"]: [one.get(member) for member in _SHOWN] for one in tree["outputs"]}


def _same_request(exchange: Exchange) -> bool:
    """Both name the model and the id of the request; without one, each has an id of its own."""
    trees: list[Any] = [answer.json() for answer in exchange.answers]
    (name, identity), (our_name, our_identity) = (
        (tree.get("model_name"), tree.get("id")) for tree in trees
    )
    if name is None or name != our_name:
        return False
    if "id" not in json.loads(exchange.request.body):
        return all(isinstance(one, str) and one for one in (identity, our_identity))
    return identity is not None and identity == our_identity


def _same_outputs(exchange: Exchange) -> bool:
    """The same model, id and outputs; other members may differ."""
    theirs, here = map(outputs, exchange.answers)
    return bool(theirs) and theirs == here and _same_request(exchange)


def _same_values(exchange: Exchange) -> bool:
    """The outputs that theirs has, with the same values; `predict` has a size less."""
    theirs, here = map(outputs, exchange.answers)
    return (
        bool(theirs)
        and theirs != here
        and _same_request(exchange)
        and theirs.keys() <= here.keys()
        and all([here[name][1], here[name][3]] == [one[1], one[3]] for name, one in theirs.items())
    )


def _compressed(exchange: Exchange) -> bool:
    if exchange.ours.header("content-encoding") != "gzip":
        return False
    opened = replace(exchange.ours, body=gzip.decompress(exchange.ours.body))
    return _same_values(replace(exchange, ours=opened))


def _same_kinds(exchange: Exchange) -> bool:
    """The same members with other values, and more of them; theirs may have no body."""
    trees = [answer.json() for answer in exchange.answers]
    if {answer.status for answer in exchange.answers} != {200} or trees[0] == trees[1]:
        return False
    if not exchange.theirs.body:
        return exchange.ours.json() is not None
    if not isinstance(trees[0], dict) or not isinstance(trees[1], dict):
        return isinstance(trees[0], list) and isinstance(trees[1], list)
    return trees[0].keys() - {"parameters"} <= trees[1].keys()


def _wrong_length(exchange: Exchange) -> bool:
    names = {name for name, _ in exchange.request.headers}
    return LENGTH in names and statuses(200, 400, _is_error)(exchange)


RULES: dict[str, AnswerRule] = {
    "OI1": _same_outputs,
    "OI2": _same_values,
    "OI3": statuses((400, 422), 200, _is_error),
    "OI4": statuses((400, 422, 500), 400, _is_error),
    "OI5": statuses(200, 400, _is_error),
    "OI7": statuses(500, 200, _is_error),
    "OI8": other_words(_is_error),
    "OI9": statuses(307, 200, _is_error),
    "OI10": not_found(_is_error),
    "OI11": _same_kinds,
    "OI12": one_of(statuses((404, 501), 200, _is_error), statuses(501, 404, _is_error)),
    "OI13": one_of(statuses((404, 422), 200, _is_error), statuses(503, 404, _is_error)),
    "OI14": _wrong_length,
    "OI15": statuses(500, 200, _is_error),
    "OI16": _compressed,
    "OI17": statuses(422, 404, _is_error),
}
"""The differences of docs/open-inference.md."""
