"""Contributions of the columns of a fitted model of scikit-learn, through its preprocessing."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline

from drum_like.api import (
    Explainer,
    Frame,
    Label,
    Names,
    Schema,
    Shares,
    Target,
    UnsupportedError,
)

# Relative: type checkers know this package under its folder's name.
from .._shared.additive import Additive
from .additive import additive
from .sources import sources_of

Call = Callable[[Callable[[Any], Any], Frame], Any]
"""Calls a function of rows as the model takes them with those of a frame, and says whose fault a
failure is."""


def explainer(
    model: Any, schema: Schema | None, target: Target, classes: tuple[Label, ...] | None, call: Call
) -> Explainer:
    """Return the explainer that divides the output of a model among columns.

    Raises:
        UnsupportedError: its last step is no known sum over columns, or its columns are not known.
    """
    whole = _unwrapped(model)
    before, last = _cut(whole)
    found = additive(last, target)
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
        explain=lambda frame: call(partial(_divided, found, before), frame),
    )


def _divided(found: Additive, before: Any, rows: Any) -> Shares:
    return found.divide(rows if before is None else before.transform(rows))


def _unwrapped(model: Any) -> Any:
    """Return the best estimator of a search, or the model itself."""
    if type(model) in (GridSearchCV, RandomizedSearchCV):
        return _unwrapped(model.best_estimator_)
    return model


def _cut(model: Any) -> tuple[Any, Any]:
    """Return the preprocessing, None without one, and the estimator."""
    if type(model) is not Pipeline:
        return None, model
    inner, last = model[:-1], model.steps[-1][1]
    if type(last) is Pipeline:
        raise UnsupportedError("a pipeline within a pipeline is not divided")
    steps = [step for _, step in inner.steps if step not in (None, "passthrough")]
    return (inner if steps else None), last


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
