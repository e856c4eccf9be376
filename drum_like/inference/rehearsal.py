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

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from types import MethodType

import numpy as np

from drum_like import plugins
from drum_like.errors import LoadError, PredictorError, RequestError, TargetError
from drum_like.inference import target_rules, transformation
from drum_like.inference.labels import HINT
from drum_like.inference.model_service import ModelService
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction
from drum_like.types.probe_rows import guessed_rows, probe_rows
from drum_like.types.schema import Schema

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
    return chain(known, guessed_rows(schema))


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
