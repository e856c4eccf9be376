"""No door answers more than its body may ask for: rows of one cell, for a model of eight labels."""

import json

import pytest

from tests.support.models import ONE_WORKER, Model, hooks, served
from tests.support.serving import Server
from tests.support.summing import JSON

LIMITS = ("--max-empty-rows", "1", "--max-cells", "100")

EIGHT = Model(
    hooks("""
import pandas as pd

def score(data, model, **kwargs):
    return pd.DataFrame([[0.125] * 8] * len(data), columns=kwargs["class_labels"])
"""),
    ("--target-type", "multiclass", "--class-labels", *"abcdefgh", "--model-name", "multi"),
)

limited = served(EIGHT, *LIMITS, *ONE_WORKER)

ROWS = [[1]] * 2_000
CELLS = [row[0] for row in ROWS]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/invocations", {"dataframe_split": {"data": ROWS}}, id="mlflow-split"),
        pytest.param("/invocations", {"instances": CELLS}, id="mlflow-instances"),
        pytest.param("/invocations", {"inputs": {"a": CELLS}}, id="mlflow-inputs"),
        pytest.param("/serving-endpoints/multi/invocations", {"inputs": CELLS}, id="databricks"),
        pytest.param("/v1/models/multi:predict", {"instances": CELLS}, id="kserve"),
        pytest.param("/score", {"data": CELLS}, id="azure"),
        pytest.param("/invocations", ROWS, id="sagemaker"),
        pytest.param("/predict/", {"instances": CELLS}, id="drum"),
    ],
)
def test_an_answer_out_of_proportion_is_refused(limited: Server, path: str, body: object) -> None:
    large = limited.post(path, json.dumps(body, separators=(",", ":")), JSON)
    small = limited.post(path, json.dumps(body).replace("1, ", "").replace("[1], ", ""), JSON)

    assert large.status == 413, (large.status, large.text[:200])
    assert "the answer to 2000 rows" in large.text
    assert small.status == 200, small.text
