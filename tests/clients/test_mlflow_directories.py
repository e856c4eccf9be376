"""Directories that MLflow itself saves, served as they are: MLflow's own answers are demanded."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

if not {"drum-like", "mlflow-skinny", "skl2onnx"} <= {one.name for one in distributions()}:
    pytest.skip("make client-mlflow_directories installs all three", allow_module_level=True)

import lightgbm as lgb
import mlflow
import mlflow.lightgbm
import mlflow.onnx
import mlflow.sklearn
import mlflow.xgboost
import xgboost as xgb
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, Schema
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from tests.support import serving
from tests.support.http_calls import Reply
from tests.support.serving import Server, serve

N_ROWS = 120
AT_ONCE = {"pip_requirements": ["mlflow-skinny"]}
"""Else MLflow loads each model in a process of its own, to see what it imports."""

ARROW = "application/vnd.apache.arrow.stream"

_random = np.random.default_rng(5)
DATA = pd.DataFrame(
    {
        "size": _random.normal(size=N_ROWS),
        "count": _random.integers(-40, 40, N_ROWS),
        "big": 2**53 + _random.integers(0, 50, N_ROWS),
        "gap": np.where(_random.random(N_ROWS) < 0.2, np.nan, _random.normal(size=N_ROWS)),
        "kind": _random.choice(["a", "007", "true", "1.0", "ä b"], N_ROWS),
        "day": pd.Timestamp("2024-02-27") + pd.to_timedelta(_random.integers(0, 90, N_ROWS), "D"),
        "flag": _random.random(N_ROWS) < 0.5,
        "narrow": _random.normal(size=N_ROWS).astype(np.float32),
    }
)
NUMBERS = DATA[["size", "count", "gap"]]
CATEGORIES = NUMBERS.assign(kind=DATA["kind"].astype("category"))
VALUES = DATA["size"] * 2 - DATA["count"] / 9 + DATA["gap"].fillna(3)
CLASSES = np.where(VALUES > 1, "yes", np.where(VALUES < -2, "no", "maybe"))


@dataclass(frozen=True)
class Saved:
    """A directory that MLflow saved.

    Attributes:
        path: The directory.
        rows: Rows of training, with their own types.
        expected: Chances of classes as a table with their names, or numbers.
        tolerance: How far answers may be off, by the largest: libraries round otherwise in other
            batches, and scikit-learn computes in float32 where all cells are of it.
    """

    path: Path
    rows: pd.DataFrame
    expected: Any
    tolerance: float = 0.0


def of_columns(
    function: Callable[[pd.DataFrame], Any], columns: list[str], rest: list[str], **others: Any
) -> Any:
    """Return a pipeline whose first step is a function of the user's own."""
    made = make_column_transformer(
        (FunctionTransformer(function), columns), (SimpleImputer(), rest), **others
    )
    return make_pipeline(made, LinearRegression())


def days(data: pd.DataFrame) -> Any:
    return np.column_stack([data["day"].dt.day_of_year, data["day"].dt.day_of_week])


def digits(data: pd.DataFrame) -> Any:
    return (data % 10).to_numpy(dtype=float)


def lengths(data: pd.DataFrame) -> Any:
    return np.column_stack([data["kind"].str.len(), data["kind"].str.count("0")])


def opposites(data: pd.DataFrame) -> Any:
    return np.where(~data, 1.0, 0.5)


def save_sklearn(
    path: Path, model: Any, rows: pd.DataFrame, tolerance: float, **given: Any
) -> Saved:
    signature = infer_signature(rows, model.predict(rows))
    example = None if "day" in rows else rows.head(2)
    mlflow.sklearn.save_model(
        model, path, signature=signature, input_example=example, **given, **AT_ONCE
    )
    loaded = mlflow.sklearn.load_model(str(path))
    if not hasattr(model, "predict_proba"):
        return Saved(path, rows, mlflow.pyfunc.load_model(str(path)).predict(rows), tolerance)
    chances = pd.DataFrame(loaded.predict_proba(rows), columns=list(map(str, model.classes_)))
    assert (chances.idxmax(axis=1) == mlflow.pyfunc.load_model(str(path)).predict(rows)).all()
    return Saved(path, rows, chances, tolerance)


