"""A use case learned by scikit-learn and written as ONNX, with an input for each field."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pandas as pd
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

# Relative: programs beside this package find it under another name than tests do.
from .cases import BINARY, UseCase
from .sklearn_model import fitted, plain

_OPSET = 17


def fit(
    case: UseCase, rows: pd.DataFrame, directory: Path
) -> tuple[Path, Callable[[pd.DataFrame], NDArray[np.float64]]]:
    """Return the file of a graph, and its prediction function; see `training.Fit`."""
    pipeline = fitted(case, rows)
    inputs = [
        (name, (StringTensorType if name in case.categories else FloatTensorType)([None, 1]))
        for name in case.fields
    ]
    graph = to_onnx(
        pipeline,
        initial_types=inputs,
        options={id(pipeline): {"zipmap": False}},
        target_opset={"": _OPSET, "ai.onnx.ml": 3},
    )
    artifact = directory / "model.onnx"
    artifact.write_bytes(graph.SerializeToString())
    session = ort.InferenceSession(artifact, providers=["CPUExecutionProvider"])
    order = [str(label) for label in pipeline.classes_]
    classes = case.labels[::-1] if case.problem_type == BINARY else case.labels
    places = [order.index(label) for label in classes]

    def predict(unknown: pd.DataFrame) -> NDArray[np.float64]:
        chances = session.run(["probabilities"], _feeds(case, unknown))[0]
        return np.asarray(chances, dtype=np.float64)[:, places]

    return artifact, predict


def _feeds(case: UseCase, rows: pd.DataFrame) -> dict[str, NDArray[np.generic]]:
    columns = plain(case, rows)
    return {
        name: columns[[name]].to_numpy(dtype=object if name in case.categories else np.float32)
        for name in case.fields
    }
