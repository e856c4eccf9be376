"""A model directory that came from the store, and how it is opened."""

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from drum_like.config.model_settings import LoadSettings, ModelSettings
from drum_like.errors import SettingsError, UploadError
from drum_like.inference.loading import open_service
from drum_like.inference.model_service import ModelService
from drum_like.model.configuration import configured
from drum_like.model.directory import ModelDirectory
from drum_like.model.metadata import FILE_NAME
from drum_like.model.yaml_schema import parse
from drum_like.store.entities import Declared
from drum_like.system.cpus import PredictLimiter
from drum_like.types.target import TargetType


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model directory made from a file of the store.

    Attributes:
        directory: Where it lies.
        runs_code: Whether it may run code that it brings along.
        declared: The uploader's declaration of the target.
    """

    directory: Path
    runs_code: bool
    declared: Declared


def open_stored(
    stored: StoredModel, settings: LoadSettings, limiter: PredictLimiter | None = None
) -> ModelService:
    """Load a model from the store.

    A model of unknown target is taken for a regression.

    Args:
        stored: The model.
        settings: The way in which models are loaded.
        limiter: Entered around each prediction.

    Raises:
        LoadError: it does not load.
        SettingsError: its metadata is wrong, or lacks settings that the model itself leaves open.
        UploadError: it brings code along that it may not run, or names files outside it.
    """
    check_metadata(stored.directory)
    if not stored.runs_code and ModelDirectory(stored.directory).custom_py is not None:
        raise UploadError("the model has a custom.py, and was stored as one without code")
    load = replace(settings, no_pickle=settings.no_pickle or not stored.runs_code)
    model = configured(_settings_of(stored))
    return open_service(model, load, limiter=limiter, otherwise=TargetType.REGRESSION)


def check_metadata(directory: Path) -> None:
    """Refuse metadata that names files outside the model directory.

    Raises:
        SettingsError: the metadata is not YAML.
        UploadError: it names a file that is not in the directory.
    """
    path = directory / FILE_NAME
    if not path.is_file():
        return
    try:
        tree = parse(path.read_text(encoding="utf-8"), FILE_NAME)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{FILE_NAME} cannot be read as UTF-8 text") from error
    inference = tree.get("inferenceModel") if isinstance(tree, dict) else None
    name = inference.get("classLabelsFile") if isinstance(inference, dict) else None
    if name is None:
        return
    plain = PurePosixPath(str(name))
    if plain.is_absolute() or ".." in plain.parts or not (directory / plain).is_file():
        raise UploadError(f"{FILE_NAME}: classLabelsFile must name a file of the model directory")


def target_type_of(declared: Declared) -> TargetType | None:
    """Return the target type that an uploader named, None if there is none.

    Raises:
        UploadError: there is no such target type.
    """
    if declared.target_type is None:
        return None
    try:
        return TargetType(declared.target_type)
    except ValueError as error:
        known = ", ".join(kind.value for kind in TargetType)
        raise UploadError(
            f"{declared.target_type[:64]!r} is no target type; there are: {known}"
        ) from error


def _settings_of(stored: StoredModel) -> ModelSettings:
    declared = stored.declared
    return ModelSettings(
        code_dir=stored.directory,
        target_type=target_type_of(declared),
        positive_class_label=declared.positive_label,
        negative_class_label=declared.negative_label,
        class_labels=declared.labels,
        target_name=declared.target_name,
    )
