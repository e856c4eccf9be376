"""A real server keeps what openapi/ecosystem.yaml promises, whatever it is sent."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error

from drum_like.store.location import Place
from drum_like.store.store import open_store
from tests.support.described import CONFORMANCE, cases, drawn, operations
from tests.support.ecosystem_bodies import CALL, CUSTOMER, PERSONALITY
from tests.support.models import ONE_WORKER
from tests.support.projects import project
from tests.support.serving import Server, serve

API = "/api/v1/mlrun-runtime"
EXAMPLES = 15
EXAMPLES_WITHOUT_BODY = 3

OPERATIONS = operations("ecosystem.yaml")


def to_the_model(case: Case[Any]) -> Case[Any]:
    """Have a request for rows name a model that is there."""
    if isinstance(case.body, dict) and "model_id" in case.body:
        case.body["model_id"] = PERSONALITY
    return case


@pytest.fixture(scope="module")
def server(ecosystem_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a model that decides for all campaigns, and a project."""
    root = tmp_path_factory.mktemp("store")
    with closing(open_store(Place(root))) as store:
        _, runs = project(store, "p", n_runs=2)
        store.projects.deploy(runs[0])
    with serve(ecosystem_models / PERSONALITY, "--store", str(root), *ONE_WORKER) as running:
        yield running


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_as_described(label: str, server: Server, session: requests.Session) -> None:
    operation = OPERATIONS[label]
    to_it = operation.as_strategy(GenerationMode.POSITIVE).map(to_the_model)

    @given(case=st.one_of(cases(operation), to_it))
    @drawn(EXAMPLES if operation.body else EXAMPLES_WITHOUT_BODY)
    def answers_as_described(case: Case[Any]) -> None:
        case.call_and_validate(
            base_url=server.url, session=session, checks=[not_a_server_error, *CONFORMANCE]
        )

    answers_as_described()
    assert server.process.poll() is None


def test_good_requests_are_answered_as_described(server: Server, session: requests.Session) -> None:
    rows = {"model_id": PERSONALITY, "instances": [CUSTOMER, {}]}
    flat = {**CALL, "in_params": {**CALL["in_params"], "flatten_json": True}}
    told = answered(server, session, "POST /invocate", json=CALL)

    answered(server, session, "POST /invocations", json=rows)
    answered(server, session, "POST /invocations", json=told)
    answered(server, session, "POST /invocate", json=flat)
    assert answered(server, session, "POST /responseResult", json=told) == {"message": told["uuid"]}
    answered(server, session, "GET /ping/", params={"message": "x"})
    assert answered(server, session, f"GET {API}/models")["count"] == 2
    (one,) = answered(server, session, f"GET {API}/configurations")["configurations"]
    path = {"configuration_id": one["_id"]}
    answered(server, session, f"GET {API}/configurations/{{configuration_id}}", path=path)
    answered(server, session, f"DELETE {API}/configurations/{{configuration_id}}", path=path)


def answered(
    server: Server,
    session: requests.Session,
    label: str,
    path: Mapping[str, str] | None = None,
    **content: Any,
) -> Any:
    """Return the body of a good answer, which is as its operation says."""
    method, _, route = label.partition(" ")

    response = session.request(method, server.url + route.format(**path or {}), **content)

    assert response.status_code == 200, response.text
    OPERATIONS[label].validate_response(response)
    return response.json()
