"""Models and calls for tests of MLflow's and Databricks' contracts."""

import json
from pathlib import Path
from typing import Any

from tests.support.http_calls import Reply
from tests.support.models import Model, hooks
from tests.support.serving import Server

JSON = "application/json"

SPLIT = {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}
"""Two rows whose sums are 3 and 7."""

SUM = Model(
    hooks("""
import pandas as pd
from datarobot_drum import CustomHTTPError

def score(data, model, **kwargs):
    if "fail" in data.columns:
        raise ValueError("boom")
    if "teapot" in data.columns:
        raise CustomHTTPError("short and stout", 418)
    return pd.DataFrame({"Predictions": data.astype(float).sum(axis=1, skipna=False)})
"""),
    ("--target-type", "regression"),
)
"""Adds the columns of a row."""

_CHANCES = """
import pandas as pd

def score(data, model, **kwargs):
    labels = kwargs.get("class_labels") or [
        kwargs["positive_class_label"], kwargs["negative_class_label"]
    ]
    return pd.DataFrame(data.iloc[:, : len(labels)].to_numpy(float), columns=labels)
"""

MULTI = Model(
    hooks(_CHANCES), ("--target-type", "multiclass", "--class-labels", "d", "b", "c", "a")
)
"""Gives the first four cells of a row as the probabilities of its labels."""

BIN = Model(
    hooks(_CHANCES),
    ("--target-type", "binary", "--positive-class-label", "1", "--negative-class-label", "0"),
)
"""Gives the first two cells of a row as the probabilities of 1 and of 0."""


_MULTI = """
name: multi
type: inference
targetType: multiclass
inferenceModel:
  classLabels:
    - d
    - b
    - c
    - a
"""


def write_multi(parent: Path) -> Path:
    """Write the model of four labels into a directory of its name."""
    return MULTI.plus(**{"model-metadata.yaml": _MULTI}).write(parent / "multi")


def write_sum(parent: Path) -> Path:
    """Write the model that adds into a directory of its name."""
    metadata = "name: sum\ntype: inference\ntargetType: regression\n"
    return Model({**SUM.files, "model-metadata.yaml": metadata}).write(parent / "sum")


def post(server: Server, content: Any, path: str = "/invocations", **headers: str) -> Reply:
    """POST JSON, or a text that says it is."""
    body = content if isinstance(content, str) else json.dumps(content)
    return server.post(path, body, JSON, **headers)
