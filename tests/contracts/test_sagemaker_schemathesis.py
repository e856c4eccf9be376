"""A real server keeps what openapi/sagemaker.yaml promises, whatever it is sent."""

from typing import Any

import pytest
import requests
from hypothesis import given
from schemathesis import Case
from schemathesis.checks import not_a_server_error

from tests.support.described import CONFORMANCE, cases, drawn, operations
from tests.support.models import ONE_WORKER, served
from tests.support.sagemaker import SUM
from tests.support.serving import Server

EXAMPLES = 25
NOT_DONE = "POST /endpoints/{endpoint}/async-invocations"

OPERATIONS = operations("sagemaker.yaml")

total = served(SUM, *ONE_WORKER)


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_as_described(label: str, total: Server, session: requests.Session) -> None:
    operation = OPERATIONS[label]
    checks = [*CONFORMANCE] if label == NOT_DONE else [not_a_server_error, *CONFORMANCE]

    @given(case=cases(operation))
    @drawn(EXAMPLES)
    def answers_as_described(case: Case[Any]) -> None:
        case.call_and_validate(base_url=total.url, session=session, checks=checks)

    answers_as_described()
    assert total.process.poll() is None
