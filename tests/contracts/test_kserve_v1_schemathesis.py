"""Real servers keep what openapi/kserve_v1.yaml promises, whatever they are sent."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from tests.support.described import CONFORMANCE, ROOT, cases, drawn, operations
from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve

EXAMPLES = 15
EXAMPLES_WITHOUT_BODY = 3

OPERATIONS = operations("kserve_v1.yaml")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    directory = ROOT / "model_templates" / "xgboost_binary"
    with serve(directory, "--model-name", "m", *ONE_WORKER) as running:
        yield running


def to_the_model(case: Case[Any]) -> Case[Any]:
    """Have a request name the model that is there."""
    if "model" in (case.path_parameters or {}):
        case.path_parameters["model"] = "m"
    return case


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_as_described(label: str, server: Server, session: requests.Session) -> None:
    operation = OPERATIONS[label]
    to_it = operation.as_strategy(GenerationMode.POSITIVE).map(to_the_model)

    @given(case=st.one_of(cases(operation), to_it))
    @drawn(EXAMPLES if operation.body else EXAMPLES_WITHOUT_BODY)
    def answers_as_described(case: Case[Any]) -> None:
        response = case.call(base_url=server.url, session=session)
        assert response.status_code < 500, response.text
        case.validate_response(response, checks=CONFORMANCE)

    answers_as_described()
    assert server.process.poll() is None


@pytest.mark.parametrize("verb", ["predict", "explain"])
def test_good_requests_are_answered_as_described(server: Server, verb: str) -> None:
    sample = (ROOT / "model_templates/xgboost_binary/sample.csv").read_text().splitlines()
    names, cells = sample[0].split(","), [*map(float, sample[1].split(","))]
    body = {"instances": [dict(zip(names, cells, strict=True))]}

    response = requests.post(f"{server.url}/v1/models/m:{verb}", json=body, timeout=30)

    assert response.status_code == 200, response.text
    OPERATIONS[f"POST /v1/models/{{model}}:{verb}"].validate_response(response)
