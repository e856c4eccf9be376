"""Category columns of a booster: the categories that it stores, and rows with their codes."""

import csv
import io
import logging
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray

from drum_like.api import (
    ArtifactError,
    Column,
    ColumnsError,
    Frame,
    Matrix,
    Names,
    NativeFrame,
    Schema,
)

# Relative: type checkers know this package under its folder's name.
from .names import FIXED_IN, CutSchema, Reading, Version, are_distinct, decode_names

logger = logging.getLogger(__name__)
_VERSION = re.compile(rb'"version"\s*:\s*\[\s*(\d+)\s*,\s*(\d+)')
_VERSION_UBJ = re.compile(rb"version\[#L\x00{7}\x03i(.)i(.)", re.DOTALL)

_ENDS = 256
"""Bytes at both ends of a file among which its version is."""

_RETRAIN = "train it again with XGBoost 3.4 or later, or with names of plain ASCII letters"
_MOST_NAMES = 10


class BoosterRows:
    """Gives a booster its rows as a matrix, in which categories are their codes."""

    def __init__(self, booster: xgb.Booster, schema: Schema) -> None:
        self._names = booster.feature_names
        self._types = booster.feature_types
        self.schema = schema
        self.categories = coded_columns(schema)

    def matrix(self, frame: Frame) -> Matrix:
        """Return (n_rows, n_columns) float64, NaN for missing values and missing categories."""
        if not self.categories:
            return frame.matrix()
        return _encode(frame.pandas, self.categories)

    def dmatrix(self, frame: Frame, missing: float = math.nan) -> xgb.DMatrix:
        """Return the rows for methods that do not work in place.

        Raises:
            ColumnsError: a cell is infinite, or is in float32; XGBoost does not take that here.
        """
        matrix = self.matrix(frame)
        try:
            return xgb.DMatrix(
                matrix, missing=missing, feature_names=self._names, feature_types=self._types
            )
        except xgb.core.XGBoostError as error:
            raise infinite_cell_error(matrix, self.schema.names) or error from error

    def named(self, frame: Frame) -> pd.DataFrame:
        """Return the rows as numbers under their names."""
        return pd.DataFrame(self.matrix(frame), columns=list(frame.columns or self.schema.names))

    def as_trained(self, frame: Frame) -> pd.DataFrame:
        """Return the rows with their categories, as an estimator was trained with them."""
        return frame.pandas


def add_categories(schema: Schema, booster: xgb.Booster, version: Version) -> Schema:
    """Return a booster's columns with the categories that it stores, as XGBoost does since 3.1.

    Args:
        schema: The columns without.
        booster: Stores them.
        version: The version of XGBoost that saved the booster, empty for the installed one.

    Raises:
        ArtifactError: XGBoost cut names so that they cannot be told apart.
    """
    stored = _stored(booster)
    columns = list(schema.columns)
    cut = {}
    for at, values in stored.items():
        name = columns[at].name
        found = (
            _stored_names(values, version or _installed_version()) if _holds_text(values) else None
        )
        if found is None:
            columns[at] = Column(name, "category", tuple(values.to_pylist()))
        elif len(found) == 1 and found[0].whole:
            columns[at] = Column(name, "category", tuple(n.text for n in found[0].names))
        else:
            columns[at] = Column(name, "text")
            cut[at] = _check_names(name, found)
    if not cut:
        return Schema(tuple(columns), named=schema.named)
    return CutSchema(tuple(columns), named=schema.named, cut=tuple(cut.items()))


def coded_columns(schema: Schema) -> tuple[int, ...]:
    """Return which columns become codes."""
    cut = {at for at, _ in schema.cut} if isinstance(schema, CutSchema) else set()
    return tuple(
        at for at, column in enumerate(schema.columns) if column.kind == "category" or at in cut
    )


def _encode(data: pd.DataFrame, categorical: Sequence[int]) -> Matrix:
    """Return rows as (n_rows, n_columns) float64: codes of categories, NaN for missing ones."""
    out = np.empty(data.shape, dtype=np.float64)
    for at in range(data.shape[1]):
        if at in categorical:
            codes = data.iloc[:, at].cat.codes.to_numpy(dtype=np.float64)
            out[:, at] = np.where(codes < 0, np.nan, codes)
        else:
            out[:, at] = NativeFrame(data.iloc[:, [at]]).matrix()[:, 0]
    return out


