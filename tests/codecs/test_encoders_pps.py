"""The form of DataRobot's prediction service."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from drum_like.codecs.json import datarobot
from drum_like.codecs.json.datarobot import DeploymentConfig
from drum_like.errors import SettingsError, TargetError
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target, TargetType
from tests.support.targets import BINARY

CONFIG = DeploymentConfig("t", ("no", "yes"), 0.5)


def rows(prediction: Prediction, target: Target, config: DeploymentConfig = CONFIG) -> Any:
    return json.loads(datarobot.encoder(config)(prediction, target))["data"]


def test_regression_is_a_value_under_the_name_of_the_target() -> None:
    found = rows(Prediction(np.array([1.5])), Target(TargetType.REGRESSION))

    assert found == [
        {"prediction": 1.5, "predictionValues": [{"label": "t", "value": 1.5}], "rowId": 0}
    ]


def test_anomaly_has_a_label_of_its_own() -> None:
    found = rows(Prediction(np.array([1])), Target(TargetType.ANOMALY))

    assert found[0]["predictionValues"] == [{"label": "Anomaly Score", "value": 1.0}]


def test_text_is_given_as_it_is() -> None:
    found = rows(Prediction(np.array([["x"], [None]], object)), Target(TargetType.TEXT_GENERATION))

    assert [row["prediction"] for row in found] == ["x", None]


@pytest.mark.parametrize("labels", [("yes", "no"), ("no", "yes")])
def test_binary_follows_the_class_mapping(labels: tuple[str, str]) -> None:
    values = np.array([[0.7, 0.3]]) if labels[0] == "yes" else np.array([[0.3, 0.7]])

    found = rows(Prediction(values, labels), BINARY)

    assert found == [
        {
            "prediction": "yes",
            "predictionValues": [
                {"label": "yes", "value": 0.7},
                {"label": "no", "value": 0.30000000000000004},
            ],
            "predictionThreshold": 0.5,
            "rowId": 0,
        }
    ]


def test_threshold_itself_is_negative() -> None:
    found = rows(Prediction(np.array([[0.5, 0.5]]), ("yes", "no")), BINARY)

    assert found[0]["prediction"] == "no"


def test_multiclass_tie_is_the_first_in_mapping_order() -> None:
    target = Target(TargetType.MULTICLASS, ("A", "B", "C"))
    config = DeploymentConfig("t", ("C", "B", "A"))

    found = rows(Prediction(np.array([[0.4, 0.2, 0.4]]), ("A", "B", "C")), target, config)

    assert found[0]["prediction"] == "C"
    assert [value["label"] for value in found[0]["predictionValues"]] == ["C", "B", "A"]
    assert "predictionThreshold" not in found[0]


def test_multilabel_is_all_labels_above_the_threshold() -> None:
    target = Target(TargetType.MULTILABEL, ("A", "B", "C"))
    config = DeploymentConfig("t", ("A", "B", "C"), 0.3)

    found = rows(Prediction(np.array([[0.9, 0.3, 0.31]]), ("A", "B", "C")), target, config)

    assert found[0]["prediction"] == ["A", "C"]
    assert found[0]["predictionThreshold"] == 0.3


def test_no_rows_are_an_empty_list() -> None:
    assert rows(Prediction(np.empty((0, 1))), Target(TargetType.REGRESSION)) == []


def test_not_finite_is_null() -> None:
    body = datarobot.pps_json(
        Prediction(np.array([np.nan, np.inf])), Target(TargetType.REGRESSION), CONFIG
    )

    assert [row["prediction"] for row in json.loads(body)["data"]] == [None, None]
    assert b"NaN" not in body


def test_extra_columns_come_last_in_each_row_by_position() -> None:
    extra = pd.DataFrame({"e": [1, 2], "d": pd.to_datetime(["1970-01-02", "NaT"])}, index=[7, 5])

    found = rows(Prediction(np.zeros(2), extra=extra), Target(TargetType.REGRESSION))

    assert list(found[0])[-1] == "extraModelOutput"
    assert [row["extraModelOutput"] for row in found] == [
        {"e": 1, "d": 86_400_000},
        {"e": 2, "d": None},
    ]


def test_label_of_the_mapping_that_the_model_lacks_is_named() -> None:
    config = DeploymentConfig("t", ("no", "Iris-setosa"))

    with pytest.raises(TargetError, match="Iris-setosa"):
        rows(Prediction(np.array([[0.5, 0.5]]), ("yes", "no")), BINARY, config)


@pytest.mark.parametrize("type_", [TargetType.MULTICLASS, TargetType.MULTILABEL])
def test_label_of_the_model_that_the_mapping_lacks_is_named(type_: TargetType) -> None:
    config = DeploymentConfig("t", ("a", "b"))
    prediction = Prediction(np.array([[0.1, 0.2, 0.7]]), ("a", "b", "c"))

    with pytest.raises(
        TargetError, match=r"has the labels \['a', 'b'\], the model has \['a', 'b',"
    ):
        rows(prediction, Target(type_, ("a", "b", "c")), config)


def test_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    mapping = [["yes", 1], ["no", 0]]
    target = {"name": "t", "class_mapping": mapping, "prediction_threshold": 0.3}
    path.write_text(json.dumps({"target": target}))

    assert datarobot.read_deployment_config(path) == DeploymentConfig("t", ("no", "yes"), 0.3)


def test_file_without_a_mapping_uses_the_labels_of_the_target(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    path.write_text('{"target": {"name": "t", "class_mapping": null}}')

    config = datarobot.read_deployment_config(path)
    found = rows(Prediction(np.array([[0.7, 0.3]]), ("yes", "no")), BINARY, config)

    assert found[0]["prediction"] == "yes"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not JSON", "^Failed to parse deployment config json file 'deployment.json'$"),
        ("{}", "^'target' section not found in deployment config json file deployment.json$"),
        ("[]", "^'target' section not found in deployment config json file deployment.json$"),
        ('{"target": {"class_mapping": [["a"]]}}', "a list of .label, index. as class_mapping"),
        ('{"target": {"prediction_threshold": "x"}}', "a number as prediction_threshold"),
    ],
)
def test_wrong_file_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(content)

    with pytest.raises(SettingsError, match=said):
        datarobot.read_deployment_config(path)


def test_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"^Failed to parse deployment config json file 'x\.json'$"
    ):
        datarobot.read_deployment_config(tmp_path / "x.json")
