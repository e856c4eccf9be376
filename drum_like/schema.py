"""The columns that a model knows: names, order, types and categories, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from drum_like.data_type import DataType
from drum_like.errors import ColumnsError
from drum_like.frame import (
    Frame,
    Matrix,
    Names,
    NativeFrame,
    Positions,
    column_of,
    positions,
    width_error,
)
from drum_like.later import pd
from drum_like.numbers import is_number_like, text_to_number
from drum_like.target import Target

Kind = Literal["number", "category", "text", "any"]


@dataclass(frozen=True, slots=True)
class Column:
    """One input of a model.

    Attributes:
        name: As in the training data; a position in text for a model without names.
        kind: "number" is checked cell by cell, "category" is cast to `categories`, "text" is given
            as it was sent, "any" is left to the model.
        categories: The values that a category may have, of one type; for "any" what an encoder was
            fitted on, if that is known; empty for other kinds.
        stored: The type that the artifact or the metadata names, None where they do not.
        example: A value that the model takes, as text; None if nobody gave one.
    """

    name: str
    kind: Kind = "number"
    categories: tuple[Any, ...] = ()
    stored: DataType | None = None
    example: str | None = None

    @property
    def dtype(self) -> DataType:
        """The type to publish: the stored one, else that of the categories, else the kind's."""
        if self.stored is not None:
            return self.stored
        if self.categories:
            return _type_of(self.categories)
        return DataType.FLOAT64 if self.kind == "number" else DataType.STR

    @property
    def is_typed(self) -> bool:
        """Whether `dtype` is known, not a guess."""
        return self.kind != "any" or self.stored is not None or bool(self.categories)

    def described(self) -> dict[str, Any]:
        """Return the column as JSON: `name` and `dataType`, as H2O MLOps writes them."""
        return {"name": self.name, "dataType": self.dtype.value}


@dataclass(frozen=True, slots=True)
class Schema:
    """The inputs of a model in training order.

    Attributes:
        columns: One entry an input.
        named: Whether inputs are matched by name; otherwise by position, and the width must fit.
        unseen_is_missing: Treat a category that training did not see as missing, not as an error.
        absent_is_missing: Whether contracts that allow it fill columns that were not sent.
        names: The names of the columns in training order.
    """

    columns: tuple[Column, ...]
    named: bool = True
    unseen_is_missing: bool = False
    absent_is_missing: bool = False
    names: Names = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the names, which every request asks for."""
        object.__setattr__(self, "names", tuple(column.name for column in self.columns))

    def as_known(self, names: Names) -> Names:
        """Return names of a payload as the model spells them; a model may forgive spellings."""
        return names

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
        return _ConformedFrame(frame, self, chosen)


def output_columns(target: Target) -> tuple[Column, ...]:
    """Return the columns that contracts publish as a model's output."""
    number = target.type.is_classification or target.type.is_numeric
    stored = DataType.FLOAT64 if number else DataType.STR
    return tuple(Column(name, "any", stored=stored) for name in target.outputs)


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

    def _numbers(self, chosen: Positions | None) -> Matrix:
        # The source has seen to negative zeros.
        return self._to_matrix(chosen)

    def _to_matrix(self, chosen: Positions | None) -> Matrix:
        names = self.columns
        if chosen is None and self._chosen is None:  # the columns as sent: no names to compare
            return self._source.matrix()
        if names is not None and chosen is not None:
            names = tuple(names[at] for at in chosen)
        return self._source.matrix(names)

    def _to_pandas(self) -> pd.DataFrame:
        source = self._source.pandas
        data = source if self._chosen is None else source.iloc[:, list(self._chosen)]
        if self._schema.named and not data.columns.equals(pd.Index(self._schema.names)):
            data = data.set_axis(list(self._schema.names), axis="columns")
        for position, (column, dtype) in enumerate(
            zip(self._schema.columns, data.dtypes, strict=False)
        ):
            if column.kind == "number" and not _is_numeric(dtype):
                self._check_numbers(data, position)
        return self._with_categories(data)

    def _check_numbers(self, data: pd.DataFrame, position: int) -> None:
        """Refuse a column that is not numbers; a hook's own may also be text or Decimals of them.

        Raises:
            ColumnsError: a cell is no number; names it.
        """
        if isinstance(self._source, NativeFrame):
            cells = data.iloc[:, position].astype(object)
            if all(is_number_like(cell) for cell in cells):
                return
        column_of(data, position)

    def _with_categories(self, data: pd.DataFrame) -> pd.DataFrame:
        casts = {
            position: self._cast(position, column, data.iloc[:, position])
            for position, column in enumerate(self._schema.columns)
            if column.kind in ("category", "text")
        }
        if not casts:
            return data
        names = data.columns
        parts = {p: casts.get(p, data.iloc[:, p]) for p in range(data.shape[1])}
        return pd.DataFrame(parts, index=data.index).set_axis(names, axis="columns")

    def _cast(self, position: int, column: Column, values: pd.Series[Any]) -> pd.Series[Any]:
        at = position if self._chosen is None else self._chosen[position]
        if column.kind == "text":
            return self._source.text(at)
        texts = all(isinstance(category, str) for category in column.categories)
        comparable = self._source.text(at) if texts else values.map(_comparable)
        return _categories(comparable, column, missing=self._schema.unseen_is_missing)


def _type_of(values: Sequence[Any]) -> DataType:
    """Return the type of a column that holds one of these values; missing ones do not count."""
    kinds = {type(value) for value in values if value is not None and value == value}  # noqa: PLR0124 - NaN differs from itself
    if kinds == {bool}:
        return DataType.BOOL
    if kinds == {int}:
        return DataType.INT64
    return DataType.FLOAT64 if kinds and kinds <= {int, float} else DataType.STR


def _is_numeric(dtype: Any) -> bool:
    return bool(pd.api.types.is_numeric_dtype(dtype))


def _categories(values: pd.Series[Any], column: Column, *, missing: bool) -> pd.Series[Any]:
    """Return values as the model's categories; missing stays missing."""
    known = values.where(values.isin(column.categories))
    cast = known.astype(pd.CategoricalDtype(list(column.categories)))
    unseen = cast.isna().to_numpy() & ~values.isna().to_numpy()
    if unseen.any() and not missing:
        raise ColumnsError(
            f"column {column.name[:100]!r} holds in row {int(np.argmax(unseen)) + 1} a category "
            f"that the model was not trained on (it knows {len(column.categories)}); set "
            "unseen_categories: missing in model-metadata.yaml to treat such cells as missing"
        )
    return cast


def _comparable(value: Any) -> Any:
    """Return what a cell of a column of numeric categories is: one word makes all cells text."""
    number = text_to_number(value) if isinstance(value, str) else None
    return value if number is None else number
