"""Model directories that MLflow saved: MLmodel with its flavours, its signature and its example.

Source: directories that MLflow 3.17 writes; older versions leave keys out.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from drum_like import plugins
from drum_like.errors import LoadError
from drum_like.model.manifests.files import artifact_of, inside, text_of
from drum_like.model.manifests.manifest import Manifest
from drum_like.model.pickles import PyfuncPredictor
from drum_like.model.signature import Inputs, Told, column_of, inputs_of, output_of
from drum_like.system.lazy import yaml
from drum_like.types.column import DataType

logger = logging.getLogger(__name__)

FILE_NAME = "MLmodel"

MOST_BYTES_OF_EXAMPLE = 1 << 20
"""Size of an input example; longer ones are not read."""

_PREDICTORS = {"onnx": "onnxruntime"}
"""Names of predictors by flavour; others have the flavour's own."""

_PYFUNC = "python_function"
_ANSWERED = (None, "predict", "predict_proba")
_DTYPES = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "str",
    "binary": "bytes",
    "datetime": "datetime64[ns]",
}
"""numpy's types by MLflow's; arrays, maps and objects are not among them."""

_NO_FLAVOUR = (
    f"{FILE_NAME} has no flavour that is served: sklearn, xgboost, lightgbm, onnx, another one "
    "whose predictor is installed, or python_function; a custom.py with load_model and score "
    "serves others"
)

_PARAMETERS = (
    f"the signature in {FILE_NAME} has parameters. MLflow hands them to XGBoost's `predict`; this "
    "server does not. Save the model without parameters, or load it in a custom.py whose `score` "
    "takes `params`"
)


def read_mlmodel(directory: Path) -> Manifest:
    """Return the description of a model directory that MLflow saved.

    Raises:
        LoadError: MLmodel is none, or no flavour of it can be served here.
    """
    tree = _tree(directory / FILE_NAME)
    flavours = _mapping(tree.get("flavors"), "flavors")
    signature = _mapping(tree.get("signature"), "signature")
    inputs = _inputs(_specs(signature, "inputs"), _example(directory, tree))
    output = _output(_specs(signature, "outputs"))
    pyfunc = _mapping(flavours.get(_PYFUNC), _PYFUNC)
    native = _native(flavours, pyfunc)
    if native is not None and native[0] == "xgboost" and _specs(signature, "params"):
        raise LoadError(_PARAMETERS)
    code = (pyfunc if native is None else native[1]).get("code") or pyfunc.get("code")
    manifest = Manifest(
        FILE_NAME,
        inputs=inputs,
        output=output,
        code=None if code is None else inside(directory, _word(code), FILE_NAME),
    )
    return _with_model(manifest, directory, native, pyfunc)


def _with_model(
    manifest: Manifest,
    directory: Path,
    native: tuple[str, Mapping[str, Any]] | None,
    pyfunc: Mapping[str, Any],
) -> Manifest:
    """Return a description with the model of the flavour that is served.

    Raises:
        LoadError: there is none, or MLflow itself would answer something else.
    """
    asked = pyfunc.get("predict_fn")
    if asked not in _ANSWERED:
        raise LoadError(
            f"{FILE_NAME} asks for the answers of {_word(asked)[:64]!r}; those of predict and "
            "predict_proba are served, others need a score hook in custom.py"
        )
    if native is None:
        if not pyfunc:
            raise LoadError(_NO_FLAVOUR)
        wrap = partial(PyfuncPredictor, inputs=manifest.inputs)
        return replace(manifest, open=partial(PyfuncPredictor.load, directory), wrap=wrap)
    framework, conf = native
    name = conf.get("pickled_model") or conf.get("data") or pyfunc.get("model_path")
    path = inside(directory, _word(name), FILE_NAME)
    # Without a word about it, MLflow takes the file of a flavour with estimators for a pickle.
    pickled = framework == "sklearn" or _is_estimator_of_pickle(framework, conf)
    types = conf.get("skops_trusted_types")
    trusted = tuple(map(_word, types if isinstance(types, list) else ()))
    artifact = artifact_of(path, framework, pickled=pickled, types=trusted)
    if _word(conf.get("model_class", "Booster")).endswith("Booster"):
        artifact = replace(artifact, loader="load_booster")
    return replace(manifest, artifact=artifact)


def _is_estimator_of_pickle(framework: str, conf: Mapping[str, Any]) -> bool:
    return framework == "lightgbm" and not _word(conf.get("model_class")).endswith("Booster")


