"""ONNX graphs made by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
WEIGHTS = np.array([[1.5, -0.5, 0.25], [-1.0, 0.75, 2.0]], np.float32)
"""Of a linear model of two columns and three classes."""

Sizes = Sequence[int | str | None] | None


def tensor(name: str, kind: int, shape: Sizes) -> onnx.ValueInfoProto:
    """Declare an input or an output."""
    return helper.make_tensor_value_info(name, kind, shape)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    **weights: NDArray[Any],
) -> onnx.ModelProto:
    """Return a model of some nodes; constants by keyword."""
    constants = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    made: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return made


def session(made: onnx.ModelProto) -> ort.InferenceSession:
    """Open a model."""
    return ort.InferenceSession(made.SerializeToString())


def softmax(
    kind: int = FLOAT, rows: int | str = "rows", *, logits: bool = False, label: str = ""
) -> onnx.ModelProto:
    """Return a classifier of two columns with three classes, its numbers as `out`.

    Args:
        kind: Type of its numbers.
        rows: How many rows it takes.
        logits: Leave the softmax out.
        label: Also give the position of the largest number, as an output of this name, first.
    """
    nodes = [
        helper.make_node("Cast", ["x"], ["in"], to=kind),
        helper.make_node("MatMul", ["in", "w"], ["margin"]),
        helper.make_node("Identity", ["margin"], ["out"])
        if logits
        else helper.make_node("Softmax", ["margin"], ["out"], axis=1),
    ]
    outputs = [tensor("out", kind, [rows, 3])]
    if label:
        nodes.append(helper.make_node("ArgMax", ["margin"], [label], axis=1, keepdims=0))
        outputs.insert(0, tensor(label, TensorProto.INT64, [rows]))
    weights = WEIGHTS.astype(helper.tensor_dtype_to_np_dtype(kind))
    return model(nodes, [tensor("x", FLOAT, [rows, 2])], outputs, w=weights)


def chances(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probabilities of `softmax`, by numpy."""
    margins = rows.astype(np.float64) @ WEIGHTS.astype(np.float64)
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    total: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return total
