"""Settings of a model and its model-metadata.yaml merged; neither may contradict the other."""

from collections.abc import Mapping
from dataclasses import replace

from drum_like.config.model_settings import ModelSettings
from drum_like.errors import SettingsError
from drum_like.model.metadata import Metadata, read_metadata
from drum_like.types.target import TargetType

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
