"""Any cell as something that JSON holds, spelled as DRUM spells it."""

import datetime as dt
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from functools import singledispatch
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from drum_like.errors import TargetError
from drum_like.system.lazy import pd
from drum_like.types.numbers import is_marked_missing


def floats(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return values as float64: booleans 1.0 and 0.0, numbers in text read, missing ones NaN.

    Args:
        values: (n_rows,) or (n_rows, n_outputs) of any dtype.

    Raises:
        TargetError: a value is not a number; names the row, counted from 1.
    """
    if values.dtype.kind in "biuf":
        return np.ascontiguousarray(values, dtype=np.float64)
    out = np.empty(values.shape, dtype=np.float64)
    for position, value in np.ndenumerate(values):
        out[position] = _float(value, position[0] + 1)
    return out


def _float(value: Any, row: int) -> float:
    if value is None or is_marked_missing(value):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf
    except ValueError:
        raise TargetError(
            f"could not convert string to float: row {row} of the model's output is not a number"
        ) from None
    except TypeError:
        raise TargetError(
            f"row {row} of the model's output is of type {type(value).__name__}, not a number"
        ) from None


_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - a time without a zone is taken as UTC, as DRUM does
_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def dumps(value: Any) -> bytes:
    """Return JSON: numbers as the shortest text that reads back exactly, NaN and infinities null.

    Times are milliseconds since 1970 in UTC, durations milliseconds, decimals text, bytes UTF-8.

    Raises:
        TargetError: JSON cannot hold it.
    """
    try:
        return orjson.dumps(value, default=plain, option=_OPTIONS)
    except (orjson.JSONEncodeError, RecursionError):
        return _slowly(value)


def _slowly(value: Any) -> bytes:
    """Return JSON for values that orjson refuses: integers beyond 64 bits, keys other than text."""
    try:
        return json.dumps(_whole(value), allow_nan=False, separators=(",", ":")).encode()
    except (RecursionError, ValueError) as error:
        raise TargetError(
            "the model's output is nested too deep to be JSON, or holds itself"
        ) from error


def _whole(value: Any) -> Any:
    """Convert a value to plain JSON in all its parts."""
    if value is None or type(value) in (str, int, bool):
        return value
    if isinstance(value, Mapping):
        return {_key(key): _whole(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(part) for part in value]
    if type(value) is float:
        return value if math.isfinite(value) else None
    return _whole(plain(value))


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(plain(key) if isinstance(key, np.generic) else key)


@singledispatch
def plain(value: Any) -> Any:
    """Return a value as something that orjson knows, one level deep.

    Raises:
        TargetError: JSON cannot hold it; names its class.
    """
    if is_marked_missing(value):
        return None
    raise TargetError(
        f"the model's output holds {type(value).__name__} values, which JSON cannot hold"
    )


@plain.register
def _(value: np.generic) -> Any:
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return _milliseconds(np.array([value]))[0]
    item = value.item()
    if isinstance(item, np.longdouble):
        return float(item)
    return item if isinstance(item, (str, int, float)) else plain(item)


@plain.register
def _(value: str) -> str:
    return str.__str__(value)


@plain.register
def _(value: int) -> int:
    return int(value)


@plain.register
def _(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


@plain.register
def _(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise TargetError("the model's output holds bytes that are not UTF-8 text") from None


@plain.register
def _(value: Decimal) -> str:
    return str(value)


@plain.register(dict)
def _(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {_key(key): part for key, part in value.items()}


@plain.register(list)
@plain.register(tuple)
@plain.register(set)
@plain.register(frozenset)
def _(value: Any) -> list[Any]:
    return list(value)


@plain.register
def _(value: np.ndarray) -> Any:
    return column(value) if value.ndim == 1 else value.tolist()


@plain.register
def _(value: dt.datetime) -> int | None:
    if is_marked_missing(value):  # NaT is a datetime, too
        return None
    naive = value if value.tzinfo is None else value.astimezone(dt.UTC).replace(tzinfo=None)
    return (naive - _EPOCH) // dt.timedelta(milliseconds=1)


@plain.register
def _(value: dt.date) -> int:
    return (value - _EPOCH.date()).days * 86_400_000


@plain.register
def _(value: dt.timedelta) -> int:
    return value // dt.timedelta(milliseconds=1)


def column(values: Any) -> list[Any]:
    """Return a column of any dtype as Python objects for `dumps`; missing values are None or NaN.

    Args:
        values: (n_rows,) ndarray, Series or Index.
    """
    array = np.asarray(values) if _is_plain(values) else _objects(values)
    if array.dtype.kind in "mM":
        return _milliseconds(array)
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
    listed: list[Any] = array.tolist()
    return listed


def _is_plain(values: Any) -> bool:
    return isinstance(values.dtype, np.dtype)


def _objects(values: Any) -> NDArray[Any]:
    """Return the values of a pandas dtype as numpy holds them best."""
    dtype = values.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        return np.asarray(pd.Series(values).dt.tz_convert("UTC").dt.tz_localize(None))
    if isinstance(dtype, pd.CategoricalDtype):
        inner = pd.Series(values).astype(dtype.categories.dtype)
        return np.asarray(inner) if _is_plain(inner) else _objects(inner)
    if isinstance(dtype, pd.SparseDtype):
        return np.asarray(values)
    return np.asarray(values.astype(object))


def _milliseconds(array: NDArray[Any]) -> list[Any]:
    kind = array.dtype.kind
    whole = array.astype("datetime64[ms]" if kind == "M" else "timedelta64[ms]")
    numbers: list[Any] = whole.astype(np.int64).astype(object).tolist()
    return [None if missing else n for n, missing in zip(numbers, np.isnat(array), strict=True)]
