"""A use case learned by scikit-learn and written as ONNX."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

# Relative: programs beside this package find it under another name than tests do.
from . import sklearn_model
from .cases import UseCase


def fit(
    case: UseCase, rows: pd.DataFrame, directory: Path
) -> tuple[Path, Callable[[pd.DataFrame], NDArray[np.float64]]]:
    """Return the file of a model with one input a column; see `training.Fit`."""
    model = sklearn_model.pipeline(case, rows)
    inputs = [
        (name, StringTensorType([None, 1]) if name in case.categories else FloatTensorType([None, 1]))
        for name in case.fields
    ]
    written = to_onnx(model, initial_types=inputs, options={"zipmap": False})
    artifact = directory / "model.onnx"
    artifact.write_bytes(written.SerializeToString())
    return artifact, lambda unknown: sklearn_model.predict(case, model, unknown)
