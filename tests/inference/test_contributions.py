"""Contributions of custom.py, and the check at load that withdraws wrong ones."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from drum_like.api import NativeFrame
from drum_like.errors import HookError, PredictorError, SizeError, UnsupportedError
from drum_like.inference.explain import model_contributions
from drum_like.inference.model_service import ModelService
from drum_like.types.explanation import Kind
from tests.support.explained import NUMBER, Hooked, opened, reason

NAMED = """
name: x
type: inference
targetType: regression
inputSchema:
  type: object
  properties:
    a:
      type: number
    b:
      type: number
"""

REGRESSOR = """
import pandas as pd

def load_model(code_dir):
    return {"a": 2.0, "b": -3.0}

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": 2 * data["a"] - 3 * data["b"] + 1})

def contributions(data, model):
    out = pd.DataFrame({name: model[name] * data[name] for name in ("b", "a")})
    out["bias"] = 1.0
    return CHANGE
"""


@pytest.fixture
def regressor(hooked: Hooked) -> Hooked:
    """Return a function that opens a sum of two columns, its contributions changed."""

    def serve(change: str = "out", metadata: str = NAMED) -> ModelService:
        return hooked(REGRESSOR.replace("CHANGE", change), metadata=metadata)

    return serve


@pytest.fixture(scope="module")
def linear() -> LinearRegression:
    """Return a model of 2 a - 3 b + 1."""
    rows = pd.DataFrame({"a": [0.0, 1.0, 2.0, 5.0], "b": [1.0, 0.0, 3.0, 1.0]})
    return LinearRegression().fit(rows, 2 * rows["a"] - 3 * rows["b"] + 1)


ROWS = pd.DataFrame({"b": [1.0, 0.5, 0.0], "a": [2.0, 3.0, -1.0], "more": "x"})


def test_a_hook_tells_in_the_order_of_the_inputs(regressor: Hooked) -> None:
    service = regressor()

    found = service.contributions(NativeFrame(ROWS), Kind.ORIGINAL)

    assert service.contribution_kinds == (Kind.ORIGINAL,)
    assert (found.features, found.groups) == (("a", "b"), (None,))
    assert found.values[0].tolist() == [[4.0, -3.0, 1.0], [6.0, -1.5, 1.0], [-2.0, 0.0, 1.0]]


IN_PLACE = """
import pandas as pd

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    data["a"] *= 2
    data["b"] *= 3
    return pd.DataFrame({"Predictions": data["a"] - data["b"] + 1})

def contributions(data, model):
    data["a"] *= 2
    data["b"] *= -3
    data["bias"] = 1.0
    return data[["a", "b", "bias"]]
"""


def test_hooks_that_change_their_rows_tell_about_those_that_were_sent(hooked: Hooked) -> None:
    service = hooked(IN_PLACE, metadata=NAMED)
    rows = NativeFrame(ROWS[["a", "b"]].copy())

    prediction = service.predict(rows)
    found = service.contributions(rows, Kind.ORIGINAL)

    assert prediction.column.tolist() == [2.0, 5.5, -1.0]
    assert found.values[0].tolist() == [[4.0, -3.0, 1.0], [6.0, -1.5, 1.0], [-2.0, 0.0, 1.0]]
    assert rows.pandas.equals(ROWS[["a", "b"]])


def test_no_rows_have_features_and_call_no_hook(regressor: Hooked) -> None:
    service = regressor("out if len(data) else 1 / 0")

    found = service.contributions(NativeFrame(ROWS[:0]), Kind.ORIGINAL)

    assert found.features == ("a", "b")
    assert found.values.shape == (1, 0, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param("None", "NoneType", id="nothing"),
        pytest.param("out.to_numpy()", "ndarray", id="array"),
        pytest.param("out[['a', 'bias']]", "'bias' as the last", id="column-missing"),
        pytest.param("out.assign(c=0.0)", "'bias' as the last", id="column-more"),
        pytest.param("out[['bias', 'a', 'b']]", "'bias' as the last", id="bias-first"),
        pytest.param("out[:1]", "1 rows of contributions for 3 rows", id="rows"),
        pytest.param("out.assign(a='x')[['a', 'b', 'bias']]", "not numbers", id="text"),
        pytest.param("out / 0", "missing or infinite", id="missing"),
        pytest.param("out * 1.01", "do not add up", id="off"),
        pytest.param("1 / 0", "failed to compute", id="raises"),
    ],
)
def test_answers_of_a_hook_that_are_none_are_refused(
    change: str, said: str, regressor: Hooked
) -> None:
    """Also when the made-up rows of the load were right."""
    service = regressor(f"out if len(data) == 1 else {change}")

    with pytest.raises(HookError, match=said):
        service.contributions(NativeFrame(ROWS), Kind.ORIGINAL)


def test_a_hook_that_is_wrong_from_the_start_is_withdrawn(
    caplog: pytest.LogCaptureFixture, regressor: Hooked
) -> None:
    """The log and /info/ say why."""
    with caplog.at_level(logging.WARNING):
        service = regressor("-out")

    assert service.contribution_kinds == ()
    assert "do not add up" in caplog.text
    shown = service.description()["explanations"]["contributions"]
    assert shown["kinds"] == []
    assert "do not add up" in shown["reason"]


def test_a_hook_needs_the_columns_of_its_callers(regressor: Hooked) -> None:
    plain = "name: x\ntype: inference\ntargetType: regression\n"

    service = regressor("out", plain)

    assert "inputSchema" in reason(service.explanations)


CLASSES = """
import numpy as np
import pandas as pd

