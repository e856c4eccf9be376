"""Models whose reading runs code: pickles, files of joblib and skops, and what MLflow loads."""

from __future__ import annotations

import importlib
import mmap
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.api import ArtifactKind
from drum_like.errors import ArtifactError, ColumnsError, PluginError, PredictorError
from drum_like.model.signature import Inputs
from drum_like.system.lazy import pd
from drum_like.types.frame import Frame
from drum_like.types.parameters import ParameterError, sent
from drum_like.types.prediction import Prediction
from drum_like.types.schema import Schema
from drum_like.types.target import ModelTarget, Target

SKOPS = ArtifactKind("skops", (".skops",), lambda head: head[:4] == b"PK\x03\x04", runs_code=True)
"""A zip of skops. Whoever saved it says which types it brings along, and these may run code."""

_COMPRESSED = (b"\x1f\x8b", b"x\x01", b"x^", b"x\x9c", b"x\xda", b"BZh", b"\xfd7zXZ", b"]\x00\x00")
"""First bytes of gzip, zlib, bzip2, xz and lzma, with which joblib may have compressed a pickle."""


def read_pickle(path: Path) -> Any:
    """Load a pickle; joblib's own format is recognised by its content, not by its name.

    Raises:
        PluginError: joblib wrote the file and is not installed.
        Exception: whatever the pickle raises while it is read.
    """
    if _is_joblib(path):
        try:
            joblib: Any = importlib.import_module("joblib")
        except ImportError as error:
            raise PluginError(
                f"{path.name} was written by joblib, which does not import; "
                "install it with: pip install joblib"
            ) from error
        return joblib.load(path)
    with path.open("rb") as file:
        # A model directory is code, as custom.py beside it; --no-pickle refuses. The encoding is
        # DRUM's: pickles of Python 2 hold text as bytes.
        return pickle.load(file, encoding="latin1")  # noqa: S301 - the operator trusts it


def read_skops(path: Path, trusted: Sequence[str]) -> Any:
    """Load a model that skops saved.

    Args:
        path: The file.
        trusted: Types that it may bring along, beside those that skops itself trusts.

    Raises:
        PluginError: skops is not installed.
        ArtifactError: it brings other types along; names them.
        Exception: whatever skops raises while it reads.
    """
    try:
        skops: Any = importlib.import_module("skops.io")
    except ImportError as error:
        raise PluginError(
            f"{path.name} was written by skops, which does not import; "
            "install it with: pip install 'drum-like[skops]'"
        ) from error
    others = sorted(set(skops.get_untrusted_types(file=path)) - set(trusted))
    if others:
        raise ArtifactError(
            f"{path.name} brings types along that nobody has called trusted: "
            f"{', '.join(others[:10])}; name those that do no harm in --skops-types, or save the "
            "model again with skops_trusted_types"
        )
    return skops.load(path, trusted=list(trusted))


def _is_joblib(path: Path) -> bool:
    with path.open("rb") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            begins = content[:6].startswith(_COMPRESSED)
            return begins or content.find(b"joblib.numpy_pickle") >= 0


