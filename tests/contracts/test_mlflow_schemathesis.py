"""Real servers keep what openapi/mlflow.yaml and openapi/databricks.yaml promise."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error

from tests.support.described import CONFORMANCE, cases, drawn, operations
from tests.support.mlflow_models import SPLIT
from tests.support.models import ONE_WORKER, Model, hooks
from tests.support.serving import Server, serve

EXAMPLES = 40
EXAMPLES_WITHOUT_BODY = 3
OPERATIONS = operations("mlflow.yaml") | operations("databricks.yaml")
PATHS = {"name": "sum", "version": "1"}

SUM = Model(
    hooks("""
import pandas as pd

def score(data, model, **kwargs):
    numbers = data.apply(pd.to_numeric, errors="coerce")
    return pd.DataFrame({"Predictions": numbers.sum(axis=1).astype(float)})
"""),
    ("--target-type", "regression", "--model-name", "sum"),
)
"""Adds the columns of a row, whatever they hold: a hook that fails is a 500 of DRUM's contract."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("sum"))
    contracts = ("--contracts", "probes,drum,mlflow,databricks")
    with serve(directory, *SUM.flags, *contracts, *ONE_WORKER) as running:
        yield running


def to_the_model(case: Case[Any]) -> Case[Any]:
    """Have a request name the model that is there."""
    case.path_parameters = {name: PATHS[name] for name in case.path_parameters or {}}
    return case


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


@pytest.mark.parametrize("label", [label for label in OPERATIONS if label.startswith("POST")])
def test_good_requests_are_answered_as_described(
    label: str, server: Server, session: requests.Session
) -> None:
    url = server.url + label.removeprefix("POST ").format(**PATHS)

    response = session.post(url, json={"dataframe_split": SPLIT})

    assert response.json() == {"predictions": [3.0, 7.0]}
    OPERATIONS[label].validate_response(response)
