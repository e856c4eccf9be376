"""Models for the tests of H2O's scorer, and how it is asked."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from tests.support.artifacts import saved
from tests.support.http_calls import Reply
from tests.support.models import ECHO, Model
from tests.support.serving import Server

JSON = "application/json"

CARRIERS = ("AA", "HA", "UA")

_FLIGHTS = """
name: flights
type: inference
targetType: regression
inferenceModel:
  targetName: Distance
"""

_TYPED = """
name: typed
type: inference
targetType: textgeneration
inferenceModel:
  targetName: out
inputSchema:
  type: object
  properties:
    whole:
      type: integer
    short:
      type: integer
      format: int32
    real:
      type: number
    flag:
      type: boolean
    word:
      type: string
    day:
      type: string
      format: date
    file:
      type: string
      contentEncoding: base64
      examples:
        - aGVsbG8=
    loose:
      description: of no type
missing_fields: na
"""


def flights() -> Model:
    """Return an XGBoost regressor of a number, a whole number and a category."""
    generator = np.random.default_rng(3)
    rows = pd.DataFrame(
        {
            "delay": generator.normal(size=300),
            "stops": generator.integers(0, 4, size=300),
            "carrier": pd.Categorical(generator.choice(CARRIERS, size=300)),
        }
    )
    distance = 700 + 90 * rows["delay"] - 40 * rows["stops"] + 25 * rows["carrier"].cat.codes
    data = xgboost.DMatrix(rows, distance, enable_categorical=True)
    booster = xgboost.train({"max_depth": 3, "nthread": 1}, data, 12)
    artifact = saved(".ubj", booster.save_model)
    return Model({"model.ubj": artifact, "model-metadata.yaml": _FLIGHTS})


UNTYPED = Model(
    {"custom.py": str(ECHO.files["custom.py"]).replace("(seen)]", "(seen)] * len(data)")},
    ECHO.flags,
    ECHO.env,
)
"""A hook that tells, for each row, what it was given."""

TYPED = Model({**UNTYPED.files, "model-metadata.yaml": _TYPED})
"""The same with a column of each type, and one of none."""

FLIGHT = {"fields": ["delay", "stops", "carrier"], "rows": [["0.5", "1", "UA"]]}
"""A request that `flights` scores."""


def request_of(fields: Sequence[str], *rows: Sequence[Any], **keys: Any) -> dict[str, Any]:
    """Return a scoring request."""
    return {"fields": list(fields), "rows": [list(row) for row in rows], **keys}


def score(server: Server, body: Mapping[str, Any] | str, path: str = "/model/score") -> Reply:
    """POST a scoring request: an object, or text that may be no JSON at all."""
    text = body if isinstance(body, str) else json.dumps(body)
    return server.post(path, text, JSON)


def scores(server: Server, body: Mapping[str, Any] | str) -> list[list[str | None]]:
    """Return the rows of the answer to a request that is right."""
    reply = score(server, body)
    assert reply.status == 200, reply.text
    found: list[list[str | None]] = reply.json()["score"]
    return found


def detail(reply: Reply, status: int) -> str:
    """Return the text of a refusal, whose body has no other key."""
    assert reply.status == status, reply.text
    assert reply.headers["Content-Type"] == JSON
    content = reply.json()
    assert list(content) == ["detail"]
    return str(content["detail"])


def seen(server: Server, body: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Return the dtypes and the first row that a hook of TYPED or ECHO got, as text."""
    (text,), *_ = scores(server, body)
    told = json.loads(str(text))
    names = [name.strip("'") for name in told["columns"]]
    return dict(zip(names, told["dtypes"], strict=True)), told["rows"][0]
