"""From a model directory to a service: targets, labels, first predictions."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import pandas as pd
import pytest
import xgboost
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

from drum_like.api import Payload, TargetType
from drum_like.config.model_settings import ModelSettings
from drum_like.errors import ColumnsError, LoadError, SettingsError
from drum_like.inference import pipeline
from drum_like.inference.loading import open_service
from drum_like.inference.model_service import ModelService

ROWS = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0] * 10, "b": [1.0, 0.0, 1.0, 0.0] * 10})
CLASSES = (ROWS["a"] > 1).astype(int)
CSV = Payload(b"b,extra,a\n1,text,0.5\n0,more,2.5\n")


def xgboost_directory(path: Path, **parameters: Any) -> Path:
    """Write a native booster, binary unless parameters say otherwise."""
    given = {"objective": "binary:logistic", "max_depth": 2, "min_child_weight": 0, **parameters}
    target = ROWS["a"] if given.get("num_class") else CLASSES
    xgboost.train(given, xgboost.DMatrix(ROWS, target), 3).save_model(path / "model.ubj")
    return path


def lightgbm_directory(path: Path) -> Path:
    """Write a native binary booster."""
    parameters = {"objective": "binary", "min_data_in_leaf": 1, "verbose": -1}
    lightgbm.train(parameters, lightgbm.Dataset(ROWS, CLASSES), 3).save_model(path / "model.txt")
    return path


def onnx_directory(path: Path) -> Path:
    """Write a classifier with a tensor of probabilities."""
    model = LogisticRegression().fit(ROWS.to_numpy(np.float32), CLASSES)
    converted = to_onnx(model, ROWS.to_numpy(np.float32)[:1], options={"zipmap": False})
    onnx.save(converted, path / "model.onnx")
    return path


def opened(path: Path, **values: Any) -> ModelService:
    """Return the service of a directory."""
    return open_service(ModelSettings(code_dir=path, **values))


def test_target_and_labels_come_from_the_model_if_settings_name_none(tmp_path: Path) -> None:
    service = opened(xgboost_directory(tmp_path))

    assert service.target.type is TargetType.BINARY
    assert service.target.labels == ("1", "0")
    assert service.notes[1] == "labels: the one output column is the probability of '1'"


def test_settings_win_over_the_model(tmp_path: Path) -> None:
    service = opened(
        xgboost_directory(tmp_path), positive_class_label="yes", negative_class_label="no"
    )

    assert service.target.labels == ("yes", "no")


def test_metadata_names_target_and_model(tmp_path: Path) -> None:
    (tmp_path / "model-metadata.yaml").write_text(
        "name: My model\ntype: inference\ntargetType: multiclass\n"
        "inferenceModel:\n  targetName: kind\n  classLabels:\n    - A\n    - B\n    - C\n    - D\n"
    )

    service = opened(xgboost_directory(tmp_path, objective="multi:softprob", num_class=4))

    assert service.target.labels == ("A", "B", "C", "D")
    assert (service.info.name, service.info.target) == ("My model", "kind")
    assert "column 1 is 'A', 2 is 'B', 3 is 'C', 4 is 'D'" in service.notes[1]


def test_labels_that_do_not_fit_the_output_are_told_at_load(tmp_path: Path) -> None:
    xgboost_directory(tmp_path, objective="multi:softprob", num_class=4)

    with pytest.raises(LoadError, match="Expected 2 columns, but received 4"):
        opened(tmp_path, target_type=TargetType.MULTICLASS, class_labels=("A", "B"))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "Target type is missing"),
        ({"target_type": TargetType.BINARY}, "Positive/negative class labels are missing"),
        ({"target_type": TargetType.MULTICLASS}, "Class labels are missing"),
        ({"target_type": TargetType.TEXT_GENERATION}, "Unexpected empty target name"),
    ],
    ids=["type", "binary", "multiclass", "name"],
)
def test_settings_that_are_missing_are_asked_for(tmp_path: Path, values: Any, text: str) -> None:
    (tmp_path / "custom.py").write_text(
        "def load_model(d):\n    return 1\ndef score(data, model, **kwargs):\n    return data\n"
    )

    with pytest.raises(SettingsError) as caught:
        opened(tmp_path, **values)

    assert text in str(caught.value)


@pytest.mark.parametrize("write", [xgboost_directory, lightgbm_directory, onnx_directory])
def test_a_plain_request_builds_no_dataframe(tmp_path: Path, write: Any) -> None:
    service = opened(write(tmp_path), target_type=TargetType.BINARY)
    assert service.pipeline is not None
    body = CSV if service.schema is not None and service.schema.named else Payload(b"a,b\n0.5,1\n")
    frame = pipeline.decode(body)

    assert service.pipeline.transform is None
    raw = service.pipeline.score(frame, body)

    assert raw.n_rows == frame.n_rows
    assert "pandas" not in vars(frame)


def test_columns_are_matched_by_name_and_missing_ones_are_named(tmp_path: Path) -> None:
    service = opened(xgboost_directory(tmp_path))
    straight = Payload(b"a,b\n0.5,1\n2.5,0\n")

    assert (service.predict(CSV).values == service.predict(straight).values).all()
    with pytest.raises(ColumnsError, match=r"missing columns: 'b'"):
        service.predict(Payload(b"a\n1\n"))


def test_no_rows_are_no_predictions(tmp_path: Path) -> None:
    service = opened(xgboost_directory(tmp_path))

    prediction = service.predict(Payload(b"a,b\n"))

    assert prediction.values.shape == (0, 2)


def test_classes_stored_in_a_booster_name_its_columns(tmp_path: Path) -> None:
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(ROWS, CLASSES), 2)
    booster.set_attr(classes=json.dumps(["low", "high"]))
    booster.save_model(tmp_path / "model.ubj")

    service = opened(tmp_path)

    assert service.target.labels == ("high", "low")
    assert service.predict(CSV).labels == ("low", "high")
    assert service.notes[1] == "labels: the model's own classes low, high"


def test_an_unseen_category_is_refused_unless_the_metadata_says_missing(tmp_path: Path) -> None:
    data = ROWS.assign(c=pd.Categorical(["red", "green"] * 20))
    matrix = xgboost.DMatrix(data, ROWS["a"], enable_categorical=True)
    xgboost.train({"objective": "reg:squarederror"}, matrix, 3).save_model(tmp_path / "model.ubj")
    payload = Payload(b"a,b,c\n1,1,red\n1,1,blue\n")

    with pytest.raises(ColumnsError, match="'c' holds in row 2 a category"):
        opened(tmp_path).predict(payload)
    (tmp_path / "model-metadata.yaml").write_text(
        "name: x\ntype: inference\ntargetType: regression\nunseen_categories: missing\n"
    )

    assert opened(tmp_path).predict(payload).n_rows == 2


def test_settings_name_a_model_before_its_metadata(tmp_path: Path) -> None:
    metadata = "name: filed\ntype: inference\ntargetType: binary\n"
    (tmp_path / "model-metadata.yaml").write_text(
        metadata
        + "inferenceModel:\n  targetName: y\n  positiveClassLabel: '1'\n  negativeClassLabel: '0'\n"
    )
    filed = ModelSettings(code_dir=xgboost_directory(tmp_path))

    names = [open_service(one).info.name for one in (filed, replace(filed, model_name="given"))]

    assert names == ["filed", "given"]
