"""The contract's two forms of an error: that of the API, and that of the engine that infers."""

import logging
from collections.abc import Callable

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from drum_like import wire
from drum_like.errors import (
    BodyError,
    ConflictError,
    DrumLikeError,
    HookError,
    LoadError,
    MediaTypeError,
    NotFoundError,
    RequestError,
    ScoringError,
    SettingsError,
    SizeError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    UnsupportedError,
)

logger = logging.getLogger(__name__)

STATUS: wire.StatusTable = {
    RequestError: 400,
    BodyError: 400,
    NotFoundError: 404,
    UnsupportedError: 404,
    ConflictError: 409,
    SizeError: 413,
    MediaTypeError: 415,
    StoreError: 500,
    StoreFullError: 507,
    StoreBusyError: 503,
    ScoringError: 500,
    LoadError: 500,
    SettingsError: 500,
}

_PREFIX = {
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Payload too large",
    415: "Unsupported media type",
    500: "Internal Server Error",
    501: "Not implemented",
    503: "Service unavailable",
    507: "Insufficient storage",
}

NO_TOKEN = "Jwt is missing"  # noqa: S105 - the text of an answer
_ENGINE = "engine"
_PLATFORM = "platform"

Say = Callable[[int, str], Response]
"""From status and text to an answer in one of the forms."""


def api(status: int, text: str) -> Response:
    """Return an error of the API: the text starts with the reason, the code is the status."""
    prefix = _PREFIX.get(status)
    if status in (401, 403):
        message = NO_TOKEN if status == 401 else text or _PREFIX.get(status, "")
    elif prefix is None or text.startswith(prefix):
        message = text
    else:
        message = f"{prefix}: {text}" if text else prefix
    return wire.json_response({"msg": message, "code": status}, status)


def engine(status: int, text: str) -> Response:
    """Return an error of inference; what is not the model's own business is the platform's."""
    source = _PLATFORM if status in (401, 403, 404) else _ENGINE
    message = NO_TOKEN if status == 401 else text or _PREFIX.get(status, "")
    content = {"code": status, "status": "error", "error": message, "source": source}
    return wire.json_response(content, status)


def handle(routes: Blueprint, say: Say, *, hide_errors: bool) -> None:
    """Let a blueprint answer its errors in one of the forms.

    Args:
        routes: The blueprint.
        say: The form.
        hide_errors: Leave out the texts of custom.py's exceptions.
    """

    def known(error: DrumLikeError) -> Response:
        status = wire.status_of(error, STATUS)
        if status >= 500:
            logger.error("%s %s failed", request.method, request.path, exc_info=error)
        text = error.summary if isinstance(error, HookError) and hide_errors else str(error)
        response = say(status, text)
        if status == 503:
            response.headers["Retry-After"] = "1"
        return response

    def unexpected(error: Exception) -> Response:
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
        return say(500, type(error).__name__)

    routes.register_error_handler(DrumLikeError, known)
    routes.register_error_handler(HTTPException, http(say))
    routes.register_error_handler(Exception, unexpected)


def http(say: Say) -> Callable[[HTTPException], Response]:
    """Return what answers Flask's own errors, unknown routes among them, in one of the forms."""

    def fail(error: HTTPException) -> Response:
        status = error.code or 500
        response = say(status, "" if status == 404 else error.description or error.name)
        ours = ("Content-Type", "Content-Length")
        response.headers.extend((n, v) for n, v in error.get_headers() if n not in ours)
        return response

    return fail
