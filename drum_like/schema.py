"""The columns that a model knows: names, order, types and categories, in one place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from drum_like.errors import ColumnsError
from drum_like.frame import Frame, Matrix, Names, Positions, column_of, positions, width_error

Kind = Literal["number", "category", "any"]


@dataclass(frozen=True, slots=True)
class Column:
    """One input of a model.

    Attributes:
        name: As in the training data; a position in text for a model without names.
        kind: "number" is checked cell by cell, "category" is cast to `categories`, "any" is left
            to the model.
        categories: The values that a category may have, of one type; empty for other kinds.
    """

    name: str
    kind: Kind = "number"
    categories: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """The inputs of a model in training order.

    Attributes:
        columns: One entry an input.
        named: Whether inputs are matched by name; otherwise by position, and the width must fit.
        unseen_is_missing: Treat a category that training did not see as missing, not as an error.
    """

    columns: tuple[Column, ...]
    named: bool = True
    unseen_is_missing: bool = False

    @property
    def names(self) -> Names:
        """The names of the columns in training order."""
        return tuple(column.name for column in self.columns)

    def conform(self, frame: Frame) -> Frame:
        """Return the frame's rows with exactly the model's columns, in the model's order.

        Extra columns are left out. Types are checked when a layout is asked for.

        Raises:
            ColumnsError: a column is missing, or the width of a nameless model does not fit.
        """
        if self.named:
            chosen = positions(frame, self.names)
        elif frame.n_columns != len(self.columns):
            raise width_error(len(self.columns), frame.n_columns)
        else:
            chosen = None
        if chosen == list(range(frame.n_columns)):
            chosen = None
        return _ConformedFrame(frame, self, chosen)


class _ConformedFrame(Frame):
    """A frame seen through a schema."""

    def __init__(self, source: Frame, schema: Schema, chosen: Sequence[int] | None) -> None:
        self._source = source
        self._schema = schema
        self._chosen = chosen

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self._source.n_rows

    @property
    def columns(self) -> Names | None:
        """The model's names; those of the source where the model has none."""
        return self._schema.names if self._schema.named else self._source.columns

    @property
    def n_columns(self) -> int:
        """Number of columns that the model takes."""
        return len(self._schema.columns)

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        names = self.columns
        if names is not None and chosen is not None:
            names = tuple(names[at] for at in chosen)
        return self._source.matrix(names)

    def _to_pandas(self) -> pd.DataFrame:
        source = self._source.pandas
        data = source if self._chosen is None else source.iloc[:, list(self._chosen)]
        if self._schema.named and not data.columns.equals(pd.Index(self._schema.names)):
            data = data.set_axis(list(self._schema.names), axis="columns")
        for position, column in enumerate(self._schema.columns):
            if column.kind == "number" and not _is_numeric(data.dtypes.iloc[position]):
                column_of(data, position)
        return self._with_categories(data)

    def _with_categories(self, data: pd.DataFrame) -> pd.DataFrame:
        casts = {
            position: _cast(data.iloc[:, position], column, missing=self._schema.unseen_is_missing)
            for position, column in enumerate(self._schema.columns)
            if column.kind == "category"
        }
        if not casts:
            return data
        names = data.columns
        parts = {p: casts.get(p, data.iloc[:, p]) for p in range(data.shape[1])}
        return pd.DataFrame(parts, index=data.index).set_axis(names, axis="columns")


def _is_numeric(dtype: Any) -> bool:
    return bool(pd.api.types.is_numeric_dtype(dtype))


def _cast(values: "pd.Series[Any]", column: Column, *, missing: bool) -> "pd.Series[Any]":
    """Return values as the model's categories; missing stays missing."""
    comparable = _as_text(values) if _all_text(column.categories) else values
    known = comparable.where(comparable.isin(column.categories))
    cast = known.astype(pd.CategoricalDtype(list(column.categories)))
    unseen = cast.isna().to_numpy() & ~values.isna().to_numpy()
    if unseen.any() and not missing:
        raise ColumnsError(
            f"column {column.name[:100]!r} holds in row {int(np.argmax(unseen)) + 1} a category "
            f"that the model was not trained on (it knows {len(column.categories)}); set "
            "unseen_categories: missing in model-metadata.yaml to treat such cells as missing"
        )
    return cast


def _all_text(categories: Sequence[Any]) -> bool:
    return all(isinstance(category, str) for category in categories)


def _as_text(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return numbers as the text they had in training: 3, not 3.0 beside a missing cell."""
    if pd.api.types.is_object_dtype(values.dtype) or pd.api.types.is_string_dtype(values.dtype):
        return values
    return values.astype(object).map(_text, na_action="ignore")


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
