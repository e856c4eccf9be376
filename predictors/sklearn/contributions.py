"""Contributions of the columns of a model through its preprocessing, by the sources of each column.

A column that a transformer makes has a source if it is made of one input column alone.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from drum_like.api import Explainer, Frame, Label, Names, Schema, Shares, Target, UnsupportedError

# Relative: type checkers know this package under its folder's name.
from ..estimators import AdditiveModel
from .additive import additive_model
from .steps import is_trusted, positions_of, search_result, split_pipeline

Call = Callable[[Callable[[Any], Any], Frame], Any]
"""Calls a function of rows as the model takes them with those of a frame, and says whose fault a
failure is."""

Sources = tuple[int, ...]
"""For each column that comes out the position of the one column that it is made of."""

_ONE_TO_ONE = (
    MaxAbsScaler,
    MinMaxScaler,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)


def explainer(
    model: Any, schema: Schema | None, target: Target, classes: tuple[Label, ...] | None, call: Call
) -> Explainer:
    """Return the explainer that divides the output of a model among columns.

    Raises:
        UnsupportedError: its last step is no known sum over columns, or its columns are not known.
    """
    whole = search_result(model)
    before, last = split_pipeline(whole)
    found = additive_model(last, target)
    if schema is None:
        raise UnsupportedError("the columns of the model are not known")
    if before is None:
        features = schema.names
        sources: tuple[int, ...] | None = tuple(range(len(features)))
    else:
        features = _names_out(before, last)
        sources = _sources(before, schema, len(features))
    return Explainer(
        features=features,
        sources=sources,
        link=found.link,
        classes=classes,
        tolerance=found.tolerance,
        reference=found.reference,
        explain=lambda frame: call(partial(_contributions, found, before), frame),
    )


def _contributions(found: AdditiveModel, before: Any, rows: Any) -> Shares:
    return found.contributions(rows if before is None else before.transform(rows))


def _names_out(before: Pipeline, last: Any) -> Names:
    """Return the names of the columns that the estimator sees; positions if they are unknown."""
    width = int(last.n_features_in_)
    try:
        names = tuple(map(str, before.get_feature_names_out()))
    except (AttributeError, ValueError):
        names = ()
    return names if len(names) == width else tuple(map(str, range(width)))


def _sources(before: Pipeline, schema: Schema, made: int) -> tuple[int, ...] | None:
    """Return the position in the schema of the one source of each column, None if unknown."""
    first = next(step for _, step in before.steps if step not in (None, "passthrough"))
    names = getattr(first, "feature_names_in_", None)
    n_columns = getattr(first, "n_features_in_", None)
    if n_columns is None:
        return None
    found = sources_of(before, None if names is None else list(names), int(n_columns), made)
    if found is None or names is None:
        return found
    places = {name: at for at, name in enumerate(schema.names)}
    return tuple(places[str(names[at])] for at in found)


def sources_of(step: Any, names: Sequence[str] | None, n_columns: int, made: int) -> Sources | None:
    """Return the one source of each column that a transformer makes.

    Args:
        step: Fitted; "passthrough" and None change nothing.
        names: Of its input columns, None if they have none.
        n_columns: How many these are.
        made: How many columns come out.

    Returns:
        None if a column has several sources, or it is not known.
    """
    found = _find_sources(step, names, n_columns, made)
    return found if found is not None and len(found) == made else None


def _find_sources(
    step: Any, names: Sequence[str] | None, n_columns: int, made: int
) -> Sources | None:
    if step is None or step in ("passthrough", "drop"):
        return () if step == "drop" else tuple(range(n_columns))
    if n_columns == 1:
        # Whatever is done with one column, that is the source.
        return (0,) * made
    if isinstance(step, Pipeline):
        return _of_pipeline(step, names, n_columns, made)
    if isinstance(step, ColumnTransformer):
        return _of_column_transformer(step, names, n_columns)
    return _of_union(step, names, n_columns) if isinstance(step, FeatureUnion) else _of_one(step)


def _of_one(step: Any) -> Sources | None:
    if not is_trusted(step) and not isinstance(step, FunctionTransformer):
        return None
    return next((rule(step) for kind, rule in _RULES if isinstance(step, kind)), None)


def _of_pipeline(
    model: Pipeline, names: Sequence[str] | None, n_columns: int, made: int
) -> Sources | None:
    sources: Sources | None = tuple(range(n_columns))
    steps = [step for _, step in model.steps if step not in (None, "passthrough")]
    for at, step in enumerate(steps):
        width = made if at == len(steps) - 1 else getattr(steps[at + 1], "n_features_in_", None)
        if width is None or sources is None:
            return None
        # Only the first step sees the names that columns are chosen by.
        step_names = names if at == 0 else None
        found = sources_of(step, step_names or _own_names(step), len(sources), int(width))
        sources = None if found is None else tuple(sources[source] for source in found)
    return sources


def _own_names(step: Any) -> Sequence[str] | None:
    names = getattr(step, "feature_names_in_", None)
    return None if names is None else list(names)


def _of_column_transformer(
    model: ColumnTransformer, names: Sequence[str] | None, n_columns: int
) -> Sources | None:
    out: dict[int, int] = {}
    for name, step, columns in model.transformers_:
        place = model.output_indices_.get(name)
        if place is None or place.stop == place.start:
            continue
        chosen = positions_of(columns, names, n_columns)
        part = None if names is None else [names[at] for at in chosen]
        found = sources_of(step, part, len(chosen), place.stop - place.start)
        if found is None:
            return None
        out |= {place.start + at: chosen[source] for at, source in enumerate(found)}
    return tuple(out[at] for at in range(len(out))) if set(out) == {*range(len(out))} else None


def _of_union(model: FeatureUnion, names: Sequence[str] | None, n_columns: int) -> Sources | None:
    out: list[int] = []
    for _, step in model.transformer_list:
        try:
            width = n_columns if isinstance(step, str) else len(step.get_feature_names_out())
        except (AttributeError, ValueError):
            return None
        found = sources_of(step, names, n_columns, 0 if step == "drop" else width)
        if found is None:
            return None
        out += found
    return tuple(out)


def _one_to_one(step: Any) -> Sources:
    return tuple(range(step.n_features_in_))


def _of_function(step: FunctionTransformer) -> Sources | None:
    return _one_to_one(step) if step.func is None else None


def _of_imputer(step: SimpleImputer) -> Sources:
    kept = list(range(step.n_features_in_))
    if not step.keep_empty_features:
        kept = [at for at in kept if not _is_missing(step.statistics_[at])]
    marks = [] if step.indicator_ is None else step.indicator_.features_.tolist()
    return (*kept, *marks)


def _is_missing(value: Any) -> bool:
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _of_one_hot(step: OneHotEncoder) -> Sources:
    out: list[int] = []
    rare = getattr(step, "infrequent_categories_", None) or [None] * len(step.categories_)
    for at, categories in enumerate(step.categories_):
        found = rare[at]
        width = len(categories) - (0 if found is None else len(found) - 1)
        dropped = step.drop_idx_ is not None and step.drop_idx_[at] is not None
        out += [at] * (width - dropped)
    return tuple(out)


def _of_bins(step: KBinsDiscretizer) -> Sources:
    if step.encode == "ordinal":
        return _one_to_one(step)
    return tuple(np.repeat(np.arange(step.n_features_in_), step.n_bins_).tolist())


def _of_selector(step: Any) -> Sources:
    return tuple(step.get_support(indices=True).tolist())


_RULES: tuple[tuple[Any, Callable[[Any], Sources | None]], ...] = (
    (_ONE_TO_ONE, _one_to_one),
    (FunctionTransformer, _of_function),
    (SimpleImputer, _of_imputer),
    (OneHotEncoder, _of_one_hot),
    (KBinsDiscretizer, _of_bins),
    (SelectorMixin, _of_selector),
)
