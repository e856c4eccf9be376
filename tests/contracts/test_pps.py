"""Replies in the form of --deployment-config (rows D-01 to D-11)."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.models import (
    BINARY,
    MULTICLASS,
    MULTILABEL,
    ONE_WORKER,
    REG,
    STEERED,
    Model,
)
from tests.support.serving import Server, serve, start_failure

Targets = dict[str, tuple[Model, dict[str, Any]]]

TARGETS: Targets = {
    "regression": (REG, {"name": "t", "type": "Regression", "class_mapping": None}),
    "steered": (STEERED, {"name": "t", "type": "Regression", "class_mapping": None}),
    "anomaly": (
        Model(REG.files, ("--target-type", "anomaly")),
        {"name": "t", "type": "Anomaly", "class_mapping": None},
    ),
    "binary": (
        BINARY,
        {
            "name": "t",
            "type": "Binary",
            "class_mapping": [["yes", 1], ["no", 0]],
            "prediction_threshold": 0.5,
        },
    ),
    "multiclass": (
        MULTICLASS,
        {"name": "t", "type": "Multiclass", "class_mapping": [["B", 0], ["A", 1], ["C", 2]]},
    ),
    "multilabel": (
        MULTILABEL,
        {
            "name": "t",
            "type": "Multilabel",
            "class_mapping": [["A", 0], ["B", 1], ["C", 2]],
            "prediction_threshold": 0.5,
        },
    ),
}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """Return a server for a target's name, started at its first use."""
    running: dict[str, Server] = {}
    with ExitStack() as stack:

        def start(name: str) -> Server:
            if name not in running:
                folder = tmp_path_factory.mktemp(name)
                running[name] = stack.enter_context(served_with_config(name, folder))
            return running[name]

        yield start


def served_with_config(name: str, folder: Path) -> Any:
    model, target = TARGETS[name]
    config = folder / "deployment.json"
    config.write_text(json.dumps({"target": {"missing_maps_to": None, **target}}))
    directory = model.write(folder / "model")
    return serve(directory, *model.flags, *ONE_WORKER, "--deployment-config", str(config))


def data(server: Server, rows: str) -> Any:
    reply = server.csv(rows)
    assert reply.status == 200, reply.text
    assert list(reply.json()) == ["data"]
    return reply.json()["data"]


def test_regression(deployed: Callable[[str], Server]) -> None:
    """D-01."""
    assert data(deployed("regression"), "a\n1.5\n2\n") == [
        {"prediction": 1.5, "predictionValues": [{"label": "t", "value": 1.5}], "rowId": 0},
        {"prediction": 2.0, "predictionValues": [{"label": "t", "value": 2.0}], "rowId": 1},
    ]


def test_anomaly(deployed: Callable[[str], Server]) -> None:
    """D-02."""
    (row,) = data(deployed("anomaly"), "a\n1.5\n")

    assert row["predictionValues"] == [{"label": "Anomaly Score", "value": 1.5}]


def test_binary(deployed: Callable[[str], Server]) -> None:
    """D-03."""
    assert data(deployed("binary"), "yes,no\n0.7,0.3\n") == [
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


def test_the_threshold_itself_is_negative(deployed: Callable[[str], Server]) -> None:
    """D-04."""
    first, second = data(deployed("binary"), "no,yes\n0.5,0.5\n0.4999,0.5001\n")

    assert (first["prediction"], second["prediction"]) == ("no", "yes")


def test_a_multiclass_tie_goes_to_the_first_of_the_mapping(
    deployed: Callable[[str], Server],
) -> None:
    """D-05."""
    (row,) = data(deployed("multiclass"), "A,B,C\n0.375,0.375,0.25\n")

    assert row == {
        "prediction": "B",
        "predictionValues": [
            {"label": "B", "value": 0.375},
            {"label": "A", "value": 0.375},
            {"label": "C", "value": 0.25},
        ],
        "rowId": 0,
    }


def test_multilabel(deployed: Callable[[str], Server]) -> None:
    """D-06."""
    (row,) = data(deployed("multilabel"), "A,B,C\n0.9,0.5,0.6\n")

    assert row["prediction"] == ["A", "C"]
    assert row["predictionThreshold"] == 0.5


def test_no_rows(deployed: Callable[[str], Server]) -> None:
    """D-07."""
    assert data(deployed("regression"), "a\n") == []


def test_a_value_that_is_not_finite_is_null(deployed: Callable[[str], Server]) -> None:
    """D-08 by the rule on PPS numbers."""
    rows = data(deployed("steered"), "case\nmissing\nplus\nint\n")

    assert [row["prediction"] for row in rows] == [None, None, 1.0]


def test_extra_columns_stand_in_their_row(deployed: Callable[[str], Server]) -> None:
    """D-09."""
    rows = data(deployed("steered"), "case\nextras\nextras\n")

    assert [row["extraModelOutput"] for row in rows] == [
        {"e1": 1, "e2": "x"},
        {"e1": 2, "e2": "y"},
    ]
    assert list(rows[0])[-1] == "extraModelOutput"
    assert [row["rowId"] for row in rows] == [0, 1]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param("no json", "Failed to parse deployment config json file '", id="D-10"),
        pytest.param("{}", "'target' section not found in deployment config json file ", id="D-11"),
    ],
)
def test_a_config_that_cannot_be_used(content: str, text: str, tmp_path: Path) -> None:
    config = tmp_path / "deployment.json"
    config.write_text(content)
    directory = REG.write(tmp_path / "model")

    done = start_failure(directory, *REG.flags, "--deployment-config", str(config))

    assert done.returncode == 1
    assert text in done.stderr
