"""The texts of custom.py that the cases use; requests say what the hooks do."""

# The body is a Python expression, and its value is what score returns. The request decides the
# frame, so that one model directory serves a whole table of outputs.
EXPRESSION = """
import datetime
import decimal
import sys

import numpy as np
import pandas as pd
from datarobot_drum import CustomHTTPError, RuntimeParameters
from werkzeug.exceptions import BadRequest, NotFound

F = pd.DataFrame


class Teapot(CustomHTTPError):
    pass


def throw(error):
    raise error


def load_model(code_dir):
    return "the model"


def read_input_data(payload):
    return payload.decode()


def score(data, model, **kwargs):
    return eval(data, {**globals(), "model": model, "kwargs": kwargs})
"""

# Two expressions, split by a line break: for score and for post_process.
POST_PROCESS = (
    EXPRESSION
    + """

later = ""


def score(data, model, **kwargs):
    global later
    now, later = data.split("\\n")
    return eval(now, {**globals(), "model": model, "kwargs": kwargs})


def post_process(predictions, model):
    return eval(later, {**globals(), "predictions": predictions, "model": model})
"""
)

# One line of text that shows the frame and the keyword arguments a hook gets.
DESCRIBE = """
import json

import numpy as np
import pandas as pd

MANY = 50


def plain(value):
    return getattr(value, "name", None) if "TargetType" in type(value).__name__ else repr(value)


def cells(column):
    values = np.asarray(column).tolist()
    if len(values) > MANY:
        return sorted({type(value).__name__ for value in values})
    return [type(value).__name__ + " " + repr(value) for value in values]


def describe(data, kwargs):
    seen = {"kwargs": {key: plain(value) for key, value in sorted(kwargs.items())}}
    if isinstance(data, pd.DataFrame):
        seen["columns"] = [repr(name) for name in data.columns]
        seen["dtypes"] = [str(dtype) for dtype in data.dtypes]
        seen["index"] = type(data.index).__name__ + " " + repr(list(data.index[:MANY]))
        seen["cells"] = [cells(data.iloc[:, i]) for i in range(data.shape[1])]
    else:
        seen["type"] = type(data).__name__
        seen["value"] = repr(data)
    if len(seen["kwargs"].get("binary_data", "")) > 1000:
        seen["kwargs"]["binary_data"] = len(seen["kwargs"]["binary_data"])
    return json.dumps(seen)


def load_model(code_dir):
    return "the model"
"""

# For text targets: the description is the prediction.
REPORT = (
    DESCRIBE
    + """

def score(data, model, **kwargs):
    return pd.DataFrame({"out": [describe(data, kwargs)]})
"""
)

# For two labels: the description is an extra column.
REPORT_BINARY = (
    DESCRIBE
    + """

def score(data, model, **kwargs):
    rows = len(data)
    told = [describe(data, kwargs)] * rows
    return pd.DataFrame({"yes": [0.25] * rows, "no": [0.75] * rows, "told": told})
"""
)

REPORT_LABELS = (
    DESCRIBE
    + """

def score(data, model, **kwargs):
    rows = len(data)
    frame = pd.DataFrame({name: [1 / 4] * rows for name in "ABC"})
    frame["A"] = 0.5
    return frame.assign(told=[describe(data, kwargs)] * rows)
"""
)

# Predicts the column `a`.
COLUMN = """
import pandas as pd


def load_model(code_dir):
    return "the model"


def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": data["a"]})
"""

# Every hook of a structured model, each leaving its mark in the prediction.
ALL_HOOKS = """
import io
from pathlib import Path

import pandas as pd

order = ["import"]


def init(code_dir):
    order.append("init " + Path(code_dir).name)


def load_model(code_dir):
    order.append("load_model " + Path(code_dir).name)
    return {"order": list(order)}


def read_input_data(payload):
    return pd.read_csv(io.BytesIO(payload), sep=";")


def transform(data, model):
    return data.assign(steps="transform")


def score(data, model, **kwargs):
    steps = [" > ".join([*model["order"], step, "score"]) for step in data["steps"]]
    return pd.DataFrame({"out": steps, "rows": range(len(data))}, index=range(len(data)))


def post_process(predictions, model):
    return predictions + " > post_process"
"""

TRANSFORM_THEN_SCORE = """
import pandas as pd


def load_model(code_dir):
    return 10


def transform(data, model):
    if (data["a"] < 0).any():
        raise ValueError("negative")
    return data * model


def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": data["a"] + data["b"]})
"""

# The first cell of the column `code` is the expression whose value transform returns.
TRANSFORM_EXPRESSION = """
import numpy as np
import pandas as pd
from datarobot_drum import CustomHTTPError
from scipy import sparse

F = pd.DataFrame


def sparse_frame(rows, columns, dtype=float):
    matrix = sparse.csr_matrix(np.array(rows, dtype=dtype))
    return pd.DataFrame.sparse.from_spmatrix(matrix, columns=columns)


def throw(error):
    raise error


def load_model(code_dir):
    return "the model"


def transform(X, model, y=None):
    return eval(X["code"].iloc[0], {**globals(), "X": X, "y": y, "model": model})
"""

TRANSFORM_IDENTITY = """
def load_model(code_dir):
    return "the model"


def transform(X, model):
    return X
"""

TRANSFORM_FOUR_PARAMETERS = """
def load_model(code_dir):
    return "the model"


def transform(X, model, y, more):
    return X
"""

# `?echo` describes what the hook gets, else the body is an expression whose value is returned.
UNSTRUCTURED = """
import json
import sys

from datarobot_drum import CustomHTTPError
from werkzeug.exceptions import BadRequest, NotFound


def throw(error):
    raise error


def load_model(code_dir):
    return "the model"


def score_unstructured(model, data, **kwargs):
    query, headers = kwargs["query"], kwargs.get("headers", {})
    if "echo" not in query:
        return eval(data, {**globals(), "model": model, "kwargs": kwargs})
    told = {
        "model": model,
        "type": type(data).__name__,
        "data": repr(data),
        "names": sorted(kwargs),
        "mimetype": kwargs.get("mimetype"),
        "charset": kwargs.get("charset"),
        "query": {key: query[key] for key in query},
        "lists": {key: query.getlist(key) for key in query} if hasattr(query, "getlist") else None,
        "lower": headers.get("X-Lower"),
    }
    return json.dumps(told, sort_keys=True), {"mimetype": "application/json"}
"""

CUSTOM_FLASK = """
from flask import jsonify, request


def init_app(app):
    @app.before_request
    def authenticate():
        if request.headers.get("Authorization") == "Bearer wrong":
            return jsonify(error="no"), 401
        return None

    @app.after_request
    def mark(response):
        response.headers["X-Marked"] = request.endpoint or "none"
        return response

    @app.route("/extra/<name>", methods=["GET", "POST"])
    def extra(name):
        return jsonify(name=name, method=request.method)

    @app.errorhandler(404)
    def missing(error):
        return jsonify(missing=request.path), 404
"""

PARAMETERS = """
import json

import pandas as pd
from datarobot_drum import RuntimeParameters


def load_model(code_dir):
    return "the model"


def look(name):
    try:
        found = RuntimeParameters.get(name)
        return f"{RuntimeParameters.has(name)} {type(found).__name__} {found!r}"
    except Exception as error:
        return str(error).partition(" json")[0].partition("!")[0]


def score(data, model, **kwargs):
    return pd.DataFrame({"out": [look(name) for name in data["name"]]})
"""
