"""Errors as the clients of H2O MLOps show them: `{"detail": "<text>"}`."""

import logging
from collections.abc import Callable

from flask import Response, request
from werkzeug.exceptions import HTTPException

from drum_like import wire
from drum_like.errors import (
    CharsetError,
    ColumnsError,
    DrumLikeError,
    EndpointError,
    HookError,
    LoadError,
    MediaTypeError,
    NotFoundError,
    RequestError,
    ScoringError,
    SettingsError,
    SizeError,
    UnsupportedError,
    UserError,
)

logger = logging.getLogger(__name__)

_NO_CONTROL_PLANE = (
    "this server has no control plane: its models are its deployments, which are listed and "
    "scored, and nothing else of them is told or changed here"
)

STATUS: wire.StatusTable = {
    RequestError: 400,
    CharsetError: 415,
    MediaTypeError: 415,
    SizeError: 413,
    NotFoundError: 404,
    UnsupportedError: 501,
    EndpointError: 501,
    ScoringError: 500,
    # Clients repeat a request for minutes after 503 or 404; a model that does not load stays so.
    LoadError: 500,
    SettingsError: 500,
}


def responder(*, hide_errors: bool) -> Callable[[DrumLikeError], Response]:
    """Return what turns an error into an answer, and logs it if it is not the caller's fault.

    Args:
        hide_errors: Leave out the texts of custom.py's exceptions.
    """

    def fail(error: DrumLikeError) -> Response:
        if isinstance(error, ScoringError):
            logger.error("%s %s failed", request.method, request.path, exc_info=error)
        return _detail(_text(error, hide_errors=hide_errors), _status(error))

    return fail


def http_error(error: HTTPException) -> Response:
    """Return Flask's own errors (401, 404, 405, 413 and so on) in this form."""
    response = _detail(error.description or error.name, error.code or 500)
    ours = ("Content-Type", "Content-Length")
    response.headers.extend((n, v) for n, v in error.get_headers() if n not in ours)
    return response


def of_control_plane(error: HTTPException) -> Response:
    """Return Flask's own errors where clients speak to the control plane of a cloud.

    What is not here is a 501: clients take 404 and 405 for something that they could find or make.
    """
    if error.code not in (404, 405):
        return http_error(error)
    return _detail(_NO_CONTROL_PLANE, 501)


def unexpected(error: Exception) -> Response:
    """Return the answer to a mistake of ours: the class of the exception, the rest in the log."""
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return _detail(f"the server failed: {type(error).__name__}", 500)


def _text(error: DrumLikeError, *, hide_errors: bool) -> str:
    if isinstance(error, ColumnsError):
        return error.from_zero
    if isinstance(error, HookError) and hide_errors:
        return error.summary or "The code of the model failed."
    return str(error)


def _status(error: DrumLikeError) -> int:
    status = wire.status_of(error, STATUS)
    return 500 if isinstance(error, UserError) and not 400 <= status <= 599 else status


def _detail(text: str, status: int) -> Response:
    return wire.json_response({"detail": text}, status)
