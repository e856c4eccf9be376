"""From a model directory to a model object, and from a model object to its predictor."""

import hashlib
import logging
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from drum_like import plugins
from drum_like.api import ArtifactKind, Predictor
from drum_like.errors import ArtifactError, LoadError, PluginError
from drum_like.model.directory import DRUM_SUFFIXES, ModelDirectory, suffixes
from drum_like.model.pickles import SKOPS, read_pickle, read_skops

logger = logging.getLogger(__name__)

_HINTS = {
    "XGBoostError": (
        "the file is cut off or damaged, or a newer XGBoost wrote it: copy it again, or save the "
        "model again with save_model('model.ubj')"
    ),
    "AttributeError": (
        "a pickle finds its classes by module and name: define them in custom.py or in a module "
        "beside it"
    ),
}

_OTHER_VERSION = "InconsistentVersionWarning"
"""The category of scikit-learn's warning about a version, one for each tree of a forest."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """The file that a model is read from.

    Attributes:
        path: The file.
        kind: The kind that reads it.
        trusted: Types that a file of skops may bring along.
        is_vouched: Whether the operator names them: such a file runs no code of others.
        loader: Name of the predictor's static method that reads the file where no hook sees it, in
            place of `load_alone`, if the predictor has it.
    """

    path: Path
    kind: ArtifactKind
    trusted: tuple[str, ...] = ()
    loader: str = ""
    is_vouched: bool = False

    @property
    def sha256(self) -> str:
        """The digest of the file, in hexadecimal."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def artifact_kinds() -> tuple[ArtifactKind, ...]:
    """Return the kinds of file that installed plugins read, by name."""
    names = sorted(plugins.registered(plugins.ARTIFACTS))
    return tuple(plugins.load(plugins.ARTIFACTS, name) for name in names)


def find_artifact(directory: ModelDirectory) -> Artifact:
    """Return the one model file on the top level of a directory.

    Exactly one file with a suffix that DRUM knows is the artifact, whatever else lies beside it;
    without such a file exactly one has to be claimed by a plugin.

    Raises:
        ArtifactError: there is none, or several; names the files.
        PluginError: no plugin reads files of its suffix.
    """
    kinds = artifact_kinds()
    claimed = dict(directory.candidates(kinds))
    known = [path for path in directory.files if path.suffix.lower() in DRUM_SUFFIXES]
    chosen = known or list(claimed)
    if len(chosen) > 1:
        raise ArtifactError(_several(directory, chosen))
    if not chosen:
        raise ArtifactError(_none(directory, kinds))
    rest = [directory.relative(path) for path in claimed if path != chosen[0]]
    if rest:
        names, code = (directory.relative(chosen[0]), " | ".join(rest)), {"code": "unused-files"}
        logger.warning("%s is the model; not used: %s", *names, extra=code)
    kind = claimed.get(chosen[0])
    return Artifact(chosen[0], kind) if kind else _unclaimed(chosen[0], kinds)


def load_artifact(artifact: Artifact, *, no_pickle: bool = False, alone: bool = False) -> Any:
    """Return the model object that a file holds.

    Args:
        artifact: The file.
        no_pickle: Refuse files whose loading can run code.
        alone: Whether only its predictor sees it, and no hook.

    Raises:
        ArtifactError: the file cannot be read, holds nothing, or is refused.
        PluginError: the framework, or a module that the pickle names, does not import.
    """
    if no_pickle and artifact.kind.runs_code and not artifact.is_vouched:
        raise ArtifactError(
            f"{artifact.path.name} is a {artifact.kind.name} file, which can run code when it is "
            "loaded, and --no-pickle is set; save the model as "
            f"{' or '.join(suffixes(k for k in artifact_kinds() if not k.runs_code))}"
        )
    model = _read(artifact, alone=alone)
    if model is None:
        raise ArtifactError(
            "Could not load model from the artifact file. "
            f"{artifact.path.name} holds None; save the fitted model"
        )
    return model


def predictor_for(model: Any, artifact: Artifact | None = None) -> Predictor:
    """Return the predictor of a model: the one that read it, or that of its classes' packages.

    The first class of the method resolution order whose top-level package is the name of an
    installed predictor decides: a user's subclass of an estimator is served like the estimator.

    Raises:
        PluginError: no predictor for it is installed.
        ArtifactError: the framework refuses the model, for example because it is not fitted.
    """
    if artifact is not None and artifact.kind.predictor is not None:
        return _prepared(plugins.load(plugins.PREDICTORS, artifact.kind.predictor), model)
    names = plugins.registered(plugins.PREDICTORS)
    for cls in type(model).__mro__:
        package = cls.__module__.partition(".")[0]
        if package in names:
            return _prepared(plugins.load(plugins.PREDICTORS, package), model)
    raise PluginError(
        "\n\nRunning environment language: Python.\n"
        "Could not find any framework to handle loaded model and a score hook is not provided; "
        f"the model is of type {_type_name(model)}. {plugins.describe_frameworks()}"
    )


