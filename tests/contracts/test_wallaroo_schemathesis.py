"""A real server keeps what openapi/wallaroo.yaml promises, whatever it is sent."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from schemathesis import Case

from tests.support.described import CONFORMANCE, cases, drawn, operations
from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve
from tests.support.wallaroo_api import Api

EXAMPLES = 10

OPERATIONS = operations("wallaroo.yaml")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("store")
    with serve(None, "--store", str(root), *ONE_WORKER) as running:
        api = Api(running)
        api.deploy("p", api.stored("m"))
        yield running


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_as_described(label: str, server: Server, session: requests.Session) -> None:
    """501 is what this server does not do; nothing else above 499 is right here."""
    operation = OPERATIONS[label]

    @given(case=cases(operation))
    @drawn(EXAMPLES if operation.body else 1)
    def answers_as_described(case: Case[Any]) -> None:
        response = case.call(base_url=server.url, session=session)
        assert response.status_code < 500 or response.status_code == 501
        case.validate_response(response, checks=CONFORMANCE)

    answers_as_described()
    assert server.process.poll() is None