class PyfuncPredictor:
    """Scores with `predict` of what `mlflow.pyfunc.load_model` returns, on a DataFrame.

    Args:
        model: The PyFuncModel.
        inputs: The inputs of its signature.
    """

    framework = "mlflow"
    framework_only = False
    target = ModelTarget()

    def __init__(self, model: Any, inputs: Inputs) -> None:
        self._model = model
        self._optional = inputs.optional
        self._types = _types_of(model, len(inputs.columns))
        self.schema = Schema(inputs.columns, named=inputs.named) if inputs.columns else None

    @staticmethod
    def load(directory: Path) -> Any:
        """Return the PyFuncModel of a directory.

        Raises:
            PluginError: MLflow is not installed, or a module that the model imports.
            ArtifactError: MLflow cannot load it.
        """
        try:
            pyfunc: Any = importlib.import_module("mlflow.pyfunc")
        except ImportError as error:
            raise PluginError(
                "MLmodel has no flavour but python_function, which MLflow itself loads, and MLflow "
                "does not import; install it with: pip install 'drum-like[mlflow]'"
            ) from error
        try:
            return pyfunc.load_model(str(directory))
        except ModuleNotFoundError as error:
            raise PluginError(
                f"the model needs the module {error.name!r}, which does not import; the "
                "requirements.txt beside MLmodel lists its packages"
            ) from error
        except Exception as error:
            raise ArtifactError(
                f"mlflow.pyfunc.load_model fails with {type(error).__name__}; install what the "
                "requirements.txt beside MLmodel lists, and try it in plain Python"
            ) from error

    def predict(self, frame: Frame, target: Target) -> Prediction:
        """Score rows: one value a row, or a column a label for classes.

        Raises:
            PredictorError: the model gives no numbers where the target asks for some.
            ColumnsError: a cell is missing, or a number too large, for the type of its column.
        """
        params = self._parameters()
        rows = _narrowed(frame.pandas, self._types, self._optional)
        found = self._model.predict(rows, **({"params": params} if params else {}))
        values = np.asarray(found)
        # Whole numbers are classes themselves, not their probabilities.
        wanted = "f" if target.type.is_classification else "biuf" if target.type.is_numeric else ""
        if wanted and values.dtype.kind not in wanted:
            raise PredictorError(
                f"the model gives {values.dtype.name}, which is no answer of a target of type "
                f"{target.type.value}; a score hook can make one of it"
            )
        if values.ndim < 2 or values.shape[1] < 2:
            return Prediction(values.reshape(-1))
        named = target.type.is_classification and isinstance(found, pd.DataFrame)
        return Prediction(values, tuple(map(str, found.columns)) if named else None)

    def _parameters(self) -> dict[str, Any]:
        """Return the parameters of the request that the signature of the model has.

        Raises:
            ParameterError: one is not of its type, as MLflow itself finds.
        """
        given = sent()
        schema = self._model.metadata.get_params_schema() if given else None
        known = {} if schema is None else {spec.name: spec for spec in schema.params}
        for name in known.keys() & given.keys():
            try:
                type(known[name]).validate_param_spec(given[name], known[name])
            except Exception as error:  # MLflow's own, which repeats the value
                kind = getattr(known[name].dtype, "name", "object")
                shape = "" if known[name].shape is None else ", in a list"
                raise ParameterError(
                    f"the parameter {name!r} must be of the type {kind}{shape}: so the signature "
                    "of the model has it"
                ) from error
        return {name: given[name] for name in known if name in given}


_Types = tuple[np.dtype[Any] | None, ...]
"""numpy's types of columns; None for those that are no numbers."""


def _types_of(model: Any, n_columns: int) -> _Types:
    """Return the types in which MLflow takes the columns: it refuses wider ones."""
    signature = model.metadata.get_input_schema()
    if signature is None or not n_columns:
        return ()
    types = [getattr(one.type, "to_numpy", lambda one=one: one.type)() for one in signature.inputs]
    known = tuple(kind if isinstance(kind, np.dtype) else None for kind in types)
    return known if len(known) == n_columns else known * n_columns  # a tensor of all columns


def _narrowed(data: pd.DataFrame, types: _Types, optional: frozenset[str]) -> pd.DataFrame:
    """Return rows whose numbers are of narrower types.

    Optional columns of whole numbers or truth values without a single cell are left out.

    Raises:
        ColumnsError: a cell is missing, or too large, for a whole number of its type.
    """
    if all(kind in (None, data.dtypes.iloc[at]) for at, kind in enumerate(types)):
        return data
    columns = {at: data.iloc[:, at] for at in range(data.shape[1])}
    for at, kind in enumerate(types):
        if kind is None or kind.kind not in "iufb" or columns[at].dtype == kind:
            continue
        if data.columns[at] in optional and kind.kind != "f" and columns[at].isna().all():
            del columns[at]
        elif kind.kind != "b":
            columns[at] = pd.Series(_narrow(columns[at], kind), index=data.index)
    return pd.DataFrame(columns).set_axis(data.columns[list(columns)], axis="columns")


def _narrow(column: pd.Series[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """Return numbers in a type of the signature; raises as `_narrowed`."""
    values, wrong = column.to_numpy(), column.isna().to_numpy()
    if kind.kind == "f" or not wrong.any():
        with np.errstate(over="ignore", invalid="ignore"):
            narrow: NDArray[Any] = values.astype(kind)
        if kind.kind == "f" or not (wrong := narrow != values).any():
            return narrow
    row = int(wrong.argmax())
    raise ColumnsError(
        f"column {str(column.name)[:100]!r} holds in row {row + 1} nothing, or a number that "
        f"{kind.name}, its type by the signature, cannot hold; send a whole number",
        row,
    )