def _read(artifact: Artifact, *, alone: bool) -> Any:
    read = _reader(artifact, alone=alone)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = read(artifact.path)
    except LoadError:
        raise
    except ModuleNotFoundError as error:
        raise PluginError(
            f"Could not load model from the artifact file. {artifact.path.name} needs the module "
            f"{error.name!r}, which does not import. {plugins.install_hint(error.name or '')}"
        ) from error
    except Exception as error:
        raise ArtifactError(_unreadable(error)) from error
    _repeat(caught)
    return model


def _reader(artifact: Artifact, *, alone: bool) -> Any:
    kind = artifact.kind
    if kind is SKOPS:
        return partial(read_skops, trusted=artifact.trusted)
    if kind.predictor is None:
        return read_pickle
    plugin = plugins.load(plugins.PREDICTORS, kind.predictor)
    if alone and artifact.loader and hasattr(plugin, artifact.loader):
        return getattr(plugin, artifact.loader)
    return getattr(plugin, "load_alone", plugin.load) if alone else plugin.load


def _repeat(caught: list[warnings.WarningMessage]) -> None:
    """Give scikit-learn's warnings about versions as one line, any other as it is."""
    others = [w for w in caught if w.category.__name__ != _OTHER_VERSION]
    for warning in others:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    about: list[Any] = [w.message for w in caught if w.category.__name__ == _OTHER_VERSION]
    if about:
        names = sorted({message.estimator_name for message in about})
        logger.warning(
            "the model was saved by scikit-learn %s and is loaded by %s; predictions may differ "
            "(%s)",
            ", ".join(sorted({message.original_sklearn_version for message in about})),
            about[0].current_sklearn_version,
            ", ".join(names),
            extra={"code": "sklearn-version"},
        )


def _prepared(plugin: Any, model: Any) -> Predictor:
    try:
        predictor: Predictor = plugin(model)
    except LoadError:
        raise
    except Exception as error:
        raise ArtifactError(
            f"the model of type {_type_name(model)} cannot be prepared for scoring. "
            f"Exception: {type(error).__name__}; is it fitted?"
        ) from error
    return predictor


def _unclaimed(path: Path, kinds: tuple[ArtifactKind, ...]) -> Artifact:
    suffix = path.suffix.lower()
    if suffix in suffixes(kinds):
        raise ArtifactError(
            f"Could not load model from the artifact file. {path.name} is not what its suffix "
            f"{suffix} says; save the model again"
        )
    raise PluginError(
        "\nThe following file is a model artifact\nbut no installed plugin loads it: "
        f"{path.name}\nImplement custom.load_model() and custom.score() hooks, or save the model "
        f"with one of {suffixes(kinds)}"
    )


def _none(directory: ModelDirectory, kinds: tuple[ArtifactKind, ...]) -> str:
    return (
        "\n\nRunning environment language: Python.\n"
        f"Could not find model artifact file in: {directory.path.resolve().name} "
        "supported by default predictors.\n"
        f"They support filenames with the following extensions {suffixes(kinds)}.\n"
        "If your artifact is not supported by default predictor, implement custom.load_model() "
        f"hook.\nList of retrieved files are: {_listed(directory, directory.files)}"
    )


def _several(directory: ModelDirectory, found: list[Path]) -> str:
    return (
        "\n\nRunning environment language: Python.\n"
        "Multiple serialized model files found. Remove extra artifacts or overwrite "
        f"custom.load_model()\nList of retrieved files are: {_listed(directory, found)}"
    )


def _listed(directory: ModelDirectory, files: tuple[Path, ...] | list[Path]) -> str:
    return " | ".join(directory.relative(path) for path in files)


def _unreadable(error: Exception) -> str:
    name = type(error).__name__
    hint = _HINTS.get(name, "save the model again, or implement custom.load_model()")
    return f"Could not load model from the artifact file. Exception: {name}; {hint}"


def _type_name(model: Any) -> str:
    return f"{type(model).__module__}.{type(model).__qualname__}"
