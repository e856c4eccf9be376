"""A model's first predictions, of made-up rows: they show whether it answers, and keeps the rules.

A failure may be the made-up row's fault: a zero where a logarithm is taken, a word where a date is
due. It is the model's for certain

- where the output breaks a rule of its target: wrong columns, text for numbers, probabilities that
  are negative, above 1 or do not add up;
- where no row can cause it: the estimator is not fitted, or lacks an attribute, a method or a
  module that its own code asks for;
- where every row tried fails, all columns are of known types, and no code but the framework's runs.

Only then is the model refused; any other failure is a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MethodType

import numpy as np

from drum_like import plugins
from drum_like.errors import LoadError, PredictorError, RequestError, TargetError
from drum_like.inference import target_rules, transformation
from drum_like.inference.labels import HINT, column_order, of_classes
from drum_like.inference.model_service import ModelService
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction
from drum_like.types.probe_rows import example_rows, guessed_rows, probe_rows
from drum_like.types.schema import Schema
from drum_like.types.target import Label, Target, TargetType

logger = logging.getLogger(__name__)


def notes(service: ModelService, schema: Schema | None) -> tuple[str, ...]:
    """Predict made-up rows where that is possible; return the lines for the operator.

    Raises:
        LoadError: the model can answer no row, or its output does not fit its target.
    """
    found = rehearse(service, schema)
    if found.failure:
        logger.warning("no made-up row could be predicted: %s", found.failure)
    return (about(service, schema), *_label_lines(service, found))


def about(service: ModelService, schema: Schema | None) -> str:
    """Return a line about the model that is served."""
    scored_by = service.info.framework or "custom.py"
    width = "" if schema is None else f", {len(schema.columns)} columns"
    return (
        f"model: {service.info.name} ({scored_by}{width}), target type: {service.target.type.value}"
    )


def _label_lines(service: ModelService, found: Rehearsal) -> tuple[str, ...]:
    target = service.target
    if not target.type.is_classification:
        return ()
    if service.predictor is None:
        return (f"labels: {_listed(target.order)}, as the score hook names its columns",)
    known = service.predictor.target
    if known.classes and not known.implied and len(known.classes) == len(target.labels):
        order = found.labels or of_classes(known.classes, target)
        return (_of_classes_line(known.classes, order, target),)
    return (_of_columns_line(found.labels or column_order(target), found.n_columns, target),)


def _of_classes_line(classes: Sequence[Label], order: Sequence[str], target: Target) -> str:
    if list(map(str, classes)) == list(order):
        return f"labels: the model's own classes {', '.join(order)}"
    pairs = zip(classes, order, strict=True)
    named = ", ".join(f"{known} is {label!r}" for known, label in pairs)
    return f"labels: class {named}{_positive(target)}"


def _of_columns_line(order: Sequence[str], n_columns: int | None, target: Target) -> str:
    if n_columns == 1 and len(order) == 2:
        return f"labels: the one output column is the probability of {order[-1]!r}"
    if n_columns is None and target.type is TargetType.BINARY:
        one = f"one output column is the probability of {order[-1]!r}"
        return f"labels: {one}, two are {_listed(order)}"
    spelled = target.is_spelling_of(range(len(order))) and not target.legacy_order
    columns = ", ".join(f"{n} is {label!r}" for n, label in enumerate(order, 1))
    return f"labels: by {'number' if spelled else 'position'}, column {columns}{_positive(target)}"


def _positive(target: Target) -> str:
    return f" (positive: {target.labels[0]!r})" if target.type is TargetType.BINARY else ""


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(map(repr, labels))


_NEVER_THE_ROW = (NotImplementedError, ImportError, NameError)
_DATA = frozenset({"builtins", "numpy", "pandas", "pyarrow", "scipy"})
_WAY_OUT = (
    "the model fails on every row, so it is not served; save it again with the versions installed "
    "here, predict a row with it in plain Python, or implement the score hook"
)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The result of predicting made-up rows.

    Attributes:
        labels: Of the columns, None where no row was answered, or the target has none.
        n_columns: That the model gave, before one became two; None where no row was answered.
        failure: Why the first row was not answered, where none was; else empty.
    """

    labels: tuple[str, ...] | None = None
    n_columns: int | None = None
    failure: str = ""


