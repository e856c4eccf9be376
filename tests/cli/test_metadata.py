"""model-metadata.yaml, accepted or refused (rows M-01 to M-10, M-19 to M-24)."""

from dataclasses import replace

import pytest

from tests.cli.conftest import Score
from tests.support.models import REG, Model

OUT = ("--output", "out.csv")
REGRESSION = "name: x\ntype: inference\ntargetType: regression\n"
MULTICLASS = "name: x\ntype: inference\ntargetType: multiclass\n"
BINARY = "name: x\ntype: inference\ntargetType: binary\n"
THREE_LABELS = "  classLabels:\n    - A\n    - B\n    - C\n"


def described(metadata: str) -> Model:
    """Return a model that takes its target from the metadata."""
    return replace(REG, flags=()).plus(**{"model-metadata.yaml": metadata})


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(REGRESSION, id="M-01"),
        pytest.param(f"# a comment\n{REGRESSION}description: 'one: two'\n", id="M-01-quoted"),
        pytest.param(
            f"{REGRESSION}inferenceModel:\n  targetName: t\n  predictionThreshold: 0.5\n",
            id="M-10-by-D19",
        ),
        pytest.param(
            f"{REGRESSION}typeSchema:\n  input_requirements:\n    - field: number_of_columns\n"
            "      condition: EQUALS\n      value: 7\n",
            id="M-22",
        ),
        pytest.param(
            f"{REGRESSION}hyperparameters:\n  - name: p\n    type: int\n    min: 1\n    max: 5\n",
            id="M-23-valid",
        ),
        pytest.param(
            f"{REGRESSION}inputSchema:\n  type: object\n  properties:\n    a:\n      type: int\n",
            id="M-24-valid",
        ),
    ],
)
def test_metadata_that_are_accepted(score: Score, metadata: str) -> None:
    done = score(described(metadata), "a\n1\n", *OUT)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        pytest.param("type: inference\ntargetType: regression\n", "name", id="M-02"),
        pytest.param(f"{REGRESSION}colour: red\n", "colour", id="M-03"),
        pytest.param(
            f"{REGRESSION}hyperparameters: [1, 2]\n",
            "The current format does not comply with strict yaml rules. "
            "(Empty list on fields are not allowed)",
            id="M-04",
        ),
        pytest.param(
            "name: x\ntype: inference\ntargetType: zzz\n",
            "'zzz' is not a valid TargetType",
            id="M-05",
        ),
        pytest.param(
            BINARY,
            "The following keys are missing in model-metadata.yaml file.\n"
            "Missing keys: ['inferenceModel']",
            id="M-06",
        ),
        pytest.param(
            f"{BINARY}inferenceModel:\n  targetName: t\n",
            "Missing keys: ['positiveClassLabel', 'negativeClassLabel']",
            id="M-06-labels",
        ),
        pytest.param(
            f"{MULTICLASS}inferenceModel:\n{THREE_LABELS}  classLabelsFile: labels\n",
            "should be provided in model-metadata.yaml file, but not both.",
            id="M-09",
        ),
        pytest.param(
            f"{MULTICLASS}inferenceModel:\n  targetName: t\n",
            "must be provided in model-metadata.yaml file.",
            id="M-09-neither",
        ),
        pytest.param(
            f"{REGRESSION}typeSchema:\n  input_requirements:\n    - field: number_of_columns\n"
            "      condition: EQUALS\n      value: 0\n",
            "Value of 0 is not supported for EQUALS",
            id="M-19",
        ),
        pytest.param(
            f"{REGRESSION}hyperparameters:\n  - name: p\n    type: int\n    min: 5\n    max: 1\n",
            "Invalid int parameter p: max must be greater than min",
            id="M-23",
        ),
        pytest.param(
            f"{REGRESSION}inputSchema:\n  type: array\n  properties:\n    a:\n      type: number\n",
            "Error creating pydantic model from input schema: Only 'object' type schemas are "
            "supported, got 'array'",
            id="M-24",
        ),
        pytest.param(f"{REGRESSION}name: y\n", "name", id="duplicate-key"),
        pytest.param(f"{REGRESSION}majorVersion: perhaps\n", "majorVersion", id="not-a-boolean"),
        pytest.param("name: x\n  type: inference\n", "model-metadata.yaml", id="broken-yaml"),
        pytest.param("", "empty", id="empty"),
    ],
)
def test_metadata_that_are_refused(score: Score, metadata: str, text: str) -> None:
    done = score(described(metadata), "a\n1\n", *OUT)

    assert done.returncode == 1
    assert text in done.stdout + done.stderr
