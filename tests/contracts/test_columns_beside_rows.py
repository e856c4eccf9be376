"""Names of columns beside rows by position are refused: left out, they made another number."""

import json
from typing import Any

import pytest

from tests.support.models import ONE_WORKER, served
from tests.support.serving import Server
from tests.support.summing import SUM

server = served(SUM, *ONE_WORKER, "--model-name", "m")

COLUMNS = {"columns": ["b", "a"]}
LISTS, OBJECTS = [[1, 2]], [{"a": 1, "b": 2}]

DOORS = {
    "kserve": ("/v1/models/m:predict", "instances"),
    "kserve inputs": ("/v1/models/m:predict", "inputs"),
    "vertex": ("/v1/endpoints/1/deployedModels/2:predict", "instances"),
    "mlflow": ("/invocations", "instances"),
    "mlflow inputs": ("/invocations", "inputs"),
    "mlflow records": ("/invocations", "dataframe_records"),
    "databricks": ("/serving-endpoints/m/invocations", "instances"),
    "sagemaker": ("/endpoints/m/invocations", "instances"),
    "azure": ("/score", "input_data"),
    "azure instances": ("/score", "instances"),
    "drum": ("/predict/", "instances"),
}


def ask(server: Server, door: str, rows: Any) -> tuple[int, str]:
    path, key = DOORS[door]
    reply = server.post(path, json.dumps({key: rows, **COLUMNS}), "application/json")
    return reply.status, reply.text


@pytest.mark.parametrize("door", DOORS)
def test_names_beside_lists_of_cells_are_refused(server: Server, door: str) -> None:
    status, text = ask(server, door, LISTS)

    assert status in (400, 422, 424), text
    assert "columns" in text


@pytest.mark.parametrize("door", sorted(DOORS.keys() - {"azure instances", "drum"}))
def test_rows_that_name_their_cells_need_none(server: Server, door: str) -> None:
    status, text = ask(server, door, OBJECTS)

    assert (status, "3.0" in text) == (200, True)
