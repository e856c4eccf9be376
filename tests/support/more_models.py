"""Model directories for the routes beside prediction: unstructured, transform and chat."""

from tests.support.models import Model, hooks

UNSTRUCTURED = Model(
    hooks("""
import json

from werkzeug.exceptions import BadRequest

RETURNS = {
    "text": "x",
    "bytes": b"x",
    "none": None,
    "html": ("x", {"mimetype": "text/html"}),
    "latin": ("\\u00e9", {"charset": "latin-1"}),
    "png": (b"x", {"mimetype": "image/png"}),
    "no-dict": ("x", None),
    "empty-dict": ("x", {}),
    "dict": {"a": 1},
    "two-texts": ("a", "b"),
    "three": ("a", "b", "c"),
}

def score_unstructured(model, data, **kwargs):
    query = kwargs["query"]
    form = query.get("form")
    if form == "value-error":
        raise ValueError("boom")
    if form == "bad-request":
        raise BadRequest("d")
    if form in RETURNS:
        return RETURNS[form]
    return json.dumps({
        "type": type(data).__name__,
        "data": data if isinstance(data, str) else data.decode("latin-1"),
        "mimetype": kwargs["mimetype"],
        "charset": kwargs.get("charset"),
        "names": sorted(kwargs),
        "headers": dict(kwargs.get("headers", {})),
        "a": query.get("a"),
        "all": query.to_dict(flat=False) if hasattr(query, "getlist") else query,
    })
"""),
    ("--target-type", "unstructured"),
)

TRANSFORM = Model(
    hooks("""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

def sparse(rows, dtype=float):
    matrix = csr_matrix(np.array(rows, dtype))
    return pd.DataFrame.sparse.from_spmatrix(matrix, columns=["sp", "q"])

CASES = {
    "sparse": lambda data, y: sparse([[1.5, 2], [0, 2]]),
    "symmetric": lambda data, y: sparse([[1.5, 2], [2, 5]]),
    "integers": lambda data, y: sparse([[1, 2], [0, 2]], np.int64),
    "fewer": lambda data, y: data.iloc[1:],
    "array": lambda data, y: data.to_numpy(),
    "tuple": lambda data, y: (data, y),
    "blank": lambda data, y: pd.DataFrame({"  ": [1], "b": [2]}),
    "odd-names": lambda data, y: pd.DataFrame({" x ": [1], "p\\nq": [2], 3: [3]}),
    "cells": lambda data, y: pd.DataFrame({"n": [np.nan], "b": [True], "f": [0.1 + 0.2]}),
    "target": lambda data, y: pd.DataFrame({"y": [type(y).__name__]}),
}

def transform(X, model, y=None):
    case = X["case"].iloc[0] if "case" in X and len(X) else None
    return CASES[case](X, y) if case in CASES else X
"""),
    ("--target-type", "transform"),
)

_CHAT = '''
import json


class Message:
    """An object with attributes, like those of a chat client's library."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def to_dict(self):
        plain = lambda value: value.to_dict() if isinstance(value, Message) else value
        return {
            name: [plain(item) for item in value] if isinstance(value, list) else plain(value)
            for name, value in vars(self).items()
        }

    def to_json(self, indent=None):
        indent = 2 if self.id == "lines" else indent
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=self.id != "raw")


def completion(text):
    choice = Message(index=0, message=Message(role="assistant", content=text))
    return Message(id="c", object="chat.completion", choices=[choice])


def chunks(*texts, id="c"):
    for text in texts:
        choice = Message(index=0, delta=Message(content=text))
        yield Message(id=id, object="chat.completion.chunk", choices=[choice])


def failing():
    raise ValueError("boom")
    yield


def chat(params, model):
    text = params["messages"][-1]["content"]
    if text.startswith("echo:"):
        return chunks(text.removeprefix("echo:"), id="raw")
    return {
        "chunks": lambda: chunks("one", "two"),
        "lines": lambda: chunks("one", id="lines"),
        "nothing": lambda: iter(()),
        "fail": failing,
        "str": lambda: "plain",
    }.get(text, lambda: completion(text))()
'''

CHAT_ONLY = Model(hooks(_CHAT), ("--target-type", "regression"))

CHAT = Model(
    hooks(
        _CHAT
        + """

def get_supported_llm_models(model):
    return [Message(id="m1", object="model"), Message(id="other", object="engine")]
"""
    ),
    ("--target-type", "textgeneration"),
    {"TARGET_NAME": "out"},
)
