"""The outputs of each target type, and prefixes and credentials in front of them."""

import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from tests.support.models import ABC, ONE_WORKER, Model, hooks
from tests.support.open_inference import Tensor, answered, infer, path
from tests.support.serving import Server, serve
from tests.support.summing import MULTI, SUM

ONE = Tensor("x", "FP64", np.array([1.5]))
SAME = """
import pandas as pd

def score(data, model, **kwargs):
    return data
"""
MULTILABEL = Model(hooks(SAME), ("--target-type", "multilabel", *ABC, "--model-name", "labels"))
SPOKEN = Model(
    hooks("""
import pandas as pd

def score(data, model, **kwargs):
    texts = [None if cell == "nothing" else cell + "!" for cell in data.iloc[:, 0]]
    return pd.DataFrame({"out": pd.Series(texts, dtype=object)})
"""),
    ("--target-type", "textgeneration", "--model-name", "spoken"),
    {"TARGET_NAME": "out"},
)
ANOMALY = Model(SUM.files, ("--target-type", "anomaly", "--model-name", "strange"))


@contextmanager
def served(root: Path, model: Model, *flags: str) -> Iterator[Server]:
    folder = model.write(root / "model")
    with serve(folder, *model.flags, *flags, *ONE_WORKER, env=model.env) as server:
        yield server


def outputs(server: Server, model: str) -> list[tuple[str, str, list[int]]]:
    """Return name, datatype and shape of the outputs by the metadata."""
    found = server.get(path(model, "")).json()["outputs"]
    return [(one["name"], one["datatype"], one["shape"]) for one in found]


def test_several_classes_have_a_label_and_chances(tmp_path: Path) -> None:
    with served(tmp_path, MULTI) as server:
        reply = infer(server, "multi", ONE)
        known = outputs(server, "multi")

    assert known == [("predict", "BYTES", [-1]), ("predict_proba", "FP64", [-1, 4])]
    assert answered(reply) == {"predict": ["d"], "predict_proba": [0.1, 0.2, 0.3, 0.4]}
    labels = reply.json()["outputs"][1]["parameters"]["class_labels"]
    assert json.loads(labels) == ["a", "b", "c", "d"]


def test_classes_that_are_whole_numbers_are_answered_as_such(tmp_path: Path) -> None:
    rows, classes = np.array([[1.0], [2.0], [3.0]]), np.array([0, 5, 10])
    pickled = pickle.dumps(DecisionTreeClassifier().fit(rows, classes))
    flags = ("--target-type", "multiclass", "--class-labels", "10", "0", "5", "--model-name", "n")
    with served(tmp_path, Model({"model.pkl": pickled}, flags)) as server:
        sent = Tensor("x", "FP64", rows.reshape(-1))
        text = infer(server, "n", sent)
        binary = infer(server, "n", sent, parameters={"binary_data_output": True})
        known = outputs(server, "n")
        nothing = infer(server, "n", Tensor("x", "FP64", np.zeros((0, 1))))

    assert known == [("predict", "INT64", [-1]), ("predict_proba", "FP64", [-1, 3])]
    assert json.dumps(answered(text)["predict"]) == "[0, 5, 10]"
    assert answered(binary)["predict"] == [0, 5, 10]
    assert answered(nothing) == {"predict": [], "predict_proba": []}


def test_several_labels_have_chances_alone(tmp_path: Path) -> None:
    columns = [Tensor(name, "FP64", np.array([0.5, 0.25])) for name in "ABC"]
    with served(tmp_path, MULTILABEL) as server:
        reply = infer(server, "labels", *columns)
        known = outputs(server, "labels")
        first = infer(server, "labels", *columns, outputs=[{"name": "output-0"}])

    assert known == [("predict_proba", "FP64", [-1, 3])]
    assert answered(reply) == {"predict_proba": [0.5] * 3 + [0.25] * 3}
    assert answered(first) == {"output-0": [0.5] * 3 + [0.25] * 3}