WEIGHTS = {"A": 1.0, "B": -1.0, "C": 0.5}

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    margins = pd.DataFrame({label: w * data["a"] for label, w in WEIGHTS.items()})
    powers = np.exp(margins.sub(margins.max(axis=1), axis=0))
    return powers.div(powers.sum(axis=1), axis=0)

def contributions(data, model):
    return {
        LABEL: pd.DataFrame({"a": w * data["a"], "bias": 0.0}) for label, w in WEIGHTS.items()
    }
"""

THREE = """
name: x
type: inference
targetType: multiclass
inferenceModel:
  classLabels:
    - C
    - A
    - B
inputSchema:
  type: object
  properties:
    a:
      type: number
"""


def test_a_hook_tells_each_class(hooked: Hooked) -> None:
    service = hooked(CLASSES.replace("LABEL", "label"), metadata=THREE)

    found = service.contributions(NativeFrame(pd.DataFrame({"a": [2.0]})), Kind.ORIGINAL)

    assert found.groups == ("C", "A", "B")
    assert found.values[:, 0, 0].tolist() == [1.0, 2.0, -2.0]


@pytest.mark.parametrize("label", ["label.lower()", "{'A': 'B', 'B': 'A', 'C': 'C'}[label]"])
def test_a_hook_that_mixes_classes_up_is_withdrawn(label: str, hooked: Hooked) -> None:
    service = hooked(CLASSES.replace("LABEL", label), metadata=THREE)

    assert service.contribution_kinds == ()


@pytest.mark.parametrize(
    "hook",
    [
        "def transform(data, model):\n    return data * 2\n",
        "def post_process(predictions, model):\n    return predictions * 2\n",
        "def score(data, model, **kwargs):\n    return data[['a']]\n",
        "def read_input_data(body):\n    return body\n",
    ],
    ids=["transform", "post_process", "score", "read_input_data"],
)
def test_a_model_behind_hooks_does_not_speak_for_them(
    hook: str, hooked: Hooked, linear: LinearRegression
) -> None:
    service = hooked(hook, linear, **NUMBER)

    assert service.contribution_kinds == ()
    assert "hook" in reason(service.explanations)


def test_a_hook_may_speak_for_a_model_behind_hooks(
    hooked: Hooked, linear: LinearRegression
) -> None:
    hooks = (
        "def post_process(predictions, model):\n    return predictions * 2\n\n"
        "def contributions(data, model):\n"
        "    out = 2 * data[['a', 'b']] * model.coef_\n"
        "    return out.assign(bias=2 * model.intercept_)\n"
    )

    service = hooked(hooks, linear)

    assert service.contribution_kinds == (Kind.ORIGINAL,)


def test_numbers_that_do_not_add_up_are_never_given(
    tmp_path: Path, linear: LinearRegression
) -> None:
    """A model that changes after the load is found out by the request."""
    service = opened(tmp_path, linear)
    contribution_source: Any = service.explanations.contribution_source
    service.model.coef_ = service.model.coef_ + 1.0

    with pytest.raises(PredictorError, match="do not add up"):
        contribution_source(NativeFrame(ROWS[["a", "b"]]), Kind.ORIGINAL)


def test_a_kind_that_is_not_there_is_refused(regressor: Hooked) -> None:
    service = regressor()

    with pytest.raises(UnsupportedError, match="TRANSFORMED"):
        service.contributions(NativeFrame(ROWS), Kind.TRANSFORMED)


def test_more_contributions_than_memory_allows_are_refused(
    tmp_path: Path, linear: LinearRegression
) -> None:
    service = opened(tmp_path, linear)
    rows = pd.DataFrame(
        np.zeros((model_contributions.MOST_NUMBERS // 3 + 1, 2)), columns=["a", "b"]
    )

    with pytest.raises(SizeError, match="fewer rows"):
        service.contributions(NativeFrame(rows), Kind.ORIGINAL)
