"""Real servers keep what openapi/h2o_scorer.yaml promises, whatever they are sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve

ROOT = Path(__file__).parents[2]
EXAMPLES = 15
EXAMPLES_WITHOUT_BODY = 3

CONFORMANCE = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]

SCHEMA = schemathesis.openapi.from_path(ROOT / "openapi" / "h2o_scorer.yaml")
FOUND = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
OPERATIONS = {operation.label: operation for operation in FOUND}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(ROOT / "model_templates" / "xgboost_binary", *ONE_WORKER) as running:
        yield running


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        yield opened


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_as_described(label: str, server: Server, session: requests.Session) -> None:
    """501 is what a model without an ability answers; nothing else above 499 is right here."""
    operation = OPERATIONS[label]

    @given(
        case=st.one_of(
            operation.as_strategy(GenerationMode.POSITIVE),
            operation.as_strategy(GenerationMode.NEGATIVE),
        )
    )
    @settings(
        max_examples=EXAMPLES if operation.body else EXAMPLES_WITHOUT_BODY,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
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
