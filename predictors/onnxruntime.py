"""ONNX: one matrix as input, or one input a column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from drum_like.api import (
    Column,
    ColumnsError,
    DataType,
    Frame,
    Label,
    LoadError,
    ModelTarget,
    NativeFrame,
    Prediction,
    Schema,
    Target,
    TargetType,
    Tensor,
)

# Relative: type checkers know this package under its folder's name.
from . import onnx_bytes
from .onnx_rows import Run, runner, threads

if TYPE_CHECKING:  # matrices of numbers need no pandas
    import pandas as pd

Values = NDArray[Any]
Feed = Callable[[Frame], dict[str, Values]]

_DTYPES = {
    **{f"tensor({name})": np.dtype(name) for name in ("float16", "double", "bool")},
    **{f"tensor(int{bits})": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"tensor(uint{bits})": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
    "tensor(float)": np.dtype(np.float32),
    "tensor(string)": np.dtype(object),
}

_FIRST_INEXACT = 2.0**53


class OnnxPredictor:
    """Scores with a session; its inputs are the schema, its first or `prob` output the answer."""

    framework = "onnx"

    def __init__(self, model: ort.InferenceSession) -> None:
        inputs = model.get_inputs()
        path = _path(model)
        self.schema: Schema | None = _schema(inputs)
        self._width = _width(path, inputs) if self.schema is None else None
        if self._width and self._width.exact:
            self.schema = _positional(inputs[0], self._width.columns)
        self._run = self._runner(model, path)
        self._feed = _matrix_feed(inputs[0]) if _is_matrix(inputs) else _column_feed(inputs)
        self.inputs = tuple(map(_tensor, inputs))
        self._outputs = outputs = model.get_outputs()
        self._output = lru_cache(lambda target: _output(outputs, target))
        self._classes = onnx_bytes.classes_of(path) if path else ()
        self.target = _model_target(self._classes)

    @staticmethod
    def load(path: Path) -> ort.InferenceSession:
        """Open a session on the CPU.

        It has the threads that OMP_NUM_THREADS gives to one worker; of itself it would take one for
        every core of the machine, whatever the container may use.

        Raises:
            ArtifactError: the model names a file outside its directory.
        """
        return _opened(path, threads())

    @staticmethod
    def load_alone(path: Path) -> ort.InferenceSession:
        """Open the same for this predictor alone: trees have one thread, see `onnx_rows`."""
        return _opened(path, 1 if onnx_bytes.has_trees_only(path) else threads())

    def predict(self, frame: Frame, target: Target) -> Prediction:
        """Score rows; only the output that is the answer is computed.

        Raises:
            ColumnsError: a cell does not fit the type of its input, or columns are missing.
        """
        self._check_width(frame)
        output = self._output(target.type)
        answer = self._run([output], self._feed(frame))[0]
        if isinstance(answer, list):
            maps = _from_maps(answer)
            return Prediction(maps.values, _named(maps.labels or (), target))
        known = np.ndim(answer) == 2 and len(self._classes) == answer.shape[1]
        return Prediction(np.asarray(answer), _named(self._classes, target) if known else None)

    def run(self, feeds: Mapping[str, Values]) -> dict[str, Any]:
        """Return every output by name; maps of probabilities become a matrix in their own order."""
        names = [str(node.name) for node in self._outputs]
        answers = self._run(names, dict(feeds))
        return {
            name: _from_maps(answer).values if isinstance(answer, list) else np.asarray(answer)
            for name, answer in zip(names, answers, strict=True)
        }

    def _runner(self, session: ort.InferenceSession, path: Path | None) -> Run:
        width = len(self.schema.columns) if self.schema is not None else 0
        width = self._width.columns if self._width else width
        has_one_thread = session.get_session_options().intra_op_num_threads == 1
        if width and has_one_thread and path is not None and onnx_bytes.has_trees_only(path):
            return runner(session, width)
        run: Run = session.run
        return run

    def _check_width(self, frame: Frame) -> None:
        """Refuse rows that end before the last column that trees look at."""
        if self._width and frame.n_columns < self._width.columns:
            raise ColumnsError(
                f"the model takes at least {self._width.columns} columns by position, but the "
                f"payload has {frame.n_columns}; send the columns that the model was trained on"
            )


def _opened(path: Path, n_threads: int) -> ort.InferenceSession:
    """Open a session; idle threads sleep instead of spinning: several workers share the CPUs."""
    onnx_bytes.check_external_data(path)
    options = ort.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _schema(inputs: Sequence[ort.NodeArg]) -> Schema | None:
    """Return the inputs by name, or the columns of one matrix by position.

    Raises:
        LoadError: an input is no tensor, or several inputs are wider than a column.
    """
    for node in inputs:
        if node.type not in _DTYPES:
            raise LoadError(
                f"the ONNX input {node.name!r} is of type {node.type}; tensors of numbers or text "
                "can be served, others need a score hook"
            )
    if not _is_matrix(inputs):
        return Schema(tuple(map(_column, inputs)))
    width = inputs[0].shape[1] if len(inputs[0].shape) == 2 else None
    return _positional(inputs[0], width) if isinstance(width, int) else None


def _tensor(node: ort.NodeArg) -> Tensor:
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return Tensor(str(node.name), _DTYPES[node.type], shape)


def _positional(node: ort.NodeArg, width: int) -> Schema:
    column = _column(node, check=False)
    return Schema(tuple(replace(column, name=str(at)) for at in range(width)), named=False)


def _width(path: Path | None, inputs: Sequence[ort.NodeArg]) -> onnx_bytes.Width | None:
    """Return what the graph says of a matrix whose width the input leaves open."""
    if path is None or len(inputs[0].shape) != 2:
        return None
    return onnx_bytes.width_of(path, inputs[0].name)


def _is_matrix(inputs: Sequence[ort.NodeArg]) -> bool:
    return len(inputs) == 1 and len(inputs[0].shape) != 1


def _column(node: ort.NodeArg, *, check: bool = True) -> Column:
    if check and node.shape[1:] not in ([], [1]):
        raise LoadError(
            f"the ONNX model has several inputs, and {node.name!r} has the shape {node.shape}; "
            "inputs of one column each, or one matrix, can be served, others need a score hook"
        )
    dtype = _DTYPES[node.type]
    stored = _data_type(dtype)
    if dtype.kind == "O":  # a tensor of text has no missing cells
        return Column(node.name, "text", stored=stored, missing="", takes_missing=False)
    return Column(node.name, stored=stored, exact=dtype.kind in "iu")


def _data_type(dtype: np.dtype[Any]) -> DataType:
    """Return the published type that holds every value of an input's type."""
    if dtype.kind == "f":
        return DataType.FLOAT64 if dtype.itemsize == 8 else DataType.FLOAT32
    if dtype.kind in "iu":
        return DataType.INT32 if np.can_cast(dtype, np.int32) else DataType.INT64
    return DataType.BOOL if dtype.kind == "b" else DataType.STR


