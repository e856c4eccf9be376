"""Predictions as CSV: as `score` writes it, and rows without a header.

Source: DRUM 1.18.1, observed; for rows without a header the sagemaker-inference toolkit.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from functools import lru_cache
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.codecs.json.encode import numbers, separated
from drum_like.codecs.json.values import column, floats
from drum_like.system.lazy import pd
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target

_SMALL = 2e-4
_LARGE = {np.dtype(np.float32): 1e6, np.dtype(np.float64): 1e15}
"""Between them every spelling is without an exponent; not quite the limits of either."""


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows of cells as CSV: None as an empty cell, others as Python writes them."""
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def predictions_csv(prediction: Prediction, target: Target) -> bytes:
    """Return predictions as CSV: header, commas, LF, no index, UTF-8.

    Numbers have the model's own width and are not cast. Extra columns follow, joined by their
    index to the rows 0 to n-1, as DRUM joins them: a row whose number is not in the index has empty
    cells.
    """
    if prediction.extra is None and prediction.values.dtype in (np.float32, np.float64):
        names = _names(prediction, target)
        values = prediction.values if _is_labelled(prediction, target) else prediction.column
        return _header(names) + _rows(values.reshape(prediction.n_rows, len(names)))
    data = predictions_frame(prediction, target)
    if prediction.extra is not None:
        every = [*data.columns, *prediction.extra.columns]
        extra = prediction.extra.set_axis(range(data.shape[1], len(every)), axis="columns")
        data = data.set_axis(range(data.shape[1]), axis="columns").join(extra)
        data.columns = pd.Index(every, dtype=object)
    return _text(data)


def rows_csv(prediction: Prediction, target: Target) -> bytes:
    """Return predictions as CSV without a header: the numbers of the JSON, LF after every row.

    A missing number is an empty cell, and two quotes where it is the only one: a blank line is no
    row to most readers.
    """
    if target.type.is_classification or target.type.is_numeric:
        labelled = _is_labelled(prediction, target)
        values = floats(prediction.values if labelled else prediction.column)
        return _number_rows(values.reshape(prediction.n_rows, -1)) if values.size else b""
    return csv_text([cell] for cell in column(prediction.column)).encode()


def _number_rows(values: NDArray[np.float64]) -> bytes:
    width = values.shape[1]
    text = numbers(values).replace(b"null", b"" if width > 1 else b'""')
    return separated(text, b"," * (width - 1) + b"\n") + b"\n"


@lru_cache(maxsize=16)  # a file in many blocks asks again for each of them
def _header(names: tuple[str, ...]) -> bytes:
    """Return the header as pandas writes it, without importing pandas for that."""
    return csv_text([names]).encode()


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
        strange = values.reshape(-1)[odd]
        for at, value, is_nan in zip(odd.tolist(), strange, np.isnan(strange), strict=True):
            cells[at] = missing if is_nan else str(value).encode()
        text = b",".join(cells)
    return separated(text, b"," * (values.shape[1] - 1) + b"\n") + b"\n"


def predictions_frame(prediction: Prediction, target: Target) -> pd.DataFrame:
    """Return the prediction columns: one a label, or `Predictions`."""
    if _is_labelled(prediction, target):
        return pd.DataFrame(prediction.values, columns=list(_names(prediction, target)))
    return pd.DataFrame({"Predictions": prediction.column})


def _is_labelled(prediction: Prediction, target: Target) -> bool:
    return target.type.is_classification and prediction.labels is not None


def _names(prediction: Prediction, target: Target) -> tuple[str, ...]:
    labels = prediction.labels if _is_labelled(prediction, target) else None
    return ("Predictions",) if labels is None else tuple(map(str, labels))