def rehearse(service: ModelService, schema: Schema | None) -> Rehearsal:
    """Predict made-up rows until one is answered.

    Raises:
        LoadError: the model can answer no row, or breaks a rule of its target.
    """
    predict = _answering(service)
    if predict is None or service.predictor is None:
        return Rehearsal()
    failures: list[PredictorError | RequestError] = []
    for row in _rows(schema):
        try:
            return predict(row)
        except (PredictorError, RequestError) as error:
            if _never_the_rows(error.__cause__):
                raise LoadError(f"{error}; {_WAY_OUT}") from error
            failures.append(error)
        except TargetError as error:
            raise LoadError(f"{error}; {_misfit(service)}") from error
    if not failures or schema is None:
        return Rehearsal()
    if _leaves_no_doubt(service, schema, failures):
        raise LoadError(f"{failures[0]}; {_WAY_OUT}") from failures[0]
    return Rehearsal(failure=str(failures[0]))


def _misfit(service: ModelService) -> str:
    found = "the model's output for a made-up row does not fit the target"
    return f"{found}; {HINT}" if service.target.type.is_classification else found


def _rows(schema: Schema | None) -> Iterator[Frame]:
    known = iter(()) if schema is None else probe_rows(schema, gaps=False)
    return chain(example_rows(schema), known, guessed_rows(schema))


def _answering(service: ModelService) -> Callable[[Frame], Rehearsal] | None:
    """Return the function that predicts or transforms a row by the framework; None with hooks."""
    pipeline, transformer = service.pipeline, service.transformer
    if pipeline is not None:
        return lambda row: _checked(pipeline.score(row, None), service)
    if transformer is None or service.hooks.transform is not None:
        return None

    def transform(row: Frame) -> Rehearsal:
        transformation.apply(transformer, row, None)
        return Rehearsal()

    return transform


def _checked(raw: Prediction, service: ModelService) -> Rehearsal:
    """Check a prediction against the rules that come before hooks, and return its findings.

    Raises:
        TargetError: it breaks a rule; a post_process hook may still mend numbers.
        PredictorError: a probability is missing.
    """
    target = service.target
    labelled = target_rules.label(raw, target)
    target_rules.check_rows(raw, 1, target)
    if target.type.is_numeric:
        _check_number(labelled)
    if target.type.is_classification and service.hooks.post_process is None:
        if labelled.values.dtype.kind == "f" and bool(np.isnan(labelled.values).any()):
            raise PredictorError("the model gives NaN for a made-up row, not probabilities")
        target_rules.apply(raw, target)
    names = None if labelled.labels is None else tuple(map(str, labelled.labels))
    return Rehearsal(names, 1 if raw.values.ndim == 1 else raw.values.shape[1])


def _check_number(prediction: Prediction) -> None:
    try:
        prediction.column.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TargetError("the target needs numbers, but the model predicts something else") from (
            error
        )


def _never_the_rows(error: BaseException | None) -> bool:
    """Return whether no row can cause an error."""
    if error is None:
        return False
    if isinstance(error, AttributeError) and not _is_not_fitted(error):
        return error.obj is not None and _package(error.obj) not in _DATA
    return isinstance(error, _NEVER_THE_ROW) or _is_not_fitted(error)


def _is_not_fitted(error: BaseException) -> bool:
    return any(cls.__name__ == "NotFittedError" for cls in type(error).__mro__)


def _leaves_no_doubt(
    service: ModelService, schema: Schema, failures: list[PredictorError | RequestError]
) -> bool:
    """Return whether nothing but the model can have failed on rows of its own columns."""
    typed = all(column.is_typed for column in schema.columns)
    frameworks = all(isinstance(failure, PredictorError) for failure in failures)
    return typed and frameworks and _runs_framework_only(service)


def _runs_framework_only(service: ModelService) -> bool:
    """Return whether a model consists of its framework's classes alone, none of them a user's."""
    told = getattr(service.predictor, "framework_only", None)
    if told is not None:
        return bool(told)
    known = {*plugins.registered(plugins.PREDICTORS), "drum_like_predictors"}
    return _package(service.model) in known


def _package(value: object) -> str:
    owner = value.__self__ if isinstance(value, MethodType) else value
    return type(owner).__module__.partition(".")[0]
