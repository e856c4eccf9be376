"""Models whose reading runs code: pickles, files of joblib and skops, and what MLflow loads."""

import importlib
import mmap
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from drum_like.api import ArtifactKind
from drum_like.errors import ArtifactError, PluginError, PredictorError
from drum_like.model.input_schema import Inputs
from drum_like.system.lazy import pd
from drum_like.types.frame import Frame
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
            f"{', '.join(others[:10])}; save the model again with skops_trusted_types"
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
        """
        found = self._model.predict(frame.pandas)
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
