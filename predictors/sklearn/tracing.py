"""The columns of a request on their way through a fitted scikit-learn model.

A step gets a column as it was sent where those before it pass its cells on: steps for other
columns, selectors, and imputers, which fill gaps only. Columns are followed by position, so the
names that a step gives to its output do not matter.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

# Relative: type checkers know this package under its folder's name.
from .steps import (
    changes_nothing,
    chosen_columns,
    inner_model,
    input_teller,
    is_framework_only,
    is_trusted,
    positions_of,
    unfreeze,
    width_of,
)


@dataclass(frozen=True, slots=True)
class Imputation:
    """The filling of gaps that a column passes on its way to a step.

    Attributes:
        mark: The imputer's mark for a missing cell.
        fill: The value that it fills in.
    """

    mark: Any
    fill: Any


@dataclass(frozen=True, slots=True)
class Passed:
    """A column of the request that a step gets as it was sent, at most imputed.

    Attributes:
        column: Its name, or its position without names.
        imputed: The first imputer that it has passed, None without one.
    """

    column: Any
    imputed: Imputation | None = None


Columns = Sequence[Passed | None]
"""The columns that a step gets; None for one that another step has made."""


@dataclass(frozen=True, slots=True)
class TracedStep:
    """A step and the columns that it gets.

    Attributes:
        step: The fitted estimator.
        columns: Its input.
        has_own_code_behind: Whether code of a user's own sees what comes out of it.
    """

    step: Any
    columns: Columns
    has_own_code_behind: bool = False


def trace_steps(model: Any) -> Iterator[TracedStep]:
    """Yield the estimators that get columns of the request, however deep they are."""
    teller = input_teller(model)
    names = getattr(teller, "feature_names_in_", None)
    known = range(width_of(teller) or 0) if names is None else names
    return _trace(model, [Passed(column) for column in known])


def _trace(
    model: Any, columns: Columns, *, has_own_code_behind: bool = False
) -> Iterator[TracedStep]:
    model = unfreeze(model)
    if changes_nothing(model) or not any(columns):
        return
    if isinstance(model, Pipeline):
        for at, (step, part) in enumerate(steps_of(model, columns)):
            own = has_own_code_behind or not all(_is_known(one) for _, one in model.steps[at + 1 :])
            yield from _trace(step, part, has_own_code_behind=own)
        return
    if not isinstance(model, ColumnTransformer | FeatureUnion):
        yield TracedStep(model, columns, has_own_code_behind)
    for step, part in _inside(model, columns):
        yield from _trace(step, part, has_own_code_behind=has_own_code_behind)


def _inside(model: Any, columns: Columns) -> Iterator[tuple[Any, Columns]]:
    """Yield the estimators inside one with their columns: side by side, or as they are."""
    if isinstance(model, ColumnTransformer | FeatureUnion):
        yield from branches(model, columns)
    elif is_trusted(model):
        for inner, places in chosen_columns(model):
            part = columns if places is None else [columns[at] for at in places]
            if width_of(inner) in (None, len(part)):
                yield inner, part


def steps_of(model: Pipeline, columns: Columns) -> Iterator[tuple[Any, Columns]]:
    """Yield the steps of a pipeline with their columns, up to where none is left."""
    steps = [step for _, step in model.steps]
    for at, step in enumerate(steps):
        yield step, columns
        following = next((one for one in steps[at + 1 :] if not changes_nothing(one)), None)
        if following is not None:
            columns = columns_out(step, columns, width_of(following)) or ()
        if not any(columns):
            return


def branches(model: Any, columns: Columns) -> Iterator[tuple[Any, Columns]]:
    """Yield the steps that stand side by side, each with the columns that it gets."""
    if isinstance(model, FeatureUnion):
        yield from ((branch, columns) for _, branch in model.transformer_list)
        return
    names = getattr(model, "feature_names_in_", None)
    for _, step, chosen in model.transformers_:
        places = positions_of(chosen, names, len(columns))
        yield step, [columns[at] for at in places]


def columns_out(step: Any, columns: Columns, made: int | None) -> Columns | None:
    """Return the columns that come out of a fitted step, None if their number is not known.

    Args:
        step: The step; "passthrough" and None change nothing.
        columns: Its input.
        made: How many columns come out, None if only the step itself can tell.
    """
    found = _columns_out(unfreeze(step), columns, made)
    if found is None:
        return None if made is None else (None,) * made
    return found if made in (None, len(found)) else None


def _columns_out(step: Any, columns: Columns, made: int | None) -> Columns | None:
    if changes_nothing(step):
        return () if isinstance(step, str) and step == "drop" else columns
    if isinstance(step, Pipeline):
        return _out_of_pipeline(step, columns, made)
    if isinstance(step, FeatureUnion):
        return _out_of_union(step, columns, made)
    found = next((rule(step, columns) for kind, rule in _RULES if isinstance(step, kind)), None)
    inner = inner_model(step)
    return found if inner is None else columns_out(inner, columns, made)


def _out_of_pipeline(model: Pipeline, columns: Columns, made: int | None) -> Columns | None:
    steps = [step for _, step in model.steps if not changes_nothing(step)]
    found: Columns | None = columns
    for at, step in enumerate(steps):
        width = made if at == len(steps) - 1 else width_of(steps[at + 1])
        found = None if found is None else columns_out(step, found, width)
    return found


def _out_of_column_transformer(model: ColumnTransformer, columns: Columns) -> Columns:
    places = model.output_indices_
    out: list[Passed | None] = [None] * max((one.stop for one in places.values()), default=0)
    names = [name for name, _, _ in model.transformers_]
    for name, (step, part) in zip(names, branches(model, columns), strict=True):
        place = places.get(name, slice(0, 0))
        out[place] = columns_out(step, part, place.stop - place.start) or out[place]
    return out


def _out_of_union(model: FeatureUnion, columns: Columns, made: int | None) -> Columns | None:
    """Return the columns of all branches; the width of one that does not tell is the rest."""
    steps = [step for _, step in model.transformer_list]
    parts = [columns_out(step, columns, _made_by(step, len(columns))) for step in steps]
    unknown = [at for at, part in enumerate(parts) if part is None]
    if unknown and (made is None or len(unknown) > 1):
        return None
    for at in unknown:
        rest = (made or 0) - sum(len(part) for part in parts if part is not None)
        parts[at] = columns_out(steps[at], columns, max(rest, 0))
    return [one for part in parts for one in part or ()]


def _made_by(step: Any, width: int) -> int | None:
    if changes_nothing(step):
        return None
    if isinstance(step, FunctionTransformer) and isinstance(step.func, np.ufunc):
        return width
    try:
        return len(step.get_feature_names_out())
    except (AttributeError, ValueError):
        return None


def _out_of_imputer(step: SimpleImputer, columns: Columns) -> Columns:
    empty = [is_nan(fill) and not step.keep_empty_features for fill in step.statistics_]
    kept: list[Passed | None] = [
        passed and replace(passed, imputed=passed.imputed or imputation_of(step, at))
        for at, passed in enumerate(columns)
        if not empty[at]
    ]
    marks = 0 if step.indicator_ is None else len(step.indicator_.features_)
    return [*kept, *(None for _ in range(marks))]


def imputation_of(step: SimpleImputer, at: int) -> Imputation:
    """Return the fill value and the mark of a fitted imputer for one of its columns."""
    mark = step.missing_values
    is_known = mark is None or mark is pd.NA or isinstance(mark, str)
    fill = np.asarray(step.statistics_, dtype=object).tolist()[at]
    return Imputation(mark if is_known else float("nan"), fill)


def is_nan(value: Any) -> bool:
    """Return whether a value is NaN of Python's own."""
    return isinstance(value, float) and value != value  # noqa: PLR0124 - NaN differs from itself


def _is_known(step: Any) -> bool:
    """Whether a step is code of known libraries, which takes 1.0 for 1."""
    return changes_nothing(step) or is_framework_only(step)


def _out_of_selector(step: Any, columns: Columns) -> Columns:
    return [columns[at] for at in step.get_support(indices=True)]


_RULES: tuple[tuple[type, Callable[[Any, Columns], Columns]], ...] = (
    (ColumnTransformer, _out_of_column_transformer),
    (SimpleImputer, _out_of_imputer),
    (SelectorMixin, _out_of_selector),
)
