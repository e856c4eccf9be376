"""ONNX sessions: how they are fed with the cells of frames, and run."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from drum_like.api import ColumnsError, Frame, NativeFrame

if TYPE_CHECKING:  # matrices of numbers need no pandas
    import pandas as pd

# Relative: type checkers know this package under its folder's name.
from ..estimators import EXACT
from .graph import Graph

logger = logging.getLogger(__name__)
Values = NDArray[Any]
Feeds = Mapping[str, Values]
Run = Callable[[list[str], Feeds], list[Any]]
Feed = Callable[[Frame], dict[str, Values]]

DTYPES = {
    **{f"tensor({name})": np.dtype(name) for name in ("float16", "double", "bool")},
    **{f"tensor(int{bits})": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"tensor(uint{bits})": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
    "tensor(float)": np.dtype(np.float32),
    "tensor(string)": np.dtype(object),
}
_BFLOAT16 = "tensor(bfloat16)"

FATAL_ONLY = 4
"""Severity of the logs of onnxruntime: it raises all other errors, and those may hold cells."""


def read_graph(session: ort.InferenceSession) -> Graph | None:
    """Return the graph of a session, if the file or the bytes that it was made of are there."""
    path = getattr(session, "_model_path", None)
    if path and Path(path).is_file():
        return Graph(Path(path).read_bytes(), Path(path).name)
    content = getattr(session, "_model_bytes", None)
    return Graph(content, "the model") if isinstance(content, bytes) else None


def session_runner(session: ort.InferenceSession) -> Run:
    """Return the function that runs a session; bfloat16, which numpy lacks, becomes float32."""
    run: Run = session.run
    narrow = any(output.type == _BFLOAT16 for output in session.get_outputs())
    return partial(_run_widened, session) if narrow else run


def quiet_runner(session: ort.InferenceSession) -> Run:
    """Return a function that runs a session and logs no failure: limits are found by trying."""
    options = ort.RunOptions()
    options.log_severity_level = FATAL_ONLY
    run = session_runner(session)
    return lambda names, feeds: run(names, feeds, options)  # type: ignore[call-arg]


def accepts(run: Run, names: list[str], feeds: Feeds, *, is_made_up: bool = True) -> bool:
    """Return whether a graph runs rows; the error of a client's rows may hold cells, so no log."""
    try:
        run(names, feeds)
    except Exception as error:  # noqa: BLE001 - what onnxruntime raises has no class in common
        if is_made_up:
            logger.debug("a made-up row could not be run: %s", error)
        return False
    return True


def _run_widened(
    session: ort.InferenceSession,
    names: list[str],
    feeds: Feeds,
    options: ort.RunOptions | None = None,
) -> list[Any]:
    given = {name: ort.OrtValue.ortvalue_from_numpy(values) for name, values in feeds.items()}
    return [_widened(value) for value in session.run_with_ort_values(names, given, options)]


def _widened(value: ort.OrtValue) -> Any:
    if not value.is_tensor() or value.data_type() != _BFLOAT16:
        return value.numpy()
    size = value.tensor_size_in_bytes()
    halves = np.frombuffer(ctypes.string_at(value.data_ptr(), size), np.uint16)
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(value.shape())


def feed_columns(nodes: Sequence[ort.NodeArg]) -> Feed:
    """Return the function from a frame to one array for each input; asks nodes once, being slow."""
    columns = [(str(node.name), DTYPES[node.type], column_shape(node)) for node in nodes]

    def feed(frame: Frame) -> dict[str, Values]:
        return {
            name: _typed_column(frame.pandas, at, dtype).reshape(shape)
            for at, (name, dtype, shape) in enumerate(columns)
        }

    return feed


def feed_matrix(node: ort.NodeArg, min_columns: int) -> Feed:
    """Return the function from a frame of at least some columns to the array of the one input."""
    name, dtype, is_flat = str(node.name), DTYPES[node.type], len(node.shape) <= 2

    def feed(frame: Frame) -> dict[str, Values]:
        if frame.n_columns < min_columns:  # trees look at no column behind the last one
            raise ColumnsError(
                f"the model takes at least {min_columns} columns by position, but the payload has "
                f"{frame.n_columns}; send the columns that the model was trained on"
            )
        values = _matrix(frame, dtype)
        return {name: values if is_flat else shape_matrix(values, node)}

    return feed