def sklearn_function(function: Any, *columns: str) -> Callable[[Path], Saved]:
    """Return a function that saves a model whose columns only the signature gives types."""

    def save(path: Path) -> Saved:
        rows = DATA[[*columns, "size", "gap"]]
        model = of_columns(function, list(columns), ["size", "gap"]).fit(rows, VALUES)
        return save_sklearn(path, model, rows, 1e-12, serialization_format="cloudpickle")

    return save


def sklearn_classes(path: Path, **given: Any) -> Saved:
    encoder = (OneHotEncoder(handle_unknown="ignore"), ["kind", "flag"])
    made = make_column_transformer(encoder, (SimpleImputer(), ["size", "count", "gap"]))
    model = make_pipeline(made, LogisticRegression()).fit(DATA, CLASSES)
    return save_sklearn(path, model, DATA, 1e-12, **given)


def sklearn_gaps(path: Path) -> Saved:
    gaps = np.arange(N_ROWS) % 5 == 0
    rows = pd.DataFrame(
        {
            "kind": DATA["kind"].astype(object).where(~gaps, None),
            "count": DATA["count"].astype(float).where(~np.roll(gaps, 1)),
            "size": DATA["size"].where(~np.roll(gaps, 2)),
        }
    )
    made = make_column_transformer(
        (OneHotEncoder(), ["kind"]), (SimpleImputer(), ["count", "size"])
    )
    model = make_pipeline(made, LogisticRegression()).fit(rows, CLASSES)
    return save_sklearn(path, model, rows, 1e-12, serialization_format="cloudpickle")


def sklearn_skops(path: Path) -> Saved:
    return sklearn_classes(path, serialization_format="skops", skops_trusted_types=["numpy.dtype"])


def sklearn_pickle(path: Path) -> Saved:
    return sklearn_classes(path, serialization_format="pickle", pyfunc_predict_fn="predict")


def sklearn_float32(path: Path) -> Saved:
    rows = DATA[["narrow"]].assign(other=DATA["size"].astype(np.float32))
    model = LinearRegression().fit(rows, VALUES)
    return save_sklearn(path, model, rows, 1e-6, skops_trusted_types=["numpy.dtype"])


def sklearn_array(path: Path) -> Saved:
    cells = NUMBERS[["size", "count"]].to_numpy()
    model = LinearRegression().fit(cells, VALUES)
    signature = infer_signature(cells, model.predict(cells))
    mlflow.sklearn.save_model(model, path, signature=signature, input_example=cells[:2], **AT_ONCE)
    found = mlflow.pyfunc.load_model(str(path)).predict(cells)
    return Saved(path, pd.DataFrame(cells), found, 1e-12)


def save_xgboost(path: Path, model: Any, rows: pd.DataFrame, **given: Any) -> Saved:
    is_booster = isinstance(model, xgb.Booster)
    told = model.predict(xgb.DMatrix(rows)) if is_booster else model.predict(rows)
    # MLflow calls categories text, and then refuses them: the library itself is asked.
    has_categories = "kind" in rows
    mlflow.xgboost.save_model(
        model, path, signature=infer_signature(rows, told), **given, **AT_ONCE
    )
    loaded = mlflow.xgboost.load_model(str(path))
    if hasattr(loaded, "predict_proba"):
        chances = loaded.predict_proba(rows)
        found = mlflow.pyfunc.load_model(str(path)).predict(rows)
        assert (chances.argmax(axis=1) == found).all()
        return Saved(
            path, rows, pd.DataFrame(chances, columns=list(map(str, range(chances.shape[1]))))
        )
    if has_categories:
        return Saved(path, rows, loaded.predict(rows))
    return Saved(path, rows, mlflow.pyfunc.load_model(str(path)).predict(rows))


