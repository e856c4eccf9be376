"""The first prediction of a model, on a made-up row: does it work, and what do its columns mean."""

import logging

import numpy as np

from drum_like.errors import LoadError, PredictorError, RequestError, TargetError
from drum_like.frame import ColumnsFrame, Frame
from drum_like.model_service import ModelService
from drum_like.payload import Payload
from drum_like.prediction import Prediction
from drum_like.schema import Column, Schema
from drum_like.scoring import rules
from drum_like.scoring.labels import column_order
from drum_like.target import Target
from drum_like.target_type import TargetType

logger = logging.getLogger(__name__)


def notes(service: ModelService, schema: Schema | None) -> tuple[str, ...]:
    """Predict a sample row where one can be made; return what the operator should know.

    The lines say what is served, and for classifiers which output column is which label.

    Raises:
        LoadError: the model's output does not fit its target.
    """
    first = about(service, schema)
    row = None if schema is None else sample(schema)
    if service.pipeline is None or service.predictor is None or row is None:
        return (first,)
    try:
        raw = service.pipeline.score(row, Payload(b""))
        rules.label(raw, service.target)
    except (PredictorError, RequestError) as error:
        logger.warning("a row of zeros could not be predicted: %s", error)
        return (first,)
    except TargetError as error:
        raise LoadError(
            str(error), "the model's output for a row of zeros does not fit the target's labels"
        ) from error
    return (first, *_label_lines(raw, service.target))


def sample(schema: Schema) -> Frame | None:
    """Return a row of zeros and first categories; None if a column may hold anything."""
    if any(column.kind == "any" for column in schema.columns):
        return None
    cells = [np.array([_cell(column)]) for column in schema.columns]
    return ColumnsFrame(schema.names, cells)


def _cell(column: Column) -> object:
    if column.kind == "category":
        return column.categories[0] if column.categories else None
    return "" if column.kind == "text" else 0.0


def about(service: ModelService, schema: Schema | None) -> str:
    """Return a line that says what is served."""
    scored_by = service.info.framework or "custom.py"
    width = "" if schema is None else f", {len(schema.columns)} columns"
    return (
        f"model: {service.info.name} ({scored_by}{width}), target type: {service.target.type.value}"
    )


def _label_lines(raw: Prediction, target: Target) -> tuple[str, ...]:
    if not target.type.is_classification:
        return ()
    width = 1 if raw.values.ndim == 1 else raw.values.shape[1]
    if raw.labels is not None and len(raw.labels) == width:
        return (f"labels: the model's own classes {', '.join(map(str, raw.labels))}",)
    order = column_order(target)
    if width == 1:
        return (f"labels: the one output column is the probability of {order[-1]!r}",)
    columns = ", ".join(f"{n} is {label!r}" for n, label in enumerate(order, 1))
    positive = f" (positive: {target.labels[0]!r})" if target.type is TargetType.BINARY else ""
    return (f"labels: by position, column {columns}{positive}",)
