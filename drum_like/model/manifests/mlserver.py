"""Models of an MLServer folder: model-settings.json.

Source: MLServer's page "Model Settings" and those of its runtimes.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from drum_like.errors import LoadError
from drum_like.model.input_schema import OPEN_INFERENCE, Told, inputs_of, output_of
from drum_like.model.manifests.manifest import Manifest, artifact_of, inside, text_of
from drum_like.model.manifests.mlflow import FILE_NAME as MLMODEL
from drum_like.model.manifests.mlflow import read_mlmodel

FILE_NAME = "model-settings.json"

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


def identity_of(directory: Path) -> tuple[str, str | None]:
    """Return the name of the model of a folder, and its version; None where it is not told.

    Raises:
        LoadError: model-settings.json is not JSON, or no object.
    """
    tree = _tree(directory)
    version = _object(tree, "parameters").get("version")
    return str(tree.get("name") or directory.name), None if version is None else str(version)


def read_settings(directory: Path) -> Manifest:
    """Return the description of the model of a folder.

    Raises:
        LoadError: model-settings.json is none, or its runtime is not served.
    """
    tree = _tree(directory)
    name, version = identity_of(directory)
    runtime = str(tree.get("implementation", "")).partition(".")[0]
    uri = _object(tree, "parameters").get("uri")
    place = directory if uri is None else _place(directory, str(uri))
    if runtime == _MLFLOW and (place / MLMODEL).is_file():
        return replace(read_mlmodel(place), name=name, version=version)
    if runtime not in _RUNTIMES:
        raise LoadError(
            f"{FILE_NAME} is for the runtime {runtime[:64]!r}; {', '.join((*_RUNTIMES, _MLFLOW))} "
            "are served, others need a custom.py with load_model and score"
        )
    framework, usual = _RUNTIMES[runtime]
    path = place
    if place.is_dir():
        path = next((place / one for one in usual if (place / one).is_file()), place / usual[0])
    artifact = artifact_of(path, framework, pickled=framework == "sklearn")
    inputs = inputs_of([_tensor(one) for one in _objects(tree, "inputs")])
    return Manifest(
        FILE_NAME,
        artifact,
        inputs,
        output_of([_tensor(one) for one in _objects(tree, "outputs")]),
        name=name,
        version=version,
    )


def _place(directory: Path, uri: str) -> Path:
    path = uri.removeprefix("file://").removeprefix(f"{directory}/").removeprefix("./")
    return directory if path in ("", ".") else inside(directory, path, FILE_NAME)


def _tree(directory: Path) -> Mapping[str, Any]:
    try:
        tree = json.loads(text_of(directory / FILE_NAME))
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{FILE_NAME} is not valid JSON") from error
    if not isinstance(tree, dict):
        raise LoadError(f"{FILE_NAME} has to hold an object")
    return tree


def _object(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = tree.get(key)
    if found is not None and not isinstance(found, dict):
        raise LoadError(f"{FILE_NAME}: {key} has to be an object")
    return found or {}


def _objects(tree: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = tree.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise LoadError(f"{FILE_NAME}: {key} has to be a list of objects")
    return found


def _tensor(told: Mapping[str, Any]) -> Told:
    shape = told.get("shape") or [-1]
    if not isinstance(shape, list) or not all(type(size) is int for size in shape):
        raise LoadError(f"{FILE_NAME}: the shape of a tensor has to be a list of whole numbers")
    dtype = OPEN_INFERENCE.get(str(told.get("datatype")), "object")
    content = _object(told, "parameters").get("content_type")
    return str(told.get("name") or ""), _CONTENT.get(str(content), dtype), tuple(shape)
