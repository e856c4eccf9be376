"""Real servers keep what openapi/azureml.yaml promises, whatever they are sent."""

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
EXAMPLES_WITHOUT_BODY = 5

OPERATIONS = operations("azureml.yaml")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(ROOT / "model_templates" / "xgboost_binary", *ONE_WORKER) as running:
        yield running


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_as_described(label: str, server: Server, session: requests.Session) -> None:
    operation = OPERATIONS[label]

    @given(case=cases(operation))
    @drawn(EXAMPLES if operation.body else EXAMPLES_WITHOUT_BODY)
    def answers_as_described(case: Case[Any]) -> None:
        response = case.call(base_url=server.url, session=session)
        assert response.status_code < 500, response.text
        case.validate_response(response, checks=CONFORMANCE)

    answers_as_described()
    assert server.process.poll() is None


def test_good_requests_are_answered_as_described(server: Server) -> None:
    sample = (ROOT / "model_templates/xgboost_binary/sample.csv").read_text().splitlines()
    rows = [[*map(float, sample[1].split(","))]]
    url = f"{server.url}/score"

    replies = [requests.post(url, json={k: rows}, timeout=9) for k in ("data", "input_data")]
    query = requests.get(url, params={"data": str(rows)}, timeout=9)
    swagger = requests.get(f"{server.url}/swagger.json", timeout=9)

    assert [reply.status_code for reply in (*replies, query, swagger)] == [200] * 4
    for reply in replies:
        OPERATIONS["POST /score"].validate_response(reply)
    OPERATIONS["GET /score"].validate_response(query)
    OPERATIONS["GET /swagger.json"].validate_response(swagger)
    assert query.json() == replies[0].json()
