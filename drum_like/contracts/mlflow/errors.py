"""Errors as MLflow's and Databricks' clients know them: `{"error_code": ..., "message": ...}`.

A failure of the model is 400, as MLflow has it, but 500 in a container of SageMaker, whose alarms
go by that. Source: MLflow 3.17.2, observed; the codes are
those by which databricks-sdk chooses its exceptions.
"""

from flask import Response

from drum_like.errors import (
    EndpointError,
    LoadError,
    MediaTypeError,
    RequestError,
    ScoringError,
    SettingsError,
    UserError,
)
from drum_like.http.errors import ErrorForm, Failure, StatusTable, drum_body, user_response
from drum_like.http.wire import json_response
from drum_like.types.parameters import ParameterError

_STATUSES: StatusTable = {
    RequestError: 400,
    MediaTypeError: 415,
    ScoringError: 400,
    LoadError: 513,
    SettingsError: 513,
}
_CODES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    429: "REQUEST_LIMIT_EXCEEDED",
    501: "NOT_IMPLEMENTED",
    503: "TEMPORARILY_UNAVAILABLE",
}


def mlflow_form(*, hide_errors: bool, in_sagemaker: bool) -> ErrorForm:
    """Return the form of MLflow's scoring server: a media type that is not read is told in text."""
    statuses = {**_STATUSES, EndpointError: 422}
    if in_sagemaker:
        statuses[ScoringError] = 500
    return ErrorForm(statuses, _mlflow_body, hide_errors, counts_from_zero=True)


def databricks_form(*, hide_errors: bool) -> ErrorForm:
    """Return the form of Databricks Model Serving."""
    return ErrorForm(_STATUSES, _databricks_body, hide_errors, counts_from_zero=True)


def _mlflow_body(failure: Failure) -> Response:
    if isinstance(failure.error, EndpointError):
        return drum_body(failure)  # which route serves the model is DRUM's business
    if failure.status == 415:
        return Response(failure.text, 415, content_type="text/plain; charset=utf-8")
    return _databricks_body(failure)


def _databricks_body(failure: Failure) -> Response:
    if isinstance(failure.error, UserError):
        return user_response(failure.error, failure.status)
    if failure.status == 513:
        return drum_body(failure)  # no client of others knows this status
    return json_response({"error_code": _code(failure), "message": failure.text}, failure.status)


def _code(failure: Failure) -> str:
    if isinstance(failure.error, ParameterError):
        return "INVALID_PARAMETER_VALUE"
    usual = "INTERNAL_ERROR" if failure.status >= 500 else "BAD_REQUEST"
    return _CODES.get(failure.status, usual)