def _matrix_feed(node: ort.NodeArg) -> Feed:
    dtype = _DTYPES[node.type]
    if dtype.kind == "f":
        return lambda frame: {node.name: frame.matrix().astype(dtype)}
    return lambda frame: {
        node.name: np.column_stack(
            [_typed(frame.pandas, at, dtype) for at in range(frame.n_columns)]
        )
    }


def _column_feed(nodes: Sequence[ort.NodeArg]) -> Feed:
    def feed(frame: Frame) -> dict[str, Values]:
        return {
            node.name: _typed(frame.pandas, at, _DTYPES[node.type]).reshape((-1, *node.shape[1:]))
            for at, node in enumerate(nodes)
        }

    return feed


def _typed(data: pd.DataFrame, at: int, dtype: np.dtype[Any]) -> Values:
    """Return one column as the model's type, without a detour through float64."""
    if dtype.kind == "O":
        return _text(data.iloc[:, at])
    if dtype.kind in "iu":
        return _integers(data, at, dtype)
    numbers = NativeFrame(data.iloc[:, [at]]).matrix()[:, 0]
    if dtype.kind == "b":
        _refuse(~np.isin(numbers, (0, 1)), data, at, "true or false")
    return numbers.astype(dtype)


def _integers(data: pd.DataFrame, at: int, dtype: np.dtype[Any]) -> Values:
    column = data.iloc[:, at]
    bounds = np.iinfo(dtype)
    if column.dtype.kind in "iu" and not column.hasnans:
        values = column.to_numpy()
        outside = (values < bounds.min) | (values > bounds.max)
    else:
        values = NativeFrame(data.iloc[:, [at]]).matrix()[:, 0]
        # The upper bound itself may round up as a float, and is then outside.
        inside = (values >= bounds.min) & (values < float(bounds.max) + 1)
        # From 2**53 on a float may be another whole number than the one that was sent.
        exact = np.abs(values) < _FIRST_INEXACT
        outside = ~inside | ~exact | (values != np.trunc(values))
    _refuse(outside, data, at, f"whole numbers that fit {dtype.name}")
    return values.astype(dtype)


def _refuse(bad: Values, data: pd.DataFrame, at: int, expected: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise ColumnsError(
            f"column {str(data.columns[at])[:100]!r} takes {expected}, without gaps; row "
            f"{row + 1} holds something else",
            row,
        )


def _text(column: pd.Series[Any]) -> Values:
    """Return cells as text, a missing one as "", whole numbers without a decimal point."""
    cells = column.astype(object).where(column.notna(), "")
    return np.array([_as_text(cell) for cell in cells], dtype=object)


def _as_text(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _output(outputs: Sequence[ort.NodeArg], target: TargetType) -> str:
    """Return the name of the output that answers.

    DRUM's rule: the first whose name contains `prob` for classes, else the first. For classes the
    first output that can hold probabilities goes before one of labels.
    """
    names = [str(node.name) for node in outputs]
    if not target.is_classification or len(outputs) == 1:
        return names[0]
    numbers = [str(node.name) for node in outputs if _can_hold_probabilities(node)]
    return next((name for name in names if "prob" in name), (numbers or names)[0])


def _can_hold_probabilities(node: ort.NodeArg) -> bool:
    return any(kind in node.type for kind in ("float", "double"))


def _from_maps(rows: list[dict[Label, float]]) -> Prediction:
    """Read the list of {class: probability} that scikit-learn's converter writes by default."""
    classes = tuple(rows[0])
    values = np.array([[row[label] for label in classes] for row in rows], dtype=np.float32)
    return Prediction(values, classes)


@lru_cache(maxsize=32)
def _named(classes: tuple[Label, ...], target: Target) -> tuple[Label, ...] | None:
    """Return the classes if they are the labels asked for; DRUM always goes by position."""
    if target.legacy_order or not target.is_spelling_of(classes):
        return None
    return classes


def _path(session: ort.InferenceSession) -> Path | None:
    """Return the file that a session was made of, if it is still there."""
    path = getattr(session, "_model_path", None)
    return Path(path) if path and Path(path).is_file() else None


def _model_target(classes: tuple[Label, ...]) -> ModelTarget:
    if len(classes) < 2:
        return ModelTarget()
    return ModelTarget(TargetType.BINARY if len(classes) == 2 else TargetType.MULTICLASS, classes)
