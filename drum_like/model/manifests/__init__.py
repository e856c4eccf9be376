"""Files in which other products describe a model: which one a directory has, and MLServer's own.

Source of the rules for MLServer: its page "Model Settings", and those of its runtimes.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from drum_like.errors import LoadError
from drum_like.model.manifests import mlflow, triton
from drum_like.model.manifests.files import artifact_of, inside, text_of
from drum_like.model.manifests.manifest import Manifest
from drum_like.model.signature import OPEN_INFERENCE, Told, inputs_of, output_name_of, output_of

__all__ = ["Manifest", "has_manifest", "model_directories", "read_manifest"]

SETTINGS = "model-settings.json"
"""MLServer's file."""

_OWN = ("custom.py", "model-metadata.yaml")
"""Files of drum-like's own that stand beside those of others, and so before their versions."""

_FILES = (mlflow.FILE_NAME, SETTINGS, triton.FILE_NAME)


def has_manifest(directory: Path) -> bool:
    """Return whether another product describes the model of a directory."""
    return _is_version(directory) or any((directory / name).is_file() for name in _FILES)


def read_manifest(directory: Path) -> Manifest:
    """Return the description of a directory that has one.

    Raises:
        LoadError: it cannot be read, or names no model that can be served.
    """
    if (directory / SETTINGS).is_file():
        return _read_settings(directory)
    if (directory / mlflow.FILE_NAME).is_file():
        return mlflow.read_mlmodel(directory)
    if not (directory / triton.FILE_NAME).is_file():
        return triton.read_config(directory.parent, directory)
    versions = triton.versions_of(directory)
    return triton.read_config(directory, list(versions.values())[-1] if versions else None)


def model_directories(root: Path, one: str) -> dict[str, dict[str, Path]]:
    """Return the directories below a folder by name and version, the oldest version first.

    Args:
        root: The folder: of model directories, or the repository of Triton or MLServer.
        one: The version of a model without versions.

    Raises:
        LoadError: two directories are the same version of a model.
    """
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(root.iterdir()):
        for name, version, place in _described(path) if path.is_dir() else ():
            other = found.setdefault(name, {}).setdefault(version or one, place)
            if other != place:
                raise LoadError(
                    f"{other.relative_to(root)} and {place.relative_to(root)} are both version "
                    f"{version or one} of {name!r}; change {SETTINGS} of one of them"
                )
    return {name: _in_order(versions) for name, versions in found.items()}


def _described(path: Path) -> list[tuple[str, str | None, Path]]:
    """Return the models of a directory; one that is no model says so when it is loaded."""
    with suppress(LoadError, OSError):
        if not any((path / name).is_file() for name in _OWN):
            return _models(path)
    return [(path.name, None, path)]


def _models(path: Path) -> list[tuple[str, str | None, Path]]:
    """Return the models of a directory: names, versions and their own directories."""
    if (path / SETTINGS).is_file():
        return [(*_identity_of(path), path)]
    if (path / triton.FILE_NAME).is_file():
        versions = triton.versions_of(path)
        return [(path.name, name, place) for name, place in versions.items()] or [
            (path.name, None, path)
        ]
    inner = [one for one in sorted(path.iterdir()) if (one / SETTINGS).is_file()]
    if inner and not (path / mlflow.FILE_NAME).is_file():
        return [(*_identity_of(one), one) for one in inner]
    return [(path.name, None, path)]


def _in_order(versions: Mapping[str, Path]) -> dict[str, Path]:
    """Return versions as numbers ascend, behind those that are no numbers."""
    names = sorted(
        versions, key=lambda name: (name.isdecimal(), len(name) * name.isdecimal(), name)
    )
    return {name: versions[name] for name in names}


def _is_version(directory: Path) -> bool:
    return directory.name.isdecimal() and (directory.parent / triton.FILE_NAME).is_file()


_RUNTIMES = {
    "mlserver_xgboost": ("xgboost", ("model.bst", "model.json", "model.ubj")),
    "mlserver_lightgbm": ("lightgbm", ("model.bst", "model.txt")),
    "mlserver_sklearn": ("sklearn", ("model.joblib", "model.pickle", "model.pkl")),
    "mlserver_onnx": ("onnxruntime", ("model.onnx",)),
}
"""Predictors by packages of runtimes, and the names of model files that they look for."""

_MLFLOW = "mlserver_mlflow"
_CONTENT = {"datetime": "datetime64[ns]", "base64": "bytes", "str": "str"}
"""numpy's types by MLServer's content types of BYTES."""


def _identity_of(directory: Path) -> tuple[str, str | None]:
    """Return the name of the model of a folder, and its version; None where it is not told.

    Raises:
        LoadError: model-settings.json is not JSON, or no object.
    """
    tree = _tree(directory)
    version = _object(tree, "parameters").get("version")
    return str(tree.get("name") or directory.name), None if version is None else str(version)


def _read_settings(directory: Path) -> Manifest:
    """Return the description of the model of a folder.

    Raises:
        LoadError: model-settings.json is none, or its runtime is not served.
    """
    tree = _tree(directory)
    name, version = _identity_of(directory)
    runtime = str(tree.get("implementation", "")).partition(".")[0]
    uri = _object(tree, "parameters").get("uri")
    place = directory if uri is None else _place(directory, str(uri))
    if runtime == _MLFLOW and (place / mlflow.FILE_NAME).is_file():
        return replace(mlflow.read_mlmodel(place), name=name, version=version)
    if runtime not in _RUNTIMES:
        raise LoadError(
            f"{SETTINGS} is for the runtime {runtime[:64]!r}; {', '.join((*_RUNTIMES, _MLFLOW))} "
            "are served, others need a custom.py with load_model and score"
        )
    framework, usual = _RUNTIMES[runtime]
    path = place
    if place.is_dir():
        path = next((place / one for one in usual if (place / one).is_file()), place / usual[0])
    artifact = artifact_of(path, framework, pickled=framework == "sklearn")
    inputs = inputs_of([_tensor(one) for one in _objects(tree, "inputs")])
    outputs = [_tensor(one) for one in _objects(tree, "outputs")]
    return Manifest(
        SETTINGS,
        artifact,
        inputs,
        output_of(outputs),
        output_name_of(outputs),
        name=name,
        version=version,
    )


def _place(directory: Path, uri: str) -> Path:
    path = uri.removeprefix("file://").removeprefix(f"{directory}/").removeprefix("./")
    return directory if path in ("", ".") else inside(directory, path, SETTINGS)


def _tree(directory: Path) -> Mapping[str, Any]:
    try:
        tree = json.loads(text_of(directory / SETTINGS))
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{SETTINGS} is not valid JSON") from error
    if not isinstance(tree, dict):
        raise LoadError(f"{SETTINGS} has to hold an object")
    return tree


def _object(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = tree.get(key)
    if found is not None and not isinstance(found, dict):
        raise LoadError(f"{SETTINGS}: {key} has to be an object")
    return found or {}


def _objects(tree: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = tree.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise LoadError(f"{SETTINGS}: {key} has to be a list of objects")
    return found


def _tensor(told: Mapping[str, Any]) -> Told:
    shape = told.get("shape") or [-1]
    if not isinstance(shape, list) or not all(type(size) is int for size in shape):
        raise LoadError(f"{SETTINGS}: the shape of a tensor has to be a list of whole numbers")
    dtype = OPEN_INFERENCE.get(str(told.get("datatype")), "object")
    content = _object(told, "parameters").get("content_type")
    return str(told.get("name") or ""), _CONTENT.get(str(content), dtype), tuple(shape)
