"""Predictions as the CSV that `score` writes.

Source: DRUM 1.18.1, observed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.encoders.texts import numbers, separated
from drum_like.later import pd
from drum_like.prediction import Prediction
from drum_like.target import Target

_SMALL = 2e-4
_LARGE = {np.dtype(np.float32): 1e6, np.dtype(np.float64): 1e15}
"""Between them every spelling is without an exponent; not quite the limits of either."""


def predictions_csv(prediction: Prediction, target: Target) -> bytes:
    """Return predictions as CSV: header, commas, LF, no index, UTF-8.

    Numbers have the model's own width and are not cast. Extra columns follow, joined by their
    index to the rows 0 to n-1, as DRUM joins them: a row whose number is not in the index has empty
    cells.
    """
    data = predictions_frame(prediction, target)
    if prediction.extra is None and prediction.values.dtype in (np.float32, np.float64):
        return _text(data[:0]) + _rows(data.to_numpy())
    if prediction.extra is not None:
        names = [*data.columns, *prediction.extra.columns]
        extra = prediction.extra.set_axis(range(data.shape[1], len(names)), axis="columns")
        data = data.set_axis(range(data.shape[1]), axis="columns").join(extra)
        data.columns = pd.Index(names, dtype=object)
    return _text(data)


def _text(data: pd.DataFrame) -> bytes:
    text: str = data.to_csv(index=False, lineterminator="\n")
    return text.encode()


def _rows(values: NDArray[Any]) -> bytes:
    """Return (n_rows, n_columns) floats as pandas writes them, eight times as fast."""
    if values.size == 0:
        return b""
    text = numbers(values)
    sizes = np.abs(values).reshape(-1)
    odd = np.flatnonzero(~(((sizes > _SMALL) & (sizes < _LARGE[values.dtype])) | (sizes == 0)))
    if odd.size:
        cells = text.split(b",")
        missing = b"" if values.shape[1] > 1 else b'""'
        for at, value in zip(odd, values.reshape(-1)[odd], strict=True):
            cells[at] = missing if np.isnan(value) else str(value).encode()
        text = b",".join(cells)
    return separated(text, b"," * (values.shape[1] - 1) + b"\n") + b"\n"


def predictions_frame(prediction: Prediction, target: Target) -> pd.DataFrame:
    """Return the prediction columns: one a label, or `Predictions`."""
    if target.type.is_classification and prediction.labels is not None:
        return pd.DataFrame(prediction.values, columns=[str(name) for name in prediction.labels])
    return pd.DataFrame({"Predictions": prediction.column})
