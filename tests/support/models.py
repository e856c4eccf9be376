"""Model directories for tests, as texts: what a hook does is steered by the request itself.

The names are those of the fixtures of the route tables: REG returns its input column, STEERED does
what its column `case` says, BINARY, MULTICLASS, MULTILABEL and TEXT return their input, ECHO tells
what it was given, READER reads bytes itself, UNSTRUCTURED and TRANSFORM speak for themselves, CHAT
answers chats and scores nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import pytest

from tests.support.serving import Server, serve

_LOAD = """
def load_model(code_dir):
    return "model"
"""


@dataclass(frozen=True, slots=True)
class Model:
    """A model directory in memory, and how it is served.

    Attributes:
        files: Text or bytes by path below the directory.
        flags: Flags for `server` and `score`.
        env: Environment variables.
    """

    files: Mapping[str, str | bytes]
    flags: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def write(self, directory: Path) -> Path:
        """Write the files below `directory` and return it."""
        for name, content in self.files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return directory

    def plus(self, **files: str | bytes) -> "Model":
        """Return the same model with more files; `custom_py` stands for `custom.py`."""
        named = {name.replace("_py", ".py"): content for name, content in files.items()}
        return replace(self, files={**self.files, **named})


def served(
    model: Model,
    *flags: str,
    env: Mapping[str, str] | None = None,
    scope: Literal["session", "module"] = "module",
) -> Any:
    """Return a pytest fixture that serves a model in a process of its own."""

    @pytest.fixture(scope=scope)
    def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
        directory = model.write(tmp_path_factory.mktemp("model"))
        settings = {**model.env, **(env or {})}
        with serve(directory, *model.flags, *flags, env=settings) as running:
            yield running

    return server


def hooks(code: str) -> Mapping[str, str | bytes]:
    """Return the files of a directory whose custom.py loads a model and defines `code`."""
    return {"custom.py": _LOAD + code}


ONE_WORKER = ("--max-workers", "1")
TARGET = MappingProxyType({"TARGET_NAME": "out"})
YES_NO = ("--positive-class-label", "yes", "--negative-class-label", "no")
ABC = ("--class-labels", "A", "B", "C")

REG = Model(
    hooks("""
import pandas as pd

def score(data, model, **kwargs):
    column = data["a"] if "a" in data.columns else data.iloc[:, 0]
    return pd.DataFrame({"Predictions": column})
"""),
    ("--target-type", "regression"),
)

STEERED = Model(
    hooks("""
import os
import sys

import numpy as np
import pandas as pd
from datarobot_drum import CustomHTTPError
from werkzeug.exceptions import NotFound

VALUES = {
    "int": 1, "true": True, "false": False, "digits": "1.5", "text": "abc",
    "missing": float("nan"), "plus": float("inf"), "minus": float("-inf"), "nothing": None,
    "pid": os.getpid(),
}
FRAMES = {
    "array": lambda data: np.zeros((len(data), 1)),
    "ab": lambda data: pd.DataFrame({"a": [1.0], "b": [2.0]}),
    "zzz": lambda data: pd.DataFrame({"zzz": [1.0]}),
    "twice": lambda data: pd.DataFrame([[1.0, 2.0]], columns=["Predictions", "Predictions"]),
    "float32": lambda data: pd.DataFrame({"Predictions": np.array([0.1], np.float32)}),
    "extras": lambda data: pd.DataFrame(
        {"Predictions": [0.5, 1.5], "e1": [1, 2], "e2": ["x", "y"]}, index=[5, 7]
    ),
    "date": lambda data: pd.DataFrame({"Predictions": [0.5], "e": [pd.Timestamp("2020-01-01")]}),
    "bool-nan": lambda data: pd.DataFrame({"Predictions": [0.5], "t": [True], "n": [np.nan]}),
    "one-row": lambda data: pd.DataFrame({"Predictions": [0.5]}),
    "five-rows": lambda data: pd.DataFrame({"Predictions": [0.5] * 5}),
}

def from_itself():
    error = ValueError("boom")
    error.__cause__ = error  # as `raise error from error` does
    return error

ERRORS = {
    "value-error": lambda: ValueError("boom"),
    "from-itself": from_itself,
    "long-error": lambda: ValueError("boom" * 1000),
    "teapot": lambda: CustomHTTPError("bad", 418),
    "custom": lambda: CustomHTTPError("bad"),
    "not-found": NotFound,
    "exit": lambda: SystemExit(3),
    "interrupt": KeyboardInterrupt,
}

def transform(data, model):
    if "case" in data and list(data["case"]) == ["transform"]:
        raise ValueError("boom")
    return data

def score(data, model, **kwargs):
    case = data["case"].iloc[0]
    if case in ERRORS:
        raise ERRORS[case]()
    if case in FRAMES:
        return FRAMES[case](data)
    return pd.DataFrame({"Predictions": pd.Series([VALUES[name] for name in data["case"]])})
"""),
    ("--target-type", "regression"),
)

_LABELLED = """
import json

import pandas as pd

def score(data, model, **kwargs):
    if "echo" not in data:
        return data
    said = {name: kwargs[name] for name in kwargs if "label" in name}
    row = dict.fromkeys(said.get("class_labels", ()), 0.0)
    row |= {said[name]: 0.0 for name in said if name.endswith("class_label")}
    row[next(iter(row))] = 1.0
    said["target_type"] = str(kwargs["target_type"])
    return pd.DataFrame([row | {"kwargs": json.dumps(said)}])
"""
BINARY = Model(hooks(_LABELLED), ("--target-type", "binary", *YES_NO))
MULTICLASS = Model(hooks(_LABELLED), ("--target-type", "multiclass", *ABC))
MULTILABEL = Model(hooks(_LABELLED), ("--target-type", "multilabel", *ABC))

TEXT = Model(
    hooks("""
import json

import pandas as pd

def score(data, model, **kwargs):
    if "json" not in data:
        return data
    return pd.DataFrame({"out": pd.Series([json.loads(v)[0] for v in data["json"]], dtype=object)})
"""),
    ("--target-type", "textgeneration"),
    TARGET,
)

ECHO = Model(
    hooks("""
import json

import pandas as pd

def plain(value):
    return value.item() if hasattr(value, "item") else value

def score(data, model, **kwargs):
    seen = {
        "columns": [repr(name) for name in data.columns],
        "dtypes": [str(dtype) for dtype in data.dtypes],
        "rows": [[repr(plain(v)) for v in row] for row in data.itertuples(index=False, name=None)],
        "index": repr(data.index),
        "kwargs": {name: repr(value) for name, value in kwargs.items()},
    }
    return pd.DataFrame({"out": [json.dumps(seen)]})
"""),
    ("--target-type", "textgeneration"),
    TARGET,
)

READER = Model(
    hooks("""
import pandas as pd

def read_input_data(body):
    if body == b"raise":
        raise ValueError("x")
    return {b"list": [1, 2], b"none": None}.get(body, body)

def score(data, model, **kwargs):
    return pd.DataFrame({"out": [repr(data)]})
"""),
    ("--target-type", "textgeneration"),
    TARGET,
)
