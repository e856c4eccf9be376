"""MLflow's own client, and MLflow's own server beside ours: the same requests, the same answers."""

import io
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.http_calls import Reply, call
from tests.support.mlflow_models import BIN, JSON, SPLIT, SUM
from tests.support.models import ONE_WORKER
from tests.support.ports import free_port
from tests.support.serving import Server, serve, stop
from tests.support.waiting import until_answered

pytest.importorskip("mlflow", reason="make clients installs it")

import numpy as np
import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

THEIRS = """
import sys

import mlflow
import pandas as pd
import uvicorn
from mlflow.pyfunc.scoring_server import init

class Sum(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        rows = pd.DataFrame(model_input)
        if "fail" in rows.columns:
            raise ValueError("boom")
        return rows.astype(float).sum(axis=1, skipna=False).tolist()

mlflow.pyfunc.save_model(sys.argv[2], python_model=Sum())
app = init(mlflow.pyfunc.load_model(sys.argv[2]))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = SUM.write(tmp_path_factory.mktemp("sum"))
    flags = (*SUM.flags, "--invocations-contract", "mlflow", *ONE_WORKER)
    with serve(directory, *flags) as server:
        yield server


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow")
    script = folder / "server.py"
    script.write_text(THEIRS)
    port = free_port()
    command = [sys.executable, str(script), str(port), str(folder / "model")]
    process = subprocess.Popen(command, cwd=folder)
    try:
        yield until_answered(f"http://127.0.0.1:{port}", process)
    finally:
        stop(process)


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


def parquet() -> bytes:
    sink = io.BytesIO()
    pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0]}).to_parquet(sink)
    return sink.getvalue()


def both(ours: Server, theirs: str, content_type: str | None, body: Any) -> tuple[Reply, Reply]:
    """Return our answer and MLflow's."""
    text = body if isinstance(body, bytes | str) else json.dumps(body)
    headers = {} if content_type is None else {"Content-Type": content_type}
    one, two = (
        call(url, "POST", "/invocations", body=text, headers=headers) for url in (ours.url, theirs)
    )
    return one, two


SAME: list[tuple[str, Any]] = [
    (JSON, {"dataframe_split": SPLIT}),
    (JSON, {"dataframe_split": {**SPLIT, "index": [10, 20]}}),
    (JSON, {"dataframe_split": {**SPLIT, "data": []}}),
    (JSON, {"dataframe_split": {"data": [[1, 2]]}}),
    (JSON, {"dataframe_split": {"columns": ["b", "a"], "data": [["1", True]]}}),
    (JSON, '{"dataframe_split": {"columns": ["a"], "data": [[9007199254740993]]}}'),
    (JSON, '{"dataframe_split": {"columns": ["a"], "data": [[123456789012345678901234567890]]}}'),
    (JSON, '{"dataframe_split": {"columns": ["a", "b"], "data": [[0.1, 1e-320]]}}'),
    (JSON, {"dataframe_split": {"columns": ["ä", "\U0001f600"], "data": [[1, 2]]}}),
    (JSON, {"dataframe_split": SPLIT, "foo": 1, "model_id": "x"}),
    (JSON, {"dataframe_split": SPLIT, "params": {}}),
    (JSON, {"dataframe_split": SPLIT, "params": None}),
    (JSON, {"dataframe_split": SPLIT, "params": {"foo": 1}}),
    (JSON, {"dataframe_records": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}),
    (JSON, {"dataframe_records": [[1, 2], [3, 4]]}),
    (JSON, {"dataframe_records": [1, 2]}),
    (JSON, {"dataframe_records": []}),
    (JSON, {"instances": [[1, 2], [3, 4]]}),
    (JSON, {"instances": [{"a": 1, "b": 2}]}),
    (JSON, {"instances": {"a": [1, 3], "b": [2, 4]}}),
    (JSON, {"instances": [1, 2]}),
    (JSON, {"instances": []}),
    (JSON, {"inputs": [[1, 2]]}),
    (JSON, {"inputs": {"a": [1, 3], "b": [2, 4]}}),
    (JSON, {"inputs": [{"a": 1, "b": 2}]}),
    (JSON, {"inputs": []}),
    ("application/json; charset=utf-8", {"inputs": [[1, 2]]}),
    ("application/json; charset=UTF-8", {"inputs": [[1, 2]]}),
    (JSON, b'\xef\xbb\xbf{"inputs": [[1, 2]]}'),
    ("text/csv", "a,b\n1,2\n3,4\n"),
    ("text/csv; charset=utf-8", "a,b\n1,2\n3,4\n"),
    ("text/csv", "a,b\n"),
    ("application/vnd.apache.parquet", parquet()),
]
"""Requests that are answered, by us as by MLflow."""


