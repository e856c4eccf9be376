"""MLflow's own client; tests/parity sends the same requests to MLflow's own server."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.mlflow_models import BIN, SPLIT, SUM
from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve

pytest.importorskip("mlflow", reason="make clients installs it")

import numpy as np
import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("sum"))
    flags = (*SUM.flags, "--invocations-contract", "mlflow", *ONE_WORKER)
    with serve(directory, *flags) as server:
        yield server


@pytest.fixture(scope="module")
def client(ours: Server) -> ScoringServerClient:
    address = urlsplit(ours.url)
    return ScoringServerClient(address.hostname, address.port)


def test_the_client_finds_the_server(client: ScoringServerClient) -> None:
    client.wait_server_ready(timeout=10)

    assert client.get_version()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0]}), id="DataFrame"),
        pytest.param(pd.DataFrame({"a": [1, 3], "b": [2, 4]}, index=[10, 20]), id="index"),
        pytest.param(np.array([[1.0, 2.0], [3.0, 4.0]]), id="ndarray"),
        pytest.param([[1, 2], [3, 4]], id="list"),
        pytest.param(json.dumps({"dataframe_split": SPLIT}), id="text"),
    ],
)
def test_the_client_gets_predictions(client: ScoringServerClient, data: Any) -> None:
    """M22."""
    answer = client.invoke(data)

    assert answer.get_predictions("ndarray").tolist() == [3.0, 7.0]
    assert answer.get_predictions().shape == (2, 1)


def test_missing_cells_of_the_client_are_null(client: ScoringServerClient) -> None:
    """M14 and M23."""
    answer = client.invoke(pd.DataFrame({"a": [math.nan, 1.0], "b": [2.0, 2.0]}))

    assert answer.get_predictions().iloc[1, 0] == 3.0
    assert math.isnan(answer.get_predictions().iloc[0, 0])


def test_params_of_the_client_reach_the_model(tmp_path: Path) -> None:
    """M15, M16 and M24."""
    rows = pd.DataFrame({"p": [0.9, 0.2], "q": [0.1, 0.8]})
    with serve(BIN.write(tmp_path), *BIN.flags, *ONE_WORKER) as server:
        address = urlsplit(server.url)
        client = ScoringServerClient(address.hostname, address.port)

        usual = client.invoke(rows, params={"foo": 1}).get_predictions()
        labels = client.invoke(rows, params={"predict_method": "predict"})

    assert usual.to_dict("list") == {"0": [0.1, 0.8], "1": [0.9, 0.2]}
    assert labels.get_predictions("ndarray").tolist() == [1, 0]


@pytest.mark.parametrize(
    "body", ["{bad", '{"instances": [[1]], "inputs": [[1]]}', '{"instances": [{"fail": 1}]}']
)
def test_the_client_tells_errors(client: ScoringServerClient, body: str) -> None:
    """M11 and M13."""
    with pytest.raises(Exception, match=r"error code 400, response: .*BAD_REQUEST"):
        client.invoke(body)
