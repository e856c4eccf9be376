"""Runtime parameters: definitions, values, and how custom.py reads them (rows M-11 to M-18)."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.cli.conftest import Score
from tests.support.models import TARGET, Model, hooks

METADATA = "name: x\ntype: inference\ntargetType: textgeneration\n"

READING = Model(
    hooks("""
import json
import os

import pandas as pd
from datarobot_drum import RuntimeParameters

def looked_up(name):
    try:
        value = RuntimeParameters.get(name)
    except ValueError as error:
        value = f"ValueError: {error}"
    variable = os.environ.get(f"MLOPS_RUNTIME_PARAM_{name}")
    return {"has": RuntimeParameters.has(name), "get": value, "variable": variable}

def score(data, model, **kwargs):
    return pd.DataFrame({"out": [json.dumps(looked_up(name)) for name in data["name"]]})
"""),
    env=TARGET,
)


def definition(kind: str, **keys: object) -> str:
    lines = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    return f"  - fieldName: N\n    type: {kind}\n{lines}"


def defined(*definitions: str) -> Model:
    text = f"{METADATA}runtimeParameterDefinitions:\n{''.join(definitions)}" if definitions else ""
    return READING.plus(**{"model-metadata.yaml": text}) if text else READING


@pytest.fixture
def values(tmp_path: Path) -> Path:
    """Return the path of the file of values, which a test writes."""
    return tmp_path / "values.yaml"


def look_up(
    score: Score, folder: Path, model: Model, *flags: str, env: dict[str, str] | None = None
) -> Any:
    done = score(model, "name\nN\n", *flags, "--output", "out.csv", env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(str(pd.read_csv(folder / "out.csv").iloc[0, 0]))


@pytest.mark.parametrize(
    ("kind", "text", "payload"),
    [
        pytest.param("string", "word", "word", id="string"),
        pytest.param("numeric", "7.5", 7.5, id="numeric"),
        pytest.param("boolean", "true", True, id="boolean"),
        pytest.param(
            "credential",
            "\n  credentialType: s3\n  key: k",
            {"credentialType": "s3", "key": "k"},
            id="credential",
        ),
    ],
)
def test_a_value_of_the_file(
    score: Score, tmp_path: Path, kind: str, text: str, payload: object
) -> None:
    """M-11: over the default."""
    values = tmp_path / "values.yaml"
    values.write_text(f"N: {text}\n")

    said = look_up(score, tmp_path, defined(definition(kind)), "--runtime-params-file", str(values))

    assert (said["has"], said["get"]) == (True, payload)
    assert json.loads(said["variable"]) == {"type": kind, "payload": payload}


def test_a_value_of_the_file_beats_default_and_environment(
    score_alone: Score, tmp_path: Path, values: Path
) -> None:
    """M-11, M-13: other names in the file are ignored."""
    values.write_text("N: from file\nOTHER: ignored\n")
    model = defined(definition("string", defaultValue="default"))
    env = {"MLOPS_RUNTIME_PARAM_N": json.dumps({"type": "string", "payload": "environment"})}

    said = look_up(score_alone, tmp_path, model, "--runtime-params-file", str(values), env=env)

    assert said["get"] == "from file"


def test_a_default_is_exported(score: Score, tmp_path: Path, values: Path) -> None:
    values.write_text("OTHER: ignored\n")
    model = defined(definition("string", defaultValue="default"))

    said = look_up(score, tmp_path, model, "--runtime-params-file", str(values))

    assert said["get"] == "default"


def test_a_definition_without_value(score: Score, tmp_path: Path, values: Path) -> None:
    """M-14."""
    values.write_text("OTHER: ignored\n")

    said = look_up(
        score, tmp_path, defined(definition("string")), "--runtime-params-file", str(values)
    )

    assert (said["has"], said["get"]) == (True, None)


def test_a_parameter_that_does_not_exist(score: Score, tmp_path: Path) -> None:
    """M-15."""
    said = look_up(score, tmp_path, READING, "--target-type", "textgeneration")

    assert (said["has"], said["get"]) == (
        False,
        "ValueError: Runtime parameter 'N' does not exist!",
    )


def test_a_parameter_of_the_environment(score: Score, tmp_path: Path) -> None:
    env = {"MLOPS_RUNTIME_PARAM_N": json.dumps({"type": "numeric", "payload": 3})}

    said = look_up(score, tmp_path, READING, "--target-type", "textgeneration", env=env)

    assert (said["has"], said["get"]) == (True, 3)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        pytest.param("boolean", False, id="boolean"),
        pytest.param("numeric", "7", id="numeric-text"),
        pytest.param("numeric", True, id="numeric-boolean"),
        pytest.param("string", "word", id="string"),
        pytest.param("deployment", "5f0c", id="deployment"),
        pytest.param("credential", {"credentialType": "s3", "key": "k"}, id="credential"),
        pytest.param("boolean", None, id="empty"),
    ],
)
def test_a_payload_of_the_environment_that_is_of_its_type(
    score: Score, tmp_path: Path, kind: str, payload: object
) -> None:
    env = {"MLOPS_RUNTIME_PARAM_N": json.dumps({"type": kind, "payload": payload})}

    said = look_up(score, tmp_path, READING, "--target-type", "textgeneration", env=env)

    assert (said["has"], said["get"], type(said["get"])) == (True, payload, type(payload))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(
            {"type": "boolean", "payload": "false"}, "value should be True or False", id="boolean"
        ),
        pytest.param({"type": "boolean", "payload": 0}, "value should be True or False", id="zero"),
        pytest.param(
            {"type": "numeric", "payload": "x"}, "value can't be converted to float", id="numeric"
        ),
        pytest.param({"type": "numeric", "payload": []}, "be converted to float", id="list"),
        pytest.param({"type": "string", "payload": 5}, "value is not a string", id="string"),
        pytest.param({"type": "string", "payload": ""}, "blank value is not allowed", id="blank"),
        pytest.param(
            {"type": "deployment", "payload": 5}, "value is not a string", id="deployment"
        ),
        pytest.param(
            {"type": "credential", "payload": "s3"}, "value is not a dict", id="credential"
        ),
        pytest.param(
            {"type": "credential", "payload": {"key": "k"}},
            "'credentialType': DataError('is required')",
            id="credential-type",
        ),
        pytest.param(
            {"type": "credential", "payload": {"credentialType": 1}},
            "'credentialType': DataError('value is not a string')",
            id="credential-type-number",
        ),
        pytest.param({"payload": 1}, "{'type': DataError('is required')}", id="no-type"),
        pytest.param({"type": "string"}, "{'payload': DataError('is required')}", id="no-payload"),
        pytest.param({"type": "colour", "payload": 1}, "match any variant", id="unknown-type"),
        pytest.param(["string", "x"], "value is not a dict", id="no-object"),
    ],
)
def test_a_payload_of_the_environment_that_is_refused(
    score: Score, tmp_path: Path, content: object, reason: str
) -> None:
    """The value is never repeated: it may be a credential."""
    env = {"MLOPS_RUNTIME_PARAM_N": json.dumps(content)}

    said = look_up(score, tmp_path, READING, "--target-type", "textgeneration", env=env)

    assert said["get"].startswith("ValueError: Invalid runtime parameter! ")
    assert reason in said["get"].replace("\\", "")


@pytest.mark.parametrize(
    ("definitions", "text", "expected"),
    [
        pytest.param(
            [definition("numeric", maxValue=10)],
            "N: 11",
            ["Failed to load runtime parameter 'N'. {", "value is greater than 10"],
            id="M-12",
        ),
        pytest.param(
            [definition("numeric", minValue=0)], "N: -1", ["value is less than 0"], id="M-12-less"
        ),
        pytest.param([definition("numeric")], "N: x", ["be converted to float"], id="M-12-text"),
        pytest.param(
            [definition("string"), definition("string")],
            "N: x",
            ["Failed to load runtime parameter [N], duplicated definition"],
            id="M-17",
        ),
        pytest.param(
            [definition("boolean")],
            "N: 'yes'",
            ["Failed to load runtime parameter 'N'. {", "value should be True or False"],
            id="M-18",
        ),
        pytest.param([definition("string")], "N: 5", ["value is not a string"], id="string"),
        pytest.param([definition("string")], "N: ''", ["blank value is not"], id="blank"),
        pytest.param(
            [definition("deployment")], "N: 5", ["value is not a string"], id="deployment"
        ),
        pytest.param([definition("credential")], "N: s3", ["value is not a dict"], id="credential"),
        pytest.param(
            [definition("credential")], "N:\n  key: k", ["is required"], id="credential-type"
        ),
        pytest.param(
            ["  - type: string\n"],
            "N: x",
            ["Failed to load runtime parameter: {'fieldName': DataError('is required')}"],
            id="no-name",
        ),
        pytest.param(
            ["  - fieldName: N\n"],
            "N: x",
            ["Failed to load runtime parameter: {'type': DataError('is required')}"],
            id="no-type",
        ),
        pytest.param(
            [definition("string")], "", ["Runtime parameter values YAML file is empty!"], id="empty"
        ),
        pytest.param(
            [definition("colour")], "N: x", ["Failed to load runtime parameter"], id="unknown-type"
        ),
    ],
)
def test_values_that_are_refused(
    score: Score, values: Path, definitions: list[str], text: str, expected: list[str]
) -> None:
    values.write_text(text)

    done = score(defined(*definitions), "name\nN\n", "--runtime-params-file", str(values))

    assert done.returncode == 1
    for part in expected:
        assert part in done.stdout + done.stderr


def test_values_without_metadata(score: Score, values: Path) -> None:
    """M-16."""
    values.write_text("N: x\n")
    flags = ("--target-type", "textgeneration", "--runtime-params-file", str(values))

    done = score(READING, "name\nN\n", *flags)

    assert done.returncode == 1
    assert "model-metadata.yaml must exist to use runtime parameters" in done.stdout + done.stderr
