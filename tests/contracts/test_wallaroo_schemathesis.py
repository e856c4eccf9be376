"""A real server keeps what openapi/wallaroo.yaml promises, whatever it is sent."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from schemathesis import Case
from schemathesis.checks import not_a_server_error

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
    operation = OPERATIONS[label]

    @given(case=cases(operation))
    @drawn(EXAMPLES if operation.body else 1)
    def answers_as_described(case: Case[Any]) -> None:
        case.call_and_validate(
            base_url=server.url, session=session, checks=[not_a_server_error, *CONFORMANCE]
        )

    answers_as_described()
    assert server.process.poll() is None
