"""Models and calls for tests of SageMaker's contract; clients have none of the frameworks."""

import json
from typing import Any

from tests.support.http_calls import Reply
from tests.support.models import Model, hooks
from tests.support.serving import Server

JSON, CSV, LINES, NPY = (
    "application/json",
    "text/csv",
    "application/jsonlines",
    "application/x-npy",
)
SIGN = {"X_Amzn_SageMaker_Inference_Id": "1"}

METADATA = "name: model\ntype: inference\ntargetType: regression\n"
"""The metadata of a model that is started or loaded without flags."""

SUM = Model(
    hooks("""
import time
from pathlib import Path

import pandas as pd

def score(data, model, **kwargs):
    numbers = data.select_dtypes("number")
    if "slow" in data.columns:
        Path(__file__).with_name("sleeps").touch()
        time.sleep(2)
    return pd.DataFrame({"Predictions": numbers.sum(axis=1, skipna=False).astype(float)})
"""),
    ("--target-type", "regression"),
)
"""Adds the numbers of a row; the names of its columns are unknown."""

_CHANCES = """
import pandas as pd

def score(data, model, **kwargs):
    labels = kwargs.get("class_labels") or [
        kwargs["positive_class_label"], kwargs["negative_class_label"]
    ]
    share = 1 / 2 ** len(labels)
    first = [1 - share * (len(labels) - 1)] + [share * 1.0] * (len(labels) - 1)
    return pd.DataFrame([first] * len(data), columns=labels)
"""

MULTI = Model(
    hooks(_CHANCES), ("--target-type", "multiclass", "--class-labels", "d", "b", "c", "a")
)
BIN = Model(
    hooks(_CHANCES),
    ("--target-type", "binary", "--positive-class-label", "1", "--negative-class-label", "0"),
)

NAMES = ("rooms", "garden", "a,b")


def named() -> Model:
    """Return a linear model that knows its columns by name: 1, 10 and 100 times their cells."""
    import joblib
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    from tests.support.artifacts import saved

    cells = pd.DataFrame(np.eye(3), columns=list(NAMES))
    model = LinearRegression(fit_intercept=False).fit(cells, [1.0, 10.0, 100.0])
    content = saved(".joblib", lambda path: joblib.dump(model, path))
    return Model({"model.joblib": content}, ("--target-type", "regression"))


def post(
    server: Server, body: Any, media_type: str | None = JSON, accept: str = "", **headers: str
) -> Reply:
    """POST to /invocations; what is neither text nor bytes is sent as JSON."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    named = {"Accept": accept} if accept else {}
    return server.post("/invocations", content, media_type, **named, **headers)


def signed(
    server: Server, body: Any, media_type: str | None = CSV, accept: str = "", **headers: str
) -> Reply:
    """POST the same with a header of SageMaker."""
    return post(server, body, media_type, accept, **SIGN, **headers)


def predictions(reply: Reply) -> Any:
    """Return the predictions of a good answer in JSON, which this contract has given."""
    assert reply.status == 200, reply.text
    assert reply.headers["X-Scoring-Contract"] == "sagemaker"
    assert reply.headers["Content-Type"] == JSON
    return reply.json()["predictions"]


def refused(reply: Reply, status: int = 400) -> str:
    """Return the message of an error in the form of a container."""
    assert reply.status == status, reply.text
    content = reply.json()
    assert list(content) == ["error_code", "message"]
    return str(content["message"])
