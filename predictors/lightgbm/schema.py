"""The columns of a LightGBM model: their names, their categories, and rows with category codes."""

import re
from collections.abc import Sequence
from typing import Any

import lightgbm as lgb
import numpy as np

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

Stored = Sequence[Sequence[Any]]
"""The values of the categories in the order of their columns, which are not named."""

_ONE_KIND = (
    "train with pandas categories only and categorical_feature left to 'auto', or with integer "
    "codes only, or implement the score hook"
)


def schema_of(booster: lgb.Booster, text: str) -> Schema:
    """Return the columns of a booster, by its object and its model as text."""
    names = booster.feature_name()
    named = names != [f"Column_{position}" for position in range(len(names))]
    categories = _categories_of(booster.pandas_categorical or [], text)
    columns = tuple(
        Column(name, "category", categories[position]) if position in categories else Column(name)
        for position, name in enumerate(names)
    )
    return UnderscoreSchema(columns) if named else Schema(columns, named=False)


class UnderscoreSchema(Schema):
    """Columns that may also be sent under the names that they had before LightGBM changed them."""

    __slots__ = ()

    def as_known(self, names: Names) -> Names:
        """Return names with the model's `a_b` for `a b`.

        Raises:
            ColumnsError: two names stand for the same column.
        """
        return names if set(self.names) <= set(names) else _with_underscores(names, self.names)


def _with_underscores(names: Names, wanted: Names) -> Names:
    """Return the payload's names with those of the model where blanks make the difference."""
    missing = set(wanted) - set(names)
    renamed: dict[str, str] = {}
    for name in dict.fromkeys(names):
        short = name.replace(" ", "_")
        if short not in missing or short == name:
            continue
        if short in renamed.values():
            other = next(old for old, new in renamed.items() if new == short)
            raise ColumnsError(
                f"columns {other[:100]!r} and {name[:100]!r} both stand for the model's "
                f"{short[:100]!r}; send one of them"
            )
        renamed[name] = short
    return tuple(renamed.get(name, name) for name in names)


class BoosterRows:
    """Gives LightGBM the matrix that it would make of a DataFrame itself."""

    def __init__(self, schema: Schema) -> None:
        self._columns = schema.columns
        self._have_categories = any(column.kind == "category" for column in schema.columns)

    def matrix(self, frame: Frame) -> Matrix:
        """Return (n_rows, n_columns) float64, NaN for missing values and missing categories."""
        if not self._have_categories:
            return frame.matrix()
        data = frame.pandas
        out = np.empty(data.shape, dtype=np.float64)
        for position, column in enumerate(self._columns):
            if column.kind == "category":
                codes = data.iloc[:, position].cat.codes.to_numpy(dtype=np.float64)
                out[:, position] = np.where(codes < 0, np.nan, codes)
            else:
                out[:, position] = NativeFrame(data.iloc[:, [position]]).matrix()[:, 0]
        return out


def _categories_of(stored: Stored, text: str) -> dict[int, tuple[Any, ...]]:
    """Return the categories of the columns that were pandas categories in training.

    The model lists their values in column order and, apart from that, which columns are
    categorical: integer columns among them, and pandas categories with an order not. Those are
    codes that count as numbers.

    Raises:
        ArtifactError: integer and pandas categories cannot be told apart, several columns of
            numbers could be the categories with an order, or the categories stored are those of
            a column that is not marked.
    """
    if not stored:
        return {}
    match = re.search(r"^\[categorical_feature: ([\d,]*)\]$", text, re.MULTILINE)
    marked = [int(part) for part in match[1].split(",") if part] if match else []
    infos = re.search(r"^feature_infos=(.*)$", text, re.MULTILINE)
    columns = infos[1].split(" ") if infos else []
    if len(marked) < len(stored):
        return _with_ordered(stored, marked, columns)
    if len(marked) > len(stored):
        raise _ambiguous_error(stored, marked)
    _check_codes(stored, marked, columns)
    return dict(zip(marked, map(tuple, stored), strict=True))


def _with_ordered(
    stored: Stored, marked: Sequence[int], columns: Sequence[str]
) -> dict[int, tuple[Any, ...]]:
    found = _placements(stored, frozenset(marked), columns)
    if len(found) > 1:
        raise ArtifactError(
            f"the LightGBM model stores the values of {len(stored)} pandas categories but marks "
            f"{len(marked)} columns as categorical: the others have an order, and several columns "
            "of small whole numbers or truth values could be theirs; train with categories without "
            "an order (cat.as_unordered()), or implement the score hook"
        )
    if not found:
        raise _ambiguous_error(stored, marked)
    return dict(zip(found[0], map(tuple, stored), strict=True))


def _placements(
    stored: Stored, marked: frozenset[int], columns: Sequence[str]
) -> list[tuple[int, ...]]:
    """Return the columns that the stored categories can be of, at most two ways of that."""
    ways: dict[int, list[tuple[int, ...]]] = {0: [()]}
    for at, info in enumerate(columns):
        longer: dict[int, list[tuple[int, ...]]] = {}
        for used, found in ways.items():
            if used < len(stored) and _may_hold(info, len(stored[used]), is_marked=at in marked):
                longer.setdefault(used + 1, []).extend((*places, at) for places in found)
            if at not in marked:
                longer.setdefault(used, []).extend(found)
        ways = {used: found[:2] for used, found in longer.items()}
    return ways.get(len(stored), [])


def _may_hold(info: str, n_categories: int, *, is_marked: bool) -> bool:
    """Whether the known values of a column in training go with a number of categories."""
    if is_marked:
        return max(_codes(info), default=-1) < n_categories
    span = re.fullmatch(r"\[(\d+):(\d+)\]", info)
    return info == "none" or (span is not None and int(span[2]) < n_categories)


def _check_codes(stored: Stored, marked: Sequence[int], columns: Sequence[str]) -> None:
    for position, categories in zip(marked, stored, strict=True):
        if columns and max(_codes(columns[position]), default=-1) >= len(categories):
            raise ArtifactError(
                f"the LightGBM model marks column {position + 1} as categorical, but its codes are "
                f"not those of the pandas categories stored ({len(categories)} values); {_ONE_KIND}"
            )


def _ambiguous_error(stored: Stored, marked: Sequence[int]) -> ArtifactError:
    return ArtifactError(
        f"the LightGBM model stores the values of {len(stored)} pandas categories but marks "
        f"{len(marked)} columns as categorical; {_ONE_KIND}"
    )


def _codes(info: str) -> list[int]:
    """Return the codes that a categorical column had in training, -1 for missing cells.

    Empty for a column of numbers, `[low:high]`, and for one without use, `none`.
    """
    return [int(part) for part in info.split(":")] if re.fullmatch(r"[-\d:]+", info) else []
