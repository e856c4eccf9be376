"""From the rows of a request to the answer that Accept asks for."""

from dataclasses import replace

from flask import Response, request

from drum_like.config.server_settings import ServerSettings
from drum_like.contracts.sagemaker.rows import read
from drum_like.errors import EndpointError
from drum_like.http.accepted import in_order, respond
from drum_like.http.requests import whole_body
from drum_like.inference.service import Service
from drum_like.types.frame import Frame
from drum_like.types.payload import CSV
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target, TargetType


def answer(service: Service, settings: ServerSettings, accept: str, *, signed: bool) -> Response:
    """Return the predictions of a model for the rows of the request.

    Args:
        service: The model.
        settings: All settings.
        accept: The media types that the caller takes.
        signed: Whether CSV has no header row unless it shows one.

    Raises:
        EndpointError: the model does not predict rows.
        DrumLikeError: as `read` and Service.predict.
    """
    target, limits = service.target, settings.payload.limits
    if not target.type.predicts_rows:
        raise EndpointError(f"a model of target type '{target.type.value}' does not predict rows")
    rows = read(request, service, limits, signed=signed)
    if isinstance(rows, Frame):  # of a payload the pipeline does it
        limits.check_answer(rows.n_rows, len(target.labels) or 1, len(whole_body(request)))
    return _response(service.predict(rows), target, accept, settings)


def _response(
    prediction: Prediction, target: Target, accept: str, settings: ServerSettings
) -> Response:
    response = respond(prediction, target, accept, settings.platform.default_accept)
    is_short = settings.platform.csv_binary == "positive" and target.type is TargetType.BINARY
    if not is_short or response.content_type != CSV or prediction.labels is None:
        return response
    positive = in_order(prediction, target).values[:, 1:]
    short = replace(prediction, values=positive, labels=target.order[1:], extra=None)
    return respond(short, replace(target, labels=target.order[1:]), CSV)
