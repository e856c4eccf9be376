"""model-metadata.yaml as a typed record, checked as DRUM 1.18 does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from drum_like.errors import SettingsError
from drum_like.model import hyperparameters, interval_settings, type_schema
from drum_like.model.interval_settings import IntervalSettings
from drum_like.model.type_schema import TypeSchema
from drum_like.model.yaml_schema import anything, keys, list_of, number, one_of, parse, switch, text
from drum_like.types.target import Link, TargetType

FILE_NAME = "model-metadata.yaml"

_INFERENCE = keys(
    {},
    {
        "targetName": text,
        "positiveClassLabel": text,
        "negativeClassLabel": text,
        "classLabels": list_of(text),
        "classLabelsFile": text,
        "predictionThreshold": number,
    },
)
_SHAPE = keys(
    {"name": text, "type": text, "targetType": text},
    {
        "environmentID": text,
        "validation": keys({"input": text}, {"targetName": text}),
        "modelID": text,
        "description": text,
        "majorVersion": switch,
        "inferenceModel": _INFERENCE,
        "trainingModel": keys({}, {"trainOnProject": text}),
        "hyperparameters": anything,
        "typeSchema": type_schema.shape,
        "customPredictor": anything,
        "runtimeParameterDefinitions": anything,
        "userCredentialSpecifications": list_of(
            keys({"key": text, "valueFrom": text}, {"reminder": text})
        ),
        "lazyLoading": anything,
        "inputSchema": keys(
            {"type": text, "properties": anything}, {"title": text, "required": anything}
        ),
        "unseen_categories": one_of("missing", "refuse"),
        "missing_fields": one_of("na", "refuse"),
        "link": one_of(Link.LOGIT.value, Link.SOFTMAX.value),
        "normalize_probabilities": switch,
        "batching": switch,
        "prediction_intervals": interval_settings.shape,
    },
)
_MULTICLASS = "\nError - for multiclass classification, either the class labels or a class labels "


@dataclass(frozen=True, slots=True)
class Metadata:
    """Content of model-metadata.yaml.

    Attributes:
        name: Name of the model.
        target_type: Type of its target.
        target_name: Name of the target column, None if it is not given.
        positive_class_label: For binary models, None if it is not given.
        negative_class_label: For binary models, None if it is not given.
        class_labels: In the order of the model's outputs; empty if they are not given.
        type_schema: Requirements on input and output.
        unseen_categories: Handling of a category that training did not see.
        missing_fields: Handling of a column that a caller of the H2O scorer leaves out.
        prediction_intervals: How intervals are made, None if the directory does not say.
        link: Makes probabilities of the model's margins; None for output as it is.
        normalize_probabilities: Whether the probabilities of a row are divided by their sum.
        batching: Whether rows of different requests may be predicted together; None to find out.
        raw: The whole file as /info/ shows it: text, except majorVersion (bool),
            predictionThreshold (number) and numbers of columns (int).
    """

    name: str
    target_type: TargetType
    target_name: str | None = None
    positive_class_label: str | None = None
    negative_class_label: str | None = None
    class_labels: tuple[str, ...] = ()
    type_schema: TypeSchema = field(default_factory=TypeSchema)
    unseen_categories: Literal["missing", "refuse"] = "refuse"
    missing_fields: Literal["na", "refuse"] = "refuse"
    prediction_intervals: IntervalSettings | None = None
    link: Link | None = None
    normalize_probabilities: bool = False
    batching: bool | None = None
    raw: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def read_metadata(code_dir: Path) -> Metadata | None:
    """Return the metadata of a model directory, None if it has no such file.

    Raises:
        SettingsError: the file breaks strict YAML or DRUM's rules.
        TypeSchemaError: its typeSchema contradicts itself.
    """
    path = code_dir / FILE_NAME
    if not path.is_file():
        return None
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{FILE_NAME} cannot be read as UTF-8 text") from error
    tree = parse(content, FILE_NAME)
    if tree == "":
        raise SettingsError("The model_metadata.yaml file appears to be empty.")
    return _metadata(_SHAPE(tree, FILE_NAME), code_dir)


def _metadata(raw: dict[str, Any], code_dir: Path) -> Metadata:
    target_type = _target_type(raw["targetType"])
    inference = raw.get("inferenceModel", {})
    if raw["type"] == "inference":
        _check_labels(target_type, raw)
    _check_input_schema(raw.get("inputSchema"))
    if "hyperparameters" in raw:
        hyperparameters.check(raw["hyperparameters"])
    intervals = interval_settings.read(raw.get("prediction_intervals"), FILE_NAME)
    if intervals is not None:  # as it is shown: a number, however it is written
        raw["prediction_intervals"] = {
            **raw["prediction_intervals"],
            "level": float(intervals.level),
        }
    return Metadata(
        name=raw["name"],
        target_type=target_type,
        target_name=inference.get("targetName"),
        positive_class_label=inference.get("positiveClassLabel"),
        negative_class_label=inference.get("negativeClassLabel"),
        class_labels=_class_labels(inference, code_dir),
        type_schema=type_schema.read(raw.get("typeSchema", {})),
        unseen_categories=raw.get("unseen_categories", "refuse"),
        missing_fields=raw.get("missing_fields", "refuse"),
        prediction_intervals=intervals,
        link=Link(raw["link"]) if "link" in raw else None,
        normalize_probabilities=raw.get("normalize_probabilities", False),
        batching=raw.get("batching"),
        raw=MappingProxyType(raw),
    )


def _target_type(word: str) -> TargetType:
    try:
        return TargetType(word)
    except ValueError as error:
        raise SettingsError(f"{FILE_NAME}: '{word}' is not a valid TargetType") from error


def _check_labels(target_type: TargetType, raw: Mapping[str, Any]) -> None:
    """Demand the labels of a classification model.

    Raises:
        SettingsError: they are missing, or given twice.
    """
    if not target_type.is_classification:
        return
    if "inferenceModel" not in raw:
        raise _missing(["inferenceModel"])
    given = raw["inferenceModel"]
    if target_type is TargetType.BINARY:
        needed = ("positiveClassLabel", "negativeClassLabel")
        missing = [key for key in needed if key not in given]
        if missing:
            raise _missing(missing)
        return
    ways = [key for key in ("classLabels", "classLabelsFile") if key in given]
    if not ways:
        raise SettingsError(f"{_MULTICLASS}file must be provided in {FILE_NAME} file.")
    if len(ways) > 1:
        raise SettingsError(
            f"{_MULTICLASS}file should be provided in {FILE_NAME} file, but not both."
        )


def _missing(names: list[str]) -> SettingsError:
    return SettingsError(
        f"The following keys are missing in {FILE_NAME} file.\nMissing keys: {names}"
    )


def _class_labels(inference: Mapping[str, Any], code_dir: Path) -> tuple[str, ...]:
    """Return the labels, from their file if one is named: beside the model, or as DRUM finds it."""
    if "classLabelsFile" not in inference:
        return tuple(inference.get("classLabels", ()))
    name = inference["classLabelsFile"]
    path = code_dir / name if (code_dir / name).is_file() else Path(name)
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{FILE_NAME}: the classLabelsFile '{name}' is neither in the working directory nor "
            "in the model directory, or is not UTF-8 text"
        ) from error
    labels = tuple(label for label in content.split("\n") if label)
    if len(labels) < 2:
        raise SettingsError("multiclass classification requires at least 2 labels.")
    return labels


def _check_input_schema(schema: Mapping[str, Any] | None) -> None:
    if schema is None:
        return
    reason = ""
    if schema["type"] != "object":
        reason = f"Only 'object' type schemas are supported, got '{schema['type']}'"
    elif not isinstance(schema["properties"], dict):
        kind = type(schema["properties"])
        reason = f"'properties' must be a dictionary, got '{kind}'"
    if reason:
        raise SettingsError(f"Error creating pydantic model from input schema: {reason}")
