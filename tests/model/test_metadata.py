"""model-metadata.yaml: what is read, what is refused, and what settings may contradict."""

from pathlib import Path

import pytest

from drum_like.config.model_settings import ModelSettings
from drum_like.errors import SettingsError, TypeSchemaError
from drum_like.model.configuration import configured
from drum_like.model.metadata import read_metadata
from drum_like.types.target import TargetType

HEAD = "name: x\ntype: inference\n"
REGRESSION = HEAD + "targetType: regression\n"
BINARY = (
    HEAD
    + "targetType: binary\ninferenceModel:\n  targetName: t\n"
    + "  positiveClassLabel: yes\n  negativeClassLabel: no\n"
)
MULTICLASS = (
    HEAD + "targetType: multiclass\ninferenceModel:\n  classLabels:\n    - a\n    - b\n    - c\n"
)


def write(folder: Path, text: str) -> Path:
    (folder / "model-metadata.yaml").write_text(text)
    return folder


def test_no_file_is_no_metadata(tmp_path: Path) -> None:
    assert read_metadata(tmp_path) is None


def test_binary_labels_are_text(tmp_path: Path) -> None:
    metadata = read_metadata(write(tmp_path, BINARY))

    assert metadata is not None
    assert (metadata.name, metadata.target_type) == ("x", TargetType.BINARY)
    assert (metadata.positive_class_label, metadata.negative_class_label) == ("yes", "no")
    assert metadata.target_name == "t"


def test_info_shows_text_but_for_the_typed_keys(tmp_path: Path) -> None:
    text = REGRESSION + (
        "majorVersion: on\n"
        "description: |\n  two\n  lines\n"
        "environmentID:\n"
        "inferenceModel:\n  predictionThreshold: 0.5\n"
        "runtimeParameterDefinitions:\n  - fieldName: p\n    defaultValue: 50\n"
        "typeSchema:\n  output_requirements:\n"
        "    - field: number_of_columns\n      condition: IN\n      value:\n"
        "        - 1\n        - 2\n"
        "unseen_categories: missing\n"
    )

    metadata = read_metadata(write(tmp_path, text))

    assert metadata is not None
    assert metadata.unseen_categories == "missing"
    assert metadata.raw == {
        "name": "x",
        "type": "inference",
        "targetType": "regression",
        "majorVersion": True,
        "description": "two\nlines\n",
        "environmentID": "",
        "inferenceModel": {"predictionThreshold": 0.5},
        "runtimeParameterDefinitions": [{"fieldName": "p", "defaultValue": "50"}],
        "typeSchema": {
            "output_requirements": [
                {"field": "number_of_columns", "condition": "IN", "value": [1, 2]}
            ]
        },
        "unseen_categories": "missing",
    }


def test_an_integer_threshold_stays_one(tmp_path: Path) -> None:
    metadata = read_metadata(
        write(tmp_path, REGRESSION + "inferenceModel:\n  predictionThreshold: 1\n")
    )

    assert metadata is not None
    assert repr(metadata.raw["inferenceModel"]["predictionThreshold"]) == "1"


@pytest.mark.parametrize("place", ["working", "model"], ids="from the {} directory".format)
def test_labels_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    for name in ("working", "model"):
        (tmp_path / name).mkdir()
    (tmp_path / place / "labels.txt").write_text("a\n\nb\n")
    monkeypatch.chdir(tmp_path / "working")
    text = HEAD + "targetType: multiclass\ninferenceModel:\n  classLabelsFile: labels.txt\n"

    metadata = read_metadata(write(tmp_path / "model", text))

    assert metadata is not None
    assert metadata.class_labels == ("a", "b")


