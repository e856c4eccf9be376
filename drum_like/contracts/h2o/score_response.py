"""The answer to a scoring request."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import orjson

from drum_like.codecs.json.values import floats
from drum_like.contracts.h2o import description
from drum_like.contracts.h2o.description import Texts, model_id, spelled, spelled_one
from drum_like.contracts.h2o.rows import Files, frame_of
from drum_like.contracts.h2o.score_request import ScoreRequest
from drum_like.errors import PayloadError, TargetError
from drum_like.inference.service import Service
from drum_like.types.cells import text_of
from drum_like.types.frame import Frame
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target


def score_response(
    service: Service, request: ScoreRequest, files: Files | None = None
) -> dict[str, Any]:
    """Return a ScoreResponse: copied columns, then the outputs of the model, all as text.

    Without rows the model is not called.

    Raises:
        DrumLikeError: the model does not have a capability asked for, or as frame_of and the
            methods of Service.
    """
    _check(service, request)
    frame = frame_of(service, request, files)
    prediction = _prediction(service, frame)
    copied = _copied(request)
    columns = [*copied.values(), *_columns(prediction, service.target)]
    content: dict[str, Any] = {"id": model_id(service)}
    if request.names_in_answer:
        content["fields"] = [*copied, *service.target.outputs]
    content["score"] = list(zip(*columns, strict=True))
    return content | _explained(service, request, frame, prediction)


def contributions_alone(service: Service, request: ScoreRequest) -> dict[str, Any]:
    """Return a ContributionsResponse.

    Raises:
        DrumLikeError: as score_response.
        PayloadError: the request names no kind.
    """
    if request.contributions is None:
        raise PayloadError("`requestShapleyValueType` must be ORIGINAL or TRANSFORMED here")
    description.check_kind(service, request.contributions, alone=True)
    return description.contributions(service, frame_of(service, request), request.contributions)


def _check(service: Service, request: ScoreRequest) -> None:
    if request.intervals:
        description.check_intervals(service)
    if request.contributions is not None:
        description.check_kind(service, request.contributions, alone=False)


def _explained(
    service: Service, request: ScoreRequest, frame: Frame, prediction: Prediction
) -> dict[str, Any]:
    """Return the contributions and intervals that were asked for beside the scores."""
    content: dict[str, Any] = {}
    if request.contributions is not None:
        found = description.contributions(service, frame, request.contributions)
        content["featureShapleyContributions"] = found
    if request.intervals:
        bounds = service.intervals(frame, prediction)
        content["predictionIntervals"] = description.intervals(bounds, service.target)
    return content


def _copied(request: ScoreRequest) -> dict[str, Texts]:
    """Return the columns to repeat in the order of the request, with generated ids if none came."""
    columns = {
        name: [text_of(cell) for cell in request.column(name)]
        for name in request.fields
        if name in request.copied
    }
    if request.id_field in request.copied and request.id_field not in columns:
        columns[str(request.id_field)] = [str(uuid4()) for _ in request.rows]
    return columns


def _prediction(service: Service, frame: Frame) -> Prediction:
    if frame.n_rows == 0:
        return Prediction.empty(len(service.target.outputs))
    prediction = service.predict(frame)
    if prediction.n_rows != frame.n_rows:
        raise TargetError(
            f"the model returned {prediction.n_rows} predictions for {frame.n_rows} rows"
        )
    return prediction


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
        return spelled_one(value)
    return orjson.dumps(value, default=str, option=orjson.OPT_SERIALIZE_NUMPY).decode()