@pytest.mark.parametrize(("content_type", "body"), SAME)
def test_answers_are_mlflows(ours: Server, theirs: str, content_type: str, body: Any) -> None:
    mine, other = both(ours, theirs, content_type, body)

    assert (mine.status, other.status) == (200, 200), (mine.text, other.text)
    assert mine.json() == other.json()
    assert mine.headers["Content-Type"] == other.headers["Content-Type"] == JSON


REFUSED: list[tuple[str, Any]] = [
    (JSON, {"dataframe_split": {**SPLIT, "index": [10]}}),
    (JSON, {"dataframe_split": {**SPLIT, "foo": 1}}),
    (JSON, {"dataframe_split": {"columns": ["a"]}}),
    (JSON, {"dataframe_split": [[1, 2]]}),
    (JSON, {"dataframe_split": None}),
    (JSON, {"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}),
    (JSON, {"dataframe_split": {"columns": ["a"], "data": [["x"]]}}),
    (JSON, {"dataframe_split": {"columns": ["a"], "data": [[[1]]]}}),
    (JSON, {"dataframe_records": {"a": 1}}),
    (JSON, {"dataframe_records": [{"a": 1}, [1]]}),
    (JSON, {"instances": [[1, 2], [3]]}),
    (JSON, {"instances": [[[1, 2]]]}),
    (JSON, {"instances": 3}),
    (JSON, {"instances": None}),
    (JSON, {"instances": [{"fail": 1}]}),
    (JSON, {"inputs": {"a": [1, 2], "b": [1]}}),
    (JSON, {"inputs": 3}),
    (JSON, {"inputs": "abc"}),
    (JSON, {"instances": [[1]], "inputs": [[1]]}),
    (JSON, {"dataframe_split": SPLIT, "dataframe_records": []}),
    (JSON, {}),
    (JSON, {"foo": 1}),
    (JSON, {"params": {}}),
    (JSON, SPLIT),
    (JSON, {"messages": [{"role": "user", "content": "x"}]}),
    (JSON, {"prompt": "x"}),
    (JSON, [[1, 2]]),
    (JSON, "3"),
    (JSON, "null"),
    (JSON, '"abc"'),
    (JSON, "{bad"),
    (JSON, '{"instances": [[1]]} x'),
    (JSON, ""),
    (JSON, "  "),
    (JSON, b'{"dataframe_records": [{"a": "\xff"}]}'),
    (JSON, '{"dataframe_records": [{"a": "\\ud800"}]}'),
    (JSON, '{"instances": ' + "[" * 200 + "]" * 200 + "}"),
    ("text/csv", ""),
    ("text/csv", "a,b\n1,2\n1,2,3\n"),
    ("text/csv", "a,b\nx,2\n"),
    ("application/vnd.apache.parquet", parquet()[:100]),
]
"""Requests that are refused with 400, by us as by MLflow."""


@pytest.mark.parametrize(("content_type", "body"), REFUSED)
def test_refusals_are_mlflows(ours: Server, theirs: str, content_type: str, body: Any) -> None:
    mine, other = both(ours, theirs, content_type, body)

    assert (mine.status, other.status) == (400, 400), (mine.text, other.text)
    assert mine.json()["error_code"] == other.json()["error_code"] == "BAD_REQUEST"
    assert mine.headers["Content-Type"] == other.headers["Content-Type"] == JSON


@pytest.mark.parametrize(
    "content_type", ["text/xml", "application/xml", "text/csv; charset=nonsense"]
)
def test_unread_types_are_mlflows(ours: Server, theirs: str, content_type: str) -> None:
    mine, other = both(ours, theirs, content_type, "<a/>")

    assert (mine.status, other.status) == (415, 415)
    assert mine.headers["Content-Type"] == other.headers["Content-Type"]


@pytest.mark.parametrize("path", ["/ping", "/health", "/version"])
def test_probes_have_mlflows_status(ours: Server, theirs: str, path: str) -> None:
    assert [call(url, "GET", path).status for url in (ours.url, theirs)] == [200, 200]


DIFFERENT: list[tuple[str, str | None, Any, int, int]] = [
    ("ML2", JSON, '{"dataframe_split": {"columns": ["a"], "data": [[NaN]]}}', 200, 200),
    ("ML2", JSON, '{"dataframe_split": {"columns": ["a"], "data": [[1e400]]}}', 200, 200),
    ("ML3", JSON, {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3]]}}, 400, 200),
    ("ML4", JSON, {"instances": [{"a": 1, "b": 2}, {"a": 3}]}, 200, 400),
    ("ML6", JSON, {"inputs": {"a": [1, 2], "b": 2}}, 400, 200),
    ("ML7", JSON, '{"instances": [[1]], "instances": [[2]]}', 400, 200),
    ("ML7", JSON, '{"dataframe_records": [{"a": 1, "a": 2}]}', 400, 200),
    ("ML7", JSON, '{"instances": [[1]], "\\ud800": 1}', 400, 200),
    ("ML8", JSON, {"instances": [[1]], "params": [1]}, 400, 200),
    ("ML8", JSON, {"instances": [[1]], "params": {"predict_method": "x"}}, 400, 200),
    ("ML9", "Application/JSON", {"instances": [[1]]}, 200, 415),
    ("ML9", "application/vnd.x+json", {"instances": [[1]]}, 200, 415),
    ("ML9", "application/x-www-form-urlencoded", {"instances": [[1]]}, 200, 415),
    ("ML9", None, {"instances": [[1]]}, 200, 500),
    ("ML9", "text/plain", "a\n1\n", 200, 415),
    ("ML10", "application/json; charset=latin-1", {"instances": [[1]]}, 200, 415),
    ("ML10", "text/csv; header=present", "a\n1\n", 200, 415),
    ("ML11", JSON, '{"instances": [[1]]}'.encode("utf-16"), 400, 200),
    ("ML12", JSON, "[" * 1000 + "]" * 1000, 400, 500),
    ("ML17", JSON, {"messages": [], "dataframe_split": SPLIT}, 200, 400),
    ("ML18", JSON, {"inputs": {"a": 1, "b": 2}}, 200, 400),
    ("ML19", JSON, {"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, 400, 200),
    ("ML19", JSON, {"dataframe_split": {"columns": ["a"], "data": [1, 2]}}, 400, 200),
    ("ML19", JSON, {"dataframe_split": {"columns": [], "data": []}}, 400, 200),
    ("ML19", JSON, {"dataframe_records": [{}]}, 400, 200),
    ("ML19", JSON, {"inputs": {}}, 400, 200),
]
"""The differences of docs/mlflow.md that one request shows, with our status and MLflow's."""


@pytest.mark.parametrize(("name", "content_type", "body", "mine", "other"), DIFFERENT)
def test_differences_are_those_of_the_page(  # noqa: PLR0917 - a table's row
    ours: Server, theirs: str, name: str, content_type: str, body: Any, mine: int, other: int
) -> None:
    one, two = both(ours, theirs, content_type, body)

    assert (one.status, two.status) == (mine, other), f"{name}: {one.text} {two.text}"
    assert one.status != two.status or one.text != two.text
