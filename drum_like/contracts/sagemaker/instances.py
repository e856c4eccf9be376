"""Rows of JSON as SageMaker's algorithms take them, brought into the forms of all contracts.

Source: Amazon's guide, "Common data formats for inference".
"""

from collections.abc import Collection
from typing import Any

from drum_like.contracts.sagemaker.signs import is_wrapped
from drum_like.errors import PayloadError
from drum_like.types.payload import Limits


def unwrapped(rows: Any, names: Collection[str], limits: Limits) -> Any:
    """Return rows without the objects around their features; others stay as they are.

    Args:
        rows: Any value of JSON; a list holds rows `{"features": [...]}`, the same list below
            `values`, either below `data`, and with `keys` and `shape` beside it, where the list
            holds the features that are not 0.
        names: Columns of the model, which no wrapper is called as.
        limits: On the columns and cells of rows that leave some out.

    Raises:
        PayloadError: features are in none of these forms; names the row.
        SizeError: they stand for more than the limits.
    """
    if not isinstance(rows, list):
        return rows
    features = [
        _features(row, at) if is_wrapped(row) and not names & row.keys() else row
        for at, row in enumerate(rows)
    ]
    _check_size(features, limits)
    return [
        _filled(row, at) if isinstance(row, _Sparse) else row for at, row in enumerate(features)
    ]


class _Sparse(dict[str, Any]):
    """Features that leave out those that are 0."""

    @property
    def width(self) -> int:
        """How many there are."""
        shape = self["shape"]
        is_size = isinstance(shape, list) and len(shape) == 1 and type(shape[0]) is int
        return shape[0] if is_size and shape[0] > 0 else 0


def _features(row: dict[str, Any], at: int) -> Any:
    """Return the features of a row: a list, or what `_filled` makes one of."""
    inner = row.get("data", row)
    features = inner.get("features") if isinstance(inner, dict) and len(inner) == 1 else None
    if isinstance(features, dict):
        if features.keys() == {"keys", "shape", "values"}:
            return _Sparse(features)
        features = features.get("values") if features.keys() == {"values"} else None
    if not isinstance(features, list):
        raise PayloadError(
            f'row {at} (counted from 0) must be {{"features": [...]}} or {{"data": {{"features": '
            '{"values": [...]}}}, for sparse rows with "keys" and "shape" beside "values"'
        )
    return features


def _check_size(rows: list[Any], limits: Limits) -> None:
    sparse = [row for row in rows if isinstance(row, _Sparse)]
    if sparse:
        width = max(row.width for row in sparse)
        limits.check_columns(width)
        n_sent = sum(len(row["values"]) for row in sparse if isinstance(row["values"], list))
        limits.check_filled(len(sparse), width, n_sent)


def _filled(row: _Sparse, at: int) -> list[Any]:
    """Return all features of a row, 0.0 where it names none.

    Raises:
        PayloadError: its parts do not fit together.
    """
    keys, values, width = row["keys"], row["values"], row.width
    are_lists = isinstance(keys, list) and isinstance(values, list)
    if not width or not are_lists or len(keys) != len(values):
        raise PayloadError(
            f"row {at} (counted from 0) must have `shape`, a list of the number of columns, and "
            "`keys` and `values`, lists of one length"
        )
    if not all(type(key) is int and 0 <= key < width for key in keys) or len(set(keys)) < len(keys):
        raise PayloadError(
            f"the keys of row {at} (counted from 0) must be whole numbers from 0 to the shape "
            "less 1, each of them once"
        )
    cells = [0.0] * width
    for key, value in zip(keys, values, strict=True):
        cells[key] = value
    return cells
