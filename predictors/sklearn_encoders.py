"""Which encoders of a scikit-learn model see columns of the request, and what they know."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline

from drum_like.api import Column, DataType, Schema

from . import sklearn_columns  # relative: type checkers know this package under its folder's name

CATEGORIES_TO_KEEP = 10_000
"""Categories of a column beyond which they are not kept a second time."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """A fitted encoder of categories, or of text.

    Attributes:
        columns: The columns of the model that it reads, by name, or by position without names.
        categories: What it knows of each; empty for text.
        filled: Whether an imputer before it fills gaps.
        refuses_unknown: Whether a category that it does not know is an error.
    """

    columns: Sequence[Any]
    categories: Sequence[NDArray[Any]]
    filled: bool
    refuses_unknown: bool


def with_types(model: Any, schema: Schema | None) -> Schema | None:
    """Return a schema whose encoded columns have the categories or the type they were fitted on."""
    if schema is None or all(column.kind == "number" for column in schema.columns):
        return schema
    names = getattr(model, "feature_names_in_", None)
    columns = range(len(schema.columns)) if names is None else list(names)
    known: dict[str, Column] = {}
    for encoder in encoders(model, columns):
        for at, column in enumerate(encoder.columns):
            known.setdefault(str(column), _column(encoder, at))
    typed = (
        replace(column, categories=found.categories, stored=found.stored)
        if column.kind == "any" and (found := known.get(column.name)) is not None
        else column
        for column in schema.columns
    )
    return replace(schema, columns=tuple(typed))


def _column(encoder: Encoder, at: int) -> Column:
    if not encoder.categories:
        return Column("", "any", stored=DataType.STR)
    values = np.asarray(encoder.categories[at]).tolist()
    present = [value for value in values if value is not None and value == value]  # noqa: PLR0124 - NaN differs from itself
    return Column("", "any", tuple(present[:CATEGORIES_TO_KEEP]))


def encoders(model: Any, columns: Sequence[Any], *, filled: bool = False) -> Iterator[Encoder]:
    """Yield the encoders that see columns of the request, at most imputed."""
    inner = sklearn_columns.inner_model(model)
    if inner is not None:
        yield from encoders(inner, columns, filled=filled)
    elif isinstance(model, Pipeline):
        yield from _in_pipeline(model, columns, filled=filled)
    elif isinstance(model, ColumnTransformer | FeatureUnion):
        for step, part in _branches(model, columns):
            yield from encoders(step, part, filled=filled)
    elif isinstance(model, CountVectorizer | HashingVectorizer):
        yield Encoder(columns, (), filled, refuses_unknown=False)
    elif sklearn_columns.is_trusted(model) and hasattr(model, "handle_unknown"):
        categories = getattr(model, "categories_", ())
        if len(categories) == len(columns):
            yield Encoder(columns, categories, filled, model.handle_unknown == "error")


def _branches(model: Any, columns: Sequence[Any]) -> Iterator[tuple[Any, Sequence[Any]]]:
    """Yield the steps that stand side by side, each with the columns that it reads."""
    if isinstance(model, FeatureUnion):
        yield from ((branch, columns) for _, branch in model.transformer_list)
        return
    for _, step, chosen in model.transformers_:
        part = sklearn_columns.positions_of(chosen, columns, len(columns))
        yield step, [columns[at] for at in part]


def _in_pipeline(model: Pipeline, columns: Sequence[Any], *, filled: bool) -> Iterator[Encoder]:
    for _, step in model.steps:
        yield from encoders(step, columns, filled=filled)
        if not isinstance(step, SimpleImputer):
            return
        filled = True
