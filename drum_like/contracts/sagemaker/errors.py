"""Errors as MLflow's clients know them, and as boto3 hands them to its callers.

SageMaker itself repeats to its callers any body that a container answers; the statuses 500 and
above are what its alarms look at.
"""

import json

from flask import Response, request
from werkzeug.exceptions import HTTPException

from drum_like.contracts.sagemaker.signs import ATTRIBUTES
from drum_like.errors import (
    BusyError,
    ConflictError,
    EndpointError,
    LoadError,
    MediaTypeError,
    RequestError,
    SettingsError,
    UserError,
)
from drum_like.http import wire
from drum_like.http.errors import ErrorForm, Failure, StatusTable, drum_body, user_response


class CapacityError(ConflictError):
    """There is no room for another model until one is unloaded."""


STATUSES: StatusTable = {
    RequestError: 400,
    MediaTypeError: 415,
    EndpointError: 422,
    LoadError: 513,
    SettingsError: 513,
}

_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    413: "REQUEST_LIMIT_EXCEEDED",
    429: "REQUEST_LIMIT_EXCEEDED",
    501: "NOT_IMPLEMENTED",
    503: "TEMPORARILY_UNAVAILABLE",
    507: "RESOURCE_EXHAUSTED",
}

_AWS_CODES = {
    401: "AccessDeniedException",
    403: "AccessDeniedException",
    501: "NotImplemented",
    503: "ServiceUnavailable",
}

_LONGEST_ATTRIBUTES = 1024
"""Characters of the header that SageMaker passes on."""


def container_form(*, hide_errors: bool) -> ErrorForm:
    """Return the form of a container: `{"error_code": ..., "message": ...}`."""
    return ErrorForm(STATUSES, container_body, hide_errors)


def loading_form(*, hide_errors: bool) -> ErrorForm:
    """Return the form where callers load models: 400 if one does not load, 507 without room."""
    statuses = {**STATUSES, LoadError: 400, SettingsError: 400, CapacityError: 507}
    return ErrorForm(statuses, container_body, hide_errors)


def client_form(*, hide_errors: bool) -> ErrorForm:
    """Return the form in which boto3 expects the errors of a container: 424, a ModelError."""
    return ErrorForm(STATUSES, _client_body, hide_errors)


def container_body(failure: Failure) -> Response:
    """Return an error as a container answers it."""
    return traced(_container_body(failure))


def traced(response: Response) -> Response:
    """Repeat the attributes that a caller has given to a request in order to find it again."""
    attributes = request.headers.get(ATTRIBUTES, "")
    if attributes.isascii() and attributes.isprintable() and attributes:
        response.headers[ATTRIBUTES] = attributes[:_LONGEST_ATTRIBUTES]
    return response


def _container_body(failure: Failure) -> Response:
    if isinstance(failure.error, UserError):
        return user_response(failure.error, failure.status)
    if failure.status == 513 or isinstance(failure.error, EndpointError):
        return drum_body(failure)  # no contract knows them but DRUM's
    code = _CODES.get(failure.status, "INTERNAL_ERROR" if failure.status >= 500 else _CODES[400])
    return wire.json_response({"error_code": code, "message": failure.text}, failure.status)


def _client_body(failure: Failure) -> Response:
    """Return an error of SageMaker itself with its status, one of the container as a ModelError."""
    is_own = isinstance(failure.error, HTTPException | BusyError)
    answer = container_body(failure)
    if answer.status_code < 400:  # as custom.py asked for
        return answer
    if is_own:
        code = _AWS_CODES.get(failure.status, "ValidationError")
        return _typed({"Message": failure.text}, failure.status, code)
    content = {
        "Message": f"the container answered {answer.status_code}: {_message(answer)}",
        "OriginalStatusCode": answer.status_code,
        "OriginalMessage": answer.get_data(as_text=True),
        "LogStreamArn": "",
    }
    return traced(_typed(content, 424, "ModelError"))


def _typed(content: dict[str, object], status: int, code: str) -> Response:
    response = wire.json_response(content, status)
    response.headers["x-amzn-ErrorType"] = code
    return response


def _message(answer: Response) -> str:
    return str(json.loads(answer.get_data()).get("message"))