def xgboost_classes(path: Path) -> Saved:
    codes = pd.Series(CLASSES).map({"no": 0, "maybe": 1, "yes": 2})
    return save_xgboost(path, xgb.XGBClassifier(n_estimators=7).fit(NUMBERS, codes), NUMBERS)


def xgboost_stopped(path: Path) -> Saved:
    model = xgb.XGBRegressor(n_estimators=80, early_stopping_rounds=2, learning_rate=0.9)
    model.fit(NUMBERS, VALUES, eval_set=[(NUMBERS, -VALUES)], verbose=False)
    assert model.best_iteration < 79
    return save_xgboost(path, model, NUMBERS)


def xgboost_stopped_booster(path: Path) -> Saved:
    rows, other = xgb.DMatrix(NUMBERS, VALUES), xgb.DMatrix(NUMBERS, -VALUES)
    evals = [(other, "other")]
    model = xgb.train({}, rows, 20, evals=evals, early_stopping_rounds=3, verbose_eval=False)
    return save_xgboost(path, model, NUMBERS, model_format="json")


def xgboost_old_suffix(path: Path) -> Saved:
    model = xgb.train({}, xgb.DMatrix(NUMBERS, VALUES), 7)
    return save_xgboost(path, model, NUMBERS, model_format="xgb")


def xgboost_categories(path: Path) -> Saved:
    model = xgb.XGBRegressor(n_estimators=7, enable_categorical=True).fit(CATEGORIES, VALUES)
    return save_xgboost(path, model, CATEGORIES)


def save_lightgbm(path: Path, model: Any, rows: pd.DataFrame, **given: Any) -> Saved:
    signature = infer_signature(rows, model.predict(rows))
    mlflow.lightgbm.save_model(model, path, signature=signature, **given, **AT_ONCE)
    loaded = mlflow.lightgbm.load_model(str(path))
    if hasattr(loaded, "predict_proba"):
        table = pd.DataFrame(loaded.predict_proba(rows), columns=list(map(str, loaded.classes_)))
        assert (table.idxmax(axis=1) == mlflow.pyfunc.load_model(str(path)).predict(rows)).all()
        return Saved(path, rows, table)
    if "kind" in rows:
        return Saved(path, rows, loaded.predict(rows))
    return Saved(path, rows, mlflow.pyfunc.load_model(str(path)).predict(rows))


def lightgbm_classes(path: Path) -> Saved:
    model = lgb.LGBMClassifier(n_estimators=7, verbose=-1).fit(NUMBERS, CLASSES)
    return save_lightgbm(path, model, NUMBERS)


def lightgbm_pickle(path: Path) -> Saved:
    model = lgb.LGBMRegressor(n_estimators=7, verbose=-1).fit(NUMBERS, VALUES)
    return save_lightgbm(path, model, NUMBERS, serialization_format="cloudpickle")


def lightgbm_booster(path: Path) -> Saved:
    model = lgb.train({"verbose": -1}, lgb.Dataset(CATEGORIES, VALUES), 7)
    return save_lightgbm(path, model, CATEGORIES)


def onnx_matrix(path: Path) -> Saved:
    cells = NUMBERS[["size", "count"]].to_numpy().astype(np.float32)
    graph = to_onnx(LinearRegression().fit(cells, VALUES), cells[:1])
    mlflow.onnx.save_model(graph, path, signature=infer_signature(cells, cells[:, :1]), **AT_ONCE)
    found = mlflow.pyfunc.load_model(str(path)).predict(cells)["variable"]
    return Saved(path, pd.DataFrame(cells), found.reshape(-1), 1e-6)


