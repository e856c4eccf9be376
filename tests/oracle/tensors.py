"""The cells of training as tensors of the Open Inference Protocol."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.oracle.rows import Cell, Column, Row, value_of
from tests.support.open_inference import Tensor

_EXACT = 2**53


def of_column(name: str, column: Column, cells: Sequence[Cell], *, binary: bool) -> Tensor:
    """Return a column; text for what has gaps and no number for them."""
    values = [value_of(cell) for cell in cells]
    datatype = _datatype(column, values)
    if datatype == "BYTES":
        texts = [None if value is None else str(value) for value in values]
        # Bytes have no missing texts.
        return Tensor(name, datatype, np.array(texts, object), binary and None not in texts)
    numbers = [np.nan if value is None else value for value in values]
    return Tensor(name, datatype, np.array(numbers, _DTYPES[datatype]), binary)


def of_numbers(rows: Sequence[Row]) -> Tensor:
    """Return rows of numbers as one tensor, of integers where float64 would round them."""
    values = [
        [np.nan if value_of(cell) is None else value_of(cell) for cell in row] for row in rows
    ]
    kinds = {type(value) for row in values for value in row}
    datatype = "INT64" if kinds == {int} else "FP64"
    return Tensor("rows", datatype, np.array(values, _DTYPES[datatype]), is_binary=True)


_DTYPES: dict[str, Any] = {
    "BOOL": np.bool_,
    "INT64": np.int64,
    "UINT64": np.uint64,
    "FP32": np.float32,
    "FP64": np.float64,
}


def _datatype(column: Column, values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values if value is not None}
    has_gaps = None in values
    if kinds == {bool}:
        return "BYTES" if has_gaps else "BOOL"
    if kinds == {int}:
        whole = [value for value in values if value is not None]
        return _whole(min(whole), max(whole), has_gaps=has_gaps)
    if kinds <= {int, float}:
        return "FP32" if column.is_float and column.dtype == np.float32 else "FP64"
    return "BYTES"


def _whole(least: int, most: int, *, has_gaps: bool) -> str:
    if has_gaps:
        return "FP64" if -_EXACT < least <= most < _EXACT else "BYTES"
    if least >= -(2**63) and most < 2**63:
        return "INT64"
    return "UINT64" if least >= 0 and most < 2**64 else "BYTES"
