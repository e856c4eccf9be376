"""Errors in ecosystem.ai's two forms: a model server's, and a runtime's, which always says 200."""

from flask import Response
from werkzeug.exceptions import HTTPException

from drum_like.errors import UserError
from drum_like.http import wire
from drum_like.http.errors import DRUM_STATUSES, ErrorForm, Failure, user_response


def server_form(*, hide_errors: bool) -> ErrorForm:
    """Return the form of a model server: `{"detail": ...}` and a status."""
    return ErrorForm(DRUM_STATUSES, _detail, hide_errors, counts_from_zero=True)


def runtime_form(*, hide_errors: bool) -> ErrorForm:
    """Return the form of a runtime: 200 and `{"ErrorMessage": ...}`."""
    return ErrorForm(DRUM_STATUSES, _message, hide_errors, counts_from_zero=True)


def _detail(failure: Failure) -> Response:
    """Answer with a status; an answer that custom.py asked for is its own in every contract."""
    if isinstance(failure.error, UserError):
        return user_response(failure.error, failure.status)
    return wire.json_response({"detail": failure.text}, failure.status)


def _message(failure: Failure) -> Response:
    """Answer 200; wrong routes and credentials keep their status, and our mistakes get 500."""
    if isinstance(failure.error, HTTPException):
        return _detail(failure)
    status = 500 if failure.is_unexpected else 200
    return wire.json_response({"ErrorMessage": failure.text}, status)