@pytest.mark.parametrize("binary", [True, False])
def test_texts_are_texts(tmp_path: Path, *, binary: bool) -> None:
    texts = Tensor("text", "BYTES", np.array(["zwei Wörter", "nothing"], object))
    wanted = {"name": "predict", "parameters": {"binary_data": binary}}
    with served(tmp_path, SPOKEN) as server:
        found = answered(infer(server, "spoken", texts, outputs=[wanted]))
        known = outputs(server, "spoken")

    assert known == [("predict", "BYTES", [-1])]
    assert found == {"predict": ["zwei Wörter!", "" if binary else None]}


def test_numbers_that_are_none_are_null_or_nan(tmp_path: Path) -> None:
    rows = Tensor("x", "FP64", np.array([[np.inf, 1.0], [2.5, -1.0]]))
    with served(tmp_path, ANOMALY) as server:
        text = infer(server, "strange", rows)
        binary = infer(server, "strange", rows, parameters={"binary_data_output": True})
        known = outputs(server, "strange")

    assert known == [("predict", "FP64", [-1])]
    assert answered(text) == {"predict": [None, 1.5]}
    assert answered(binary) == {"predict": [np.inf, 1.5]}


def test_routes_stand_below_the_prefix(tmp_path: Path) -> None:
    with served(tmp_path, SUM, "--url-prefix", "/p") as server:
        assert server.get("/p/v2/models").json() == {"models": ["sum"]}
        assert server.get("/v2/models").status == 404
        assert list(server.get("/p/v2/nothing").json()) == ["error"]


def test_strangers_are_refused_in_the_form_of_the_protocol(tmp_path: Path) -> None:
    with served(tmp_path, SUM, "--passphrase", "open sesame") as server:
        refused = [server.get("/v2"), server.get(path("sum", "")), infer(server, "sum", ONE)]
        let_in = server.get("/v2/models", Authorization="Bearer open sesame")
        health = [server.get(f"/v2/health/{end}").status for end in ("live", "ready")]

    assert [(reply.status, list(reply.json())) for reply in refused] == [(401, ["error"])] * 3
    assert let_in.json() == {"models": ["sum"]}
    assert health == [200, 200]


def by_position(server: Server, tensor: Tensor) -> Any:
    return answered(infer(server, "sum", tensor))["predict"]


def test_hooks_get_the_columns_of_one_tensor(tmp_path: Path) -> None:
    with served(tmp_path, SUM) as server:
        assert by_position(server, Tensor("x", "FP64", np.array([[1.5, 2], [3, 4]]))) == [3.5, 7.0]
        assert by_position(server, Tensor("x", "FP64", np.array([[1.5], [3]]))) == [1.5, 3.0]
        assert by_position(server, Tensor("x", "UINT8", np.array([1, 255]))) == [1.0, 255.0]
        assert by_position(server, Tensor("x", "BYTES", np.array([["1", "2"]], object))) == [3.0]


def flats() -> Model:
    """Return a model of a column of text and one of numbers."""
    rows = pd.DataFrame({"street": ["north", "süd", "west"] * 4, "size": np.arange(12.0)})
    columns = ColumnTransformer([("street", OneHotEncoder(), ["street"])], remainder="passthrough")
    prices = rows["size"] * 1.1 + rows["street"].str.len()
    pickled = pickle.dumps(make_pipeline(columns, LinearRegression()).fit(rows, prices))
    return Model({"model.pkl": pickled}, ("--target-type", "regression", "--model-name", "flats"))


def test_columns_of_text_and_numbers_are_tensors_of_their_own(tmp_path: Path) -> None:
    """O16: the bits of CSV."""
    streets, sizes = np.array(["süd", "west"], object), np.array([2.5, 0.1])
    with served(tmp_path, flats()) as server:
        expected = server.csv("street,size\nsüd,2.5\nwest,0.1\n").json()["predictions"]
        found = [
            answered(
                infer(
                    server,
                    "flats",
                    Tensor("size", "FP64", sizes, is_binary=binary),
                    Tensor("street", "BYTES", streets, is_binary=not binary),
                )
            )
            for binary in (True, False)
        ]
        inputs = server.get(path("flats", "")).json()["inputs"]

    assert found == [{"predict": expected}] * 2
    assert {one["name"]: one["datatype"] for one in inputs} == {"street": "BYTES", "size": "FP64"}
