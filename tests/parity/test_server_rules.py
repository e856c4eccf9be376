"""Rules of differences from other servers: an answer that is wrong fits none."""

import json
from dataclasses import replace
from typing import Any

import pytest

from drum_like import __version__
from tests.parity.differences import Exchange
from tests.parity.servers import azureml, mlflow, tensors, vertex
from tests.parity.values import Answer, Request

RULES = {**azureml.RULES, **mlflow.RULES, **tensors.RULES, **vertex.RULES}
GET = Request("GET", "/")
ASKED = Request("POST", "/v2/models/m/infer", body=tensors.body(tensors.tensor()).encode())
WITHOUT_ID = replace(ASKED, body=tensors.body(tensors.tensor(), id=None).encode())


def answer(content: Any, kind: str = "application/json", **headers: str) -> Answer:
    """Return an answer with 200; text is sent as it stands, all else as JSON."""
    body = content if isinstance(content, str) else json.dumps(content)
    return Answer(200, (("content-type", kind), *headers.items()), body.encode())


def tensors_of(shape: list[int], **members: Any) -> Answer:
    """Return an answer with a tensor of labels."""
    output = {"name": "predict", "datatype": "INT64", "shape": shape, "data": [3, 5]}
    return answer({"model_name": "m", "id": "7", "outputs": [output], **members})


def with_labels(labels: list[Any]) -> Answer:
    """Return an answer with these labels, in the datatype of the first."""
    datatype = "BYTES" if isinstance(labels[0], str) else "INT64"
    output = {"name": "predict", "datatype": datatype, "shape": [2], "data": labels}
    return tensors_of([2], outputs=[output])


NAMED = {"x-request-id": "1", "x-ms-request-id": "1"}
THEIR_VERSION, OUR_VERSION = answer("3.17.0"), answer(__version__, "text/plain")
ALIVE = answer({"message": "OK", "status": "alive"})
CHANCES = [{"-3": 0.25, "7": 0.75}, {"-3": 1, "7": 0.0}]
UNKNOWN = replace(answer({"message": "ERROR: Not Found"}), status=404)
FITTING = {
    "OI1": Exchange(ASKED, tensors_of([2]), tensors_of([2])),
    "OI2": Exchange(ASKED, tensors_of([2, 1]), tensors_of([2])),
    "VX9": Exchange(GET, answer({}), answer({"message": "OK"})),
    "AZ6": Exchange(GET, answer("Healthy", "text/html", **NAMED), ALIVE),
    "AZ9": Exchange(GET, replace(answer("", **NAMED), status=404), UNKNOWN),
    "ML1": Exchange(GET, answer({"predictions": [7, -3]}), answer({"predictions": CHANCES})),
    "ML15": Exchange(GET, answer("\n"), answer({"message": "OK"})),
    "ML23": Exchange(GET, THEIR_VERSION, OUR_VERSION),
}
"""A pair of answers for each of some ids."""

OTHER_MODEL, OTHER_ID = tensors_of([2], model_name="n"), tensors_of([2], id="8")
WRONG = [
    ("OI1", {"ours": OTHER_MODEL}),
    ("OI1", {"ours": OTHER_ID}),
    ("OI2", {"ours": OTHER_MODEL}),
    ("OI2", {"ours": OTHER_ID}),
    ("OI2", {"ours": tensors_of([2], id=None)}),
    ("OI2", {"request": WITHOUT_ID, "ours": tensors_of([2], id="")}),
    ("OI2", {"ours": with_labels(["3", "5"])}),
    ("OI2", {"ours": with_labels([3, 4])}),
    ("ML1", {"ours": answer({"predictions": CHANCES[::-1]})}),
    ("ML1", {"ours": answer({"predictions": CHANCES[:1]})}),
    ("ML1", {"ours": answer({"predictions": [{"7": 0.75}, {"-3": 1}]})}),
    ("ML1", {"ours": answer({"predictions": [7, -3]})}),
    ("VX9", {"ours": replace(FITTING["VX9"].ours, status=503)}),
    ("VX9", {"theirs": replace(FITTING["VX9"].theirs, status=503)}),
    ("AZ6", {"ours": replace(ALIVE, status=503)}),
    ("AZ6", {"ours": answer({"message": "OK", "status": "alive"}, **NAMED)}),
    ("AZ6", {"theirs": answer("Healthy", "text/html")}),
    ("AZ9", {"ours": replace(UNKNOWN, headers=(*UNKNOWN.headers, *NAMED.items()))}),
    ("AZ9", {"theirs": UNKNOWN}),
    ("ML15", {"theirs": answer("no")}),
    ("ML23", {"ours": answer("0.0.1", "text/plain")}),
    ("ML23", {"ours": answer(f"{__version__}.1", "text/plain")}),
    ("ML23", {"ours": answer(__version__)}),
    ("ML23", {"theirs": answer("a sentence.")}),
]


@pytest.mark.parametrize("name", FITTING)
def test_a_pair_of_answers_fits_its_rule(name: str) -> None:
    assert RULES[name](FITTING[name])


@pytest.mark.parametrize(("name", "members"), WRONG)
def test_a_wrong_answer_fits_no_rule(name: str, members: dict[str, Any]) -> None:
    assert not RULES[name](replace(FITTING[name], **members))


def test_fresh_ids_may_differ_where_the_request_has_none() -> None:
    exchange = replace(FITTING["OI2"], request=WITHOUT_ID, ours=OTHER_ID)

    assert RULES["OI2"](exchange)
