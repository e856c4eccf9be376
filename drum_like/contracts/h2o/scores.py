"""The answer to a scoring request."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import numpy as np
import orjson
from numpy.typing import NDArray

from drum_like.contracts.h2o.cells import text_of
from drum_like.contracts.h2o.description import model_id
from drum_like.contracts.h2o.rows import Files, frame_of
from drum_like.contracts.h2o.score_request import ScoreRequest
from drum_like.encoders.numbers import floats
from drum_like.errors import TargetError
from drum_like.frame import Frame
from drum_like.prediction import Prediction
from drum_like.service import Service
from drum_like.target import Target

Texts = list[str | None]
"""One column of an answer: text, or None for a missing value."""


def answer(service: Service, request: ScoreRequest, files: Files | None = None) -> dict[str, Any]:
    """Return a ScoreResponse: copied columns, then the outputs of the model, all as text.

    No model is called for no rows.

    Raises:
        DrumLikeError: as frame_of and Service.predict.
    """
    frame = frame_of(service, request, files) if request.rows else None
    copied = _copied(request)
    scores = _scores(service, frame)
    names = [*copied, *service.target.outputs]
    columns = [*copied.values(), *scores]
    content: dict[str, Any] = {"id": model_id(service)}
    if request.names_in_answer:
        content["fields"] = names
    content["score"] = list(zip(*columns, strict=True))
    return content


def spelled(values: NDArray[np.float64]) -> Texts:
    """Return numbers as the shortest text that reads back exactly; NaN is None."""
    if np.isfinite(values).all():
        return list(map(repr, values.tolist()))
    return [_odd(value) for value in values.tolist()]


def _odd(value: float) -> str | None:
    if value != value:  # noqa: PLR0124 - NaN differs from itself
        return None
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _copied(request: ScoreRequest) -> dict[str, Texts]:
    """Return the columns to repeat in the order of the request, and ids that nobody sent."""
    columns = {
        name: [text_of(cell) for cell in request.column(name)]
        for name in request.fields
        if name in request.copied
    }
    if request.id_field in request.copied and request.id_field not in columns:
        columns[str(request.id_field)] = [str(uuid4()) for _ in request.rows]
    return columns


def _scores(service: Service, frame: Frame | None) -> list[Texts]:
    """Return one column an output."""
    if frame is None:
        return [[] for _ in service.target.outputs]
    prediction = service.predict(frame)
    if prediction.n_rows != frame.n_rows:
        raise TargetError(
            f"the model returned {prediction.n_rows} predictions for {frame.n_rows} rows"
        )
    return _columns(prediction, service.target)


def _columns(prediction: Prediction, target: Target) -> list[Texts]:
    if target.type.is_classification:
        values = floats(prediction.values)
        found = list(map(str, prediction.labels or target.order))
        return [spelled(values[:, found.index(label)]) for label in target.order]
    if target.type.is_numeric:
        return [spelled(floats(prediction.column))]
    return [_objects(prediction.column.tolist())]


def _objects(values: Sequence[Any]) -> Texts:
    """Return values of any type: text as it is, numbers spelled, all else as JSON."""
    return [_object(value) for value in values]


def _object(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        return _odd(value)
    return orjson.dumps(value, default=str, option=orjson.OPT_SERIALIZE_NUMPY).decode()