def onnx_columns(path: Path) -> Saved:
    rows = DATA[["kind", "narrow", "count"]]
    made = make_column_transformer(
        (OneHotEncoder(), ["kind"]), ("passthrough", ["narrow"]), ("passthrough", ["count"])
    )
    types = [
        ("kind", StringTensorType([None, 1])),
        ("narrow", FloatTensorType([None, 1])),
        ("count", Int64TensorType([None, 1])),
    ]
    model = make_pipeline(made, LinearRegression()).fit(rows, VALUES)
    feeds = {name: rows[[name]].to_numpy() for name in rows}
    feeds["kind"] = feeds["kind"].astype(object)
    mlflow.onnx.save_model(
        to_onnx(model, initial_types=types),
        path,
        signature=infer_signature(feeds, np.zeros((1, 1), np.float32)),
    )
    found = mlflow.onnx.load_model(str(path))
    import onnxruntime

    run = onnxruntime.InferenceSession(found.SerializeToString()).run
    return Saved(path, rows, run(["variable"], feeds)[0].reshape(-1), 1e-6)


class Doubled(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """A model of which only MLflow knows how to load it; it looks at the types that it gets."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        """Return a number for each row."""
        del context, params
        assert [str(kind)[:8] for kind in model_input.dtypes] == [
            "float64",
            "int64",
            "bool",
            "datetime",
        ]
        days = model_input["day"].dt.day_of_year
        return model_input["size"] * 2 + model_input["big"] % 10 + model_input["flag"] + days


def pyfunc(path: Path) -> Saved:
    rows = DATA[["size", "big", "flag", "day"]]
    found = Doubled().predict(None, rows)
    mlflow.pyfunc.save_model(
        path, python_model=Doubled(), signature=infer_signature(rows, found), **AT_ONCE
    )
    return Saved(path, rows, mlflow.pyfunc.load_model(str(path)).predict(rows))


class Scaled(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """A model that takes parameters."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        """Return a number for each row."""
        del context
        return model_input["size"] * params["factor"] + len(params["word"])


def pyfunc_parameters(path: Path) -> Saved:
    rows = DATA[["size"]]
    signature = infer_signature(rows, DATA["size"], {"factor": 2.5, "word": "four"})
    mlflow.pyfunc.save_model(path, python_model=Scaled(), signature=signature, **AT_ONCE)
    return Saved(path, rows, mlflow.pyfunc.load_model(str(path)).predict(rows))


class Narrow(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """A model whose signature has types that are narrower than those of CSV and JSON."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        """Return a number for each row."""
        del context, params
        if isinstance(model_input, np.ndarray):
            assert model_input.dtype == np.float32
            return model_input.astype(np.float64).sum(axis=1)
        assert list(map(str, model_input.dtypes)) == ["int32", "float32"]
        return model_input["count"] * 2.0 + model_input["narrow"]


def pyfunc_narrow(path: Path) -> Saved:
    rows = DATA[["count", "narrow"]].astype({"count": np.int32})
    optional = ColSpec("long", "big", required=False)
    columns: list[Any] = [ColSpec("integer", "count"), ColSpec("float", "narrow"), optional]
    signature = ModelSignature(Schema(columns), Schema([ColSpec("double")]))
    mlflow.pyfunc.save_model(path, python_model=Narrow(), signature=signature, **AT_ONCE)
    return Saved(path, rows, mlflow.pyfunc.load_model(str(path)).predict(rows))


def pyfunc_tensor(path: Path) -> Saved:
    cells = NUMBERS[["size", "count"]].to_numpy().astype(np.float32)
    found = cells.astype(np.float64).sum(axis=1)
    signature = infer_signature(cells, found)
    mlflow.pyfunc.save_model(path, python_model=Narrow(), signature=signature, **AT_ONCE)
    return Saved(path, pd.DataFrame(cells), mlflow.pyfunc.load_model(str(path)).predict(cells))


WRITERS: dict[str, Callable[[Path], Saved]] = {
    "sklearn-days": sklearn_function(days, "day"),
    "sklearn-digits": sklearn_function(digits, "big"),
    "sklearn-lengths": sklearn_function(lengths, "kind"),
    "sklearn-opposites": sklearn_function(opposites, "flag"),
    "sklearn-gaps": sklearn_gaps,
    "sklearn-skops": sklearn_skops,
    "sklearn-pickle": sklearn_pickle,
    "sklearn-float32": sklearn_float32,
    "sklearn-array": sklearn_array,
    "xgboost-classes": xgboost_classes,
    "xgboost-stopped": xgboost_stopped,
    "xgboost-stopped-booster": xgboost_stopped_booster,
    "xgboost-old-suffix": xgboost_old_suffix,
    "xgboost-categories": xgboost_categories,
    "lightgbm-classes": lightgbm_classes,
    "lightgbm-pickle": lightgbm_pickle,
    "lightgbm-booster": lightgbm_booster,
    "onnx-matrix": onnx_matrix,
    "onnx-columns": onnx_columns,
    "pyfunc": pyfunc,
    "pyfunc-parameters": pyfunc_parameters,
    "pyfunc-narrow": pyfunc_narrow,
    "pyfunc-tensor": pyfunc_tensor,
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Saved]:
    root = tmp_path_factory.mktemp("models")
    return {name: write(root / name) for name, write in WRITERS.items()}


@pytest.fixture(scope="module")
def server(saved: dict[str, Saved]) -> Iterator[Server]:
    root = next(iter(saved.values())).path.parent
    flags = ("--models", str(root), "--max-workers", "1", "--max-models", "40")
    # MLflow has to be importable for the one directory that only MLflow can load.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(serving, "COMMAND", (sys.executable, "-m", "drum_like"))
        with serve(None, *flags) as running:
            yield running


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("door", ["csv", "arrow"])
def test_directory_answers_as_mlflow(
    server: Server, saved: dict[str, Saved], name: str, door: str
) -> None:
    one, path = saved[name], f"/models/{name}/predict/"
    rows = one.rows.rename(columns=str)
    if door == "csv":
        reply = server.csv(rows.to_csv(index=False), path)
    else:
        reply = server.post(path, arrow(rows), ARROW)

    assert reply.status == 200, reply.text
    found = reply.json()["predictions"]
    table = isinstance(one.expected, pd.DataFrame)
    answers = pd.DataFrame(found)[list(one.expected.columns)] if table else np.array(found)
    expected = np.asarray(one.expected, dtype=float)
    off = np.abs(np.asarray(answers, dtype=float) - expected)
    assert off.max() <= one.tolerance * max(1, np.abs(expected).max())


@pytest.mark.parametrize(
    "params", [None, {}, {"factor": 3}, {"factor": 0.5, "word": ""}, {"word": "a", "other": 1}]
)
def test_parameters_of_the_signature_reach_the_model_as_with_mlflow(
    server: Server, saved: dict[str, Saved], params: Any
) -> None:
    one = saved["pyfunc-parameters"]
    expected = mlflow.pyfunc.load_model(str(one.path)).predict(one.rows, params=params)

    reply = with_parameters(server, one, params)

    assert reply.status == 200, reply.text
    assert reply.json()["predictions"] == list(expected)


@pytest.mark.parametrize("params", [{"factor": "x-ray"}, {"word": 1}, {"factor": [1.0]}, [1]])
def test_parameters_that_the_signature_forbids_are_refused(
    server: Server, saved: dict[str, Saved], params: Any
) -> None:
    reply = with_parameters(server, saved["pyfunc-parameters"], params)

    assert (reply.status, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "x-ray" not in reply.text


def with_parameters(server: Server, one: Saved, params: Any) -> Reply:
    body = {"dataframe_split": one.rows.to_dict("split"), "params": params}
    path = f"/serving-endpoints/{one.path.name}/invocations"
    return server.post(path, json.dumps(body), "application/json")


@pytest.mark.parametrize("cell", ["", "3000000000"])
def test_cells_that_the_type_of_the_signature_does_not_hold_are_named(
    server: Server, cell: str
) -> None:
    reply = server.csv(f"count,narrow\n1,1\n{cell},2\n", "/models/pyfunc-narrow/predict/")

    assert reply.status == 422
    assert "'count' holds" in reply.text
    assert "row 2" in reply.text


def arrow(rows: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
