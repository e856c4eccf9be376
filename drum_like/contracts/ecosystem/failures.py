"""Errors in ecosystem.ai's two forms: a model server's, and a runtime's, which always says 200."""

import logging
from collections.abc import Callable

from flask import Response, request
from werkzeug.exceptions import HTTPException

from drum_like import drum_errors, wire
from drum_like.errors import (
    BodyError,
    CharsetError,
    ColumnsError,
    DrumLikeError,
    HookError,
    LoadError,
    NotFoundError,
    RequestError,
    ScoringError,
    SettingsError,
    SizeError,
    StoreBusyError,
    StoreError,
    UnsupportedError,
    UserError,
)

logger = logging.getLogger(__name__)

Fail = Callable[[DrumLikeError], Response]

STATUS: wire.StatusTable = {
    RequestError: 422,
    BodyError: 400,
    CharsetError: 415,
    SizeError: 413,
    NotFoundError: 404,
    UnsupportedError: 404,
    StoreError: 500,
    StoreBusyError: 503,
    ScoringError: 500,
    LoadError: 513,
    SettingsError: 513,
}


def detailed(*, hide_errors: bool) -> Fail:
    """Return what answers an error with `{"detail": ...}` and a status.

    An answer that custom.py asked for is its own in every contract.
    """
    own = drum_errors.responder(hide_errors=hide_errors)

    def fail(error: DrumLikeError) -> Response:
        if isinstance(error, UserError):
            return own(error)
        log(error)
        detail = text_of(error, hide_errors=hide_errors)
        return wire.json_response({"detail": detail}, wire.status_of(error, STATUS))

    return fail


def told(*, hide_errors: bool) -> Fail:
    """Return what answers an error with 200 and `{"ErrorMessage": ...}`, as a runtime does."""

    def fail(error: DrumLikeError) -> Response:
        log(error)
        return wire.json_response({"ErrorMessage": text_of(error, hide_errors=hide_errors)})

    return fail


def http_error(error: HTTPException) -> Response:
    """Return Flask's own errors (401, 404, 405, 413 and so on) as a model server does."""
    response = wire.json_response({"detail": error.description or error.name}, error.code or 500)
    ours = ("Content-Type", "Content-Length")
    response.headers.extend((n, v) for n, v in error.get_headers() if n not in ours)
    return response


def text_of(error: DrumLikeError, *, hide_errors: bool) -> str:
    """Return what a caller is told."""
    if isinstance(error, ColumnsError):
        return error.from_zero
    if isinstance(error, HookError) and hide_errors:
        return error.summary or "The code of the model failed."
    return str(error) or "The code of the model failed."


def log(error: DrumLikeError) -> None:
    """Log an error that is not the caller's fault."""
    if isinstance(error, ScoringError):
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
