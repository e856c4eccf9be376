"""databricks-sdk and mlflow.deployments against a real server."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.mlflow_models import SPLIT, write_multi, write_sum
from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve

pytest.importorskip("databricks.sdk", reason="make clients installs it")

from databricks.sdk import WorkspaceClient, errors
from databricks.sdk.service.serving import DataframeSplitInput
from mlflow.deployments import get_deploy_client

SECRET = "open sesame"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve two models by their names."""
    models = tmp_path_factory.mktemp("models")
    write_sum(models)
    write_multi(models)
    with serve(None, "--models", str(models), *ONE_WORKER) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Any:
    return WorkspaceClient(host=server.url, token="any").serving_endpoints


@pytest.mark.parametrize(
    "rows",
    [
        {"dataframe_split": DataframeSplitInput.from_dict(SPLIT)},
        {"dataframe_records": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]},
        {"instances": [[1, 2], [3, 4]]},
        {"inputs": {"a": [1, 3], "b": [2, 4]}},
        {"inputs": [[1, 2], [3, 4]], "client_request_id": "x", "usage_context": {"a": "b"}},
    ],
    ids=lambda rows: next(iter(rows)),
)
def test_the_sdk_gets_predictions(client: Any, rows: dict[str, Any]) -> None:
    """D01 and D03."""
    answer = client.query("sum", **rows)

    assert answer.predictions == [3.0, 7.0]
    assert answer.served_model_name == "sum-1"


def test_the_sdk_finds_models_by_their_names(client: Any) -> None:
    answer = client.query("multi", instances=[[0.1, 0.7, 0.2, 0.0]])

    assert answer.predictions == [{"d": 0.1, "b": 0.7, "c": 0.2, "a": 0.0}]
    assert answer.served_model_name == "multi-1"


def test_the_sdk_raises_the_right_errors(client: Any) -> None:
    """D02."""
    with pytest.raises(errors.ResourceDoesNotExist, match="nobody"):
        client.query("nobody", instances=[[1]])
    with pytest.raises(errors.BadRequest, match="exactly one of"):
        client.query("sum", instances=[[1]], inputs=[[1]])
    with pytest.raises(errors.BadRequest, match="boom"):
        client.query("sum", instances=[{"fail": 1}])


def test_the_sdk_shows_its_token(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = write_sum(tmp_path_factory.mktemp("models"))
    with serve(directory, "--passphrase", SECRET, *ONE_WORKER) as server:
        known = WorkspaceClient(host=server.url, token=SECRET).serving_endpoints
        stranger = WorkspaceClient(host=server.url, token="other token").serving_endpoints

        assert known.query("sum", instances=[[1, 2]]).predictions == [3.0]
        with pytest.raises(errors.Unauthenticated):
            stranger.query("sum", instances=[[1, 2]])


def test_the_deployments_client_gets_predictions(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", server.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", "any")
    client = get_deploy_client("databricks")

    answer = client.predict(endpoint="sum", inputs={"dataframe_split": SPLIT})

    assert answer == {"predictions": [3.0, 7.0]}
    with pytest.raises(Exception, match="RESOURCE_DOES_NOT_EXIST"):
        client.predict(endpoint="nobody", inputs={"dataframe_split": SPLIT})
