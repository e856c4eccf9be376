"""ONNX graphs, written and asked in plain Python."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import onnxruntime
import pandas as pd
from onnx import TensorProto

from tests.oracle.case import Answers, Case, Target, Tensors

Feed = Callable[[pd.DataFrame], dict[str, Answers]]
Read = Callable[[Sequence[Any]], Answers]

TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}


@cache
def session(graph: bytes) -> Any:
    """Return a graph that is ready to run, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def feed_of(graph: bytes, frame: pd.DataFrame) -> dict[str, Answers]:
    """Return the inputs of a graph: one of whole rows, or one for each column."""
    inputs = session(graph).get_inputs()
    if len(inputs) == 1 and inputs[0].name not in frame.columns:
        return {inputs[0].name: _cast(frame, inputs[0].type)}
    return {one.name: _cast(frame[[one.name]], one.type) for one in inputs}


def _cast(frame: pd.DataFrame, kind: str) -> Answers:
    """Return cells in the type of an input; floats beyond its range are infinite there."""
    with np.errstate(over="ignore"):
        return frame.to_numpy(dtype=TYPES[kind])


def graph_case(graph: bytes, frame: pd.DataFrame, target: Target, **rest: Any) -> Case:
    """Return the case of a graph; its last output is the answer, if nothing else is said."""
    names = [output.name for output in session(graph).get_outputs()]
    inputs = session(graph).get_inputs()
    matrix = inputs[0].name if len(inputs) == 1 and inputs[0].name not in frame.columns else ""
    read: Read = rest.pop("read", last)

    def ask(rows: pd.DataFrame) -> Answers:
        return read(session(graph).run(None, feed_of(graph, rows)))

    made = {
        "plugin": "onnx",
        "ask": ask,
        "files": {".onnx": lambda path: Path(path).write_bytes(graph)},
        "named": not matrix,
        "tensors": Tensors(rest.pop("output", names[-1]), matrix),
    }
    return Case(**{**made, "frame": frame, "target": target, **rest})


def last(outputs: Sequence[Any]) -> Answers:
    """Return the last output of a graph."""
    return np.asarray(outputs[-1])


def mapped(labels: Sequence[Any]) -> Read:
    """Return a reader of the last output where it is a list of maps."""

    def read(outputs: Sequence[Any]) -> Answers:
        return np.array([[row[label] for label in labels] for row in outputs[-1]], np.float32)

    return read


def tensor(name: str, kind: int, shape: Sequence[Any]) -> Any:
    """Return the description of an input or output."""
    return onnx.helper.make_tensor_value_info(name, kind, shape)


def constant(name: str, values: Answers) -> Any:
    """Return a weight of a graph."""
    return onnx.numpy_helper.from_array(values, name)


def graph_of(
    nodes: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[Any], weights: Sequence[Any]
) -> bytes:
    """Return a graph as a file holds it."""
    graph = onnx.helper.make_graph(nodes, "g", inputs, outputs, weights)
    opset = onnx.helper.make_opsetid("", 17)
    made = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9)
    written: bytes = made.SerializeToString()
    return written


FLOAT, HALF, INT64, BOOL = (
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.INT64,
    TensorProto.BOOL,
)
node = onnx.helper.make_node
