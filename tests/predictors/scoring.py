"""Scores rows with a model as the service does: predictor, schema, prediction."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from drum_like.api import (
    Frame,
    Matrix,
    NativeFrame,
    Payload,
    Prediction,
    Predictor,
    Target,
    TargetType,
)
from drum_like.codecs import arrow
from drum_like.codecs.csv import codec as csv
from drum_like.model.artifact import predictor_for
from drum_like.types.columns_frame import ColumnsFrame
from drum_like.types.readers import objects

BINARY = Target(TargetType.BINARY, ("yes", "no"))
MULTICLASS = Target(TargetType.MULTICLASS, ("A", "B", "C"))
REGRESSION = Target(TargetType.REGRESSION)
ANOMALY = Target(TargetType.ANOMALY)
TEXT = Target(TargetType.TEXT_GENERATION)


class MatrixFrame(Frame):
    """Rows that a format read as numbers, as CSV and Arrow do; counts its DataFrames."""

    def __init__(self, data: pd.DataFrame) -> None:
        self._data = data
        self.asked_for_pandas = False

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self._data)

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Names of the columns."""
        return tuple(self._data.columns)

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return self._data.shape[1]

    def _to_pandas(self) -> pd.DataFrame:
        self.asked_for_pandas = True
        return self._data

    def _to_matrix(self, chosen: list[int] | None) -> Matrix:
        data = self._data if chosen is None else self._data.iloc[:, chosen]
        return data.to_numpy(np.float64, copy=True)


def csv_frame(text: str) -> Frame:
    """Return the frame of a CSV body."""
    return csv.decode(Payload(text.encode()))


def arrow_frame(data: pd.DataFrame) -> Frame:
    """Return the frame of an Arrow stream of a DataFrame."""
    table = pa.Table.from_pandas(data, preserve_index=False)
    body = pa.BufferOutputStream()
    with pa.ipc.new_stream(body, table.schema) as writer:
        writer.write_table(table)
    return arrow.decode(Payload(body.getvalue().to_pybytes()))


def json_frame(data: pd.DataFrame) -> Frame:
    """Return the frame of rows in JSON: numbers, truth values, null, and text for all else."""
    columns = [objects([_json_cell(cell) for cell in data[name].tolist()]) for name in data]
    return ColumnsFrame(tuple(data.columns), columns)


def _json_cell(cell: Any) -> Any:
    if isinstance(cell, str | bool | int | float):
        return None if cell != cell else cell  # noqa: PLR0124 - NaN differs from itself
    return None if cell is None else str(cell)


@lru_cache(maxsize=4)
def _predictor(model: Any) -> Predictor:
    """Return the predictor of a model, once: it tries the model with rows made up when it is new.

    Models are told apart by identity: a test that changes a model after a prediction makes a copy.
    """
    return predictor_for(model)


def conformed(model: Any, rows: Frame | pd.DataFrame) -> Frame:
    """Return the rows as the predictor of this model gets them."""
    frame = rows if isinstance(rows, Frame) else NativeFrame(rows)
    schema = _predictor(model).schema
    return schema.conform(frame) if schema else frame


def values(model: Any, rows: Frame | pd.DataFrame, target: Target = REGRESSION) -> NDArray[Any]:
    """Return the numbers that the model's predictor gives."""
    return score(model, rows, target).values


def answering(model: Any) -> Callable[[Frame], NDArray[Any]]:
    """Return the function of many frames that gives the numbers of a model's predictor."""
    predictor = _predictor(model)
    schema = predictor.schema

    def answer(frame: Frame) -> NDArray[Any]:
        rows = frame if schema is None else schema.conform(frame)
        return predictor.predict(rows, REGRESSION).values

    return answer


def score(model: Any, rows: Frame | pd.DataFrame, target: Target = REGRESSION) -> Prediction:
    """Return the prediction of the model's predictor."""
    return _predictor(model).predict(conformed(model, rows), target)


def same(found: NDArray[Any], expected: Any) -> bool:
    """Whether two arrays are equal bit for bit, in type, shape and values."""
    wanted = np.asarray(expected)
    return (
        found.dtype == wanted.dtype
        and found.shape == wanted.shape
        and np.array_equal(found, wanted, equal_nan=found.dtype.kind == "f")
    )


def numbers(n_rows: int = 200, *, gaps: bool = False) -> pd.DataFrame:
    """Return three columns of numbers, one of them whole, some cells missing if asked for."""
    rng = np.random.default_rng(7)
    data = pd.DataFrame(
        {
            "a": rng.normal(size=n_rows),
            "b": rng.normal(size=n_rows) * 10,
            "c": rng.integers(-5, 5, n_rows),
        }
    )
    return data.mask(rng.random(data.shape) < 0.2) if gaps else data


def classes(n_rows: int = 200, n_classes: int = 2) -> NDArray[np.int64]:
    """Return classes 0, 1, ... that depend on `numbers`."""
    data = numbers(n_rows)
    order = np.argsort(np.argsort(data["a"].to_numpy() + data["c"].to_numpy()))
    return np.asarray(order * n_classes // n_rows, dtype=np.int64)
