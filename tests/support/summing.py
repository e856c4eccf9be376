"""A model that adds its columns, as the checklists of the hosting platforms assume."""

import json
from typing import Any

from tests.support.http_calls import Reply
from tests.support.models import Model, hooks
from tests.support.serving import Server

JSON = "application/json"

SUM = Model(
    hooks("""
import pandas as pd

def score(data, model, **kwargs):
    if "fail" in data.columns:
        raise ValueError("boom")
    return pd.DataFrame({"Predictions": data.astype(float).sum(axis=1)})
"""),
    ("--target-type", "regression", "--model-name", "sum"),
)
"""Adds all columns of a row; fails on a column `fail`."""

BYTES = Model(
    hooks("""
import pandas as pd

def score(data, model, **kwargs):
    sizes = [len(cell) if isinstance(cell, bytes) else -1 for cell in data.iloc[:, 0]]
    return pd.DataFrame({"Predictions": sizes})
"""),
    ("--target-type", "regression", "--model-name", "bytes"),
)
"""Counts the bytes in the first column; -1 for a cell of another type."""

FOUR = (
    "--class-labels",
    *("a", "b", "c", "d"),
)
MULTI = Model(
    hooks("""
import pandas as pd

def score(data, model, **kwargs):
    return pd.DataFrame([[0.1, 0.2, 0.3, 0.4]] * len(data), columns=list("abcd"))
"""),
    ("--target-type", "multiclass", *FOUR, "--model-name", "multi"),
)
"""Gives every row the same chances of four labels."""


def post(server: Server, path: str, content: Any, **headers: str) -> Reply:
    """POST JSON."""
    return server.post(path, json.dumps(content), JSON, **headers)
