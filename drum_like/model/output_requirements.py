"""Whether transformed rows are what the model's typeSchema promises.

Source of rules and texts: DRUM 1.18.1, observed. Text and categories are one type to it, and so are
numbers where every numeric column holds whole numbers only.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from drum_like.model.type_schema import Condition, Requirement, TypeSchema
from drum_like.system.lazy import pd

_UNCHECKED = frozenset({"DATE_DURATION", "COUNT_DICT", "GEO"})
"""Types that cannot be recognised from values."""

_TEXT_SHARE = 0.75
_UNIQUE_SHARE = 0.05
_UNIQUE_COUNT = 60

_IMAGES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF")
"""First bytes of JPEG, PNG, GIF, BMP, TIFF (both orders) and WebP."""

_COUNT_RULES: Mapping[Condition, Callable[[int, Collection[int]], bool]] = MappingProxyType(
    {
        Condition.EQUALS: lambda count, wanted: count in wanted,
        Condition.IN: lambda count, wanted: count in wanted,
        Condition.NOT_EQUALS: lambda count, wanted: count not in wanted,
        Condition.NOT_IN: lambda count, wanted: count not in wanted,
        Condition.GREATER_THAN: lambda count, wanted: count > min(wanted),
        Condition.NOT_GREATER_THAN: lambda count, wanted: count <= min(wanted),
        Condition.LESS_THAN: lambda count, wanted: count < min(wanted),
        Condition.NOT_LESS_THAN: lambda count, wanted: count >= min(wanted),
    }
)


def faults(frame: pd.DataFrame, schema: TypeSchema) -> list[str]:
    """Return the faults of transformed rows, in DRUM's words; empty if there are none.

    Args:
        frame: The output of a transform model; sparse columns count as sparse data.
        schema: Its output requirements are checked, its input requirements are not.
    """
    checks = {
        "number_of_columns": _column_count,
        "data_types": _data_types,
        "sparse": _sparseness,
        "contains_missing": _missing,
    }
    found = (checks[requirement.field](frame, requirement) for requirement in schema.outputs)
    return [fault for fault in found if fault is not None]


def _column_count(frame: pd.DataFrame, requirement: Requirement) -> str | None:
    count = frame.shape[1]
    if _COUNT_RULES[requirement.condition](count, requirement.values):
        return None
    several = requirement.condition.takes_list
    wanted = list(requirement.values) if several else requirement.values[0]
    return (
        f"Incorrect number of columns. {count} received. However, the schema dictates that number "
        f"of columns should be {requirement.condition} {wanted}"
    )


def _data_types(frame: pd.DataFrame, requirement: Requirement) -> str | None:
    wanted = sorted(set(requirement.values) - _UNCHECKED)
    if not wanted:
        return None
    types = {_type_of(frame.iloc[:, position]) for position in range(frame.shape[1])}
    alike = {"TXT", "CAT", "NUM"} if _all_whole(frame) else {"TXT", "CAT"}

    def merged(names: Collection[str]) -> set[str]:
        return {"CAT" if name in alike else name for name in names}

    reason = _mismatch(requirement.condition, merged(types), merged(wanted), ", ".join(wanted))
    if reason is None:
        return None
    return f"Datatypes incorrect. Data has types: {', '.join(sorted(types))}, {reason}"


def _mismatch(condition: Condition, types: set[str], wanted: set[str], listed: str) -> str | None:
    """Return the end of the message about types that do not fit, None if they do."""
    if condition is Condition.EQUALS:
        return None if types == wanted else f"but expected types to exactly match: {listed}"
    if condition is Condition.IN:
        return None if types <= wanted else f"which includes values that are not in {listed}."
    if types.isdisjoint(wanted):
        return None
    if condition is Condition.NOT_EQUALS:
        return f"but expected {listed} to NOT be present."
    return f"but expected no types in: {listed} to be present"


def _type_of(column: pd.Series[Any]) -> str:
    if pd.api.types.is_numeric_dtype(column.dtype) or isinstance(column.dtype, pd.SparseDtype):
        return "NUM"
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "DATE"
    values = column.dropna()
    if len(values) and values.map(_is_image).all():
        return "IMG"
    return "TXT" if _is_text(values) else "CAT"


def _is_text(values: pd.Series[Any]) -> bool:
    """Return whether most values hold white space, and enough of them differ."""
    if values.empty:
        return False
    spaced = values.map(lambda value: isinstance(value, str) and len(value.split()) > 1)
    n_unique = values.astype(str).nunique()
    differ = n_unique >= _UNIQUE_COUNT or n_unique / len(values) >= _UNIQUE_SHARE
    return bool(spaced.mean() >= _TEXT_SHARE) and differ


def _is_image(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return base64.b64decode(value, validate=True).startswith(_IMAGES)
    except (binascii.Error, ValueError):
        return False


def _all_whole(frame: pd.DataFrame) -> bool:
    """Return whether no numeric column holds a fraction; True without such columns."""
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        if not pd.api.types.is_float_dtype(column.dtype):
            continue
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        finite = values[np.isfinite(values)]
        if (finite != np.floor(finite)).any():
            return False
    return True


def _sparseness(frame: pd.DataFrame, requirement: Requirement) -> str | None:
    is_sparse = any(isinstance(dtype, pd.SparseDtype) for dtype in frame.dtypes)
    wanted = requirement.values[0]
    if is_sparse and wanted == "NEVER":
        return "Sparse output data found, however value is set to NEVER, expecting dense"
    if not is_sparse and wanted == "ALWAYS":
        return "Dense output data found, however value is set to ALWAYS, expecting sparse"
    return None


def _missing(frame: pd.DataFrame, requirement: Requirement) -> str | None:
    if requirement.values[0] != "NEVER" or not frame.isna().to_numpy().any():
        return None
    return "Output contains missing values, which the supplied task schema does not allow"