def infinite_cell_error(matrix: Matrix, names: Names) -> ColumnsError | None:
    """Return the error for rows that hold an infinite number, None if no row does."""
    with np.errstate(over="ignore"):
        infinite: NDArray[np.bool_] = np.isinf(matrix.astype(np.float32))
    if not infinite.any():
        return None
    row, column = (int(at) for at in np.argwhere(infinite)[0])
    return ColumnsError(
        f"column {names[column][:100]!r} holds in row {row + 1} a number that is infinite, or too "
        "large for the model",
        row,
        names[column],
    )


def read_version(path: Path) -> Version:
    """Return the version of XGBoost that saved a file, empty if the file does not name it."""
    with path.open("rb") as file:
        head = file.read(_ENDS)
        file.seek(max(0, path.stat().st_size - _ENDS))
        tail = file.read()
    for part in (tail, head):
        if match := _VERSION.search(part):
            return (int(match[1]), int(match[2]))
        if match := _VERSION_UBJ.search(part):
            return (match[1][0], match[2][0])
    return ()


def _stored(booster: xgb.Booster) -> Mapping[int, Any]:
    if not hasattr(booster, "get_categories") or "c" not in (booster.feature_types or ()):
        return {}
    stored = booster.get_categories(export_to_arrow=True)
    if stored.empty():
        return {}
    return {at: values for at, (_, values) in enumerate(stored.to_arrow()) if values is not None}


def _holds_text(values: Any) -> bool:
    return str(values.type) in ("string", "large_string")


def _stored_names(values: Any, version: Version) -> tuple[Reading, ...]:
    _, places, letters = values.buffers()
    width = np.int32 if str(values.type) == "string" else np.int64
    ends = np.frombuffer(places, width)[values.offset : values.offset + len(values) + 1]
    offsets = [int(end) for end in ends - ends[0]]
    data = b"" if letters is None else letters.to_pybytes()
    return decode_names(offsets, data[int(ends[0]) : int(ends[-1])], version)


def _installed_version() -> Version:
    return tuple(int(part) for part in re.findall(r"\d+", xgb.__version__)[:2])


def _any_means_missing(names: list[str]) -> bool:
    """Return whether cells of text would lose one of these names: NA is a missing value there."""
    lines = pd.Series(names).to_csv(index=False, header=False, quoting=csv.QUOTE_ALL)
    read = pd.read_csv(io.StringIO(lines), header=None, dtype=str, skip_blank_lines=False)
    return bool(read[0].isna().any())


def _check_names(name: str, found: tuple[Reading, ...]) -> tuple[Reading, ...]:
    """Return the readings of names if every cell of the training still identifies its category."""
    said = f"XGBoost {FIXED_IN[0]}.1 to 3.3 cut names of categories that are not ASCII, and"
    names = [entry.text for reading in found for entry in reading.names]
    if not found or _any_means_missing(names) or not are_distinct(found):
        raise ArtifactError(
            f"{said} those of column {name[:100]!r} cannot be told apart any more in this model: "
            f"{_RETRAIN}"
        )
    lost = sum(not entry.whole for entry in found[-1].names)
    logger.warning(
        "%s so it did in column %r of this model: the end of %d of %d names is lost. Cells are "
        "recognised by their length and by the letters that are left; %s",
        said,
        name[:100],
        lost,
        len(found[-1].names),
        _RETRAIN,
    )
    return found


def warn_about_codes(schema: Schema, kinds: Sequence[str]) -> None:
    """Say which columns hold codes.

    Args:
        schema: The columns with the categories that are known.
        kinds: XGBoost's types of the columns; "c" is a category.
    """
    bare = [
        column.name[:100]
        for column, kind in zip(schema.columns, kinds, strict=False)
        if kind == "c" and column.kind == "number"
    ]
    if bare:
        logger.warning(
            "the XGBoost model does not hold the categories of %s: XGBoost before 3.1 stores none, "
            "and slices of a booster lose them. Cells there are codes: 0, 1, 2 and so on, in the "
            "order of the training's categories. To send the categories themselves, save the whole "
            "model with XGBoost 3.1 or later",
            ", ".join(map(repr, bare[:_MOST_NAMES])),
            extra={"code": "codes"},
        )
