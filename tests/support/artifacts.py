"""Small trained models as files, with what they predict for one row."""

import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import pandas as pd
import skl2onnx
import xgboost
from scipy.sparse import csr_matrix
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from tests.support.models import YES_NO, Model

ROW = "a,b\n1.5,-0.5\n"
"""The request that `Trained.expected` answers."""

_CELLS = pd.DataFrame({"a": [1.5], "b": [-0.5]})
_BINARY = ("--target-type", "binary", *YES_NO)
_REGRESSION = ("--target-type", "regression")


@dataclass(frozen=True, slots=True)
class Trained:
    """A model directory and its answer for ROW.

    Attributes:
        model: The directory.
        expected: The predicted number, or the probability of the positive class.
    """

    model: Model
    expected: float


FAILING_ESTIMATOR = Model(
    {
        "custom.py": "",
        "failing.py": """
from sklearn.base import BaseEstimator, RegressorMixin

class Failing(RegressorMixin, BaseEstimator):
    def predict(self, rows):
        raise ArithmeticError("canary-4711")
""",
        # An instance of failing.Failing, pickled without importing it here.
        "model.pkl": b"\x80\x02cfailing\nFailing\n)\x81.",
    },
    _REGRESSION,
)


@cache
def rows() -> tuple[pd.DataFrame, "np.ndarray[Any, np.dtype[np.int64]]"]:
    """Return 200 training rows with columns a and b, and classes of which 1 is the rarer."""
    generator = np.random.default_rng(7)
    data = pd.DataFrame(generator.normal(size=(200, 2)), columns=["a", "b"])
    return data, np.where(data["a"] - 0.5 * data["b"] > 0.8, 1, 0)


@cache
def sklearn_regressor() -> Trained:
    data, classes = rows()
    model = LinearRegression().fit(data, classes)
    return _pickled(model, _REGRESSION, model.predict(_CELLS)[0])


@cache
def sklearn_classifier() -> Trained:
    """Classes are the texts `no` and `yes`."""
    data, classes = rows()
    return _classifier(LogisticRegression(), data, np.where(classes, "yes", "no"))


@cache
def sklearn_01_classifier() -> Trained:
    """Classes are 0 and 1."""
    return _classifier(LogisticRegression(), *rows())


@cache
def xgb_classifier() -> Trained:
    return _classifier(xgboost.XGBClassifier(n_estimators=5), *rows())


@cache
def lgbm_classifier() -> Trained:
    return _classifier(lightgbm.LGBMClassifier(n_estimators=5, verbose=-1), *rows())


@cache
def xgb_pipeline() -> Trained:
    estimator = make_pipeline(
        StandardScaler().set_output(transform="pandas"), xgboost.XGBClassifier(n_estimators=5)
    )
    return _classifier(estimator, *rows())


@cache
def xgboost_booster() -> xgboost.Booster:
    data, classes = rows()
    parameters = {"objective": "binary:logistic"}
    return xgboost.train(parameters, xgboost.DMatrix(data, classes), num_boost_round=5)


def pickled_xgboost() -> Trained:
    return _pickled(xgboost_booster(), _BINARY, _of_booster())


def native_xgboost(suffix: str) -> Trained:
    """A file written by XGBoost itself, `.json` or `.ubj`."""
    written = saved(suffix, xgboost_booster().save_model)
    return Trained(Model({f"model{suffix}": written}, _BINARY), _of_booster())


@cache
def lightgbm_booster() -> lightgbm.Booster:
    data, classes = rows()
    parameters = {"objective": "binary", "verbose": -1}
    return lightgbm.train(parameters, lightgbm.Dataset(data, classes), num_boost_round=5)


def pickled_lightgbm() -> Trained:
    return _pickled(lightgbm_booster(), _BINARY, _of_lightgbm())


def native_lightgbm() -> Trained:
    written = lightgbm_booster().model_to_string()
    return Trained(Model({"model.txt": written}, _BINARY), _of_lightgbm())


def onnx_classifier(*, zipmap: bool) -> Trained:
    """The classifier with classes `no` and `yes`, converted."""
    trained = sklearn_classifier()
    estimator = pickle.loads(content(trained, "model.pkl"))
    converted = skl2onnx.to_onnx(
        estimator,
        initial_types=[("x", FloatTensorType([None, 2]))],
        options={"zipmap": zipmap},
        target_opset=17,
    )
    files = {"model.onnx": converted.SerializeToString()}
    return Trained(Model(files, _BINARY), trained.expected)


def onnx_tensor(n_outputs: int, flags: tuple[str, ...] = _BINARY) -> Trained:
    """A graph that knows no classes: one sigmoid, or a softmax over several classes."""
    weights = np.zeros((2, n_outputs), np.float32)
    weights[0, -1] = 1.0
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("MatMul", ["x", "w"], ["z"]),
            onnx.helper.make_node("Sigmoid" if n_outputs == 1 else "Softmax", ["z"], ["scores"]),
        ],
        "scores",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 2])],
        [onnx.helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, [None, n_outputs])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    opset = onnx.helper.make_opsetid("", 17)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    expected = float(np.exp(1.5) / (np.exp(1.5) + max(1, n_outputs - 1)))
    return Trained(Model({"model.onnx": model.SerializeToString()}, flags), expected)


@cache
def sparse_transformer() -> Model:
    """A scikit-learn transformer whose result is a sparse matrix."""
    transformer = FunctionTransformer(csr_matrix).fit(np.eye(2))
    return Model({"model.pkl": pickle.dumps(transformer)}, ("--target-type", "transform"))


def _classifier(estimator: Any, data: pd.DataFrame, classes: Any) -> Trained:
    estimator.fit(data, classes)
    return _pickled(estimator, _BINARY, estimator.predict_proba(_CELLS)[0, 1])


def _pickled(model: Any, flags: tuple[str, ...], expected: float) -> Trained:
    return Trained(Model({"model.pkl": pickle.dumps(model)}, flags), float(expected))


def _of_booster() -> float:
    return float(xgboost_booster().predict(xgboost.DMatrix(_CELLS))[0])


def _of_lightgbm() -> float:
    return float(np.asarray(lightgbm_booster().predict(_CELLS))[0])


def saved(suffix: str, save: Callable[[str], object]) -> bytes:
    """Return the bytes that `save` writes to the path that it is given."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{suffix}"
        save(str(path))
        return path.read_bytes()


def content(trained: Trained, name: str) -> bytes:
    """Return one file of a directory as bytes."""
    text = trained.model.files[name]
    return text.encode() if isinstance(text, str) else text
