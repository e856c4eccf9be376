"""DRUM's form of an error, shared by the contracts that are DRUM's and by unknown routes.

Source: observed behaviour of DRUM 1.18.1; statuses differ as docs/differences-from-drum.md says.
"""

import logging
from collections.abc import Callable

from flask import Response, request
from werkzeug.exceptions import BadRequest, HTTPException

from drum_like import wire
from drum_like.errors import (
    BodyError,
    CharsetError,
    ConflictError,
    DrumLikeError,
    HookError,
    LoadError,
    NotFoundError,
    OutputSchemaError,
    RequestError,
    ScoringError,
    SettingsError,
    SizeError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    UnsupportedError,
    UploadError,
    UserError,
)

logger = logging.getLogger(__name__)

STATUS: wire.StatusTable = {
    RequestError: 422,
    BodyError: 400,
    CharsetError: 415,
    SizeError: 413,
    UnsupportedError: 404,
    NotFoundError: 404,
    ConflictError: 409,
    UploadError: 400,
    StoreError: 500,
    StoreBusyError: 503,
    StoreFullError: 507,
    ScoringError: 500,
    LoadError: 513,
    SettingsError: 513,
}


def responder(*, hide_errors: bool) -> Callable[[DrumLikeError], Response]:
    """Return what turns an error into DRUM's answer, and logs it if it is not the caller's fault.

    Args:
        hide_errors: Leave out the texts of custom.py's exceptions.
    """

    def fail(error: DrumLikeError) -> Response:
        if isinstance(error, ScoringError):
            logger.error("%s %s failed", request.method, request.path, exc_info=error)
        if isinstance(error, UserError):
            return _user_error(error)
        if isinstance(error, HookError) and hide_errors:
            return _message(error, error.summary)
        unwrapped = isinstance(error, HookError) and not error.summary
        if unwrapped and isinstance(error.__cause__, BadRequest):
            return wire.json_response({"error": error.__cause__.description}, 400)
        return _message(error, str(error))

    return fail


def http_error(error: HTTPException) -> Response:
    """Return Flask's own errors (404, 405, 413 and so on) in DRUM's form."""
    if isinstance(error, BadRequest):
        return wire.json_response({"error": error.description}, 400)
    text = f"ERROR: {error.code} {error.name}: {error.description}"
    response = wire.json_response({"message": text}, error.code or 500)
    ours = ("Content-Type", "Content-Length")
    response.headers.extend((n, v) for n, v in error.get_headers() if n not in ours)
    return response


def unexpected(error: Exception) -> Response:
    """Return the answer to a mistake of ours: the class of the exception, the rest in the log."""
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return wire.json_response({"message": f"ERROR: {type(error).__name__}"}, 500)


def _user_error(error: UserError) -> Response:
    status = error.status if 200 <= error.status <= 599 else 500
    response = wire.json_response({"message": str(error)}, status)
    response.headers["X-Drum-User-Http-Error"] = "true"
    return response


def _message(error: DrumLikeError, text: str) -> Response:
    content: dict[str, object] = {"message": f"ERROR: {text or 'The code of the model failed.'}"}
    if isinstance(error, OutputSchemaError):
        content["is_schema_validation_error"] = True
    return wire.json_response(content, wire.status_of(error, STATUS))
