"""Runtime parameters: definitions, values, variables, and what custom.py reads."""

import json
from pathlib import Path
from typing import Any

import pytest

from drum_like.errors import SettingsError
from drum_like.model.runtime_parameters import exports, get, has

METADATA = """\
name: x
type: inference
targetType: regression
runtimeParameterDefinitions:
  - fieldName: S
    type: string
    defaultValue: abc
  - fieldName: N
    type: numeric
    defaultValue: 5
    minValue: 0
    maxValue: 10
  - fieldName: B
    type: boolean
  - fieldName: C
    type: credential
  - fieldName: D
    type: deployment
"""


def exported(folder: Path, values: str, metadata: str | None = METADATA) -> dict[str, str]:
    if metadata is not None:
        (folder / "model-metadata.yaml").write_text(metadata)
    (folder / "values.yaml").write_text(values)
    return exports(folder, folder / "values.yaml")


def definitions(*lines: str) -> str:
    head = METADATA.partition("runtimeParameterDefinitions")[0]
    return head + "runtimeParameterDefinitions:\n" + "".join(f"  - {line}\n" for line in lines)


def test_values_beat_defaults_and_undefined_ones_are_ignored(tmp_path: Path) -> None:
    assert exported(tmp_path, "N: 7\nUNKNOWN: 1\n") == {
        "MLOPS_RUNTIME_PARAM_S": '{"payload": "abc", "type": "string"}',
        "MLOPS_RUNTIME_PARAM_N": '{"payload": 7, "type": "numeric"}',
        "MLOPS_RUNTIME_PARAM_B": '{"payload": null, "type": "boolean"}',
        "MLOPS_RUNTIME_PARAM_C": '{"payload": null, "type": "credential"}',
        "MLOPS_RUNTIME_PARAM_D": '{"payload": null, "type": "deployment"}',
    }


@pytest.mark.parametrize(
    ("values", "name", "payload"),
    [
        ("S: ' '", "S", " "),
        ("N: '7'", "N", "7"),
        ("N: true", "N", True),
        ("N: 10", "N", 10),
        ("N: null", "N", None),
        ("B: no", "B", False),
        ("C: {credentialType: basic, user: u}", "C", {"credentialType": "basic", "user": "u"}),
        ("D: 5f0c", "D", "5f0c"),
    ],
)
def test_values_are_kept_as_they_were_written(
    tmp_path: Path, values: str, name: str, payload: Any
) -> None:
    environ = exported(tmp_path, values)

    assert has(name, environ)
    assert get(name, environ) == payload
    assert type(get(name, environ)) is type(payload)


@pytest.mark.parametrize(
    ("values", "name", "reason"),
    [
        ("N: 11", "N", "'value is greater than 10'"),
        ("N: -1", "N", "'value is less than 0'"),
        ("B: 'yes'", "B", "'value should be True or False'"),
        ("S: 5", "S", "'value is not a string'"),
        ("S: ''", "S", "'blank value is not allowed'"),
        ("D: 5", "D", "'value is not a string'"),
        ("C: 5", "C", "'value is not a dict'"),
    ],
)
def test_wrong_values_are_refused_in_drums_words(
    tmp_path: Path, values: str, name: str, reason: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        exported(tmp_path, values)

    assert str(caught.value) == (
        f"Failed to load runtime parameter '{name}'. {{'payload': "
        f"DataError(\"{{0: DataError('value should be None'), 1: DataError({reason})}}\")}}"
    )


@pytest.mark.parametrize(
    ("values", "ending"),
    [
        (
            "N: abc",
            (
                r"""{'payload': DataError('{0: DataError(\'value should be None\'), """
                r"""1: DataError("value can\'t be converted to float")}')}"""
            ),
        ),
        (
            "C: {a: 5}",
            (
                r"""{'payload': DataError('{0: DataError(\'value should be None\'), """
                r"""1: DataError("{\'credentialType\': DataError(\'is required\')}")}')}"""
            ),
        ),
        (
            "C: {credentialType: 5}",
            (
                r"""{'payload': DataError('{0: DataError(\'value should be None\'), """
                r"""1: DataError("{\'credentialType\': """
                r"""DataError(\'value is not a string\')}")}')}"""
            ),
        ),
    ],
    ids=["text", "credential-without-type", "credential-with-a-number-for-a-type"],
)
def test_quotes_nest_as_in_drum(tmp_path: Path, values: str, ending: str) -> None:
    with pytest.raises(SettingsError) as caught:
        exported(tmp_path, values)

    assert str(caught.value).endswith(f". {ending}")


@pytest.mark.parametrize(
    ("metadata", "values", "message"),
    [
        (None, "N: 1", "model-metadata.yaml must exist to use runtime parameters"),
        ("", "N: 1", "Model-metadata YAML file is empty!"),
        (
            "name: x\n",
            "N: 1",
            (
                "model-metadata.yaml: YAML file must contain at least one parameter definition in "
                "the section 'runtimeParameterDefinitions'"
            ),
        ),
        (METADATA, "", "Runtime parameter values YAML file is empty!"),
        (METADATA, "- a\n", "Invalid runtime parameter values YAML content!"),
        (METADATA, "a: 'b\n", "Invalid runtime parameter values YAML content!"),
        (
            definitions("fieldName: S\n    type: string", "fieldName: S\n    type: string"),
            "S: a",
            "Failed to load runtime parameter [S], duplicated definition",
        ),
        (
            definitions("fieldName: S\n    type: zzz"),
            "S: a",
            (
                "Failed to load runtime parameter: "
                "{'type': DataError(\"value doesn't match any variant\")}"
            ),
        ),
        (
            definitions("type: string"),
            "S: a",
            "Failed to load runtime parameter: {'fieldName': DataError('is required')}",
        ),
        (
            definitions("fieldName: S\n    type: numeric\n    minValue: a"),
            "S: 1",
            (
                "Failed to load runtime parameter: {'minValue': "
                'DataError("value can\'t be converted to float")}'
            ),
        ),
    ],
)
def test_wrong_files_are_refused_in_drums_words(
    tmp_path: Path, metadata: str | None, values: str, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        exported(tmp_path, values, metadata)

    assert str(caught.value).startswith(message)


def test_values_do_not_stand_in_messages(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        exported(tmp_path, "C: a-secret-password\n")

    assert "a-secret-password" not in str(caught.value)


def test_unknown_parameter_is_a_value_error() -> None:
    assert not has("X", {})
    with pytest.raises(ValueError, match=r"^Runtime parameter 'X' does not exist!$"):
        get("X", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Invalid runtime parameter json payload."),
        ("60", "Invalid runtime parameter!"),
        ('{"type": "numeric"}', "Invalid runtime parameter!"),
        ('{"payload": 1}', "Invalid runtime parameter!"),
        ('{"type": "colour", "payload": 1}', "Invalid runtime parameter!"),
        ('{"type": 5, "payload": 1}', "Invalid runtime parameter!"),
    ],
)
def test_malformed_variables_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        get("X", {"MLOPS_RUNTIME_PARAM_X": text})


def test_payload_of_a_variable_is_what_json_says() -> None:
    text = json.dumps({"type": "credential", "payload": {"credentialType": "basic"}})

    assert get("X", {"MLOPS_RUNTIME_PARAM_X": text}) == {"credentialType": "basic"}
