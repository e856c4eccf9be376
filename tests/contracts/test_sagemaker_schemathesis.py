"""Real servers keep what openapi/sagemaker.yaml promises, whatever they are sent."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error

from tests.support.described import CONFORMANCE, cases, drawn, operations
from tests.support.models import ONE_WORKER, served
from tests.support.sagemaker import JSON, METADATA, SUM
from tests.support.serving import Server, serve

EXAMPLES = 25
NOT_DONE = "POST /endpoints/{endpoint}/async-invocations"

OPERATIONS = operations("sagemaker.yaml")
OF_MODELS = [label for label in OPERATIONS if " /models" in label]
NAME = "sum"

total = served(SUM, *ONE_WORKER)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that loads models by name."""
    root = tmp_path_factory.mktemp("models")
    SUM.plus(**{"model-metadata.yaml": METADATA}).write(root / NAME)
    flags = ("--multi-model", "--multi-model-dir", str(root), "--max-models", "3")
    with serve(None, *flags, *ONE_WORKER) as running:
        yield running


def to_the_model(case: Case[Any]) -> Case[Any]:
    """Have a request name the model that is there."""
    if "name" in (case.path_parameters or {}):
        case.path_parameters["name"] = NAME
    if isinstance(case.body, dict) and "url" in case.body:
        case.body["url"] = NAME
    return case


@pytest.mark.parametrize("label", [label for label in OPERATIONS if label not in OF_MODELS])
def test_answers_are_as_described(label: str, total: Server, session: requests.Session) -> None:
    operation = OPERATIONS[label]
    checks = [*CONFORMANCE] if label == NOT_DONE else [not_a_server_error, *CONFORMANCE]

    @given(case=cases(operation))
    @drawn(EXAMPLES)
    def answers_as_described(case: Case[Any]) -> None:
        case.call_and_validate(base_url=total.url, session=session, checks=checks)

    answers_as_described()
    assert total.process.poll() is None


@pytest.mark.parametrize("label", OF_MODELS)
def test_models_by_name_are_as_described(
    label: str, many: Server, session: requests.Session
) -> None:
    operation = OPERATIONS[label]
    to_it = operation.as_strategy(GenerationMode.POSITIVE).map(to_the_model)

    @given(case=st.one_of(cases(operation), to_it))
    @drawn(EXAMPLES)
    def answers_as_described(case: Case[Any]) -> None:
        many.post("/models", f'{{"model_name": "{NAME}", "url": "{NAME}"}}', JSON)
        case.call_and_validate(base_url=many.url, session=session, checks=CONFORMANCE)

    answers_as_described()
    assert many.process.poll() is None