STRICT = "The current format does not comply with strict yaml rules. (Empty list on fields are not"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The model_metadata.yaml file appears to be empty."),
        ("# only a comment\n", "appears to be empty"),
        ("- a\n", "when expecting a mapping, found a list"),
        ("just text\n", "when expecting a mapping, found text"),
        ("type: a\ntargetType: regression\n", "required key(s) 'name' not found"),
        (REGRESSION + "foo: bar\n", "unexpected key not in schema 'foo'"),
        (REGRESSION + "description: 'a\n", "is not valid YAML in line"),
        (REGRESSION + "description: {a: b}\n", STRICT),
        (REGRESSION + "description: []\n", STRICT),
        (REGRESSION + "name: y\n", "Duplicate key 'name' found"),
        (REGRESSION + "description: !!str y\n", "tags are not allowed"),
        (REGRESSION + "description: &a y\n", "anchors and aliases"),
        (REGRESSION + "customPredictor:\n  a: &x y\n  b: *x\n", "line 5: anchors and aliases"),
        (REGRESSION + "? - a\n: b\n", "keys have to be text"),
        (REGRESSION + "---\nname: y\n", "holds several"),
        (HEAD + "targetType: zzz\n", "'zzz' is not a valid TargetType"),
        (REGRESSION + "majorVersion: maybe\n", "when expecting a boolean value"),
        (REGRESSION + "inferenceModel: 5\n", "inferenceModel: when expecting a mapping"),
        (REGRESSION + "inferenceModel:\n  foo: 5\n", "unexpected key not in schema 'foo'"),
        (
            REGRESSION + "inferenceModel:\n  predictionThreshold: half\n",
            "predictionThreshold: when expecting a number, found text",
        ),
        (
            REGRESSION + "inferenceModel:\n  classLabels: a\n",
            "classLabels: when expecting a list, found text",
        ),
        (REGRESSION + "unseen_categories: drop\n", "expecting one of missing, refuse"),
        (
            HEAD + "targetType: binary\n",
            (
                "The following keys are missing in model-metadata.yaml file.\n"
                "Missing keys: ['inferenceModel']"
            ),
        ),
        (
            HEAD + "targetType: binary\ninferenceModel:\n  targetName: t\n",
            "Missing keys: ['positiveClassLabel', 'negativeClassLabel']",
        ),
        (
            HEAD + "targetType: multilabel\ninferenceModel:\n  targetName: t\n",
            (
                "\nError - for multiclass classification, either the class labels or a class "
                "labels file must be provided in model-metadata.yaml file."
            ),
        ),
        (
            MULTICLASS + "  classLabelsFile: f\n",
            "file should be provided in model-metadata.yaml file, but not both.",
        ),
        (
            HEAD + "targetType: multiclass\ninferenceModel:\n  classLabelsFile: nope.txt\n",
            "the classLabelsFile 'nope.txt' is neither in",
        ),
        (
            REGRESSION + "inputSchema:\n  type: array\n  properties:\n    a: b\n",
            (
                "Error creating pydantic model from input schema: Only 'object' type schemas are "
                "supported, got 'array'"
            ),
        ),
        (
            REGRESSION + "inputSchema:\n  type: object\n  properties: 5\n",
            "'properties' must be a dictionary, got '<class 'str'>'",
        ),
    ],
)
def test_what_drum_refuses_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_metadata(write(tmp_path, text))

    assert message in str(caught.value)