def _matrix(frame: Frame, dtype: np.dtype[Any]) -> Values:
    if dtype.kind == "f":
        return _narrow(frame.matrix(), dtype)
    return np.column_stack(
        [_typed_column(frame.pandas, at, dtype) for at in range(frame.n_columns)]
    )


def is_matrix(nodes: Sequence[ort.NodeArg]) -> bool:
    """Return whether there is one input, of all columns."""
    return len(nodes) == 1 and len(nodes[0].shape) != 1


def columns_axis(node: ort.NodeArg) -> int | None:
    """Return which size of a matrix is that of its columns, None if it is unknown."""
    sizes = node.shape[1:]
    wide = [at for at, size in enumerate(sizes, 1) if size != 1]
    if len(wide) > 1 or not sizes:
        return None
    return wide[0] if wide else 1


def shape_matrix(matrix: Values, node: ort.NodeArg) -> Values:
    """Return a matrix with the sizes of 1 that the input has beside that of the columns."""
    if len(node.shape) <= 2:
        return matrix
    at = columns_axis(node)
    sizes = [matrix.shape[1] if place == at else 1 for place in range(1, len(node.shape))]
    return matrix.reshape(-1, *sizes)


def column_shape(node: ort.NodeArg) -> tuple[int, ...]:
    """Return the shape of a column of rows as an input of one column takes it."""
    return (-1, *(1 for _ in node.shape[1:]))


def _narrow(numbers: Values, dtype: np.dtype[Any]) -> Values:
    """Return numbers in a float type of the model's; those beyond its range are infinite there."""
    if dtype == numbers.dtype:
        return numbers
    with np.errstate(over="ignore"):
        return numbers.astype(dtype)


def _typed_column(data: pd.DataFrame, at: int, dtype: np.dtype[Any]) -> Values:
    """Return one column as the model's type, without a detour through float64.

    Raises:
        ColumnsError: a cell is none of that type; names its row and column.
    """
    if dtype.kind == "O":
        return _text_column(data.iloc[:, at])
    if dtype.kind in "iu":
        return _integer_column(data, at, dtype)
    numbers = NativeFrame(data.iloc[:, [at]]).matrix()[:, 0]
    if dtype.kind == "b":
        _refuse_cells(~np.isin(numbers, (0, 1)), data, at, "true or false")
    return _narrow(numbers, dtype)


def _integer_column(data: pd.DataFrame, at: int, dtype: np.dtype[Any]) -> Values:
    column, expected = data.iloc[:, at], f"whole numbers that fit {dtype.name}"
    bounds = np.iinfo(dtype)
    if column.dtype.kind in "iu" and not column.hasnans:
        values = column.to_numpy()
        _refuse_cells((values < bounds.min) | (values > bounds.max), data, at, expected)
    elif column.dtype == object and (cells := _whole_cells(column)) is not None:
        outside = [not bounds.min <= cell <= bounds.max for cell in cells]
        _refuse_cells(np.array(outside), data, at, expected)
        return np.array(cells, dtype=dtype)
    else:
        values = NativeFrame(data.iloc[:, [at]]).matrix()[:, 0]
        # The upper bound itself may round up as a float, and is then outside.
        inside = (values >= bounds.min) & (values < float(bounds.max) + 1)
        _refuse_cells(~inside | (values != np.trunc(values)), data, at, expected)
        # From 2**53 on a float may be another whole number than the one that was sent.
        _refuse_cells(np.abs(values) >= EXACT, data, at, expected)
    return values.astype(dtype)


def _whole_cells(column: pd.Series[Any]) -> list[int] | None:
    """Return the cells of a column of objects as whole numbers, None if one is none.

    So are numbers that no array of a type holds side by side: those of uint64 from 2**63 on, and
    long ones beside floats.
    """
    cells = column.tolist()
    if all(type(one) is int or (type(one) is float and _is_exact(one)) for one in cells):
        return [int(one) for one in cells]
    return None


def _is_exact(cell: float) -> bool:
    return abs(cell) < EXACT and cell.is_integer()


def _refuse_cells(bad: Values, data: pd.DataFrame, at: int, expected: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        name = str(data.columns[at])
        raise ColumnsError(
            f"column {name[:100]!r} takes {expected}, without gaps; row {row + 1} holds something "
            "else",
            row,
            name,
        )


def _text_column(column: pd.Series[Any]) -> Values:
    """Return cells as text, a missing one as "", whole numbers without a decimal point."""
    cells = column.astype(object).where(column.notna(), "")
    return np.array([_as_text(cell) for cell in cells], dtype=object)


def _as_text(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