def _native(
    flavours: Mapping[str, Any], pyfunc: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]] | None:
    """Return the predictor and the keys of the flavour that MLflow predicts with.

    None where no predictor serves it, or its class is the user's own, with methods of its own.
    """
    loader = _word(pyfunc.get("loader_module")).removeprefix("mlflow.")
    names = [loader] if pyfunc else [name for name in flavours if name != _PYFUNC]
    installed = plugins.registered(plugins.PREDICTORS)
    for name in names:
        framework = _PREDICTORS.get(name, name)
        conf = flavours.get(name)
        if framework not in installed or not isinstance(conf, dict):
            continue
        own = _word(conf.get("model_class", framework)).partition(".")[0]
        if own == framework:
            return framework, conf
    return None


def _tree(path: Path) -> Mapping[str, Any]:
    """Return the content of MLmodel.

    Raises:
        LoadError: it is no YAML, or no mapping.
    """
    try:
        tree = yaml.load(text_of(path), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise LoadError(f"{FILE_NAME} is not valid YAML{where}; save the model again") from error
    return _mapping(tree, "the file")


def _mapping(tree: Any, what: str) -> Mapping[str, Any]:
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise LoadError(f"{FILE_NAME}: a mapping is needed for {what}; save the model again")
    return tree


def _word(value: Any) -> str:
    """Return a text, empty for all else: what aliases of YAML repeat is never written out."""
    return value if isinstance(value, str) else ""


def _specs(signature: Mapping[str, Any], side: str) -> list[Mapping[str, Any]]:
    """Return the columns or tensors of one side of a signature, which are JSON in a text."""
    given = signature.get(side)
    if given is None:
        return []
    try:
        found = json.loads(_word(given))
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{FILE_NAME}: the {side} of the signature are not JSON") from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise LoadError(f"{FILE_NAME}: the {side} of the signature are no list of objects")
    return found


def _inputs(specs: Sequence[Mapping[str, Any]], example: Sequence[str | None]) -> Inputs:
    """Return the inputs of a signature, with the cells of the example beside them."""
    tensors = [_tensor(spec) for spec in specs if spec.get("type") == "tensor"]
    named = all(isinstance(spec.get("name"), str) for spec in specs)
    if tensors:
        found = inputs_of(tensors)
    else:
        names = [_word(spec.get("name")) or str(at) for at, spec in enumerate(specs)]
        types = [_DTYPES.get(_word(spec.get("type")), "object") for spec in specs]
        left_out = [one["name"] for one in specs if named and not one.get("required", True)]
        columns = tuple(map(column_of, names, types))
        found = Inputs(columns, named=named, optional=frozenset(left_out))
    names = [column.name for column in found.columns]
    if len(set(names)) < len(names):
        raise LoadError(f"{FILE_NAME}: the signature names an input twice; save the model again")
    if len(example) != len(names):
        return found
    pairs = zip(found.columns, example, strict=True)
    return replace(found, columns=tuple(replace(column, example=cell) for column, cell in pairs))


def _tensor(spec: Mapping[str, Any]) -> Told:
    told = _mapping(spec.get("tensor-spec"), "a tensor of the signature")
    shape = told.get("shape")
    if not isinstance(shape, list) or not all(isinstance(size, int) for size in shape):
        raise LoadError(f"{FILE_NAME}: a tensor of the signature has no shape")
    return _word(spec.get("name")), _word(told.get("dtype")), tuple(shape)


def _output(specs: Sequence[Mapping[str, Any]]) -> DataType | None:
    tensors = [_tensor(spec) for spec in specs if spec.get("type") == "tensor"]
    return output_of(
        tensors or [("", _DTYPES.get(_word(one.get("type")), ""), ()) for one in specs]
    )


def _example(directory: Path, tree: Mapping[str, Any]) -> list[str | None]:
    """Return the first row of the input example as texts, empty where none is readable."""
    told = tree.get("saved_input_example_info")
    name = told.get("artifact_path") if isinstance(told, dict) else None
    if not isinstance(name, str):
        return []
    path = inside(directory, name, FILE_NAME)
    try:
        if path.stat().st_size > MOST_BYTES_OF_EXAMPLE:
            return []
        found = json.loads(path.read_bytes(), parse_int=str, parse_float=str, parse_constant=_none)
    except (OSError, ValueError, RecursionError):
        logger.warning("the input example %s cannot be read, and is left out", path.name)
        return []
    rows = found.get("data", found.get("inputs")) if isinstance(found, dict) else found
    row = rows[0] if isinstance(rows, list) and rows else None
    cells = list(row.values()) if isinstance(row, dict) else row
    return list(map(_cell, cells)) if isinstance(cells, list) else []


def _none(_: str) -> None:
    """Return nothing for NaN and the infinities, which are no cells of a sample."""


def _cell(cell: Any) -> str | None:
    if isinstance(cell, bool):
        return str(cell).lower()
    return cell if isinstance(cell, str) else None
