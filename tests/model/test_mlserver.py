"""MLServer's folders: model-settings.json, its names, inputs and versions."""

import json
import pickle
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.linear_model import LinearRegression

from drum_like.api import DataType, Payload
from drum_like.config.model_settings import ModelSettings
from drum_like.errors import LoadError
from drum_like.inference.loading import open_service
from tests.support.mlflow_layout import sklearn_keys, write_mlmodel
from tests.support.serving import serve

ROWS = pd.DataFrame({"a": [0.5, 1.0, 2.5, 3.0] * 10, "n": [1.0, 0.0, 3.0, 7.0] * 10})
TARGET = ROWS["a"] * 2 + ROWS["n"]
CSV = ROWS.to_csv(index=False)
BOOSTER = xgboost.XGBRegressor(n_estimators=3).fit(ROWS, TARGET)
FLOATS = [{"name": name, "datatype": "FP32", "shape": [-1]} for name in ROWS]


def folder(
    path: Path, runtime: str = "mlserver_xgboost.XGBoostModel", model: Any = BOOSTER, **keys: Any
) -> Path:
    """Write the folder of a model, with its file; return it."""
    path.mkdir(parents=True, exist_ok=True)
    told = {"name": path.name, "implementation": runtime, **keys}
    (path / "model-settings.json").write_text(json.dumps(told))
    if model is BOOSTER:
        BOOSTER.save_model(path / "model.json")
    elif model is not None:
        (path / "model.pkl").write_bytes(pickle.dumps(model))
    return path


def answers(path: Path) -> list[float]:
    service = open_service(ModelSettings(code_dir=path))
    found: list[float] = service.predict(Payload(CSV.encode())).column.tolist()
    return found


def fault(path: Path) -> str:
    with pytest.raises(LoadError) as caught:
        open_service(ModelSettings(code_dir=path))
    return str(caught.value)


@pytest.mark.parametrize("uri", ["./model.json", "model.json", "file:///model.json", None, "."])
def test_model_file_is_named_or_found_by_its_usual_name(tmp_path: Path, uri: str | None) -> None:
    path = tmp_path / "trees"
    uri = f"file://{path}/model.json" if uri == "file:///model.json" else uri
    given = {} if uri is None else {"uri": uri}
    folder(path, parameters={"version": "v1.2", **given}, inputs=FLOATS)

    service = open_service(ModelSettings(code_dir=path))

    assert (service.info.name, service.info.version) == ("trees", "v1.2")
    assert [column.dtype for column in service.inputs.columns] == [DataType.FLOAT32] * 2  # type: ignore[union-attr]
    assert answers(path) == BOOSTER.predict(ROWS).tolist()


@pytest.mark.filterwarnings("ignore:.*Unknown file format")
def test_bst_is_what_its_first_bytes_say(tmp_path: Path) -> None:
    trees = lightgbm.LGBMRegressor(n_estimators=3, min_child_samples=1, verbose=-1).fit(
        ROWS, TARGET
    )
    path = folder(tmp_path / "l", "mlserver_lightgbm.LightGBMModel", None)
    trees.booster_.save_model(path / "model.bst")
    other = folder(tmp_path / "x", model=None)
    (other / "model.bst").write_bytes(BOOSTER.get_booster().save_raw("ubj"))

    assert answers(path) == np.asarray(trees.predict(ROWS)).tolist()
    assert answers(other) == BOOSTER.predict(ROWS).tolist()


def test_sklearn_and_one_tensor_of_all_columns(tmp_path: Path) -> None:
    model = LinearRegression().fit(ROWS.to_numpy(), TARGET)
    tensor = [{"name": "predict", "datatype": "FP64", "shape": [-1, 2]}]
    path = folder(tmp_path / "s", "mlserver_sklearn.SKLearnModel", model, inputs=tensor)

    assert answers(path) == pytest.approx(model.predict(ROWS.to_numpy()).tolist())


def test_folder_of_mlflow_inside(tmp_path: Path) -> None:
    path = folder(
        tmp_path / "m", "mlserver_mlflow.MLflowRuntime", None, parameters={"uri": "./saved"}
    )
    (path / "saved").mkdir()
    (path / "saved" / "model.pkl").write_bytes(pickle.dumps(LinearRegression().fit(ROWS, TARGET)))
    write_mlmodel(path / "saved", "sklearn", sklearn_keys())

    assert answers(path) == pytest.approx(TARGET.tolist())


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"inputs": FLOATS[:1]}, "tells 1 columns, the model takes 2"),
        ({"inputs": [FLOATS[0], {**FLOATS[1], "name": "b"}]}, "does not name: 'n'"),
        ({"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]}, "tells 3 columns"),
        ({"inputs": [{**one, "datatype": "BYTES"} for one in FLOATS]}, "described as text"),
        ({"outputs": [{"name": "p", "datatype": "BYTES", "shape": [-1]}]}, "described as Str"),
        ({"inputs": {"a": 1}}, "inputs has to be a list of objects"),
        ({"inputs": [{"name": "x", "datatype": "FP32", "shape": 4}]}, "list of whole numbers"),
        ({"parameters": {"uri": "../other/model.json"}}, "outside its directory"),
        ({"parameters": {"uri": "/etc/passwd"}}, "outside its directory"),
        ({"parameters": {"uri": "gone.json"}}, "gone.json, the model file, is not there"),
        ({"parameters": []}, "parameters has to be an object"),
        ({"implementation": "mine.Runtime"}, "'mine'"),
    ],
)
def test_settings_that_are_not_the_models_are_refused(
    tmp_path: Path, keys: dict[str, Any], reason: str
) -> None:
    path = folder(tmp_path / "x")
    told = json.loads((path / "model-settings.json").read_text())
    (path / "model-settings.json").write_text(json.dumps({**told, **keys}))

    assert reason in fault(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '"x"'])
def test_damaged_settings_are_refused(tmp_path: Path, text: str) -> None:
    path = folder(tmp_path / "x")
    (path / "model-settings.json").write_text(text)

    assert "model-settings.json" in fault(path)


def test_versions_of_one_name_are_served(tmp_path: Path) -> None:
    models = {version: LinearRegression().fit(ROWS, TARGET * version) for version in (2, 10)}
    runtime = "mlserver_sklearn.SKLearnModel"
    for version, model in models.items():
        path = tmp_path / "sums" / str(version)
        folder(path, runtime, model, name="sums", parameters={"version": str(version)})
    folder(tmp_path / "some-folder", name="trees")
    (tmp_path / "settings.json").write_text("{}")

    with serve(None, "--models", str(tmp_path), "--max-workers", "1") as server:
        found = {
            name: server.csv(CSV, f"/models/{name}/predict/").json()["predictions"]
            for name in ("sums", "sums@2", "trees")
        }

    assert found["sums"] == pytest.approx((TARGET * 10).tolist())
    assert found["sums@2"] == pytest.approx((TARGET * 2).tolist())
    assert found["trees"] == BOOSTER.predict(ROWS).tolist()


def test_two_folders_of_one_version_are_refused(tmp_path: Path) -> None:
    folder(tmp_path / "a", name="same")
    folder(tmp_path / "b", name="same")

    with (
        pytest.raises(AssertionError, match="a and b are both version 1 of 'same'"),
        serve(None, "--models", str(tmp_path), "--max-workers", "1"),
    ):
        pass
