"""Settings of a model completed from its model-metadata.yaml, and the target that they declare."""

from collections.abc import Mapping
from dataclasses import replace

from drum_like.config.model_settings import ModelSettings
from drum_like.errors import SettingsError
from drum_like.model.metadata import Metadata, read_metadata
from drum_like.types.target import ModelTarget, Target, TargetType

_TARGET_TYPE = (
    "Target type provided in --target-type argument doesn't match target type from model config "
    "file. Use either one of them or make them match."
)
_LABELS = (
    "{} provided with command arguments or environment variable don't match values "
    "from model config file. Use either one of them or make them match."
)


def configured(settings: ModelSettings) -> ModelSettings:
    """Return settings completed from the metadata of their model directory, if it has any.

    Completing twice changes nothing.

    Raises:
        SettingsError: the metadata is wrong, or contradicts the settings, or the settings do not
            go with the target type.
        TypeSchemaError: the typeSchema contradicts itself.
    """
    metadata = read_metadata(settings.code_dir)
    complete = settings if metadata is None else with_metadata(settings, metadata)
    _check_unstructured(complete)
    return complete


def with_metadata(settings: ModelSettings, metadata: Metadata) -> ModelSettings:
    """Return settings completed from metadata: flag and environment first, then the file.

    Raises:
        SettingsError: both name something, and differ; in DRUM's words.
    """
    if settings.target_type not in (None, metadata.target_type):
        raise SettingsError(_TARGET_TYPE)
    binary = (settings.positive_class_label, settings.negative_class_label)
    filed = (metadata.positive_class_label, metadata.negative_class_label)
    if None not in binary and None not in filed and binary != filed:
        raise SettingsError(_LABELS.format("Positive/negative class labels"))
    labels = settings.class_labels
    if labels and metadata.class_labels and set(labels) != set(metadata.class_labels):
        raise SettingsError(_LABELS.format("Class labels"))
    positive, negative = filed if None in binary else binary
    return replace(
        settings,
        target_type=metadata.target_type,
        positive_class_label=positive,
        negative_class_label=negative,
        class_labels=labels or metadata.class_labels,
        target_name=settings.target_name or metadata.target_name,
    )


def _check_unstructured(settings: ModelSettings) -> None:
    given: Mapping[str, str | None] = {
        "--query": settings.query,
        "--content-type": settings.content_type,
    }
    for flag, value in given.items():
        if value is not None and settings.target_type is not TargetType.UNSTRUCTURED:
            raise SettingsError(f"{flag} argument can be used only with --target-type unstructured")


def find_target(settings: ModelSettings, known: ModelTarget, *, legacy: bool) -> Target:
    """Return the target: from settings, and where they leave it open from the model itself.

    Raises:
        SettingsError: the type or the labels are unknown, in DRUM's words.
    """
    target_type = settings.target_type or known.type
    if target_type is None:
        raise SettingsError(
            "Target type is missing. It must be provided in --target-type argument, "
            "TARGET_TYPE env var or model config file."
        )
    if target_type.needs_target_name and not settings.target_name:
        raise SettingsError(
            "Unexpected empty target name for text generation, vector database, or agentic "
            "workflow target."
        )
    name = settings.target_name or "target"
    return Target(target_type, _labels(settings, target_type, known), name, legacy)


def _labels(
    settings: ModelSettings, target_type: TargetType, known: ModelTarget
) -> tuple[str, ...]:
    if target_type is TargetType.BINARY:
        return _binary_labels(settings, known)
    if not target_type.is_classification:
        return ()
    found = settings.class_labels or tuple(map(str, known.classes))
    if not found:
        raise SettingsError(
            "Class labels are missing. They must be provided with either one: "
            "--class-labels/--class-labels-file arguments, environment variables, "
            "model config file."
        )
    return found


def _binary_labels(settings: ModelSettings, known: ModelTarget) -> tuple[str, str]:
    positive, negative = settings.positive_class_label, settings.negative_class_label
    if positive is not None and negative is not None:
        return positive, negative
    if len(known.classes) == 2 and positive is None and negative is None:
        return str(known.classes[1]), str(known.classes[0])
    raise SettingsError(
        "Positive/negative class labels are missing. They must be provided with either one: "
        "--positive-class-label/--negative-class-label arguments, environment variables, "
        "model config file."
    )
