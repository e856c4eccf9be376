"""The categories that a booster stores: from cells to codes, also where XGBoost cut the names."""

import csv
import io
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from .names import MENDED, Reading, Version, position, readings, told_apart

logger = logging.getLogger(__name__)

_VERSION = re.compile(rb'"version"\s*:\s*\[\s*(\d+)\s*,\s*(\d+)')
_VERSION_UBJ = re.compile(rb"version\[#L\x00{7}\x03i(.)i(.)", re.DOTALL)
_ENDS = 256
"""Bytes at both ends of a file among which its version is."""

_RETRAIN = "train it again with XGBoost 3.4 or later, or with names of plain ASCII letters"


@dataclass(frozen=True, slots=True)
class CutSchema(Schema):
    """Schema with columns whose category names XGBoost has cut.

    Attributes:
        cut: The positions of those columns, and what their stored names can mean. Their cells are
            read as text.
    """

    cut: tuple[tuple[int, tuple[Reading, ...]], ...] = ()

    def conform(self, frame: Frame) -> Frame:
        """Return the rows with the model's columns, cells of cut names as categories.

        Raises:
            ColumnsError: as Schema.
        """
        return _RecognisedFrame(Schema.conform(self, frame), self)


class _RecognisedFrame(Frame):
    """Rows whose cells of text have become categories."""

    def __init__(self, source: Frame, schema: CutSchema) -> None:
        self._source = source
        self._schema = schema

    @property
    def n_rows(self) -> int:
        return self._source.n_rows

    @property
    def columns(self) -> Names | None:
        return self._source.columns

    @property
    def n_columns(self) -> int:
        return self._source.n_columns

    def _to_pandas(self) -> pd.DataFrame:
        data = self._source.pandas
        parts = {at: data.iloc[:, at] for at in range(data.shape[1])}
        for at, found in self._schema.cut:
            parts[at] = self._recognised(at, found)
        return pd.DataFrame(parts, index=data.index).set_axis(data.columns, axis="columns")

    def _recognised(self, at: int, found: tuple[Reading, ...]) -> Any:
        cells = self._source.pandas.iloc[:, at].astype(object)
        missing = cells.isna()
        known = {text: position(str(text), found) for text in cells[~missing].unique()}
        codes = np.array(
            [-1 if gone else known[cell] for cell, gone in zip(cells, missing, strict=True)],
            dtype=object,
        )
        unseen = np.array([code is None for code in codes], dtype=bool)
        if unseen.any() and not self._schema.unseen_is_missing:
            row = int(np.argmax(unseen))
            raise ColumnsError(
                f"column {self._schema.names[at][:100]!r} holds in row {row + 1} a category that "
                f"the model was not trained on (it knows {len(found[0].names)}); set "
                "unseen_categories: missing in model-metadata.yaml to treat such cells as missing",
                row,
            )
        codes[unseen] = -1
        names = pd.Index([name.text for name in found[-1].names])
        return pd.Series(pd.Categorical.from_codes(codes.astype(np.int64), names), cells.index)


def with_categories(schema: Schema, booster: xgb.Booster, version: Version) -> Schema:
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
        found = _text(values, version or _installed()) if _is_text(values) else None
        if found is None:
            columns[at] = Column(name, "category", tuple(values.to_pylist()))
        elif len(found) == 1 and found[0].whole:
            columns[at] = Column(name, "category", tuple(n.text for n in found[0].names))
        else:
            columns[at] = Column(name, "text")
            cut[at] = _checked(name, found)
    if not cut:
        return Schema(tuple(columns), named=schema.named)
    return CutSchema(tuple(columns), named=schema.named, cut=tuple(cut.items()))


def positions(schema: Schema) -> tuple[int, ...]:
    """Return which columns become codes."""
    cut = {at for at, _ in schema.cut} if isinstance(schema, CutSchema) else set()
    return tuple(
        at for at, column in enumerate(schema.columns) if column.kind == "category" or at in cut
    )


def coded(data: pd.DataFrame, categorical: Sequence[int]) -> Matrix:
    """Return rows as (n_rows, n_columns) float64: codes of categories, NaN for missing ones."""
    out = np.empty(data.shape, dtype=np.float64)
    for at in range(data.shape[1]):
        if at in categorical:
            codes = data.iloc[:, at].cat.codes.to_numpy(dtype=np.float64)
            out[:, at] = np.where(codes < 0, np.nan, codes)
        else:
            out[:, at] = NativeFrame(data.iloc[:, [at]]).matrix()[:, 0]
    return out


def infinite_cell(matrix: Matrix, names: Names) -> ColumnsError | None:
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
    )


def version_in(path: Path) -> Version:
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


def _is_text(values: Any) -> bool:
    return str(values.type) in ("string", "large_string")


def _text(values: Any, version: Version) -> tuple[Reading, ...]:
    _, places, letters = values.buffers()
    width = np.int32 if str(values.type) == "string" else np.int64
    ends = np.frombuffer(places, width)[values.offset : values.offset + len(values) + 1]
    offsets = [int(end) for end in ends - ends[0]]
    data = b"" if letters is None else letters.to_pybytes()
    return readings(offsets, data[int(ends[0]) : int(ends[-1])], version)


def _installed() -> Version:
    return tuple(int(part) for part in re.findall(r"\d+", xgb.__version__)[:2])


def _mean_missing(names: list[str]) -> bool:
    """Return whether cells of text would lose one of these names: NA is a missing value there."""
    lines = pd.Series(names).to_csv(index=False, header=False, quoting=csv.QUOTE_ALL)
    read = pd.read_csv(io.StringIO(lines), header=None, dtype=str, skip_blank_lines=False)
    return bool(read[0].isna().any())


def _checked(name: str, found: tuple[Reading, ...]) -> tuple[Reading, ...]:
    """Return the readings of names if every cell of the training still identifies its category."""
    said = f"XGBoost {MENDED[0]}.1 to 3.3 cut names of categories that are not ASCII, and"
    names = [entry.text for reading in found for entry in reading.names]
    if not found or _mean_missing(names) or not told_apart(found):
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
