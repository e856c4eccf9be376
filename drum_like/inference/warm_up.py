"""The lines for the operator at the start: the model, and which column is which label."""

import logging
from collections.abc import Sequence

from drum_like.inference.labels import column_order, of_classes
from drum_like.inference.model_service import ModelService
from drum_like.inference.rehearsal import Rehearsal, rehearse
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
