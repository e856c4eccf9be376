"""Predictions as DRUM's JSON: `{"predictions":[...]}`, and `extraModelOutput` where there is one.

Numbers are widened to float64 and written as the shortest text that reads back exactly (DRUM cuts
them to ten decimals); NaN and infinities are null.

Source: DRUM 1.18.1, observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import orjson
from numpy.typing import NDArray

from drum_like.codecs.json.values import column, dumps, floats
from drum_like.system.lazy import pd
from drum_like.types.prediction import Prediction
from drum_like.types.target import Label, Target


def numbers(values: NDArray[np.floating]) -> bytes:
    """Return numbers with commas between them, each the shortest text that reads back exactly.

    Args:
        values: float32 or float64 of any shape, row by row; NaN and infinities are `null`.
    """
    return orjson.dumps(values.ravel(), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]


def separated(text: bytes, separators: bytes) -> bytes:
    """Return a text whose commas are replaced by the separators, in turn.

    Args:
        text: Cells without commas, and commas between them.
        separators: A byte for each comma in turn, and from the first again.
    """
    codes = np.frombuffer(bytearray(text), np.uint8)
    commas = np.flatnonzero(codes == ord(","))
    for at, separator in enumerate(separators):
        codes[commas[at :: len(separators)]] = separator
    return codes.tobytes()


_FEW = 64
"""Rows up to which joining pieces is faster than replacing marks."""

_MARKS = 32
"""Control characters of ASCII, which JSON text holds only escaped."""


def predictions_json(prediction: Prediction, target: Target) -> bytes:
    """Return the body of a /predict/ answer, UTF-8 without a line end.

    Raises:
        TargetError: a value is not a number where the target needs one, or JSON cannot hold it.
    """
    parts = [b'{"predictions":', _records(prediction, target)]
    if prediction.extra is not None:
        parts += [b',"extraModelOutput":', _split(prediction.extra)]
    return b"".join((*parts, b"}"))


def predictions_lines(prediction: Prediction, target: Target) -> bytes:
    """Return predictions as JSON Lines: what `predictions_json` lists, one a line, LF after each.

    Raises:
        TargetError: as `predictions_json`.
    """
    if target.type.is_classification and prediction.labels is not None:
        objects = orjson.loads(_labelled(floats(prediction.values), prediction.labels))
        lines = list(map(orjson.dumps, objects))
    elif target.type.is_numeric:
        cells = numbers(floats(prediction.column))
        lines = cells.split(b",") if cells else []
    else:
        lines = list(map(dumps, column(prediction.column)))
    return b"".join(line + b"\n" for line in lines)


def _records(prediction: Prediction, target: Target) -> bytes:
    if target.type.is_classification and prediction.labels is not None:
        return _labelled(floats(prediction.values), prediction.labels)
    if target.type.is_numeric:
        return _numbers(floats(prediction.column))
    return dumps(column(prediction.column))


def _numbers(values: NDArray[np.float64]) -> bytes:
    return b"[" + numbers(values) + b"]"


def _labelled(values: NDArray[np.float64], labels: Sequence[Label]) -> bytes:
    """Return an object a row, put together from texts: twice as fast as from dictionaries."""
    n_rows, n_labels = values.shape
    if n_rows == 0:
        return b"[]"
    keys = _keys(tuple(map(str, labels)))
    put = _replaced if n_rows > _FEW and n_labels <= _MARKS else _joined
    return b"".join((b"[", keys[0][2:], put(numbers(values), keys), b"}]"))


@lru_cache(maxsize=64)
def _keys(labels: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return the JSON text before the number of each label, with the end of the previous row."""
    first, *others = [orjson.dumps(label) + b":" for label in labels]
    return b"},{" + first, *(b"," + key for key in others)


def _replaced(text: bytes, keys: tuple[bytes, ...]) -> bytes:
    """Return numbers between keys, by way of control characters, which JSON never holds."""
    text = separated(text, bytes((*range(1, len(keys)), 0)))
    for mark, key in enumerate(keys):
        text = text.replace(bytes((mark,)), key)
    return text


def _joined(text: bytes, keys: tuple[bytes, ...]) -> bytes:
    """Return numbers between keys; for few of them."""
    cells = text.split(b",")
    first, row = _template(keys)
    return (row * (len(cells) // len(keys)))[first:] % tuple(cells)


@lru_cache(maxsize=64)
def _template(keys: tuple[bytes, ...]) -> tuple[int, bytes]:
    """Return a row for `%` to fill in, and where in it the first number stands."""
    first, *others = [key.replace(b"%", b"%%") for key in keys]
    return len(first), b"%b".join((first, *others, b""))


def _split(extra: pd.DataFrame) -> bytes:
    """Return a DataFrame as its columns, its index and its rows."""
    cells = [column(extra.iloc[:, at]) for at in range(extra.shape[1])]
    rows = list(zip(*cells, strict=True))
    return dumps({"columns": column(extra.columns), "index": column(extra.index), "data": rows})
