"""Predictions as an Arrow IPC stream: the columns of the JSON answer, in the model's own types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import ipc

from drum_like.errors import TargetError
from drum_like.system.lazy import pd
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target


def predictions_arrow(prediction: Prediction, target: Target) -> bytes:
    """Return a stream with `Predictions`, or one column a label, and the extra columns after.

    NaN stays NaN in predictions; a missing value of an extra column is null.

    Raises:
        TargetError: a column mixes types that Arrow cannot hold together.
    """
    names, columns = _predictions(prediction, target)
    if prediction.extra is not None:
        names += [str(name) for name in prediction.extra.columns]
        columns += [_extra(prediction.extra, at) for at in range(prediction.extra.shape[1])]
    if len({len(column) for column in columns}) > 1:
        raise TargetError("the extra columns of the model's output have another number of rows")
    batch = pa.record_batch(columns, names=names)
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _predictions(prediction: Prediction, target: Target) -> tuple[list[str], list[pa.Array]]:
    if target.type.is_classification and prediction.labels is not None:
        columns = [_column(values) for values in prediction.values.T]
        return [str(label) for label in prediction.labels], columns
    return ["Predictions"], [_column(prediction.column)]


def _column(values: NDArray[Any]) -> pa.Array:
    values = np.ascontiguousarray(values)
    if values.dtype.kind == "f":  # `array` imports pandas
        kind = pa.from_numpy_dtype(values.dtype)
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
    try:
        return pa.array(values)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise TargetError("the model's output mixes types that Arrow cannot hold") from error


def _extra(extra: pd.DataFrame, at: int) -> pa.Array:
    try:
        return pa.Array.from_pandas(extra.iloc[:, at])
    except (pa.ArrowException, ValueError, OverflowError) as error:
        name = str(extra.columns[at])[:100]
        raise TargetError(
            f"the extra column {name!r} mixes types that Arrow cannot hold"
        ) from error
