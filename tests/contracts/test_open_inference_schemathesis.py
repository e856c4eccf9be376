"""A real server keeps what openapi/open_inference.yaml promises, whatever it is sent."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error

from tests.support.artifacts import native_xgboost
from tests.support.described import CONFORMANCE, cases, drawn, operations
from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve

MODEL = "model"
EXAMPLES = 25
EXAMPLES_WITHOUT_BODY = 3

OPERATIONS = operations("open_inference.yaml")


def chosen(case: Case[Any]) -> Case[Any]:
    """Have a request on the route that contracts share choose this one, right or wrong."""
    if case.path == "/invocations":
        case.headers["X-Scoring-Contract"] = "open_inference"
    return case


def to_the_model(case: Case[Any]) -> Case[Any]:
    """Have a request name the model that is there."""
    if "model" in case.path_parameters:
        case.path_parameters["model"] = MODEL
    if "version" in case.path_parameters:
        case.path_parameters["version"] = "1"
    return case


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    model = native_xgboost(".json").model
    folder = model.write(tmp_path_factory.mktemp("a") / MODEL)
    with serve(folder, *model.flags, *ONE_WORKER) as running:
        yield running


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_as_described(label: str, server: Server, session: requests.Session) -> None:
    operation = OPERATIONS[label]
    to_it = operation.as_strategy(GenerationMode.POSITIVE).map(to_the_model)
    refuses = "501" in operation.responses.status_codes
    checks = CONFORMANCE if refuses else [not_a_server_error, *CONFORMANCE]

    @given(case=st.one_of(cases(operation), to_it).map(chosen))
    @drawn(EXAMPLES if operation.body else EXAMPLES_WITHOUT_BODY)
    def answers_as_described(case: Case[Any]) -> None:
        case.call_and_validate(base_url=server.url, session=session, checks=checks)

    answers_as_described()
    assert server.process.poll() is None


def test_good_requests_are_answered_as_described(server: Server, session: requests.Session) -> None:
    tensor = {"name": "input-0", "shape": [1, 2], "datatype": "FP64", "data": [1.5, -0.5]}

    answered(server, session, "POST /v2/repository/index", "/v2/repository/index")
    load = f"/v2/repository/models/{MODEL}/load"
    answered(server, session, "POST /v2/repository/models/{model}/load", load)
    for label, start in (("", ""), ("/versions/{version}", "/versions/1")):
        answered(server, session, f"GET /v2/models/{{model}}{label}", f"/v2/models/{MODEL}{start}")
        for end in ("ready", "config", "stats"):
            of_model = f"GET /v2/models/{{model}}{label}/{end}"
            answered(server, session, of_model, f"/v2/models/{MODEL}{start}/{end}")
        infer = f"POST /v2/models/{{model}}{label}/infer"
        sent = {"json": {"inputs": [tensor]}}
        answered(server, session, infer, f"/v2/models/{MODEL}{start}/infer", **sent)


def answered(
    server: Server, session: requests.Session, label: str, path: str, **content: Any
) -> None:
    """Ask for a good answer, which has to be as its operation says."""
    response = session.request(label.partition(" ")[0], server.url + path, **content)

    assert response.status_code == 200, response.text
    OPERATIONS[label].validate_response(response)
