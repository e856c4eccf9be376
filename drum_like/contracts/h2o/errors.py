"""Errors as the clients of H2O MLOps show them: `{"detail": "<text>"}`."""

from flask import Response

from drum_like.errors import (
    EndpointError,
    LoadError,
    MediaTypeError,
    RequestError,
    SettingsError,
    UnsupportedError,
    UserError,
)
from drum_like.http import wire
from drum_like.http.errors import ErrorForm, Failure, StatusTable

_NO_CONTROL_PLANE = (
    "this server has no control plane: its models are its deployments, which are listed and "
    "scored, and nothing else about them can be read or changed here"
)

STATUSES: StatusTable = {
    RequestError: 400,
    MediaTypeError: 415,
    UnsupportedError: 501,
    EndpointError: 501,
    # Clients repeat a request for minutes after 503 or 404; a model that does not load stays so.
    LoadError: 500,
    SettingsError: 500,
}


def scorer_form(*, hide_errors: bool) -> ErrorForm:
    """Return the contract's form of an error."""
    return ErrorForm(STATUSES, _detail, hide_errors, counts_from_zero=True)


def _detail(failure: Failure) -> Response:
    text = f"the server failed: {failure.text}" if failure.is_unexpected else failure.text
    return wire.json_response({"detail": text}, _status(failure))


def control_plane_form(*, hide_errors: bool) -> ErrorForm:
    """Return the form where clients speak to the control plane of a cloud."""
    return ErrorForm(STATUSES, _absent, hide_errors)


def _absent(failure: Failure) -> Response:
    """Answer 501 for absent routes: clients take 404 and 405 for things that they could create."""
    if failure.status in (404, 405):
        return wire.json_response({"detail": _NO_CONTROL_PLANE}, 501)
    return _detail(failure)


def _status(failure: Failure) -> int:
    """Return a status that the clients take for an error, and for a lasting one if it is one."""
    is_good = isinstance(failure.error, UserError) and failure.status < 400
    return 500 if is_good or failure.lacks_memory else failure.status