def test_one_label_in_a_file_is_too_few(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\n")
    text = HEAD + "targetType: multiclass\ninferenceModel:\n  classLabelsFile: labels.txt\n"

    with pytest.raises(SettingsError, match="requires at least 2 labels"):
        read_metadata(write(tmp_path, text))


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model-metadata.yaml").write_bytes(b"name: \xff\n")

    with pytest.raises(SettingsError, match="cannot be read as UTF-8"):
        read_metadata(tmp_path)


def test_training_metadata_need_no_labels(tmp_path: Path) -> None:
    text = "name: x\ntype: training\ntargetType: binary\n"

    metadata = read_metadata(write(tmp_path, text))

    assert metadata is not None
    assert metadata.positive_class_label is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("name: p\n    type: int\n    min: 5\n    max: 1", "int parameter p: max must be greater"),
        (
            "name: p\n    type: float\n    min: 1\n    max: 5\n    default: 6",
            "Invalid float parameter p: values must be between [1.0, 5.0]",
        ),
        ("name: p1\n    type: string", "Invalid param name: p1. Only Eng characters"),
        ("name: _p\n    type: string", "Invalid param name: _p."),
        (f"name: {'p' * 65}\n    type: string", "longer than 64 characters"),
        ("name: p\n    type: what", '{"type": "is invalid"}'),
        ("name: p", '{"type": "is required"}'),
        ("type: int", '{"name": "is required"}'),
        ("name: p\n    type: int\n    min: 1", '{"max": "is required"}'),
        ("name: p\n    type: string\n    foo: 1", '{"foo": "foo is not allowed key"}'),
        (
            "name: p\n    type: int\n    min: a\n    max: 1",
            "value can't be converted to int, got 'a'",
        ),
        (
            "name: p\n    type: select\n    values:" + "\n      - v" * 25,
            "list length is greater than 24",
        ),
        ("name: p\n    type: select\n    values: v", "value is not a list"),
        ("name: p\n    type: select\n    values:\n      - ''", "blank value is not allowed"),
        (f"name: p\n    type: string\n    default: {'v' * 1025}", "longer than 1024"),
        (
            "name: p\n    type: multi\n    values:\n      int:\n        min: 2\n        max: 1",
            "Invalid int parameter p__int: max must be greater than min",
        ),
        ("name: p\n    type: multi\n    values:\n      string:\n        a: 1", "not allowed key"),
    ],
)
def test_wrong_hyperparameters_are_refused(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_metadata(write(tmp_path, f"{REGRESSION}hyperparameters:\n  - {body}\n"))

    assert message in str(caught.value)


def test_right_hyperparameters_are_accepted(tmp_path: Path) -> None:
    text = (
        "hyperparameters:\n"
        "  - name: depth_of_tree\n    type: int\n    min: 1\n    max: 5\n    default: 5\n"
        "  - name: p\n    type: multi\n    values:\n"
        "      float:\n        min: 0.5\n        max: 1\n"
        "      select:\n        values:\n          - a\n"
        "  - name: s\n    type: string\n    default: ''\n"
    )

    metadata = read_metadata(write(tmp_path, REGRESSION + text))

    assert metadata is not None
    assert len(metadata.raw["hyperparameters"]) == 3


def test_metadata_complete_the_settings(tmp_path: Path) -> None:
    settings = configured(ModelSettings(code_dir=write(tmp_path, BINARY)))

    assert settings.target_type is TargetType.BINARY
    assert (settings.positive_class_label, settings.negative_class_label) == ("yes", "no")
    assert settings.target_name == "t"
    assert configured(settings) == settings


def test_settings_name_the_target_first(tmp_path: Path) -> None:
    settings = configured(ModelSettings(code_dir=write(tmp_path, BINARY), target_name="mine"))

    assert settings.target_name == "mine"


def test_equal_labels_keep_the_order_of_the_settings(tmp_path: Path) -> None:
    settings = ModelSettings(code_dir=write(tmp_path, MULTICLASS), class_labels=("c", "a", "b"))

    assert configured(settings).class_labels == ("c", "a", "b")


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        (
            REGRESSION,
            {"target_type": TargetType.ANOMALY},
            (
                "Target type provided in --target-type argument doesn't match target type from "
                "model config file. Use either one of them or make them match."
            ),
        ),
        (
            BINARY,
            {"positive_class_label": "no", "negative_class_label": "yes"},
            (
                "Positive/negative class labels provided with command arguments or environment "
                "variable don't match values from model config file. Use either one of them or "
                "make them match."
            ),
        ),
        (
            MULTICLASS,
            {"class_labels": ("a", "b")},
            (
                "Class labels provided with command arguments or environment variable don't match "
                "values from model config file. Use either one of them or make them match."
            ),
        ),
        (
            REGRESSION,
            {"query": "a=1"},
            "--query argument can be used only with --target-type unstructured",
        ),
        (
            REGRESSION,
            {"content_type": "text/plain"},
            "--content-type argument can be used only with --target-type unstructured",
        ),
    ],
)
def test_contradictions_are_refused_in_drums_words(
    tmp_path: Path, text: str, given: dict[str, object], message: str
) -> None:
    settings = ModelSettings(code_dir=write(tmp_path, text), **given)  # type: ignore[arg-type] # a table

    with pytest.raises(SettingsError) as caught:
        configured(settings)

    assert str(caught.value) == message


def test_query_goes_with_unstructured(tmp_path: Path) -> None:
    text = HEAD + "targetType: unstructured\n"

    assert configured(ModelSettings(code_dir=write(tmp_path, text), query="a=1")).query == "a=1"


def test_wrong_type_schema_is_a_fault_of_its_own(tmp_path: Path) -> None:
    text = REGRESSION + (
        "typeSchema:\n  input_requirements:\n    - field: number_of_columns\n"
        "      condition: EQUALS\n      value:\n        - 1\n        - 2\n"
    )

    with pytest.raises(TypeSchemaError, match=r"EQUALS only accepts a single value for: \[1, 2\]"):
        read_metadata(write(tmp_path, text))
