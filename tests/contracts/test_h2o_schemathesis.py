"""Real servers keep what openapi/h2o_scorer.yaml promises, whatever they are sent."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from schemathesis import Case

from tests.support.described import CONFORMANCE, ROOT, cases, drawn, operations
from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve

EXAMPLES = 15
EXAMPLES_WITHOUT_BODY = 3

OPERATIONS = operations("h2o_scorer.yaml")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(ROOT / "model_templates" / "xgboost_binary", *ONE_WORKER) as running:
        yield running


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_as_described(label: str, server: Server, session: requests.Session) -> None:
    """Expect 501 of a model without the capability; nothing else above 499 is right here."""
    operation = OPERATIONS[label]

    @given(case=cases(operation))
    @drawn(EXAMPLES if operation.body else EXAMPLES_WITHOUT_BODY)
    def answers_as_described(case: Case[Any]) -> None:
        response = case.call(base_url=server.url, session=session)
        assert response.status_code < 500 or response.status_code == 501
        case.validate_response(response, checks=CONFORMANCE)

    answers_as_described()
    assert server.process.poll() is None


@pytest.mark.parametrize("start", ["", "/{segment}"])
def test_good_requests_are_answered_as_described(server: Server, start: str) -> None:
    base = server.url + start.replace("{segment}", "dep")
    sample = requests.get(f"{base}/model/sample_request", timeout=30)
    body = sample.json() | {"includeFieldsInOutput": ["id", "mean area"], "idField": "id"}

    response = requests.post(f"{base}/model/score", json=body, timeout=30)
    assert (sample.status_code, response.status_code) == (200, 200)
    OPERATIONS[f"POST {start}/model/score"].validate_response(response)
    OPERATIONS[f"GET {start}/model/sample_request"].validate_response(sample)
