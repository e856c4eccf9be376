"""Model directories in the layout that MLflow 3 writes, by the frameworks alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

_PYFUNC = {"env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}, "python_version": "3"}


def column(name: str | None, kind: str, *, required: bool = True) -> dict[str, Any]:
    """Return a column of a signature."""
    named = {} if name is None else {"name": name}
    return {"type": kind, **named, "required": required}


def tensor(dtype: str, *shape: int, name: str | None = None) -> dict[str, Any]:
    """Return a tensor of a signature."""
    named = {} if name is None else {"name": name}
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}, **named}


def write_mlmodel(
    path: Path,
    flavour: str,
    keys: Mapping[str, Any],
    inputs: Sequence[Mapping[str, Any]] | None = None,
    outputs: Sequence[Mapping[str, Any]] | None = None,
    *,
    pyfunc: Mapping[str, Any] | None = None,
    example: Any = None,
    params: Sequence[Mapping[str, Any]] | None = None,
) -> Path:
    """Write the MLmodel of a directory, and its input example; return the directory.

    Args:
        path: The directory, with the model file.
        flavour: Name of the flavour.
        keys: What MLflow writes about it.
        inputs: Of the signature; None for a directory without one.
        outputs: Of the signature.
        pyfunc: Further keys of the flavour python_function.
        example: Content of input_example.json.
        params: Of the signature.
    """
    pyfunc = {"loader_module": f"mlflow.{flavour}", **_PYFUNC, **(pyfunc or {})}
    tree: dict[str, Any] = {
        "flavors": {"python_function": pyfunc, flavour: {"code": None, **keys}},
        "mlflow_version": "3.17.2",
        "model_uuid": "39434878108248e6ac27ba142401e12a",
    }
    if inputs is not None:
        told = None if outputs is None else json.dumps(outputs)
        named = None if params is None else json.dumps(params)
        tree["signature"] = {"inputs": json.dumps(inputs), "outputs": told, "params": named}
    if example is not None:
        (path / "input_example.json").write_text(json.dumps(example))
        tree["saved_input_example_info"] = {"artifact_path": "input_example.json"}
    (path / "MLmodel").write_text(yaml.safe_dump(tree))
    return path


def sklearn_keys(file: str = "model.pkl", serialization: str = "cloudpickle") -> dict[str, Any]:
    """Return the keys of the flavour sklearn."""
    return {"pickled_model": file, "serialization_format": serialization}
