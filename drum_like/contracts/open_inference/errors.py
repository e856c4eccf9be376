"""Errors as the protocol writes them: `{"error": "<text>"}`."""

from flask import Response

from drum_like.errors import (
    EndpointError,
    LoadError,
    MediaTypeError,
    RequestError,
    SettingsError,
    UserError,
)
from drum_like.http import wire
from drum_like.http.errors import ErrorForm, Failure, StatusTable

STATUSES: StatusTable = {
    RequestError: 400,
    EndpointError: 400,
    MediaTypeError: 415,
    LoadError: 503,
    SettingsError: 503,
}


def protocol_form(*, hide_errors: bool) -> ErrorForm:
    """Return the contract's form of an error."""
    return ErrorForm(STATUSES, _error, hide_errors)


def _error(failure: Failure) -> Response:
    text = f"the server failed: {failure.text}" if failure.is_unexpected else failure.text
    response = wire.json_response({"error": text}, failure.status)
    if isinstance(failure.error, UserError):
        response.headers["X-Drum-User-Http-Error"] = "true"
    return response
