"""Scores rows with a model as the service does: predictor, schema, prediction."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from drum_like.api import Frame, Matrix, NativeFrame, Payload, Prediction, Target, TargetType
from drum_like.codecs.csv import codec as csv
from drum_like.model.artifact import predictor_for

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


def conformed(model: Any, rows: Frame | pd.DataFrame) -> Frame:
    """Return the rows as the predictor of this model gets them."""
    frame = rows if isinstance(rows, Frame) else NativeFrame(rows)
    schema = predictor_for(model).schema
    return schema.conform(frame) if schema else frame


def values(model: Any, rows: Frame | pd.DataFrame, target: Target = REGRESSION) -> NDArray[Any]:
    """Return the numbers that the model's predictor gives."""
    return score(model, rows, target).values


def score(model: Any, rows: Frame | pd.DataFrame, target: Target = REGRESSION) -> Prediction:
    """Return what the model's predictor says."""
    return predictor_for(model).predict(conformed(model, rows), target)


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
