"""Predictions as DRUM's JSON: `{"predictions":[...]}`, and `extraModelOutput` where there is one.

Numbers are widened to float64 and written as the shortest text that reads back exactly (DRUM cuts
them to ten decimals); NaN and infinities are null.

Source: DRUM 1.18.1, observed.
"""

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from drum_like.encoders.numbers import floats
from drum_like.encoders.plain import column, dumps
from drum_like.prediction import Prediction
from drum_like.target import Target


def predictions_json(prediction: Prediction, target: Target) -> bytes:
    """Return the body of a /predict/ answer, UTF-8 without a line end.

    Raises:
        TargetError: a value is not a number where the target needs one, or JSON cannot hold it.
    """
    body = b'{"predictions":' + _records(prediction, target)
    if prediction.extra is not None:
        body += b',"extraModelOutput":' + _split(prediction.extra)
    return body + b"}"


def _records(prediction: Prediction, target: Target) -> bytes:
    if target.type.is_classification and prediction.labels is not None:
        return _labelled(floats(prediction.values), [str(label) for label in prediction.labels])
    if target.type.is_numeric:
        return _numbers(floats(prediction.column))
    return dumps(column(prediction.column))


def _numbers(values: NDArray[np.float64]) -> bytes:
    return orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)


def _labelled(values: NDArray[np.float64], labels: list[str]) -> bytes:
    """Return an object a row, put together from texts: twice as fast as from dictionaries."""
    n_rows, n_labels = values.shape
    if n_rows == 0:
        return b"[]"
    numbers = _numbers(values.ravel())[1:-1].split(b",")
    parts = [b""] * (2 * len(numbers))
    for at, label in enumerate(labels):
        start = b"," if at else b"},{"
        parts[2 * at :: 2 * n_labels] = [start + orjson.dumps(label) + b":"] * n_rows
        parts[2 * at + 1 :: 2 * n_labels] = numbers[at::n_labels]
    return b"[" + b"".join(parts)[2:] + b"}]"


def _split(extra: pd.DataFrame) -> bytes:
    """Return a DataFrame as its columns, its index and its rows."""
    cells = [column(extra.iloc[:, at]) for at in range(extra.shape[1])]
    rows = list(zip(*cells, strict=True))
    return dumps({"columns": column(extra.columns), "index": column(extra.index), "data": rows})
