"""The types of columns that a model of scikit-learn hands on to XGBoost or LightGBM as they are.

Searches, votes and pipelines without preprocessing hand on all columns, a column transformer hands
on some. What the booster knows of a column, its categories above all, then holds for what is sent.
"""

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from drum_like.api import Column, Schema

# Relative: type checkers know this package under its folder's name.
from .columns import first_model, inner_model, passed_through
from .sources import sources_of

_TELLING = {"xgboost": "XGBoostPredictor", "lightgbm": "LightGBMPredictor"}


def predictor_of(model: Any) -> Any:
    """Return the predictor that knows an estimator of XGBoost or LightGBM, None for any other."""
    package = type(model).__module__.partition(".")[0]
    if package not in _TELLING:
        return None
    # By name: predictors do not import each other, and most models need neither.
    module = import_module(f"..{package}", __package__)
    return getattr(module, _TELLING[package])(model)


def with_boosters(model: Any, schema: Schema | None) -> Schema | None:
    """Return a schema whose columns have the types under which a booster gets them."""
    if schema is None or not schema.named:
        return schema
    told = _schema_of(first_model(model))
    if told is not None and told.named and len(told.columns) == len(schema.columns):
        pairs = zip(schema.columns, told.columns, strict=True)
        return replace(told, columns=tuple(replace(new, name=old.name) for old, new in pairs))
    handed = dict(_handed_on(model))
    columns = tuple(
        replace(handed[column.name], name=column.name) if column.name in handed else column
        for column in schema.columns
    )
    return replace(schema, columns=columns)


def _schema_of(model: Any) -> Schema | None:
    predictor = predictor_of(model)
    return None if predictor is None else predictor.schema


def _handed_on(model: Any) -> Iterator[tuple[str, Column]]:
    """Yield the columns that a column transformer hands on to a booster behind it, by name."""
    while inner_model(model) is not None:
        model = inner_model(model)
    if not isinstance(model, Pipeline) or not isinstance(model.steps[0][1], ColumnTransformer):
        return
    before = model.steps[0][1]
    names = getattr(before, "feature_names_in_", None)
    told = _schema_of(model.steps[-1][1]) if len(model.steps) == 2 else None
    if told is None or names is None:
        return
    sources = sources_of(before, list(names), len(names), len(told.columns)) or ()
    untouched = passed_through(before, names)
    for source, column in zip(sources, told.columns, strict=False):
        if source in untouched:
            yield str(names[source]), column
