"""Models that only MLflow itself can load: the python_function flavour."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from drum_like.errors import ArtifactError, PluginError, PredictorError
from drum_like.model.input_schema import Inputs
from drum_like.system.lazy import pd
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction
from drum_like.types.schema import Schema
from drum_like.types.target import ModelTarget, Target


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
